"""How a peering that did not come is taken back: what its decision made, and nothing else."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from services.act.core.ledger import Entry
from services.act.core.objects import DECISION, Object, Ref, dig, name_of
from services.act.core.peering.kinds import RESOURCE_SLICE, VIRTUAL_NODE
from services.act.core.peering.owners import foreign_of, notes_ref
from services.act.core.peering.removal import Left, next_removal
from services.act.core.peering.scene import Scene
from services.act.core.peering.uses import proof_for
from services.act.core.peering.wants import Item, Want
from services.act.core.seen import Grounds
from services.act.core.steps import Context, Next, Progress, Wait, ended
from shared.messages.outcome import Status
from shared.model.names import DecisionId

UNDOING = timedelta(minutes=10)
"""Until what was made is gone again; then a person has to look."""


def next_undoing(
    scene: Scene, entry: Entry, items: Iterable[Item], grounds: Grounds, context: Context
) -> Next:
    """Return what comes next on the way back, in the reverse order; no pod is ever lost by it."""
    silent = scene.why_silent()
    is_late = entry.back_at is not None and context.now > entry.back_at + UNDOING
    if silent:
        return _stopped(entry, silent, context) if is_late else Wait(reason=silent)
    if scene.pods:
        told = f"{len(scene.pods)} pods run at {scene.pair.provider.name} by now"
        return _stopped(entry, told, context)
    left = [*_left(scene, items, context.decision), *_notes(scene, grounds, context.decision)]
    if not left:
        return ended(entry, Status.REVERTED, context.now, _told(entry, scene))
    if is_late:
        refs = ", ".join(str(each.ref) for each in left)
        return _stopped(entry, f"still there: {refs}", context)
    again = Progress(entry=entry)
    return next_removal(left[0], emptied=proof_for(scene, left[0]), otherwise=again)


def _left(scene: Scene, items: Iterable[Item], decision: DecisionId) -> Iterator[Left]:
    """Yield what the decision made, and what Liqo made of it; the last first."""
    for item in reversed([*items]):
        if not isinstance(item, Want):
            continue
        for obj in item.found:
            if _is_made_by(obj, decision):
                yield Left(ref=item.ref, found=obj)
        if item.ref.kind is RESOURCE_SLICE:
            yield from _made_of(item.ref, scene)


def _made_of(asked: Ref, scene: Scene) -> Iterator[Left]:
    """Yield the virtual node of a slice: it goes by itself, and needs the way to the provider."""
    consumer = scene.pair.consumer
    for node in scene.about(consumer, VIRTUAL_NODE):
        if name_of(node) == asked.name:
            ref = consumer.ref(VIRTUAL_NODE, name_of(node), asked.namespace)
            yield Left(ref=ref, found=node, goes_by_itself=True)


def _notes(scene: Scene, grounds: Grounds, decision: DecisionId) -> Iterator[Left]:
    ref = notes_ref(scene, grounds)
    notes = scene.one(ref)
    if notes is not None and _is_made_by(notes, decision):
        yield Left(ref=ref, found=notes)


def _is_made_by(obj: Object, decision: DecisionId) -> bool:
    return bool(dig(obj, "metadata", "annotations", DECISION) == decision)


def _told(entry: Entry, scene: Scene) -> str:
    foreign = foreign_of(scene)
    if foreign is None:
        return entry.message
    return f"{entry.message}; what was applied on {foreign.name} is its owner's to delete"


def _stopped(entry: Entry, told: str, context: Context) -> Progress:
    advice = "what is left of it stays; order unpeer, or look at it with kubectl"
    return ended(entry, Status.FAILED, context.now, f"{entry.message}; {told}; {advice}")
