"""What a peering needs, in its order: objects on either cluster, and what to wait for between."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.act.core.objects import DECISION, Manner, Object, Ref, Write, is_going
from services.act.core.peering.pairs import Side
from services.act.core.steps import Progress, Step
from shared.model.names import DecisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A value that an object of the peering holds."""

    value: Any = ""
    lacks: str = ""
    """Why it is not known yet, or nothing."""
    by_owner: bool = False
    """Whether only the owner of a cluster that is not ours knows it; the value says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """An object that has to be there."""

    side: Side
    ref: Ref
    body: Object
    found: tuple[Object, ...] = ()
    """What is there; what is being deleted does not serve."""
    lacks: str = ""
    """Why its content is not known yet, or nothing."""
    by_owner: bool = False
    """Whether its content is for the owner of the other cluster to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What has to have come before it goes on. Empty: it has."""

    reason: str


Item = Want | Gate


def want(side: Side, ref: Ref, body: Object, found: tuple[Object, ...], *facts: Fact) -> Want:
    """Return what has to be there, by the facts it is made from."""
    lacks = next((fact.lacks for fact in facts if fact.lacks), "")
    if found and all(map(is_going, found)):
        lacks = f"{ref} is still being deleted"
    by_owner = side.is_ours and any(fact.by_owner for fact in facts)
    return Want(side=side, ref=ref, body=body, found=found, lacks=lacks, by_owner=by_owner)


def make(wanted: Want, decision: DecisionId, *, otherwise: Progress) -> Step:
    """Return the call that makes an object, with the mark of the decision it is made for.

    `otherwise`: what is recorded where it is denied for good.
    """
    metadata = wanted.body.get("metadata", {})
    annotations = {**metadata.get("annotations", {}), DECISION: decision}
    body = {**wanted.body, "metadata": {**metadata, "annotations": annotations}}
    write = Write(
        ref=wanted.ref,
        manner=Manner.APPLY,
        body=body,
        purpose=f"make {wanted.ref.kind.name} {wanted.ref.name} for {wanted.side.peer}",
    )
    return Step(write=write, otherwise=otherwise)


def first_open(items: Iterable[Item]) -> Item | None:
    """Return the first thing that is still to be done or waited for on our clusters."""
    return next((item for item in items if _is_open(item)), None)


def _is_open(item: Item) -> bool:
    if isinstance(item, Gate):
        return bool(item.reason)
    return item.side.is_ours and all(map(is_going, item.found))


def why_waiting(item: Item) -> str:
    """Say what an item waits for; nothing where it can be made now."""
    if isinstance(item, Gate):
        return item.reason
    if item.by_owner:
        return f"{item.ref} has to come from the owner of {item.side.peer}"
    return item.lacks


def for_owner(items: Iterable[Item]) -> tuple[Want, ...]:
    """Return the objects that the owner of a cluster which is not ours has to make there."""
    found = (item for item in items if isinstance(item, Want))
    return tuple(w for w in found if not w.side.is_ours and not w.lacks)


def from_owner(items: Iterable[Item]) -> tuple[Want, ...]:
    """Return the objects on our clusters whose content that owner has to hand back."""
    found = (item for item in items if isinstance(item, Want))
    return tuple(replace(w, lacks="") for w in found if w.by_owner)
