"""What would be lost if a peering ended: pods that run on the provider, and volumes there."""

from services.act.core.emptying.remains import names_of
from services.act.core.objects import NAMESPACE, POD, Query, dig, name_of
from services.act.core.peering.kinds import VOLUME_CLAIM
from services.act.core.peering.pairs import Side, nodes_of
from services.act.core.peering.removal import Left
from services.act.core.peering.scene import Scene
from services.act.core.pods import has_ended, never_ran, pods_on

SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Annotation of a volume claim: the node its data were made for."""


def claims_of(consumer: Side) -> Query:
    """Return the query for the volume claims of the consumer, which tell where data are."""
    return Query(kind=VOLUME_CLAIM, cluster=consumer.at)


def remote_pods_of(provider: Side) -> Query:
    """Return the query for what the consumer has running, as the provider sees it."""
    selector = f"offloading.liqo.io/origin={provider.peer}"
    return Query(kind=POD, selector=selector, cluster=provider.at)


def why_in_use(scene: Scene) -> str:
    """Say what would be lost on the provider, or nothing."""
    consumer, provider = scene.pair.sides
    if pods := tuple(pod for pod in scene.pods if not never_ran(pod)):
        return f"{len(pods)} pods stand on {provider.name}: {names_of(pods)}; move them first"
    nodes = {name_of(node) for node in scene.nodes}
    claims = scene.seen.objects.get(claims_of(consumer), ())
    if data := [c for c in claims if dig(c, "metadata", "annotations", SELECTED_NODE) in nodes]:
        told = f"{len(data)} volumes have their data on {provider.name}: {names_of(data)}"
        return f"{told}; move or delete them first"
    remote = scene.seen.objects.get(remote_pods_of(provider), ())
    if running := [pod for pod in remote if not has_ended(pod)]:
        told = f"{len(running)} pods still run on {provider.name}: {names_of(running)}"
        return f"{told}, though {consumer.name} has them no more"
    return ""


def proof_for(scene: Scene, each: Left) -> tuple[Query, ...]:
    """Return what must find nothing right before an object of a peering is deleted.

    The pods on the provider, as each cluster that answers knows them; of a tenant namespace, its
    own too.
    """
    consumer, provider = scene.pair.sides
    queries: list[Query] = []
    if consumer.is_ours:
        queries += [pods_on(node, at=consumer.at) for node in scene.nodes] or [nodes_of(consumer)]
    if provider.is_ours and not scene.seen.why_silent(provider.at):
        queries.append(remote_pods_of(provider))
    if each.ref.kind == NAMESPACE:
        queries.append(Query(kind=POD, namespace=each.ref.name, cluster=each.ref.cluster))
    return tuple(queries)
