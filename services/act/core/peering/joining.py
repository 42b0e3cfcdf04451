"""How two clusters are joined, from Liqo's objects on both as they stand."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from services.act.core.ledger import Entry
from services.act.core.objects import Read, condition, dig, has_condition, name_of
from services.act.core.peering.credentials import credential_items, space_items, why_no_address
from services.act.core.peering.kinds import RESOURCE_SLICE, TENANT, VIRTUAL_NODE
from services.act.core.peering.manifests import slice_body
from services.act.core.peering.networking import network_items
from services.act.core.peering.owners import foreign_of, joining_notes, next_note, notes_ref
from services.act.core.peering.scene import (
    Pair,
    Scene,
    Side,
    identity_of,
    is_granted,
    manager_of,
    pair_of,
    pods_of,
    reads_of_pair,
)
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
_MINOR = re.compile(r"v?(\d+\.\d+)")


def reads_of_peer(action: Peer, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    return reads_of_pair(pair_of(action, grounds), grounds)


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

    @property
    def pair(self) -> Pair:
        """Return the two clusters."""
        return self.scene.pair


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
    return _go_on(look, entry, silent or _why_denied(scene))


def _begin(look: _Joining, entry: Entry, silent: str) -> Next:
    """Ask whether it can be done at all. Nothing has been changed yet."""
    context, scene = look.context, look.scene
    if context.now > context.deadline_at:
        late = f"its deadline has passed: {silent}" if silent else "its deadline has passed"
        return ended(entry, Status.REFUSED, context.now, late)
    refusal = _refusal(look)
    if refusal:
        return ended(entry, Status.REFUSED, context.now, refusal)
    if silent:
        return Wait(reason=silent)
    if scene.is_joined():
        return ended(entry, Status.SUCCEEDED, context.now, "they are peered already")
    return began(entry, context.now)


def _refusal(look: _Joining) -> str:
    """Say why it cannot be done, or nothing."""
    sites = look.grounds.sites
    missing = [side.name for side in look.pair.sides if side.name not in sites]
    if missing:
        return f"there is no Site {missing[0]}"
    if not any(side.is_ours for side in look.pair.sides):
        return (
            "Act has no way into either cluster: name a spec.kubeconfigSecret in one of the Sites"
        )
    for side in look.pair.sides:
        if side.at in look.scene.seen.refused and side.is_ours:
            return look.scene.seen.refused[side.at]
    if look.scene.why_silent():
        return ""
    if not look.scene.is_joined():
        return _why_unfit(look.scene) or why_no_address(look.scene)
    return ""


def _why_unfit(scene: Scene) -> str:
    """Say what stands in the way on a cluster of ours, or nothing."""
    ours = [side for side in scene.pair.sides if side.is_ours]
    for side in ours:
        known = scene.one(identity_of(side))
        identity = dig(known, "data", "CLUSTER_ID")
        if known is None:
            return f"Liqo is not installed on {side.name}: there is no {identity_of(side)}"
        if identity != side.name:
            return (
                f"the cluster of Site {side.name} is {identity} to Liqo: they have to be the same"
            )
        if len(scene.spaces(side)) > 1:
            names = ", ".join(map(name_of, scene.spaces(side)))
            return f"{side.name} has more than one tenant namespace for {side.peer}: {names}"
    versions = sorted({version for side in ours if (version := _minor(scene, side))})
    if len(versions) > 1:
        return f"the clusters run different minor versions of Liqo: {' and '.join(versions)}"
    return _why_tenant_unfit(scene) or _why_orphan(scene)


def _minor(scene: Scene, side: Side) -> str:
    """Return the major and minor version of Liqo on a cluster; empty where it cannot be told."""
    manager = scene.one(manager_of(side))
    label = dig(manager, "metadata", "labels", "app.kubernetes.io/version")
    containers = dig(manager, "spec", "template", "spec", "containers") or ({},)
    tag = str(containers[0].get("image") or "").rpartition(":")[2]
    found = _MINOR.match(str(label or tag))
    return found.group(1) if found else ""


def _why_tenant_unfit(scene: Scene) -> str:
    for tenant in scene.about(scene.pair.provider, TENANT):
        told = dig(tenant, "spec", "tenantCondition") or "Active"
        if told != "Active":
            ref = f"Tenant {name_of(tenant)} on {scene.pair.provider.name}"
            return f"{ref} is {told}: its owner does not want more of {scene.pair.consumer.name}"
    return ""


def _why_orphan(scene: Scene) -> str:
    """Say which Node is left without a VirtualNode: Liqo makes no second one of its name."""
    known = {name_of(v) for v in scene.about(scene.pair.consumer, VIRTUAL_NODE)}
    orphans = sorted({name_of(node) for node in scene.nodes} - known)
    if not orphans:
        return ""
    return f"Node {orphans[0]} was left by an earlier peering: end its virtual kubelet, delete it"


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
    """Wait for what Liqo makes of the slice: its acceptance, a virtual node, and that it is Ready."""
    consumer, provider = scene.pair.sides
    if not consumer.is_ours:
        return (Gate(reason=f"{provider.name} has not accepted what {consumer.name} asks for yet"),)
    asked = scene.about(consumer, RESOURCE_SLICE)
    stages = {
        f"{provider.name} has not accepted what {consumer.name} asks for yet": any(
            map(is_granted, asked)
        ),
        "Liqo has not made the virtual node yet": bool(scene.about(consumer, VIRTUAL_NODE)),
        f"the virtual node of {provider.name} is not Ready yet": any(
            has_condition(node, "Ready") for node in scene.nodes
        ),
        f"Liqo on {consumer.name} does not reach {provider.name} yet": scene.is_established(),
    }
    return tuple(Gate(reason="" if done else reason) for reason, done in stages.items())


def _why_denied(scene: Scene) -> str:
    """Say that the provider denied what is asked for, or nothing."""
    for asked in scene.about(scene.pair.consumer, RESOURCE_SLICE):
        for of in ("Authentication", "Resources"):
            told = condition(asked, of, "status", "conditions")
            if told.get("status") == "Denied":
                return f"{scene.pair.provider.name} denied it: {told.get('message') or told.get('reason')}"
    return ""


def _go_on(look: _Joining, entry: Entry, trouble: str) -> Next:
    """Make what is missing next, or wait; go back where it takes too long."""
    context, open_item = look.context, first_open(look.items)
    can_make = isinstance(open_item, Want) and not why_waiting(open_item)
    reason = (
        trouble or (why_waiting(open_item) if open_item else "") or "Liqo has not joined them yet"
    )
    if _is_overdue(look, entry):
        return goes_back(entry, context.now, f"it took too long: {reason}")
    if isinstance(open_item, Want) and can_make and not trouble:
        return make(open_item, context.decision)
    foreign = foreign_of(look.scene)
    if foreign is None or trouble:
        return Wait(reason=reason)
    notes = joining_notes(foreign, look.items)
    if step := next_note(look.scene, notes, look.grounds, context.decision):
        return step
    told = f"{reason}; what the owner of {foreign.name} has to do is in {notes_ref(look.scene, look.grounds)}"
    if entry.message != told:
        return Progress(entry=replace(entry, message=told))
    return Wait(reason=told)


def _is_overdue(look: _Joining, entry: Entry) -> bool:
    limit = JOINING if foreign_of(look.scene) is None else OWNERS
    return entry.started_at is not None and look.context.now > entry.started_at + limit


def _told_of_success(look: _Joining) -> str:
    if look.pair.consumer.is_ours:
        return ""
    return f"{look.pair.provider.name} granted it; what {look.pair.consumer.name} made of it is not known"
