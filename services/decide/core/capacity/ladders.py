"""What could be done with clusters, as their Sites allow it.

A ladder is one way to more room, its rungs from small to large; each rung is a plan.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from services.decide.core.problem import Pair
from shared.messages.insight import Insight
from shared.model.fleet import Cluster, ClusterState, Fleet
from shared.model.names import ClusterName
from shared.model.plan import CapacityAction, CreateCluster, GrowCluster, Peer, ShrinkCluster
from shared.model.site import Growth, Peering

MOST_RUNGS = 8
"""More nodes than that are for the next decision."""
PEERING_TAKES = timedelta(minutes=2)
"""Until the tunnel of a new peering carries traffic, and its virtual node is ready."""

Rung = tuple[CapacityAction, ...]
Ladder = tuple[Rung, ...]


def can_change(insight: Insight) -> bool:
    """Tell whether any Site allows its cluster to be changed."""
    sites = (cluster.site for cluster in insight.fleet.clusters)
    return any(site.growth or site.template or site.peerings for site in sites)


def growing(cluster: Cluster) -> Ladder:
    """Return how a cluster may grow, node by node; empty where it may not."""
    growth, there = cluster.site.growth, len(cluster.nodes)
    if growth is None or cluster.state is not ClusterState.READY:
        return ()
    most = min(growth.max_nodes, there + MOST_RUNGS)
    return tuple((_grown(cluster, growth, nodes),) for nodes in range(there + 1, most + 1))


def _grown(cluster: Cluster, growth: Growth, nodes: int) -> GrowCluster:
    return GrowCluster(
        cluster=cluster.name,
        namespace=growth.namespace,
        machine_deployment=growth.machine_deployment,
        nodes_before=len(cluster.nodes),
        nodes=nodes,
        expected_minutes=growth.expected_minutes,
    )


def shrinking(cluster: Cluster) -> ShrinkCluster | None:
    """Return how a cluster may lose one node, or None."""
    growth, there = cluster.site.growth, len(cluster.nodes)
    if growth is None or cluster.state is not ClusterState.READY:
        return None
    if there <= max(1, growth.min_nodes) or not all(node.ready for node in cluster.nodes):
        return None
    return ShrinkCluster(
        cluster=cluster.name,
        namespace=growth.namespace,
        machine_deployment=growth.machine_deployment,
        nodes_before=there,
        nodes=there - 1,
        expected_minutes=growth.expected_minutes,
    )


def creating(fleet: Fleet, cluster: Cluster) -> Ladder:
    """Return how the cluster of a Site that has none is made and joined; empty where it is not."""
    template = cluster.site.template
    if template is None or not is_missing(cluster):
        return ()
    create = CreateCluster(
        site=cluster.name, template=template.name, expected_minutes=template.expected_minutes
    )
    wishes = (p for p in cluster.site.peerings if unlinked(fleet, cluster.name, p))
    peers = (Peer(consumer=wish.consumer, provider=cluster.name) for wish in wishes)
    return ((create, *peers),)


def is_missing(cluster: Cluster) -> bool:
    """Tell whether a Site has no cluster at all."""
    return cluster.state is ClusterState.NOT_PEERED and not cluster.nodes


def peering(fleet: Fleet) -> Iterator[Ladder]:
    """Yield the peerings that are declared, and are not."""
    for cluster in fleet.clusters:
        if not is_missing(cluster):
            for wish in cluster.site.peerings:
                if unlinked(fleet, cluster.name, wish):
                    yield ((Peer(consumer=wish.consumer, provider=cluster.name),),)


def unlinked(fleet: Fleet, provider: ClusterName, wish: Peering) -> tuple[Pair, ...]:
    """Return the directions in which two clusters have no link; none where there are not two."""
    if wish.consumer == provider or fleet.cluster(wish.consumer) is None:
        return ()
    ways = ((wish.consumer, provider), (provider, wish.consumer))
    return tuple(way for way in ways if fleet.link(*way) is None)


def ready_after(rung: Rung) -> timedelta:
    """Return how long a plan takes until it helps: its steps come one after the other."""
    return sum((_takes(action) for action in rung), timedelta())


def _takes(action: CapacityAction) -> timedelta:
    return PEERING_TAKES if isinstance(action, Peer) else timedelta(minutes=action.expected_minutes)


def clusters_of(rung: Rung) -> tuple[ClusterName, ...]:
    """Return the clusters that a plan changes, the one that is grown, made or used first."""
    first = rung[0]
    match first:
        case GrowCluster() | ShrinkCluster():
            return (first.cluster,)
        case CreateCluster():
            return (first.site,)
        case Peer():
            return (first.provider, first.consumer)
        case _:
            assert_never(first)
