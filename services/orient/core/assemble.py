"""From inventory and readings to one fleet: what stands where, with what room, how far apart."""

from collections import Counter, defaultdict
from math import isfinite

from services.orient.core.links import NONE, links_between
from shared.messages.inventory import ForeignCluster, Inventory, KubeNode, Pod
from shared.messages.observation import Observation
from shared.messages.readings import Readings, Signal
from shared.model.application import Application
from shared.model.fleet import Cluster, ClusterState, Fleet, Node, Placement
from shared.model.names import ClusterName
from shared.model.resources import Resources
from shared.model.site import Site

Values = dict[Signal, dict[str, dict[str, float]]]
"""Per signal and cluster: subject to value."""
NODE_SIGNALS = (
    Signal.NODE_ALLOCATABLE_CORES,
    Signal.NODE_ALLOCATABLE_BYTES,
    Signal.NODE_REQUESTED_CORES,
    Signal.NODE_REQUESTED_BYTES,
    Signal.NODE_READY,
)


def assemble(observation: Observation, usual: Readings = NONE) -> Fleet:
    """Put the fleet of an observation together. What was not measured is None or left out.

    `usual`: of round trips that are as usual, what that is.
    """
    inventory = observation.inventory
    values = _by_cluster(observation.readings)
    nodes: dict[ClusterName, list[KubeNode]] = defaultdict(list)
    for node in inventory.nodes:
        nodes[node.cluster].append(node)
    peers = {peer.cluster: peer for peer in reversed(inventory.foreign_clusters)}
    clusters = tuple(
        _cluster(site, nodes[site.name], peers.get(site.name), values)
        for site in sorted(inventory.sites, key=lambda s: s.name)
    )
    return Fleet(
        at=observation.at,
        clusters=clusters,
        links=links_between([c.name for c in clusters], observation.readings, usual),
        applications=tuple(sorted(inventory.applications, key=lambda a: a.name)),
        placements=_placements(inventory, clusters),
    )


def _by_cluster(readings: Readings) -> Values:
    values: Values = {signal: defaultdict(dict) for signal in NODE_SIGNALS}
    for signal, of_signal in values.items():
        told = readings.of(signal)
        rows = zip(
            told.clusters.tolist(), told.subjects.tolist(), told.values.tolist(), strict=True
        )
        for cluster, subject, value in rows:
            if isfinite(value):
                of_signal[cluster][subject] = value
    return values


def _cluster(
    site: Site, nodes: list[KubeNode], peer: ForeignCluster | None, values: Values
) -> Cluster:
    state, reason = _state(site, nodes, peer)
    return Cluster(site=site, state=state, reason=reason, nodes=_nodes(site.name, values))


def _state(
    site: Site, nodes: list[KubeNode], peer: ForeignCluster | None
) -> tuple[ClusterState, str]:
    """Believe the early sign: Liqo's API check turns a minute before the virtual node does."""
    if site.home:
        return ClusterState.READY, ""
    lost = _lost(site, peer, nodes)
    if lost:
        return ClusterState.UNREACHABLE, lost
    if not nodes:
        return ClusterState.NOT_PEERED, f"{site.name} has no virtual node"
    if all(node.unschedulable for node in nodes):
        return ClusterState.CORDONED, f"the virtual node of {site.name} is cordoned"
    return ClusterState.READY, ""


def _lost(site: Site, peer: ForeignCluster | None, nodes: list[KubeNode]) -> str:
    if peer and peer.api_server == "Error":
        return f"Liqo does not reach the API server of {site.name}"
    if peer and peer.network == "Error":
        return f"Liqo's tunnel to {site.name} is down"
    if nodes and not any(node.ready for node in nodes):
        return f"the virtual node of {site.name} is not Ready"
    return ""


def _nodes(cluster: ClusterName, values: Values) -> tuple[Node, ...]:
    cores, room, used_cores, used_bytes, ready = (values[s][cluster] for s in NODE_SIGNALS)
    return tuple(
        Node(
            name=name,
            allocatable=Resources(cpu_cores=cores[name], memory_bytes=room.get(name, 0.0)),
            requested=Resources(
                cpu_cores=used_cores.get(name, 0.0), memory_bytes=used_bytes.get(name, 0.0)
            ),
            ready=ready.get(name, 0.0) > 0,
        )
        for name in sorted(cores)
    )


def _placements(inventory: Inventory, clusters: tuple[Cluster, ...]) -> tuple[Placement, ...]:
    cluster_of_node = {node.name: node.cluster for node in inventory.nodes}
    lost = {c.name for c in clusters if c.state is ClusterState.UNREACHABLE}
    pods: dict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in inventory.pods:
        if pod.node in cluster_of_node and not pod.terminating:
            pods[pod.namespace, pod.workload].append(pod)
    return tuple(
        placement
        for application in sorted(inventory.applications, key=lambda a: a.name)
        for placement in _placements_of(application, pods, cluster_of_node, lost)
    )


def _placements_of(
    application: Application,
    pods: dict[tuple[str, str], list[Pod]],
    cluster_of_node: dict[str, ClusterName],
    lost: set[ClusterName],
) -> list[Placement]:
    found: list[Placement] = []
    for component in sorted(application.components, key=lambda c: c.name):
        standing = pods[application.namespace, component.workload.name]
        replicas = Counter(cluster_of_node[pod.node] for pod in standing)
        ready = Counter(cluster_of_node[pod.node] for pod in standing if pod.ready)
        found += [
            Placement(
                application=application.name,
                component=component.name,
                cluster=cluster,
                replicas=replicas[cluster],
                # pods of a lost provider go on counting as ready for a minute: not believed
                ready_replicas=0 if cluster in lost else ready[cluster],
            )
            for cluster in sorted(replicas)
        ]
    return found
