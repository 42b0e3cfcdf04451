"""How a peering that did not come is taken back: what its decision made, and nothing else."""

from collections.abc import Iterable
from datetime import timedelta

from services.act.core.ledger import Entry
from services.act.core.objects import Manner, Object, Ref, Write, dig, name_of
from services.act.core.peering.kinds import DECISION, RESOURCE_SLICE, VIRTUAL_NODE
from services.act.core.peering.owners import foreign_of, notes_ref
from services.act.core.peering.scene import Scene
from services.act.core.peering.wants import Item, Want
from services.act.core.seen import Grounds
from services.act.core.steps import Context, Next, Step, Wait, ended
from shared.messages.outcome import Status
from shared.model.names import DecisionId

UNDOING = timedelta(minutes=10)
"""Until what was made is gone again; then a person has to look."""


def next_undoing(
    scene: Scene, entry: Entry, items: Iterable[Item], grounds: Grounds, context: Context
) -> Next:
    """Return what comes next on the way back, in the reverse order; no pod is ever lost by it."""
    if scene.pods:
        told = f"{len(scene.pods)} pods run at {scene.pair.provider.name} meanwhile"
        return _stopped(entry, f"{told}: what was made stays", context)
    left = [*_left(scene, items, context.decision), *_notes(scene, grounds, context.decision)]
    silent = scene.why_silent()
    if not left and not silent:
        return ended(entry, Status.REVERTED, context.now, _told(entry, scene))
    if entry.back_at is not None and context.now > entry.back_at + UNDOING:
        refs = ", ".join(str(ref) for ref, _ in left)
        told = f"left there: {refs or 'not known'}" + (f"; {silent}" if silent else "")
        return _stopped(entry, told, context)
    if silent or not left:
        return Wait(reason=silent)
    ref, obj = left[0]
    if dig(obj, "metadata", "deletionTimestamp"):
        return Wait(reason=f"{ref} is being deleted")
    return delete(ref, obj, f"take {ref.kind.name} {ref.name} back")


def delete(ref: Ref, obj: Object, purpose: str) -> Step:
    """Return the call that deletes this very object, and no other that took its name."""
    body = {"preconditions": {"uid": dig(obj, "metadata", "uid")}}
    return Step(write=Write(ref=ref, manner=Manner.DELETE, body=body, purpose=purpose))


def _left(
    scene: Scene, items: Iterable[Item], decision: DecisionId
) -> Iterable[tuple[Ref, Object]]:
    """Yield what the decision made and what came of it, the last first."""
    for item in reversed([*items]):
        if not isinstance(item, Want):
            continue
        ours = [obj for obj in item.found if is_made_by(obj, decision)]
        for obj in ours:
            yield item.ref, obj
        if item.ref.kind is RESOURCE_SLICE:
            # what came of it has to go before the way to the provider does
            consumer = scene.pair.consumer
            for node in scene.about(consumer, VIRTUAL_NODE):
                if name_of(node) == item.ref.name and not item.found:
                    ref = consumer.ref(VIRTUAL_NODE, name_of(node), item.ref.namespace)
                    yield ref, {**node, "metadata": {**node["metadata"], "deletionTimestamp": "-"}}


def _notes(scene: Scene, grounds: Grounds, decision: DecisionId) -> Iterable[tuple[Ref, Object]]:
    ref = notes_ref(scene, grounds)
    notes = scene.one(ref)
    if notes is not None and is_made_by(notes, decision):
        yield ref, notes


def is_made_by(obj: Object, decision: DecisionId) -> bool:
    """Tell whether a decision made an object."""
    return bool(dig(obj, "metadata", "annotations", DECISION) == decision)


def _told(entry: Entry, scene: Scene) -> str:
    foreign = foreign_of(scene)
    if foreign is None:
        return entry.message
    return f"{entry.message}; what was applied on {foreign.name} is its owner's to delete"


def _stopped(entry: Entry, told: str, context: Context) -> Next:
    advice = "look at it with kubectl, then unpeer or peer again"
    return ended(entry, Status.FAILED, context.now, f"{entry.message}; {told}; {advice}")
