"""How stretching a namespace goes on, from its objects as they stand."""

from services.act.core.ledger import Entry
from services.act.core.liqo import next_stretch, why_not_stretched
from services.act.core.live import Live
from services.act.core.steps import Context, Next, Step, Wait, began, ended
from shared.messages.outcome import Status
from shared.model.plan import OffloadNamespace


def next_of_offload(action: OffloadNamespace, entry: Entry, live: Live, context: Context) -> Next:
    """Return what comes next. It is only ever widened, so nothing here is taken back.

    A namespace stretched, but not Ready in time, is left so: narrowing it would delete pods.
    """
    now, namespace = context.now, action.application.partition("/")[0]
    if entry.status is Status.PENDING:
        late = "its deadline has passed" if now > context.deadline_at else ""
        missing = "" if live.namespace else f"namespace {namespace} does not exist"
        refusal = missing or late
        return ended(entry, Status.REFUSED, now, refusal) if refusal else began(entry, now)
    write = next_stretch(live, namespace, action.clusters)
    if write is not None:
        return Step(write=write)
    waiting = next((why for c in action.clusters if (why := why_not_stretched(live, c))), "")
    if not waiting:
        return ended(entry, Status.SUCCEEDED, now, "")
    if entry.started_at is not None and now > entry.started_at + context.move_timeout:
        return ended(entry, Status.FAILED, now, f"not in time: {waiting}")
    return Wait(reason=waiting)
