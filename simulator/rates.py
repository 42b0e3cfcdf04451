"""How fast every counter of the simulated world runs, worked out anew in each step."""

from collections import defaultdict
from typing import TYPE_CHECKING

from simulator.load import (
    PERIODS_PER_SECOND,
    SOFTIRQ_CORES,
    SOFTIRQ_CORES_PER_GBPS,
    SYSTEM_CORES,
    use,
)

if TYPE_CHECKING:
    from simulator.world import CounterKey, World


def rates_of(world: "World") -> "dict[CounterKey, float]":
    """Return the rates per second of wall time.

    ("transmit" or "receive", cluster, peer): bytes. ("user" or "softirq", cluster, node): cores.
    ("cpu", cluster, pod uid, container): cores. ("periods" or "throttled", cluster, pod uid,
    container): periods of the scheduler, of containers that have a limit.
    """
    rates = _link_rates(world)
    through: dict[str, float] = defaultdict(float)
    for (_, cluster, _), byte_rate in rates.items():
        through[cluster] += byte_rate * 8 / 1e9
    load_ratio = world.load_ratio
    for cluster in world.scenario.fleet.clusters:
        if world.is_alive(cluster):
            rates |= _cluster_rates(world, cluster, load_ratio, through[cluster])
    return rates


def _link_rates(world: "World") -> "dict[CounterKey, float]":
    rates: dict[CounterKey, float] = {}
    for ends in world.links:
        one, other = sorted(ends)
        for source, target in ((one, other), (other, one)):
            link = world.link(source, target)
            if link:
                rate = link.carried_mbps(source) * 1e6 / 8
                rates["transmit", source, target] = rate
                rates["receive", target, source] = rate
    return rates


def _cluster_rates(
    world: "World", cluster: str, load_ratio: float, gateway_gbps: float
) -> "dict[CounterKey, float]":
    rates: dict[CounterKey, float] = {}
    pods_cores: dict[str, float] = defaultdict(float)
    for pod in world.pods_on(cluster):
        if not world.runs(pod):
            continue
        node = world.nodes[pod.uid]
        work = load_ratio if world.serves(pod) else 0.0
        for one in use(pod, world.pod_states[pod.uid], work, world.faults.free_share(node)):
            key = (cluster, pod.uid, one.container.name)
            rates["cpu", *key] = one.cores
            pods_cores[node] += one.cores
            if one.container.most_cores is not None:
                rates["periods", *key] = PERIODS_PER_SECOND
                rates["throttled", *key] = PERIODS_PER_SECOND * one.throttled_ratio
    for number, node in enumerate(world.real_nodes[cluster]):
        if node not in world.faults.lost_nodes:
            gbps = gateway_gbps if number == 0 else 0.0
            user, softirq = _node_cores(world, cluster, node, pods_cores[node], gbps)
            rates["user", cluster, node], rates["softirq", cluster, node] = user, softirq
    return rates


def _node_cores(
    world: "World", cluster: str, node: str, pods_cores: float, gateway_gbps: float
) -> tuple[float, float]:
    """Return what a node spends on programs, and on packets; on all together no more than it has.

    The gateway, with `gateway_gbps` through it, is on the first node of its cluster.
    """
    faults, cores = world.faults, world.scenario.fleet.clusters[cluster].cores_per_node
    wander = max(0.0, 1 + 0.1 * world.node_noise[node].value)
    packets = SOFTIRQ_CORES + SOFTIRQ_CORES_PER_GBPS * gateway_gbps
    if cluster in faults.saturated and node == world.real_nodes[cluster][0]:
        packets += faults.saturated[cluster].softirq_cores
    softirq = min(cores, packets * wander)
    neighbour = cores * (1.0 - faults.free_share(node))
    return min(cores - softirq, SYSTEM_CORES * wander + pods_cores + neighbour), softirq
