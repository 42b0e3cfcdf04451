"""Make before break: how a move goes on, from its objects as they stand."""

from datetime import datetime

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.objects import Object
from services.act.core.pinning import Mark, pin, read_mark, unpin
from services.act.core.preconditions import objection_to
from services.act.core.proof import Finding, judge
from services.act.core.steps import (
    Context,
    Next,
    Step,
    Wait,
    began,
    ended,
    goes_back,
    serves,
)
from services.act.core.workloads import (
    is_rolled_out,
    is_serving,
    is_terminating,
    is_unseen,
    own_pods,
    replicas_of,
    why_hanging,
)
from shared.messages.outcome import Status
from shared.model.plan import Move


def next_of_move(move: Move, entry: Entry, live: Live, context: Context) -> Next:
    """Return what comes next for a move. The same objects give the same answer.

    The mark on the workload, written together with its affinity, tells what was done, whatever the
    ledger knows; the ledger tells what was decided.
    """
    if context.paused_by:
        return Wait(reason=f"the loop is paused by {context.paused_by}")
    workload = live.workload
    mark = read_mark(workload) if workload else None
    ours = mark and (mark.decision, mark.target) == (context.decision, move.target)
    if workload is not None and mark is not None and ours:
        return _follow(move, entry, live, context, mark)
    if entry.status is Status.PENDING:
        return _begin(move, entry, live, context)
    what = "deleted" if workload is None else "changed"
    meddled = f"someone else {what} {move.workload.name} during the move"
    return ended(entry, Status.FAILED, context.now, meddled)


def _follow(move: Move, entry: Entry, live: Live, context: Context, mark: Mark) -> Next:
    """Go on with a move whose mark stands on the workload."""
    workload = live.workload
    assert workload is not None
    if entry.status is Status.PENDING:
        return began(entry, mark.started_at)
    if mark.back:
        return _await_return(move, entry, live, context, workload)
    if entry.back_at is not None:
        return Step(write=unpin(move, workload, mark))
    if lost := live.why_lost(move.target):
        return _retreat(move, entry, live, context.now, lost)
    if entry.serving_at is None:
        return _await_copies(move, entry, live, context, workload)
    return _await_end(move, entry, live, context, workload)


def _begin(move: Move, entry: Entry, live: Live, context: Context) -> Next:
    objection = objection_to(move, live)
    reason = objection.reason if objection else ""
    if context.now > context.deadline_at:
        late = "its deadline has passed" + (f": {reason}" if reason else "")
        return ended(entry, Status.REFUSED, context.now, late)
    if objection and objection.passing:
        return Wait(reason=reason)
    if objection or live.workload is None:
        return ended(entry, Status.REFUSED, context.now, reason)
    decision, now = context.decision, context.now
    return Step(write=pin(move, live.workload, decision=decision, home=live.home, now=now))


def _await_copies(move: Move, entry: Entry, live: Live, context: Context, workload: Object) -> Next:
    """Wait until all replicas are ready on the target; the old ones may still be there."""
    there = [p for p in own_pods(workload, live.pods) if live.cluster_of(p) == move.target]
    asked, ready, now = replicas_of(workload), sum(map(is_serving, there)), context.now
    if ready >= asked and not is_unseen(workload):
        return serves(entry, now)
    hanging = next((why for pod in there if (why := why_hanging(pod, now))), "")
    if hanging:
        return _retreat(move, entry, live, now, hanging)
    told = f"{ready} of {asked} replicas of {move.component} are ready on {move.target}"
    if _is_overdue(entry.started_at, context):
        return _retreat(move, entry, live, now, f"only {told} in time")
    return Wait(reason=told)


def _await_end(move: Move, entry: Entry, live: Live, context: Context, workload: Object) -> Next:
    """Wait until the old replicas are gone, then prove the new ones."""
    within_reach = [p for p in own_pods(workload, live.pods) if not _is_beyond_reach(p, live)]
    there = [p for p in within_reach if live.cluster_of(p) == move.target and is_serving(p)]
    if is_rolled_out(workload) and len(there) == len(within_reach):
        return _prove(move, entry, live, context)
    if not _is_overdue(entry.serving_at, context, times=2):
        return Wait(reason=f"the old replicas of {move.component} on {move.source} are going")
    if len(there) < replicas_of(workload):
        fell = f"its replicas on {move.target} do not stay ready"
        return _retreat(move, entry, live, context.now, fell)
    stuck = f"it serves on {move.target}, but its old replicas do not go away"
    return ended(entry, Status.FAILED, context.now, stuck)


def _prove(move: Move, entry: Entry, live: Live, context: Context) -> Next:
    """End the move by what the insights say.

    Missing data hold it where it is: the new replicas serve, and going back would be another move,
    made blind. When the data stay away for twice the time a move may take, it counts as done, with
    a note.
    """
    assert entry.serving_at is not None
    judgement = judge(move, entry.serving_at, context)
    if judgement.finding is Finding.GOOD:
        return ended(entry, Status.SUCCEEDED, context.now, _left_behind(move, live))
    if judgement.finding is Finding.WORSE:
        if not (lost := live.why_lost(move.source)):
            return goes_back(entry, context.now, judgement.reason)
        note = f"{judgement.reason}, but there is no way back: {lost}"
        return ended(entry, Status.SUCCEEDED, context.now, note)
    if _is_overdue(entry.serving_at, context, times=2):
        return ended(entry, Status.SUCCEEDED, context.now, f"not proven: {judgement.reason}")
    return Wait(reason=judgement.reason, for_insight=True)


def _retreat(move: Move, entry: Entry, live: Live, now: datetime, reason: str) -> Next:
    """Go back, unless the cluster it came from is lost: then stay pinned to the other."""
    if lost := live.why_lost(move.source):
        return ended(entry, Status.FAILED, now, f"{reason}, and there is no way back: {lost}")
    return goes_back(entry, now, reason)


def _await_return(move: Move, entry: Entry, live: Live, context: Context, workload: Object) -> Next:
    """Wait until the workload runs as it was before."""
    if entry.back_at is None:
        return goes_back(entry, context.now, "it was being taken back")
    within_reach = [p for p in own_pods(workload, live.pods) if not _is_beyond_reach(p, live)]
    serving = sum(map(is_serving, within_reach))
    if is_rolled_out(workload) and serving == len(within_reach) == replicas_of(workload):
        return ended(entry, Status.REVERTED, context.now, entry.message)
    if _is_overdue(entry.back_at, context):
        stuck = f"{entry.message}; going back to {move.source} did not end in time"
        return ended(entry, Status.FAILED, context.now, stuck)
    return Wait(reason=f"going back to {move.source}: {entry.message}")


def _is_beyond_reach(pod: Object, live: Live) -> bool:
    """Tell whether a pod ends on a lost cluster: it goes only when that answers again."""
    cluster = live.cluster_of(pod)
    return is_terminating(pod) and cluster is not None and bool(live.why_lost(cluster))


def _left_behind(move: Move, live: Live) -> str:
    left = sum(_is_beyond_reach(pod, live) for pod in live.pods)
    return f"{left} old replicas stay Terminating until {move.source} answers" if left else ""


def _is_overdue(since: datetime | None, context: Context, times: int = 1) -> bool:
    return since is not None and context.now > since + times * context.move_timeout
