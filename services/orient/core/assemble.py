"""From inventory and readings to one fleet: what stands where, with what room, how far apart."""

from collections import Counter, defaultdict

from shared.messages.inventory import ForeignCluster, Inventory, KubeNode, Pod
from shared.messages.observation import Observation
from shared.messages.readings import Readings, Signal
from shared.model.application import Application
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.names import ClusterName
from shared.model.resources import Resources
from shared.model.site import Site

Values = dict[Signal, dict[tuple[str, str], float]]
"""Per signal: (cluster, subject) to value."""


def assemble(observation: Observation) -> Fleet:
    """Put the fleet of an observation together. What was not measured is None or left out."""
    inventory, values = observation.inventory, _by_signal(observation.readings)
    clusters = tuple(
        _cluster(site, inventory, values) for site in sorted(inventory.sites, key=lambda s: s.name)
    )
    return Fleet(
        at=observation.at,
        clusters=clusters,
        links=_links([c.name for c in clusters], values),
        applications=tuple(sorted(inventory.applications, key=lambda a: a.name)),
        placements=_placements(inventory, clusters),
    )


def _by_signal(readings: Readings) -> Values:
    values: Values = defaultdict(dict)
    for reading in readings:
        if reading.value == reading.value:  # NaN is no value
            values[reading.signal][reading.cluster, reading.subject] = reading.value
    return values


def _cluster(site: Site, inventory: Inventory, values: Values) -> Cluster:
    state, reason = _state(site, inventory)
    return Cluster(site=site, state=state, reason=reason, nodes=_nodes(site.name, values))


def _state(site: Site, inventory: Inventory) -> tuple[ClusterState, str]:
    """Believe the early sign: Liqo's API check turns a minute before the virtual node does."""
    nodes = [node for node in inventory.nodes if node.cluster == site.name]
    if site.home:
        return ClusterState.READY, ""
    peer = next((f for f in inventory.foreign_clusters if f.cluster == site.name), None)
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
    allocatable = values[Signal.NODE_ALLOCATABLE_CORES]
    names = sorted(name for (of, name) in allocatable if of == cluster)
    return tuple(
        Node(
            name=name,
            allocatable=Resources(
                cpu_cores=allocatable[cluster, name],
                memory_bytes=values[Signal.NODE_ALLOCATABLE_BYTES].get((cluster, name), 0.0),
            ),
            requested=Resources(
                cpu_cores=values[Signal.NODE_REQUESTED_CORES].get((cluster, name), 0.0),
                memory_bytes=values[Signal.NODE_REQUESTED_BYTES].get((cluster, name), 0.0),
            ),
            ready=values[Signal.NODE_READY].get((cluster, name), 0.0) > 0,
        )
        for name in names
    )


def _links(clusters: list[ClusterName], values: Values) -> tuple[Link, ...]:
    """Return a link for each pair that was measured from either end."""
    signals = (Signal.LINK_RTT_MS, Signal.LINK_UP, Signal.LINK_CAPACITY_MBPS)
    measured = {pair for signal in signals for pair in values[signal]}
    pairs = {
        (a, b)
        for a in clusters
        for b in clusters
        if a != b and ((a, b) in measured or (b, a) in measured)
    }
    return tuple(_link(a, b, values) for a, b in sorted(pairs))


def _link(source: ClusterName, target: ClusterName, values: Values) -> Link:
    def there(signal: Signal) -> float | None:
        return values[signal].get((source, target))

    def either(signal: Signal) -> float | None:
        """Read the other end where this one is silent: a round trip is the same from both."""
        value = there(signal)
        return value if value is not None else values[signal].get((target, source))

    rtt_ms, up = either(Signal.LINK_RTT_MS), either(Signal.LINK_UP)
    return Link(
        source=source,
        target=target,
        latency_ms=None if rtt_ms is None else rtt_ms / 2.0,
        jitter_ms=either(Signal.LINK_JITTER_MS),
        loss_ratio=either(Signal.LINK_LOSS_RATIO),
        capacity_mbps=there(Signal.LINK_CAPACITY_MBPS),
        used_mbps=there(Signal.LINK_USED_MBPS),
        up=None if up is None else up > 0,
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
    found = []
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
