"""What of a peering is there, in the order in which it may go."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from services.act.core.objects import (
    CONFIG_MAP,
    DECISION,
    NAMESPACE,
    POD,
    SECRET,
    Kind,
    Object,
    Query,
    dig,
    name_of,
)
from services.act.core.peering.credentials import control_planes
from services.act.core.peering.kinds import (
    CONNECTION,
    IDENTITY,
    RESOURCE_SLICE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    TENANT,
    TENANT_NAMESPACE,
    VIRTUAL_NODE,
)
from services.act.core.peering.manifests import account_name, token_name
from services.act.core.peering.pairs import TUNNEL_KINDS, Side
from services.act.core.peering.removal import Left, left
from services.act.core.peering.scene import Scene
from services.act.core.seen import Seen
from shared.model.names import ClusterName

CONTENT_KINDS = (POD, SECRET, CONFIG_MAP)
"""What somebody else may have put into a tenant namespace."""
ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap that Kubernetes puts into every namespace."""


def contents_of(at: ClusterName, space: str) -> tuple[Query, ...]:
    """Return the queries for what else is in a tenant namespace."""
    return tuple(Query(kind=kind, namespace=space, cluster=at) for kind in CONTENT_KINDS)


def contents_of_spaces(seen: Seen) -> tuple[Query, ...]:
    """Return the queries for what else is in the tenant namespaces that were seen."""
    return tuple(
        query
        for read, found in seen.objects.items()
        if read.kind == NAMESPACE
        for space in found
        if dig(space, "metadata", "labels", TENANT_NAMESPACE) == "true"
        for query in contents_of(read.cluster, name_of(space))
    )


def everything(scene: Scene) -> Iterator[Left]:
    """Yield what has to go of a peering on the clusters that answer, the first to go first.

    Liqo's own order: what was asked for and the virtual nodes that came of it, the consumer's way
    into the provider, what the provider keeps of the consumer, the tunnel, the tenant namespaces.
    """
    consumer, provider = scene.pair.sides
    yield from _all(scene, consumer, RESOURCE_SLICE)
    yield from _all(scene, consumer, VIRTUAL_NODE)
    yield from _copies(scene)
    yield from _control_plane(scene)
    yield from _all(scene, provider, TENANT)
    yield from _entrance(scene)
    if is_used_backwards(scene):
        return
    for kind in TUNNEL_KINDS:
        for side in scene.pair.sides:
            yield from _all(scene, side, kind)
    for side in scene.pair.sides:
        for each in _all(scene, side, CONNECTION):
            yield replace(each, goes_by_itself=True)
    for side in scene.pair.sides:
        yield from _spaces(scene, side)


def is_used_backwards(scene: Scene) -> bool:
    """Tell whether the provider uses the consumer too: then the tunnel and the rest stay."""
    consumer, provider = scene.pair.sides
    return bool(scene.about(consumer, TENANT) or scene.about(provider, RESOURCE_SLICE))


def _all(scene: Scene, side: Side, kind: Kind) -> Iterator[Left]:
    for found in scene.about(side, kind):
        yield left(side, kind, found)


def _copies(scene: Scene) -> Iterator[Left]:
    """Yield what Liqo copied to the provider: it goes by itself, while the way there stands."""
    provider = scene.pair.provider
    own = scene.about(provider, RESOURCE_SLICE)
    for found in scene.seen.objects.get(provider.about(RESOURCE_SLICE), ()):
        if found not in own:
            yield replace(left(provider, RESOURCE_SLICE, found), goes_by_itself=True)


def _control_plane(scene: Scene) -> Iterator[Left]:
    consumer = scene.pair.consumer
    for found in scene.about(consumer, IDENTITY):
        if dig(found, "spec", "type") == "ControlPlane":
            yield left(consumer, IDENTITY, found)
    for found in control_planes(scene):
        yield left(consumer, SECRET, found)


def _entrance(scene: Scene) -> Iterator[Left]:
    """Yield what Act made on the provider so that the consumer may enter."""
    provider = scene.pair.provider
    names = {
        ROLE_BINDING: account_name(provider),
        SECRET: token_name(provider),
        SERVICE_ACCOUNT: account_name(provider),
    }
    for kind, name in names.items():
        for found in scene.about(provider, kind):
            if name_of(found) == name:
                yield left(provider, kind, found)


def _spaces(scene: Scene, side: Side) -> Iterator[Left]:
    """Yield the tenant namespaces that Act made and in which nothing of anybody is left."""
    for found in scene.spaces(side):
        if is_ours(found) and not strangers(scene, side, name_of(found)):
            yield left(side, NAMESPACE, found)


def is_ours(found: Object) -> bool:
    """Tell whether a decision made an object, whichever."""
    return dig(found, "metadata", "annotations", DECISION) is not None


def strangers(scene: Scene, side: Side, space: str) -> tuple[str, ...]:
    """Return the names of what else is in a tenant namespace."""
    found = [
        f"{query.kind.name} {name_of(obj)}"
        for query in contents_of(side.at, space)
        for obj in scene.seen.objects.get(query, ())
        if name_of(obj) != ROOT_CA
    ]
    return tuple(sorted(found))


def remaining(scene: Scene) -> Iterable[str]:
    """Yield what stays though the peering is over, as people are told of it."""
    consumer, provider = scene.pair.sides
    for node in scene.nodes:
        yield (
            f"Node {name_of(node)} on {consumer.name} is of no VirtualNode any more: end its "
            "virtual kubelet, then delete it"
        )
    if is_used_backwards(scene):
        yield f"the tunnel and the tenant namespaces stay: {provider.name} uses {consumer.name}"
        return
    for side in scene.pair.sides:
        for found in scene.spaces(side):
            inside = ", ".join(strangers(scene, side, name_of(found))) or "nothing of Act's"
            yield f"Namespace {name_of(found)} on {side.name} stays: in it is {inside}"
    if scene.foreign_cluster is not None:
        yield f"ForeignCluster {provider.name} on {consumer.name} stays: Liqo keeps it"


def why_held(scene: Scene) -> str:
    """Say why finalizers hold what was deleted, where that can be told."""
    why = scene.why_beyond_reach()
    if not why:
        return ""
    name = scene.pair.provider.name
    return f"; {why}: Liqo waits for {name}; if it is gone for ever: liqoctl force unpeer {name}"
