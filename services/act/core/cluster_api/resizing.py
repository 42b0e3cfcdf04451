"""How the size of a cluster changes, from its MachineDeployment as it stands."""

from services.act.core.ledger import Entry
from services.act.core.objects import Read
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, ended
from shared.messages.outcome import Status
from shared.model.plan import GrowCluster, ShrinkCluster


def reads_of_grow(action: GrowCluster, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    return ()


def next_of_grow(
    action: GrowCluster, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next."""
    return ended(entry, Status.REFUSED, context.now, "it is not carried out yet")


def reads_of_shrink(action: ShrinkCluster, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    return ()


def next_of_shrink(
    action: ShrinkCluster, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next."""
    return ended(entry, Status.REFUSED, context.now, "it is not carried out yet")
