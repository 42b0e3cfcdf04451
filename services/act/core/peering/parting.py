"""How a peering ends, from Liqo's objects on both clusters as they stand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from services.act.core.emptying.cordons import Cordon, cordon, is_cordoned, read_cordon, uncordon
from services.act.core.ledger import Entry
from services.act.core.objects import NODE, Read, Write, is_going, name_of
from services.act.core.peering.kinds import RESOURCE_SLICE
from services.act.core.peering.leaving import contents_of_spaces, everything, remaining, why_held
from services.act.core.peering.owners import next_note, notes_ref, parting_notes
from services.act.core.peering.pairs import pair_of, pods_of, reads_of_pair
from services.act.core.peering.removal import next_removal
from services.act.core.peering.scene import Scene
from services.act.core.peering.uses import claims_of, proof_for, remote_pods_of, why_in_use
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import (
    Context,
    Next,
    Progress,
    Step,
    Wait,
    began,
    ended,
    goes_back,
)
from shared.messages.outcome import Status
from shared.model.plan import Unpeer

DRAINING = timedelta(minutes=10)
"""So long pods that came meanwhile may still go, before anything is deleted."""
PARTING = timedelta(minutes=30)
"""Until everything is gone; Liqo takes seconds where both clusters answer."""


def reads_of_unpeer(action: Unpeer, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    pair = pair_of(action, grounds)
    reads = reads_of_pair(pair, grounds, tunnel=True)
    if pair.consumer.is_ours:
        reads += (claims_of(pair.consumer),)
    return (*reads, remote_pods_of(pair.provider)) if pair.provider.is_ours else reads


def further_reads_of_unpeer(action: Unpeer, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides: pods there, and what is in the tenant namespaces."""
    return (*pods_of(action, seen), *contents_of_spaces(seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parting:
    """One look at a peering that is to end."""

    scene: Scene
    grounds: Grounds
    context: Context
    entry: Entry


def next_of_unpeer(
    action: Unpeer, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next: cordon, prove that nothing runs there, delete in Liqo's order.

    No selector is narrowed and no NamespaceOffloading deleted: the namespaces there go with the
    slice. Until its deletion it can go back, which lifts the cordons; from then on it goes forth.
    """
    scene = Scene(pair=pair_of(action, grounds), seen=seen)
    look = _Parting(scene=scene, grounds=grounds, context=context, entry=entry)
    if entry.status is Status.PENDING:
        return _begin(look)
    silent = seen.why_silent(scene.pair.consumer.at)
    if silent:
        is_late = _is_late(look, PARTING)
        return _stopped(look, silent) if is_late else Wait(reason=silent)
    if entry.back_at is not None:
        return _go_back(look)
    return _go_on(look)


def _begin(look: _Parting) -> Next:
    """Ask whether it can be done at all. Nothing has been changed yet."""
    scene, context = look.scene, look.context
    consumer, provider = scene.pair.sides
    if not consumer.is_ours:
        told = f"what of {consumer.name} runs on {provider.name} is for its own Act to say"
        return _refused(look, f"{told}: unpeer there")
    if why := scene.seen.refused.get(consumer.at):
        return _refused(look, why)
    reason = scene.seen.why_silent(consumer.at)
    if not reason and not scene.nodes and not any(everything(scene)):
        return ended(look.entry, Status.SUCCEEDED, context.now, "they are not peered")
    reason = reason or why_in_use(scene)
    if not reason:
        return began(look.entry, context.now)
    if context.now > context.deadline_at:
        return _refused(look, f"its deadline has passed: {reason}")
    return Wait(reason=reason)


def _go_on(look: _Parting) -> Next:
    """Cordon first; then delete one object after the other, each time only if nothing is lost."""
    scene, entry, context = look.scene, look.entry, look.context
    for node in scene.nodes:
        if not is_cordoned(node):
            ours = Cordon(by=context.decision, reason=f"{scene.pair.provider.name} is unpeered")
            denied = goes_back(entry, context.now, f"{name_of(node)} could not be cordoned")
            write = _there(scene, cordon(node, ours))
            return Step(
                write=write, otherwise=denied if _is_whole(scene) else Progress(entry=entry)
            )
    if reason := why_in_use(scene):
        return _hold(look, reason)
    for each in everything(scene):
        proof = proof_for(scene, each)
        step = next_removal(each, emptied=proof, otherwise=_denied(look, each.ref))
        if _is_late(look, PARTING) and (told := _why_stuck(look, step)):
            return _stopped(look, f"{told}{why_held(scene)}")
        return step
    return _conclude(look)


def _is_whole(scene: Scene) -> bool:
    """Tell whether nothing has been deleted yet."""
    asked = scene.about(scene.pair.consumer, RESOURCE_SLICE)
    return bool(asked) and not any(map(is_going, asked))


def _hold(look: _Parting, reason: str) -> Next:
    """Wait for what came meanwhile to go; go back where it does not, and where that is possible."""
    if _is_whole(look.scene):
        if _is_late(look, DRAINING):
            return goes_back(look.entry, look.context.now, reason)
    elif _is_late(look, PARTING):
        return _stopped(look, reason)
    return Wait(reason=reason)


def _denied(look: _Parting, ref: object) -> Progress:
    """Go back while nothing was deleted. From then on it is tried again and again."""
    if _is_whole(look.scene):
        return goes_back(look.entry, look.context.now, f"{ref} could not be deleted")
    return Progress(entry=look.entry)


def _why_stuck(look: _Parting, step: Step | Wait) -> str:
    """Say why an object does not go, or nothing: it can be deleted now."""
    if isinstance(step, Wait):
        return step.reason
    told = f"could not {step.write.purpose}"
    return next((w for w in look.entry.warnings if w.startswith(told)), "")


def _conclude(look: _Parting) -> Next:
    """End it: nothing is left on the clusters that answer. Tell what stays, and where."""
    scene, grounds = look.scene, look.grounds
    told = [*remaining(scene)]
    if why := scene.why_beyond_reach():
        note = next_note(scene, parting_notes(scene), grounds, look.context.decision)
        if note is not None:
            return note
        provider = scene.pair.provider.name
        told.append(f"{why}: what its owner has to delete is in {notes_ref(scene, grounds)}")
        told.append(f"until then {provider} lets {scene.pair.consumer.name} in")
    return ended(look.entry, Status.SUCCEEDED, look.context.now, "; ".join(told))


def _go_back(look: _Parting) -> Next:
    """Lift the cordons of this decision. Nothing was deleted."""
    for node in look.scene.nodes:
        mark = read_cordon(node)
        if mark is not None and mark.by == look.context.decision and is_cordoned(node):
            return Step(write=_there(look.scene, uncordon(node)))
    return ended(look.entry, Status.REVERTED, look.context.now, look.entry.message)


def _there(scene: Scene, write: Write) -> Write:
    """Return a write to a node as one to the consumer's."""
    return replace(write, ref=scene.pair.consumer.ref(NODE, write.ref.name))


def _is_late(look: _Parting, limit: timedelta) -> bool:
    started = look.entry.started_at
    return started is not None and look.context.now > started + limit


def _refused(look: _Parting, reason: str) -> Progress:
    return ended(look.entry, Status.REFUSED, look.context.now, reason)


def _stopped(look: _Parting, reason: str) -> Progress:
    """End it halfway. It can be ordered again: what is gone is not asked for any more."""
    told = f"{reason}; still there: {', '.join(_names(look.scene)) or 'not known'}"
    advice = "order it again when that is over"
    return ended(look.entry, Status.FAILED, look.context.now, f"{told}; {advice}")


def _names(scene: Scene) -> Iterator[str]:
    for each in everything(scene):
        yield str(each.ref)
