"""Make before break: how a move goes on, from its objects as they stand."""

from dataclasses import replace

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.moving.case import Case
from services.act.core.moving.closing import next_of_set, next_to_end
from services.act.core.moving.freezing import next_in_pause, thaw
from services.act.core.moving.hanging import Hanging, hanging
from services.act.core.moving.lending import borrowed, is_lendable
from services.act.core.moving.marks import Mark, read_mark
from services.act.core.moving.pinning import pin, pin_marked, pin_set, unpin
from services.act.core.moving.preconditions import objection_to
from services.act.core.moving.stateful import hold
from services.act.core.moving.topology import warnings_of
from services.act.core.moving.workloads import is_rolled_out, is_serving, is_unseen, replicas_of
from services.act.core.objects import name_of
from services.act.core.steps import (
    Context,
    Next,
    Progress,
    Step,
    Wait,
    began,
    ended,
    goes_back,
    serves,
)
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind
from shared.model.plan import Move


def next_of_move(move: Move, entry: Entry, live: Live, context: Context) -> Next:
    """Return what comes next for a move. The same objects give the same answer.

    The mark on the workload, written together with its affinity, tells what was done, whatever the
    ledger knows; the ledger tells what was decided.
    """
    workload = live.workload
    mark = read_mark(workload) if workload else None
    if workload is not None and mark is not None and _is_ours(mark, move, context):
        return _follow(
            Case(move=move, entry=entry, live=live, context=context, workload=workload, mark=mark)
        )
    if context.paused_by:
        return Wait(reason=f"the loop is paused by {context.paused_by}")
    if entry.status is Status.PENDING:
        return _begin(move, entry, live, context)
    what = "deleted" if workload is None else "changed"
    meddled = f"someone else {what} {move.workload.name} during the move"
    return ended(entry, Status.FAILED, context.now, meddled)


def _is_ours(mark: Mark, move: Move, context: Context) -> bool:
    wished = (context.decision, move.target, move.pool)
    return (mark.decision, mark.target, mark.pool) == wished


def _begin(move: Move, entry: Entry, live: Live, context: Context) -> Next:
    objection = objection_to(move, live, context)
    reason = objection.reason if objection else ""
    if context.now > context.deadline_at:
        late = "its deadline has passed" + (f": {reason}" if reason else "")
        return ended(entry, Status.REFUSED, context.now, late)
    if objection and objection.passing:
        return Wait(reason=reason)
    if objection or live.workload is None:
        return ended(entry, Status.REFUSED, context.now, reason)
    warnings = warnings_of(move, live, context.insight)
    if warnings != entry.warnings:
        return Progress(entry=replace(entry, warnings=warnings))
    decision, now, home = context.decision, context.now, live.home
    if move.workload.kind is WorkloadKind.DEPLOYMENT:
        lent = is_lendable(live.workload)
        write = pin(move, live.workload, decision=decision, home=home, now=now, lent=lent)
        return Step(write=write)
    gently = not live.why_lost(move.source)
    write = pin_set(move, live.workload, decision=decision, home=home, now=now, gently=gently)
    return Step(write=write)


def _follow(case: Case) -> Next:
    """Go on with a move whose mark stands on the workload."""
    move, entry, live, mark = case.move, case.entry, case.live, case.mark
    if entry.status is Status.PENDING:
        return began(entry, mark.started_at)
    if case.context.paused_by:
        return next_in_pause(case)
    if mark.frozen:
        return case.guarded(thaw(case))
    if mark.back:
        return _await_return(case)
    if entry.back_at is not None:
        return _made_safe(case) or Step(write=unpin(move, case.workload, mark, home=live.home))
    return _go_forth(case)


def _go_forth(case: Case) -> Next:
    if lost := case.lost(case.move.target):
        return case.retreat(lost)
    if unsettled := case.live.why_unsettled(case.move.target, case.now):
        return Wait(reason=unsettled)
    if not case.is_set and not case.mark.pinned:
        write = pin_marked(case.move, case.workload, case.mark, home=case.live.home)
        return case.guarded(_made_safe(case) or Step(write=write))
    return _await_copies(case) if case.entry.serving_at is None else next_to_end(case)


def _made_safe(case: Case) -> Step | None:
    """Return what has to be done before a template changes, so that no pod goes too early."""
    if case.is_set:
        return hold(case.exchange)
    return borrowed(case.move, case.workload) if case.mark.lent else None


def _await_copies(case: Case) -> Next:
    """Wait until all replicas are ready on the target; the old ones may still be there."""
    asked, ready = replicas_of(case.workload), len(case.serving_there)
    if ready >= asked and not is_unseen(case.workload):
        return serves(case.entry, case.now)
    pending = _pending(case)
    hopeless = next((p.reason for p in pending if p.is_hopeless), "")
    if hopeless := case.live.why_kubelet_silent(case.move.target, case.now) or hopeless:
        return case.retreat(hopeless)
    if case.is_set and (step := next_of_set(case)):
        return case.guarded(step)
    told = f"{ready} of {asked} replicas of {case.move.component} are ready on {case.move.target}"
    if case.is_overdue(case.entry.started_at, times=_patience(case)):
        why = f": {pending[0].reason}" if pending else ""
        return case.retreat(f"only {told} in time{why}")
    return Wait(reason=told)


def _pending(case: Case) -> list[Hanging]:
    """Return the copies that do not start on the target, by name."""
    there = sorted(filter(case.is_there, case.pods), key=name_of)
    found = (hanging(pod, case.live.events, case.now) for pod in there)
    return [each for each in found if each is not None]


def _patience(case: Case) -> int:
    """Return how many times the time of a move is given: pods of a set come one by one."""
    return replicas_of(case.workload) if case.is_set else 1


def _await_return(case: Case) -> Next:
    """Wait until the workload runs as it was before."""
    entry, source = case.entry, case.move.source
    if entry.back_at is None:
        return goes_back(entry, case.now, "it was being taken back")
    if case.is_set and (step := next_of_set(case)):
        return step
    serving = sum(map(is_serving, case.within_reach))
    as_before = serving == len(case.within_reach) == replicas_of(case.workload)
    if is_rolled_out(case.workload) and as_before:
        return case.end(Status.REVERTED, entry.message)
    if case.is_overdue(entry.back_at, times=_patience(case)):
        stuck = f"{entry.message}; going back to {source} did not end in time"
        return ended(entry, Status.FAILED, case.now, stuck)
    return Wait(reason=f"going back to {source}: {entry.message}")
