"""How two clusters are joined, from Liqo's objects on both as they stand."""

from dataclasses import dataclass, replace
from datetime import timedelta

from services.act.core.ledger import Entry
from services.act.core.objects import Read, condition, dig, has_condition
from services.act.core.peering.credentials import credential_items, space_items
from services.act.core.peering.kinds import RESOURCE_SLICE, VIRTUAL_NODE
from services.act.core.peering.manifests import slice_body
from services.act.core.peering.networking import network_items
from services.act.core.peering.objections import why_not_joinable
from services.act.core.peering.owners import foreign_of, joining_notes, next_note, notes_ref
from services.act.core.peering.pairs import (
    Side,
    pair_of,
    pods_of,
    reads_before_joining,
    reads_of_pair,
)
from services.act.core.peering.scene import Scene, is_granted
from services.act.core.peering.undoing import next_undoing
from services.act.core.peering.wants import (
    Gate,
    Item,
    Want,
    first_open,
    make,
    want,
    why_waiting,
)
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Progress, Wait, began, ended, goes_back
from shared.messages.outcome import Status
from shared.model.plan import Peer

JOINING = timedelta(minutes=15)
"""Until a virtual node is Ready, where both clusters are ours: images are pulled, load balancers
made. Far above the second that Liqo itself takes."""
OWNERS = timedelta(days=30)
"""The same where people of another cluster have a part in it."""
AGAIN = timedelta(seconds=30)
"""How often it is looked whether they did it."""


def reads_of_peer(action: Peer, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    pair = pair_of(action, grounds)
    return (*reads_of_pair(pair, grounds, tunnel=pair.network), *reads_before_joining(pair))


def further_reads_of_peer(action: Peer, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides: the pods that would be lost if it went back."""
    return pods_of(action, seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joining:
    """One look at a peering that is to be made."""

    scene: Scene
    grounds: Grounds
    context: Context
    items: tuple[Item, ...]


def next_of_peer(
    action: Peer, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next: what is missing is made in Liqo's order, and waited for.

    What comes not in time is taken back in the reverse order: only what this decision made.
    """
    scene = Scene(pair=pair_of(action, grounds), seen=seen)
    items = _items(scene, grounds)
    look = _Joining(scene=scene, grounds=grounds, context=context, items=items)
    if entry.back_at is not None:
        return next_undoing(scene, entry, items, grounds, context)
    silent = scene.why_silent()
    if entry.status is Status.PENDING:
        return _begin(look, entry, silent)
    if not silent and scene.is_joined():
        return ended(entry, Status.SUCCEEDED, context.now, _told_of_success(look))
    if denied := _why_denied(scene):
        return goes_back(entry, context.now, denied)
    return _go_on(look, entry, silent)


def _begin(look: _Joining, entry: Entry, silent: str) -> Next:
    """Ask whether it can be done at all. Nothing has been changed yet."""
    context, scene = look.context, look.scene
    if context.now > context.deadline_at:
        late = f"its deadline has passed: {silent}" if silent else "its deadline has passed"
        return ended(entry, Status.REFUSED, context.now, late)
    refusal = why_not_joinable(scene, look.grounds)
    if refusal:
        return ended(entry, Status.REFUSED, context.now, refusal)
    if silent:
        return Wait(reason=silent)
    if scene.is_joined():
        return ended(entry, Status.SUCCEEDED, context.now, "they are peered already")
    return began(entry, context.now)


def _items(scene: Scene, grounds: Grounds) -> tuple[Item, ...]:
    """Return all that the peering needs, in Liqo's order."""
    network = network_items(scene) if scene.pair.network else ()
    slices = (_slice(scene, grounds), *_granted(scene))
    return (*space_items(scene), *network, *credential_items(scene), *slices)


def _slice(scene: Scene, grounds: Grounds) -> Item:
    """Return the ResourceSlice, of the provider's name: so is the virtual node that comes of it."""
    consumer, provider = scene.pair.sides
    cores = dig(grounds.sites.get(provider.name), "spec", "maxCores")
    ref = consumer.ref(RESOURCE_SLICE, provider.name, scene.space(consumer))
    found = scene.about(consumer, RESOURCE_SLICE)
    return want(consumer, ref, slice_body(scene.pair, cores), found)


def _granted(scene: Scene) -> tuple[Gate, ...]:
    """Wait for what Liqo makes of the slice: its acceptance, a virtual node, its being Ready."""
    consumer, provider = scene.pair.sides
    not_accepted = f"{provider.name} has not accepted what {consumer.name} asks for yet"
    if not consumer.is_ours:
        return (Gate(reason=not_accepted),)
    is_accepted = any(map(is_granted, scene.about(consumer, RESOURCE_SLICE)))
    is_ready = any(has_condition(node, "Ready") for node in scene.nodes)
    stages = {
        not_accepted: is_accepted,
        "Liqo has not made the virtual node yet": bool(scene.about(consumer, VIRTUAL_NODE)),
        f"the virtual node of {provider.name} is not Ready yet": is_ready,
        f"Liqo on {consumer.name} does not reach {provider.name} yet": scene.is_established(),
    }
    return tuple(Gate(reason="" if done else reason) for reason, done in stages.items())


def _why_denied(scene: Scene) -> str:
    """Say that the provider denied what is asked for, or nothing."""
    for asked in scene.about(scene.pair.consumer, RESOURCE_SLICE):
        for of in ("Authentication", "Resources"):
            told = condition(asked, of, "status", "conditions")
            if told.get("status") == "Denied":
                why = told.get("message") or told.get("reason")
                return f"{scene.pair.provider.name} denied it: {why}"
    return ""


def _go_on(look: _Joining, entry: Entry, silent: str) -> Next:
    """Make what is missing next, or wait; go back where it takes too long."""
    context, waited_for = look.context, first_open(look.items)
    why = silent or (why_waiting(waited_for) if waited_for else "Liqo has not joined them yet")
    foreign = foreign_of(look.scene)
    limit = JOINING if foreign is None else OWNERS
    if entry.started_at is not None and context.now > entry.started_at + limit:
        return goes_back(entry, context.now, f"it took too long: {why or 'it is not made yet'}")
    if not why and isinstance(waited_for, Want):
        denied = goes_back(entry, context.now, f"{waited_for.ref} could not be made")
        return make(waited_for, context.decision, otherwise=denied)
    if foreign is None or silent:
        return Wait(reason=why)
    return _ask(look, entry, foreign, why)


def _ask(look: _Joining, entry: Entry, foreign: Side, why: str) -> Next:
    """Tell the owner of the other cluster what to do, and wait for that."""
    notes = joining_notes(foreign, look.items)
    step = next_note(look.scene, notes, look.grounds, look.context.decision)
    if step is not None:
        return step
    where = notes_ref(look.scene, look.grounds)
    told = f"{why}; what the owner of {foreign.name} has to do is in {where}"
    if entry.message != told:
        return Progress(entry=replace(entry, message=told))
    return Wait(reason=told, pause=AGAIN)


def _told_of_success(look: _Joining) -> str:
    consumer, provider = look.scene.pair.sides
    if consumer.is_ours:
        return ""
    return f"{provider.name} granted it; what {consumer.name} made of that is not seen from here"
