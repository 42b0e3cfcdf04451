"""How what belongs to a cluster is removed: by its identity, and the garbage collector first."""

from datetime import datetime, timedelta

from services.act.core.cluster_api.phases import reached_at
from services.act.core.ledger import Entry
from services.act.core.objects import Object, Query, Ref, Write, deletion, dig, is_going
from services.act.core.steps import Step, Wait

DELETED = "deleted"
"""The phase in which the Cluster is gone."""
GRACE = timedelta(seconds=30)
"""What the garbage collector gets for things whose owner is gone."""


def removal(ref: Ref, obj: Object, *, emptied: tuple[Query, ...] = ()) -> Write:
    """Return the write that removes an object. `emptied`: what must find nothing right before."""
    return deletion(ref, obj, f"remove {ref}", emptied=emptied)


def next_of_leftovers(
    left: tuple[tuple[Ref, Object], ...], entry: Entry, now: datetime
) -> Step | Wait | None:
    """Return how what is left of a cluster goes, or None: nothing is left.

    What an owner kept is the garbage collector's for a while.
    """
    for ref, obj in left:
        is_owned = bool(dig(obj, "metadata", "ownerReferences"))
        in_time = now <= (reached_at(entry, DELETED) or now) + GRACE
        if not is_going(obj) and not (is_owned and in_time):
            return Step(write=removal(ref, obj))
    return Wait(reason=f"{left[0][0]} is going") if left else None
