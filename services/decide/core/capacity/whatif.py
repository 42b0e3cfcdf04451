"""The fleet as it would be with other clusters, and what nodes cost."""

from dataclasses import replace
from functools import reduce
from typing import assert_never

from services.decide.core.capacity.ladders import Rung, unlinked
from services.decide.core.problem import Rates
from shared.messages.insight import Insight
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node
from shared.model.names import ClusterName
from shared.model.plan import CapacityAction, CreateCluster, GrowCluster, Peer, ShrinkCluster
from shared.model.resources import Resources

GIB = 2.0**30


def insight_after(insight: Insight, rung: Rung) -> Insight:
    """Return the insight that a plan for clusters would lead to, all else as it is."""
    return reduce(_after, rung, insight)


def _after(insight: Insight, action: CapacityAction) -> Insight:
    fleet = insight.fleet
    match action:
        case GrowCluster():
            return replace(insight, fleet=_changed(fleet, _grown(fleet, action)))
        case ShrinkCluster():
            return replace(
                insight, fleet=_changed(fleet, without_emptiest(_of(fleet, action.cluster)))
            )
        case CreateCluster():
            known = tuple(c for c in insight.coverage if c.cluster != action.site)
            return replace(
                insight, fleet=_changed(fleet, _created(_of(fleet, action.site))), coverage=known
            )
        case Peer():
            return replace(insight, fleet=_peered(fleet, action))
        case _:
            assert_never(action)


def _of(fleet: Fleet, name: ClusterName) -> Cluster:
    return {cluster.name: cluster for cluster in fleet.clusters}[name]


def _changed(fleet: Fleet, cluster: Cluster) -> Fleet:
    clusters = (cluster if c.name == cluster.name else c for c in fleet.clusters)
    return replace(fleet, clusters=tuple(clusters))


def _grown(fleet: Fleet, action: GrowCluster) -> Cluster:
    cluster = _of(fleet, action.cluster)
    size = node_size(cluster)
    new = _nodes(cluster.name, size, action.nodes - len(cluster.nodes))
    return replace(cluster, nodes=(*cluster.nodes, *new))


def node_size(cluster: Cluster) -> Resources:
    """Return what a new node offers: as declared, else as much as the largest one there."""
    growth = cluster.site.growth
    if growth is not None and growth.node is not None:
        return growth.node
    offered = (node.allocatable for node in cluster.nodes)
    return max(offered, key=lambda r: (r.cpu_cores, r.memory_bytes, r.gpus), default=Resources())


def _nodes(cluster: ClusterName, size: Resources, count: int) -> tuple[Node, ...]:
    return tuple(
        Node(name=f"{cluster}-new-{index}", allocatable=size, requested=Resources())
        for index in range(count)
    )


def emptiest(cluster: Cluster) -> Node:
    """Return the node on which the least is requested; the last one of equals."""
    order = [
        (n.requested.cpu_cores, n.requested.memory_bytes, n.requested.gpus) for n in cluster.nodes
    ]
    least = min(order)
    return cluster.nodes[len(order) - 1 - order[::-1].index(least)]


def without_emptiest(cluster: Cluster) -> Cluster:
    """Return a cluster without its emptiest node; what stands there goes to the freest other."""
    gone = emptiest(cluster)
    others = [node for node in cluster.nodes if node is not gone]
    index = max(range(len(others)), key=lambda i: others[i].headroom.cpu_cores)
    host = others[index]
    others[index] = replace(host, requested=host.requested + gone.requested)
    return replace(cluster, nodes=tuple(others))


def _created(cluster: Cluster) -> Cluster:
    template = cluster.site.template
    nodes = _nodes(cluster.name, template.node, template.nodes) if template else ()
    return replace(cluster, state=ClusterState.READY, nodes=nodes, reason="")


def _peered(fleet: Fleet, action: Peer) -> Fleet:
    """Link two clusters as declared; the home cluster can use one then that it could not before."""
    provider, consumer = _of(fleet, action.provider), _of(fleet, action.consumer)
    wish = next(p for p in provider.site.peerings if p.consumer == action.consumer)
    new = tuple(
        Link(
            source=source,
            target=target,
            latency_ms=wish.latency_ms,
            jitter_ms=0.0,
            loss_ratio=0.0,
            capacity_mbps=float("inf") if wish.mbps is None else wish.mbps,
            used_mbps=0.0,
            up=True,
        )
        for source, target in unlinked(fleet, provider.name, wish)
    )
    links = sorted((*fleet.links, *new), key=lambda link: (link.source, link.target))
    fleet = replace(fleet, links=tuple(links))
    if consumer.site.home and provider.state is ClusterState.NOT_PEERED and provider.nodes:
        return _changed(fleet, replace(provider, state=ClusterState.READY, reason=""))
    return fleet


def idle_usd(rates: Rates, size: Resources) -> float:
    """Return what nodes of that size cost over the horizon, in weighted USD, whoever uses them."""
    return size.cpu_cores * rates.core + size.memory_bytes / GIB * rates.gib + size.gpus * rates.gpu
