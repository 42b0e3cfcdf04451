"""What of a peering has to go, one object after the other."""

from dataclasses import dataclass

from services.act.core.objects import Kind, Object, Query, Ref, deletion, dig, is_going, name_of
from services.act.core.peering.pairs import Side
from services.act.core.steps import Progress, Step, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An object that has to go."""

    ref: Ref
    found: Object
    goes_by_itself: bool = False
    """Whether Liqo deletes it."""


def left(side: Side, kind: Kind, found: Object) -> Left:
    """Return what has to go of what was found on a cluster."""
    namespace = dig(found, "metadata", "namespace") or ""
    return Left(ref=side.ref(kind, name_of(found), namespace), found=found)


def next_removal(
    each: Left, *, emptied: tuple[Query, ...], otherwise: Progress | None = None
) -> Step | Wait:
    """Return the call that deletes this very object, or the wait until it is gone.

    `emptied`: what must find nothing right before.
    `otherwise`: what is recorded where it is denied for good.
    """
    if each.goes_by_itself or is_going(each.found):
        return Wait(reason=f"{each.ref} is not gone yet")
    purpose = f"delete {each.ref.kind.name} {each.ref.name}"
    write = deletion(each.ref, each.found, purpose, emptied=emptied)
    return Step(write=write, otherwise=otherwise)
