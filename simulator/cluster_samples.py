"""The metrics of nodes and pods: kube-state-metrics, node_exporter and cAdvisor of a cluster."""

from collections.abc import Iterator

from simulator.families import Family, Sample
from simulator.fleet import ClusterSpec
from simulator.load import GIB, SYSTEM_BYTES
from simulator.pods import Container, Pod
from simulator.world import World

Labels = dict[str, str]


def kube_state(world: World, cluster: str) -> Iterator[Family]:
    """Show the cluster's own real nodes, what is promised on them, and restarts."""
    yield from _nodes_known(world, cluster)
    requests = Family("kube_pod_container_resource_requests", "gauge", "What a container asks for.")
    restarts = Family(
        "kube_pod_container_status_restarts_total", "counter", "Restarts of a container."
    )
    for pod, node in _placed(world, cluster):
        state = world.pod_states[pod.uid]
        for number, container in enumerate(pod.containers):
            labels = _of_container(world, cluster, pod, container)
            for resource, unit, asked in (
                ("cpu", "core", container.cores),
                ("memory", "byte", container.memory_bytes),
            ):
                more = {"node": node, "resource": resource, "unit": unit}
                requests.samples.append(Sample({**labels, **more}, asked))
            count = float(state.restarts if number == 0 else 0)
            restarts.samples.append(Sample(labels, count, 0.0))
    yield from (requests, restarts)


def _nodes_known(world: World, cluster: str) -> Iterator[Family]:
    spec = world.scenario.fleet.clusters[cluster]
    allocatable = Family(
        "kube_node_status_allocatable", "gauge", "What pods may ask for on a node."
    )
    condition = Family("kube_node_status_condition", "gauge", "The condition of a node.")
    for node in world.real_nodes[cluster]:
        for resource, unit, room in _room(spec):
            labels = {"node": node, "resource": resource, "unit": unit}
            allocatable.samples.append(Sample(labels, room))
        true = "unknown" if node in world.faults.lost_nodes else "true"
        for status in ("true", "false", "unknown"):
            labels = {"node": node, "condition": "Ready", "status": status}
            condition.samples.append(Sample(labels, float(status == true)))
    yield from (allocatable, condition)


def _room(spec: ClusterSpec) -> tuple[tuple[str, str, float], ...]:
    return ("cpu", "core", spec.cores_per_node), ("memory", "byte", spec.gib_per_node * GIB)


def node_exporters(world: World, cluster: str, wall_seconds: float) -> Iterator[Family]:
    """Show CPU time and memory of every node that is there."""
    spec = world.scenario.fleet.clusters[cluster]
    cpu = Family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.")
    total = Family("node_memory_MemTotal_bytes", "gauge", "Memory of a node.")
    available = Family("node_memory_MemAvailable_bytes", "gauge", "What programs may still take.")
    held = _held_by_node(world, cluster)
    for node in world.real_nodes[cluster]:
        if node in world.faults.lost_nodes:
            continue
        busy, busy_rate = 0.0, 0.0
        for mode in ("user", "softirq"):
            key = (mode, cluster, node)
            value, rate = world.counter(key, wall_seconds), world.rates.get(key, 0.0)
            busy, busy_rate = busy + value, busy_rate + rate
            cpu.samples.append(Sample({"node": node, "cpu": "0", "mode": mode}, value, rate))
        idle = max(0.0, spec.cores_per_node * wall_seconds - busy)
        labels = {"node": node, "cpu": "0", "mode": "idle"}
        cpu.samples.append(Sample(labels, idle, spec.cores_per_node - busy_rate))
        memory = spec.gib_per_node * GIB
        total.samples.append(Sample({"node": node}, memory))
        used = SYSTEM_BYTES + held.get(node, 0.0)
        available.samples.append(Sample({"node": node}, max(0.0, memory - used)))
    yield from (cpu, total, available)


def _held_by_node(world: World, cluster: str) -> dict[str, float]:
    held: dict[str, float] = {}
    for pod, node in _placed(world, cluster):
        of_pod = sum(size for _, size in world.pod_states[pod.uid].held(pod))
        held[node] = held.get(node, 0.0) + of_pod
    return held


def cadvisor(world: World, cluster: str, wall_seconds: float) -> Iterator[Family]:
    """Show what the containers use, on nodes that are there; how throttled, where limited."""
    cpu = Family("container_cpu_usage_seconds_total", "counter", "CPU time a container used.")
    held = Family("container_memory_working_set_bytes", "gauge", "Memory a container holds.")
    periods = Family("container_cpu_cfs_periods_total", "counter", "Periods of the CPU limit.")
    throttled = Family(
        "container_cpu_cfs_throttled_periods_total", "counter", "Periods a container was kept in."
    )
    counted = {"cpu": cpu, "periods": periods, "throttled": throttled}
    for pod, _ in _placed(world, cluster):
        if not world.runs(pod):
            continue
        for container, size in world.pod_states[pod.uid].held(pod):
            labels = _of_container(world, cluster, pod, container)
            held.samples.append(Sample(labels, size))
            for name, family in counted.items():
                key = (name, cluster, pod.uid, container.name)
                if name == "cpu" or container.most_cores is not None:
                    value = world.counter(key, wall_seconds)
                    family.samples.append(Sample(labels, value, world.rates.get(key, 0.0)))
    yield from (cpu, held, periods, throttled)


def _placed(world: World, cluster: str) -> Iterator[tuple[Pod, str]]:
    for pod in world.pods_on(cluster):
        node = world.nodes.get(pod.uid)
        if node:
            yield pod, node


def _of_container(world: World, cluster: str, pod: Pod, container: Container) -> Labels:
    """Return a container's labels on its own cluster: Liqo's twin has home in its namespace."""
    home = world.scenario.fleet.home
    namespace = pod.namespace if cluster == home else f"{pod.namespace}-{home}"
    return {"namespace": namespace, "pod": pod.name, "container": container.name}
