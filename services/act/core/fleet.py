"""The actions on whole clusters: what each looks at, and what comes next."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.act.core.cluster_api.creating import next_of_create, reads_of_create
from services.act.core.cluster_api.deleting import (
    further_reads_of_delete,
    next_of_delete,
    reads_of_delete,
)
from services.act.core.cluster_api.resizing import (
    next_of_grow,
    next_of_shrink,
    reads_of_grow,
    reads_of_shrink,
)
from services.act.core.emptying.evacuation import (
    further_reads_of_evacuate,
    next_of_evacuate,
    reads_of_evacuate,
)
from services.act.core.ledger import Entry
from services.act.core.objects import Read
from services.act.core.peering.joining import (
    further_reads_of_peer,
    next_of_peer,
    reads_of_peer,
)
from services.act.core.peering.parting import (
    further_reads_of_unpeer,
    next_of_unpeer,
    reads_of_unpeer,
)
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Wait
from shared.model.plan import (
    CreateCluster,
    DeleteCluster,
    Evacuate,
    FleetAction,
    GrowCluster,
    Peer,
    ShrinkCluster,
    Unpeer,
)


class _Ways(NamedTuple):
    """How one kind of action is carried out: what it looks at, and what comes next."""

    reads: Callable[..., tuple[Read, ...]]
    next: Callable[..., Next]
    further_reads: Callable[..., tuple[Read, ...]] | None = None
    """What has to be looked at besides can depend on what was seen first."""


_WAYS: Mapping[type, _Ways] = {
    GrowCluster: _Ways(reads_of_grow, next_of_grow),
    ShrinkCluster: _Ways(reads_of_shrink, next_of_shrink),
    CreateCluster: _Ways(reads_of_create, next_of_create),
    DeleteCluster: _Ways(reads_of_delete, next_of_delete, further_reads_of_delete),
    Peer: _Ways(reads_of_peer, next_of_peer, further_reads_of_peer),
    Unpeer: _Ways(reads_of_unpeer, next_of_unpeer, further_reads_of_unpeer),
    Evacuate: _Ways(reads_of_evacuate, next_of_evacuate, further_reads_of_evacuate),
}


def reads_of(action: FleetAction, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step of an action."""
    return _WAYS[type(action)].reads(action, grounds)


def further_reads_of(action: FleetAction, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides, by what was seen first."""
    further_reads = _WAYS[type(action)].further_reads
    return further_reads(action, seen) if further_reads else ()


def next_of_fleet(
    action: FleetAction, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next for an action. Nothing of it goes on while the loop is paused."""
    if context.paused_by:
        return Wait(reason=f"the loop is paused by {context.paused_by}")
    return _WAYS[type(action)].next(action, entry, seen, grounds, context)
