"""What speaks against joining two clusters, asked before anything is done."""

import re
from collections.abc import Sequence

from services.act.core.liqo import cluster_id_in
from services.act.core.objects import Object, dig, name_of
from services.act.core.peering.credentials import why_no_address
from services.act.core.peering.kinds import TENANT, VIRTUAL_NODE
from services.act.core.peering.pairs import Side, identity_of, manager_of
from services.act.core.peering.scene import Scene
from services.act.core.seen import Grounds

_MINOR = re.compile(r"v?(\d+\.\d+)")


def why_not_joinable(scene: Scene, grounds: Grounds) -> str:
    """Say why it cannot be done, or nothing; nothing too where a cluster does not answer now."""
    sides, refused = scene.pair.sides, scene.seen.refused
    for side in sides:
        if side.name not in grounds.sites:
            return f"there is no Site {side.name}"
        if side.is_ours and side.at in refused:
            return refused[side.at]
    if not any(side.is_ours for side in sides):
        return "there is no way into either cluster: no Site of the two names a kubeconfigSecret"
    if scene.why_silent() or scene.is_joined():
        return ""
    return _why_unfit(scene) or why_no_address(scene)


def _why_unfit(scene: Scene) -> str:
    """Say what stands in the way on a cluster of ours, or nothing."""
    ours = [side for side in scene.pair.sides if side.is_ours]
    for side in ours:
        if why := _why_not_itself(scene, side) or _why_spaces(scene, side):
            return why
    versions = sorted({version for side in ours if (version := _minor(scene, side))})
    if len(versions) > 1:
        return f"the clusters run different minor versions of Liqo: {' and '.join(versions)}"
    return _why_tenant(scene) or _why_orphan(scene)


def _why_not_itself(scene: Scene, side: Side) -> str:
    known = scene.one(identity_of(side))
    if known is None:
        return f"Liqo is not installed on {side.name}: there is no {identity_of(side)}"
    identity = cluster_id_in(known)
    if identity != side.name:
        return f"Site {side.name} is about cluster {identity}, as Liqo calls it: rename the Site"
    return ""


def _why_spaces(scene: Scene, side: Side) -> str:
    spaces = scene.spaces(side)
    if len(spaces) > 1:
        names = ", ".join(map(name_of, spaces))
        return f"{side.name} has more than one tenant namespace for {side.peer}: {names}"
    return ""


def _minor(scene: Scene, side: Side) -> str:
    """Return the major and minor version of Liqo on a cluster; empty where it cannot be told."""
    manager = scene.one(manager_of(side))
    containers: Sequence[Object] = dig(manager, "spec", "template", "spec", "containers") or ()
    tags = [str(c.get("image") or "").rpartition(":")[2] for c in containers]
    label = dig(manager, "metadata", "labels", "app.kubernetes.io/version")
    found = [m.group(1) for told in (str(label or ""), *tags) if (m := _MINOR.match(told))]
    return found[0] if found else ""


def _why_tenant(scene: Scene) -> str:
    consumer, provider = scene.pair.sides
    for tenant in scene.about(provider, TENANT):
        told = dig(tenant, "spec", "tenantCondition") or "Active"
        if told != "Active":
            where = f"Tenant {name_of(tenant)} on {provider.name}"
            return f"{where} is {told}: {consumer.name} is to get nothing more there"
    return ""


def _why_orphan(scene: Scene) -> str:
    """Say which Node is left without a VirtualNode: Liqo makes no second one of its name."""
    known = {name_of(node) for node in scene.about(scene.pair.consumer, VIRTUAL_NODE)}
    orphans = sorted({name_of(node) for node in scene.nodes} - known)
    if orphans:
        return f"Node {orphans[0]} is of no VirtualNode: end its virtual kubelet, then delete it"
    return ""
