"""The metrics of one simulated cluster: what its exporters show, and what queries are made of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from simulator.pods import Pod
from simulator.rooms import GIB, real_nodes
from simulator.scenario import ClusterSpec
from simulator.world import CounterKey, World

LIQO_CHECK_SECONDS = 10.0
"""Liqo measures latency this often, and calls a peer lost after so long without an answer."""
DRIVER = "wireguard"


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at an instant. `rate`: of a counter, per second of wall time."""

    labels: dict[str, str]
    value: float
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one metric. `kind` is `gauge` or `counter`."""

    name: str
    kind: str
    about: str
    samples: list[Sample] = field(default_factory=list)


def families_of(world: World, cluster: str, wall_seconds: float) -> tuple[Family, ...]:
    """Return every metric of a cluster at an instant, in seconds of wall time after the start."""
    return tuple(
        family
        for family in (
            *_probe(world, cluster),
            *_liqo(world, cluster, wall_seconds),
            *_kube_state(world, cluster),
            *_cpu(world, cluster, wall_seconds),
            *(_users(world) if world.scenario.fleet.clusters[cluster].home else ()),
        )
        if family.samples
    )


def exposition(families: Iterable[Family]) -> str:
    """Return the families in Prometheus' text format 0.0.4."""
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}"]
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
            lines.append(f"{family.name}{{{labels}}} {sample.value!r}")
    return "\n".join(lines) + "\n"


def _peers(world: World, cluster: str) -> Iterator[str]:
    for ends in world.links:
        if cluster in ends:
            (peer,) = ends - {cluster}
            yield peer


def _probe(world: World, cluster: str) -> Iterator[Family]:
    """Show crossloop's own link probe. A dead peer leaves only the loss: nothing comes back."""
    rtt = Family("crossloop_probe_rtt_seconds", "gauge", "Round trip between gateways.")
    jitter = Family("crossloop_probe_jitter_seconds", "gauge", "Interarrival jitter, RFC 3550.")
    loss = Family("crossloop_probe_loss_ratio", "gauge", "Share of the probe's packets lost.")
    bandwidth = Family(
        "crossloop_probe_bandwidth_bits_per_second", "gauge", "What the link carries one way."
    )
    for peer in sorted(_peers(world, cluster)):
        labels = {"cluster_id": peer}
        link = world.link(cluster, peer)
        loss.samples.append(Sample(labels, link.loss_ratio if link else 1.0))
        if link:
            rtt.samples.append(Sample(labels, link.rtt_ms / 1e3))
            jitter.samples.append(Sample(labels, link.jitter_ms / 1e3))
            bandwidth.samples.append(Sample(labels, link.capacity_mbps * 1e6))
    yield from (rtt, jitter, loss, bandwidth)


def _liqo(world: World, cluster: str, wall_seconds: float) -> Iterator[Family]:
    """Show the gateways as Liqo 1.2 does: traffic and latency only while connected."""
    sent = Family("liqo_peer_transmit_bytes_total", "counter", "Bytes sent to a peer.")
    received = Family("liqo_peer_receive_bytes_total", "counter", "Bytes received from a peer.")
    latency = Family("liqo_peer_latency_us", "gauge", "Round trip to a peer in microseconds.")
    connected = Family("liqo_peer_is_connected", "gauge", "Whether the tunnel is connected.")
    for peer in sorted(_peers(world, cluster)):
        labels = {"driver": DRIVER, "cluster_id": peer}
        link = world.link(cluster, peer)
        known_lost = any(_is_known_lost(world, end) for end in (cluster, peer))
        connected.samples.append(Sample(labels, 0.0 if known_lost else 1.0))
        if link:
            latency.samples.append(Sample(labels, liqo_latency_us(link.rtt_ms)))
            for family, direction in ((sent, "transmit"), (received, "receive")):
                key = (direction, cluster, peer)
                value = world.counter(key, wall_seconds)
                family.samples.append(Sample(labels, value, world.rates.get(key, 0.0)))
    yield from (sent, received, latency, connected)


def liqo_latency_us(rtt_ms: float) -> float:
    """Return a round trip as Liqo tells it: in microseconds, but in whole ms from 1 ms on."""
    return float(int(rtt_ms) * 1000 if rtt_ms >= 1 else round(rtt_ms * 1000))


def _is_known_lost(world: World, cluster: str) -> bool:
    outage = world.clusters_lost.get(cluster)
    if outage is None or not outage.lasts():
        return False
    return world.seconds - outage.lost_at >= LIQO_CHECK_SECONDS


def _kube_state(world: World, cluster: str) -> Iterator[Family]:
    """Show the cluster's own real nodes and what is promised on them."""
    spec = world.scenario.fleet.clusters[cluster]
    allocatable = Family(
        "kube_node_status_allocatable", "gauge", "What pods may ask for on a node."
    )
    condition = Family("kube_node_status_condition", "gauge", "The condition of a node.")
    requests = Family("kube_pod_container_resource_requests", "gauge", "What a container asks for.")
    for node in real_nodes(cluster, spec):
        for resource, unit, room in _room(spec):
            labels = {"node": node, "resource": resource, "unit": unit}
            allocatable.samples.append(Sample(labels, room))
        for status in ("true", "false", "unknown"):
            labels = {"node": node, "condition": "Ready", "status": status}
            condition.samples.append(Sample(labels, float(status == "true")))
    for pod, node in _placed(world, cluster):
        for container in pod.containers:
            for resource, unit, asked in (
                ("cpu", "core", container.cores),
                ("memory", "byte", container.memory_bytes),
            ):
                labels = {
                    "namespace": _namespace(world, cluster, pod),
                    "pod": pod.name,
                    "container": container.name,
                    "node": node,
                    "resource": resource,
                    "unit": unit,
                }
                requests.samples.append(Sample(labels, asked))
    yield from (allocatable, condition, requests)


def _room(spec: ClusterSpec) -> tuple[tuple[str, str, float], ...]:
    return ("cpu", "core", spec.cores_per_node), ("memory", "byte", spec.gib_per_node * GIB)


def _placed(world: World, cluster: str) -> Iterator[tuple[Pod, str]]:
    for pod in world.pods_on(cluster):
        node = world.nodes.get(pod.uid)
        if node:
            yield pod, node


def _namespace(world: World, cluster: str, pod: Pod) -> str:
    """Return where a pod is on its own cluster: Liqo's twin has the name of home appended."""
    home = world.scenario.fleet.home
    return pod.namespace if cluster == home else f"{pod.namespace}-{home}"


def _cpu(world: World, cluster: str, wall_seconds: float) -> Iterator[Family]:
    """Show the CPU counters of node_exporter and cAdvisor."""
    spec = world.scenario.fleet.clusters[cluster]
    nodes = Family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.")
    containers = Family(
        "container_cpu_usage_seconds_total", "counter", "CPU time a container used."
    )
    key: CounterKey
    for node in real_nodes(cluster, spec):
        key = ("node", cluster, node)
        used, rate = world.counter(key, wall_seconds), world.rates.get(key, 0.0)
        idle = max(0.0, spec.cores_per_node * wall_seconds - used)
        for mode, value, speed in (
            ("user", used, rate),
            ("idle", idle, spec.cores_per_node - rate),
        ):
            labels = {"node": node, "cpu": "0", "mode": mode}
            nodes.samples.append(Sample(labels, value, speed))
    for pod, _ in _placed(world, cluster):
        for container in pod.containers:
            key = ("pod", cluster, pod.uid, container.name)
            labels = {
                "namespace": _namespace(world, cluster, pod),
                "pod": pod.name,
                "container": container.name,
            }
            value = world.counter(key, wall_seconds)
            containers.samples.append(Sample(labels, value, world.rates.get(key, 0.0)))
    yield from (nodes, containers)


def _users(world: World) -> Iterator[Family]:
    """Show the example application's own count of its users."""
    users = Family("xr_users", "gauge", "Users of a group at a site.")
    for group, (where, count) in sorted(world.users.items()):
        for site in world.scenario.fleet.user_sites:
            labels = {"group": group, "site": site}
            users.samples.append(Sample(labels, float(count) if site == where else 0.0))
    yield users
