"""The reflex of Act: a cluster that Liqo no longer reaches gets nothing new, before anybody asks.

The virtual node stays Ready for a minute after its provider is gone, and swallows new pods.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.act.core.emptying.cordons import (
    REFLEX,
    Cordon,
    cordon,
    is_cordoned,
    read_cordon,
    uncordon,
    unmark,
)
from services.act.core.objects import Object, Write, condition, dig, has_condition

SURE = timedelta(seconds=1)
"""So long the sign has to stand: one look never acts."""
CALM = timedelta(seconds=15)
"""So long all has to be well before it is believed: readiness is stale both ways at first."""
REASON = "Liqo does not reach its API server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was seen of one virtual node and its provider, look after look."""

    lost_since: datetime | None = None
    """Since when Liqo does not reach the provider."""
    well_since: datetime | None = None
    """Since when Liqo reaches it and the node is Ready."""
    reached: bool = False
    unsettled: bool = False
    """Whether it was lost, and old pods may still run there."""


def next_sign(before: Sign | None, node: Object, peer: Object | None, now: datetime) -> Sign:
    """Return the sign after another look. At the first, Act's mark tells that there was a loss."""
    status = condition(peer, "APIServerStatus", "status", "conditions").get("status")
    known = before or Sign(unsettled=read_cordon(node) is not None)
    lost, reached = status == "Error", status == "Established"
    well = reached and has_condition(node, "Ready")
    return Sign(
        lost_since=(known.lost_since or now) if lost else None,
        well_since=(known.well_since or now) if well else None,
        reached=reached,
        unsettled=known.unsettled or lost,
    )


def is_to_be_watched(node: Object, sign: Sign, now: datetime) -> bool:
    """Tell whether the pods on a node have to be looked at: old ones may still run there."""
    return sign.reached and (sign.unsettled or _may_be_lifted(node, sign, now))


def next_of_node(node: Object, sign: Sign, now: datetime) -> Write | None:
    """Return the write that a node needs, as far as that can be told without its pods.

    A cordon that a person lifted is not set again: the mark stays as the memory of that, until the
    loss is over.
    """
    marked = read_cordon(node) is not None
    if is_cordoned(node):
        return None
    if marked:
        return unmark(node) if sign.reached else None
    if sign.lost_since is not None and now - sign.lost_since >= SURE:
        return cordon(node, Cordon(by=REFLEX, reason=REASON))
    return None


def lifted(node: Object, sign: Sign, now: datetime) -> Write | None:
    """Return the write that lifts the reflex's own cordon, where no old pod is left on the node.

    An order's cordon is not the reflex's to lift, nor is a person's.
    """
    return uncordon(node) if _may_be_lifted(node, sign, now) else None


def begins(write: Write) -> bool:
    """Tell whether a write sets a cordon, which needs leave to act; the others tidy up."""
    return bool(dig(write.body, "spec", "unschedulable"))


def unseen(sign: Sign) -> Sign:
    """Return the sign while nothing can be seen: what lasted is not known to last."""
    return replace(sign, lost_since=None, well_since=None)


def _may_be_lifted(node: Object, sign: Sign, now: datetime) -> bool:
    mark = read_cordon(node)
    if mark is None or mark.by != REFLEX or not is_cordoned(node):
        return False
    return sign.well_since is not None and now - sign.well_since >= CALM
