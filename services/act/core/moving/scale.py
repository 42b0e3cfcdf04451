"""How a change of replicas goes on, from its objects as they stand."""

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.moving.ownership import why_not_ours_to_scale
from services.act.core.moving.workloads import is_unseen, kind_of, replicas_of
from services.act.core.objects import Manner, Object, Ref, Write, number, version_of
from services.act.core.steps import Context, Next, Step, Wait, began, ended, goes_back
from shared.messages.outcome import Status
from shared.model.plan import Scale


def next_of_scale(action: Scale, entry: Entry, live: Live, context: Context) -> Next:
    """Return what comes next. The intent is in the ledger before the write, which has no mark."""
    workload, now = live.workload, context.now
    if (reason := _why_not(action, entry, live)) or workload is None:
        status = Status.REFUSED if entry.status is Status.PENDING else Status.FAILED
        return ended(entry, status, now, reason)
    if entry.status is Status.PENDING:
        if now > context.deadline_at:
            return ended(entry, Status.REFUSED, now, "its deadline has passed")
        return began(entry, now)
    asked = replicas_of(workload)
    goal = action.replicas if entry.back_at is None else action.replicas_before
    if asked != goal:
        return Step(write=_write(action, workload, goal))
    return _await(entry, workload, goal, context)


def _why_not(action: Scale, entry: Entry, live: Live) -> str:
    """Say why the replicas are not changed by us, or nothing. Begun, it is brought to an end."""
    workload, name = live.workload, action.workload.name
    if workload is None:
        return f"{action.workload.kind} {name} does not exist"
    asked = replicas_of(workload)
    if asked not in (action.replicas_before, action.replicas):
        return f"{name} has {asked} replicas, not {action.replicas_before}"
    foreign = why_not_ours_to_scale(workload, live.scalers)
    return foreign if entry.status is Status.PENDING else ""


def _await(entry: Entry, workload: Object, goal: int, context: Context) -> Next:
    """Wait until all replicas are ready; take it back when they are not in time."""
    ready = number(workload, "status", "readyReplicas")
    standing = number(workload, "status", "replicas")
    if ready == standing == goal and not is_unseen(workload):
        if entry.back_at is not None:
            return ended(entry, Status.REVERTED, context.now, entry.message)
        return ended(entry, Status.SUCCEEDED, context.now, "")
    since = entry.back_at or entry.started_at
    told = f"{ready} of {goal} replicas are ready"
    if since is None or context.now <= since + context.move_timeout:
        return Wait(reason=told)
    if entry.back_at is not None:
        return ended(entry, Status.FAILED, context.now, f"{entry.message}; going back, {told}")
    return goes_back(entry, context.now, f"only {told} in time")


def _write(action: Scale, workload: Object, replicas: int) -> Write:
    namespace = action.application.partition("/")[0]
    return Write(
        ref=Ref(kind=kind_of(action.workload), namespace=namespace, name=action.workload.name),
        manner=Manner.MERGE,
        subresource="scale",
        body={
            "metadata": {"resourceVersion": version_of(workload)},
            "spec": {"replicas": replicas},
        },
        purpose=f"scale {action.component} to {replicas}",
    )
