"""How two clusters are joined, from Liqo's objects on both as they stand."""

from services.act.core.ledger import Entry
from services.act.core.objects import Read
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, ended
from shared.messages.outcome import Status
from shared.model.plan import Peer


def reads_of_peer(action: Peer, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    return ()


def next_of_peer(
    action: Peer, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next."""
    return ended(entry, Status.REFUSED, context.now, "it is not carried out yet")
