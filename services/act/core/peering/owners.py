"""What the owner of a cluster that Act may not change is given to apply, and has to hand back."""

import json
from collections.abc import Iterable, Mapping

from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import CONFIG_MAP, DECISION, Kind, Manner, Object, Ref, Write, dig
from services.act.core.peering.kinds import RESOURCE_SLICE, TENANT
from services.act.core.peering.manifests import account_name, token_name
from services.act.core.peering.pairs import TUNNEL_KINDS, Side
from services.act.core.peering.scene import Scene
from services.act.core.peering.wants import Item, Want, for_owner, from_owner
from services.act.core.seen import Grounds
from services.act.core.steps import Step
from shared.model.names import DecisionId

HAND_BACK = "hand-back.json"


def foreign_of(scene: Scene) -> Side | None:
    """Return the cluster of a peering that is not ours to change, or None."""
    return next((side for side in scene.pair.sides if not side.is_ours), None)


def notes_ref(scene: Scene, grounds: Grounds) -> Ref:
    """Return the address of the ConfigMap for the owner."""
    return Ref(kind=CONFIG_MAP, namespace=grounds.namespace, name=scene.pair.notes)


def next_note(
    scene: Scene, notes: Mapping[str, str], grounds: Grounds, decision: DecisionId
) -> Step | None:
    """Return the call that writes what the owner has to know; None where it says so already."""
    ref = notes_ref(scene, grounds)
    if dig(scene.one(ref), "data") == notes:
        return None
    body = {"metadata": {"annotations": {DECISION: decision}}, "data": notes}
    purpose = f"tell the owner of the other cluster in {ref}"
    return Step(write=Write(ref=ref, manner=Manner.APPLY, body=body, purpose=purpose))


def joining_notes(foreign: Side, items: Iterable[Item]) -> dict[str, str]:
    """Return the files for the owner: what to apply there, and what to hand back. No secrets."""
    items = tuple(items)
    own = f"{foreign.name}.json"
    back = from_owner(items)
    steps = [f"1. On {foreign.name}: kubectl apply -f {own}"]
    if back:
        steps.append(
            f"2. Fill in what stands in <...> in {HAND_BACK} from what Liqo and Kubernetes made"
            f" on {foreign.name}, and have it applied on {foreign.peer}."
        )
    steps.append(f"{len(steps) + 1}. This may get longer as the peering gets on: look again.")
    notes = {"README": "\n".join(steps), own: _listed(for_owner(items))}
    return {**notes, HAND_BACK: _listed(back)} if back else notes


def parting_notes(scene: Scene) -> dict[str, str]:
    """Return what the owner of the provider has to delete there, as commands."""
    provider = scene.pair.provider
    about, name = f"-l {CLUSTER_LABEL}={provider.peer}", account_name(provider)
    space = f"-n {scene.space(provider)}"
    steps = [
        f"On {provider.name}, for {provider.peer} does not use it any more:",
        f"kubectl delete {_plural(RESOURCE_SLICE)},{_plural(TENANT)} {space} {about}",
        f"kubectl delete rolebinding,serviceaccount {name} {space}",
        f"kubectl delete secret {token_name(provider)} {space}",
        "Only if it does not use the other way round either:",
        *(f"kubectl delete {_plural(kind)} {space} {about}" for kind in TUNNEL_KINDS),
        f"kubectl delete namespace {scene.space(provider)}",
    ]
    return {"README": "\n".join(steps)}


def _plural(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}"


def _listed(wanted: Iterable[Want]) -> str:
    """Return a list of manifests as kubectl takes it; JSON is YAML too."""
    items = [_whole(w) for w in wanted]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)


def _whole(wanted: Want) -> Object:
    ref, metadata = wanted.ref, wanted.body.get("metadata", {})
    place = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    head = {"apiVersion": ref.kind.api_version, "kind": ref.kind.name}
    return {**head, **wanted.body, "metadata": {**metadata, **place}}
