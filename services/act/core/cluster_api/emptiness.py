"""Whether anything stands on a cluster that is to be deleted, and whether somebody uses it."""

from services.act.core.emptying.remains import names_of
from services.act.core.live import CLUSTER_LABEL, virtual_nodes_of
from services.act.core.objects import FOREIGN_CLUSTER, POD, Query, Read, Ref, dig, name_of
from services.act.core.peering.kinds import RESOURCE_SLICE, VIRTUAL_NODE
from services.act.core.pods import has_ended, pods_on
from services.act.core.seen import Grounds, Seen
from shared.model.names import ClusterName


def reads_of_emptiness(cluster: ClusterName, grounds: Grounds) -> tuple[Read, ...]:
    """Return what tells who uses a cluster: asked at home, of other consumers, and of itself."""
    others = (virtual_nodes_of(cluster, at=name) for name in _consumers(cluster, grounds))
    return (
        virtual_nodes_of(cluster),
        _foreign_cluster(cluster),
        *_of_peering(cluster),
        *others,
        _guests(cluster),
    )


def further_reads_of_emptiness(cluster: ClusterName, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides, once the virtual nodes are known: their pods."""
    return tuple(map(pods_on, seen.all(virtual_nodes_of(cluster))))


def why_in_use(cluster: ClusterName, seen: Seen, grounds: Grounds) -> str:
    """Say what stands on a cluster or who is peered with it, or nothing: it is proven empty."""
    nodes = seen.all(virtual_nodes_of(cluster))
    pods = [pod for node in nodes for pod in seen.all(pods_on(node)) if not has_ended(pod)]
    if pods:
        return f"{len(pods)} pods stand on {cluster}: {names_of(pods)}"
    if nodes:
        return f"{cluster} is still peered: its virtual node {name_of(nodes[0])} is there"
    for query in _of_peering(cluster):
        if found := seen.all(query):
            told = f"{query.kind.name} {name_of(found[0])}"
            return f"{cluster} is still peered: {told} is there"
    peer = seen.one(_foreign_cluster(cluster))
    if dig(peer, "status", "modules", "offloading", "enabled"):
        return f"{cluster} is still peered: ForeignCluster {cluster} offloads"
    return _why_used_elsewhere(cluster, seen, grounds)


def unknown_of(cluster: ClusterName, seen: Seen, grounds: Grounds) -> tuple[str, ...]:
    """Return what could not be asked, each as a sentence: a person may know better."""
    asked = (*_consumers(cluster, grounds), cluster)
    silent = {name: seen.why_silent(name) for name in asked}
    return tuple(
        f"what {name} knows of pods on {cluster} was not heard: {why}"
        for name, why in silent.items()
        if why
    )


def proof_for(cluster: ClusterName, seen: Seen, grounds: Grounds) -> tuple[Query, ...]:
    """Return what must find nothing right before a cluster is deleted: of all that answer."""
    others = [name for name in _consumers(cluster, grounds) if not seen.why_silent(name)]
    guests = () if seen.why_silent(cluster) else (_guests(cluster),)
    return (
        virtual_nodes_of(cluster),
        *_of_peering(cluster),
        *(virtual_nodes_of(cluster, at=name) for name in others),
        *guests,
    )


def _why_used_elsewhere(cluster: ClusterName, seen: Seen, grounds: Grounds) -> str:
    """Say that a consumer other than home uses a cluster, or may do so, or nothing.

    A consumer that is merely silent now may use it. The cluster itself may be as dead as can be.
    """
    for consumer in _consumers(cluster, grounds):
        if why := seen.unreached.get(consumer):
            return f"whether {consumer} uses {cluster} is not known: {why}"
        found = (
            () if seen.why_silent(consumer) else seen.all(virtual_nodes_of(cluster, at=consumer))
        )
        if found:
            return f"{cluster} is still peered: {consumer} has its virtual node {name_of(found[0])}"
    guests = () if seen.why_silent(cluster) else seen.all(_guests(cluster))
    running = [pod for pod in guests if not has_ended(pod)]
    return f"{len(running)} pods of others run on {cluster}: {names_of(running)}" if running else ""


def _consumers(cluster: ClusterName, grounds: Grounds) -> tuple[ClusterName, ...]:
    """Return the clusters that may use one, by its Site, other than home."""
    peerings = dig(grounds.sites.get(cluster), "spec", "peerings") or ()
    named = {ClusterName(peering["consumer"]) for peering in peerings}
    return tuple(sorted(named - {grounds.home, cluster}))


def _of_peering(cluster: ClusterName) -> tuple[Query, ...]:
    kinds = (RESOURCE_SLICE, VIRTUAL_NODE)
    return tuple(Query(kind=kind, selector=f"{CLUSTER_LABEL}={cluster}") for kind in kinds)


def _foreign_cluster(cluster: ClusterName) -> Ref:
    return Ref(kind=FOREIGN_CLUSTER, name=cluster)


def _guests(cluster: ClusterName) -> Query:
    """Return the query for the pods that run on a cluster for consumers (Liqo's label)."""
    return Query(kind=POD, selector="liqo.io/managed-by=shadowpod", cluster=cluster)
