"""How the size of a cluster changes, from its MachineDeployment as it stands."""

from datetime import timedelta

from services.act.core.cluster_api.conditions import budget_of
from services.act.core.cluster_api.objections import lasting_objection, passing_objection
from services.act.core.cluster_api.phases import REQUESTED, may_be_old, reach, reached_at
from services.act.core.cluster_api.sizes import Intent, intent_on, note, resize
from services.act.core.cluster_api.workers import (
    Resizing,
    Workers,
    deployment_of,
    reads_of_resizing,
    workers_of,
)
from services.act.core.ledger import Entry
from services.act.core.objects import name_of
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Step, Wait, began, ended, goes_back
from shared.messages.outcome import Status

LEAST_MINUTES = 10.0
"""However fast nodes are expected: so long a change of size gets at the least."""


def next_of_resizing(
    action: Resizing, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next.

    What is intended is noted on the object that keeps the size before the size is changed: the
    subresource `scale` carries no mark of its own, and adding a difference twice would be wrong.
    """
    workers = workers_of(action, seen)
    if workers is None:
        status = Status.REFUSED if entry.status is Status.PENDING else Status.FAILED
        return ended(entry, status, context.now, f"{deployment_of(action)} does not exist")
    intent = intent_on(workers.seat, context.decision)
    if intent is None and reached_at(entry, REQUESTED):
        return _contested(entry, f"what was noted on {workers.name} is gone", context)
    if intent is None:
        return _begin(action, entry, workers, grounds, context)
    if entry.status is Status.PENDING:
        return began(entry, context.now)
    if entry.back_at is not None:
        return _back(action, entry, workers, intent, context)
    return _forth(action, entry, workers, intent, context)


reads_of_grow = reads_of_shrink = reads_of_resizing
next_of_grow = next_of_shrink = next_of_resizing


def _begin(
    action: Resizing, entry: Entry, workers: Workers, grounds: Grounds, context: Context
) -> Next:
    """Begin, unless something speaks against it; no size is changed so far."""
    now, is_late = context.now, context.now > context.deadline_at
    if lasting := lasting_objection(action, grounds.sites.get(action.cluster), workers):
        return ended(entry, Status.REFUSED, now, lasting)
    passing = passing_objection(workers)
    if passing and not is_late:
        return Wait(reason=passing)
    if passing or (is_late and entry.status is Status.PENDING):
        return ended(entry, Status.REFUSED, now, passing or "its deadline has passed")
    if entry.status is Status.PENDING:
        return began(entry, now)
    before = workers.seat.replicas
    intent = Intent(
        decision=context.decision,
        before=before,
        target=before + action.nodes - action.nodes_before,
        machines=tuple(sorted(map(name_of, workers.machines))),
    )
    return Step(write=note(workers.seat, intent))


def _forth(
    action: Resizing, entry: Entry, workers: Workers, intent: Intent, context: Context
) -> Next:
    """Ask for the new size once, and wait until it is there."""
    now, asked = context.now, workers.seat.replicas
    requested_at = reached_at(entry, REQUESTED)
    if asked == intent.before and requested_at is None:
        return Step(write=resize(workers.seat, intent.target))
    if asked != intent.target:
        return _contested(entry, _taken_over(workers, intent), context)
    if further := reach(entry, workers.reached(intent), now):
        return further
    missing = workers.missing(intent.target)
    if not missing:
        return ended(entry, Status.SUCCEEDED, now, "")
    if now <= (requested_at or now) + _budget(action):
        return Wait(reason=missing)
    return goes_back(entry, now, f"not in time: {missing}")


def _back(
    action: Resizing, entry: Entry, workers: Workers, intent: Intent, context: Context
) -> Next:
    """Ask for the size there was, and wait until it is there again."""
    now, asked = context.now, workers.seat.replicas
    if asked == intent.target:
        return Step(write=resize(workers.seat, intent.before))
    if asked != intent.before:
        told = f"{entry.message}; {_taken_over(workers, intent)}"
        return ended(entry, Status.FAILED, now, told)
    missing = workers.missing(intent.before)
    if not missing:
        return ended(entry, Status.REVERTED, now, entry.message)
    if now <= (entry.back_at or now) + _budget(action):
        return Wait(reason=f"going back: {missing}")
    return ended(entry, Status.FAILED, now, f"{entry.message}; going back: {missing}")


def _contested(entry: Entry, told: str, context: Context) -> Next:
    """End it halfway: somebody else changed what Act asked for. Right after that, look again."""
    if may_be_old(entry, context.now):
        return Wait(reason=told)
    return ended(entry, Status.FAILED, context.now, told)


def _taken_over(workers: Workers, intent: Intent) -> str:
    asked = workers.seat.replicas
    return (
        f"somebody else asks {workers.name} for {asked} machines, not for {intent.before} or "
        f"{intent.target}: it is theirs now"
    )


def _budget(action: Resizing) -> timedelta:
    return budget_of(action.expected_minutes, least_minutes=LEAST_MINUTES)
