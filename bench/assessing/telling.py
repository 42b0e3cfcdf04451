"""What Observe would read of a made-up fleet: the answers to its queries, worked out directly."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp
from random import Random

import numpy as np

from bench.assessing.fleet import Plan
from shared.messages.readings import Readings, Signal
from shared.messages.texts import Texts, as_texts
from shared.model.application import Application
from simulator.fleet import real_nodes
from simulator.load import GIB, SYSTEM_BYTES
from simulator.noise import Noise
from simulator.pods import Pod
from simulator.traffic import between_clusters
from simulator.world import World

Row = tuple[Signal, str, str, float]
Key = tuple[str, ...]
RATE_TURNS = 4
"""A rate is over the last minute."""
PEAK_SECONDS = 60.0
"""So long a new pod takes a core more for each that it asks for: caches and compilers."""
AGE_SECONDS = 5.0
DRIFT_STEP_SECONDS, DRIFT_RTT, DRIFT_JITTER = 0.3, 0.01, 0.15
"""How far the noise of a route goes on in a turn (it is remembered for some eight minutes), and its
spread in round trip and jitter, relative."""
MEASURED = 0.03
"""Spread of what applications measure, relative."""


@dataclass(slots=True, kw_only=True)
class Teller:
    """What is remembered from turn to turn: the rates of the last minute, and the names."""

    plan: Plan
    chance: Random
    drifts: dict[frozenset[str], Noise]
    """How the route of each link wanders over minutes."""
    rates: deque[dict[Key, float]] = field(default_factory=lambda: deque(maxlen=RATE_TURNS))
    keys: list[tuple[Signal, str, str]] = field(default_factory=list)
    columns: tuple[Texts, Texts, Texts] | None = None

    def tell(self, world: World, began: dict[str, float]) -> Readings:
        """Return all readings of the newest step.

        `began`: pod to the second when it became ready; those of the start are not in it.
        """
        self.rates.append(self._rates(world, began))
        rows = [
            *self._links(world),
            *self._nodes(world),
            *self._pods(world),
            *self._declared(world),
        ]
        keys = [row[:3] for row in rows]
        if self.columns is None or keys != self.keys:
            signals, clusters, subjects = zip(*keys, strict=True)
            self.keys = keys
            self.columns = as_texts(signals), as_texts(clusters), as_texts(subjects)
        signals, clusters, subjects = self.columns
        return Readings(
            signals=signals,
            clusters=clusters,
            subjects=subjects,
            values=np.array([row[3] for row in rows]),
            ages_seconds=np.full(len(rows), AGE_SECONDS),
        )

    # ---- rates

    def _rates(self, world: World, began: dict[str, float]) -> dict[Key, float]:
        """Return the rates of a step, with each application's own load and new pods' peaks."""
        loads = self._loads(world)
        mean = max(world.load_ratio, 1e-9)
        rates: dict[Key, float] = {
            key: rate for key, rate in world.rates.items() if key[0] not in ("transmit", "receive")
        }
        for pod in world.pods:
            cluster = world.cluster_of(pod.node)
            key = ("cpu", cluster, pod.uid, pod.containers[0].name)
            if key not in rates:
                continue
            before = rates[key]
            rates[key] = before * loads[pod.namespace] / mean + _peak(world, pod, began)
            node = ("user", cluster, world.nodes[pod.uid])
            rates[node] = rates.get(node, 0.0) + rates[key] - before
        for application in world.applications:
            _offer(world, application, loads[application.namespace], rates)
        return rates

    def _loads(self, world: World) -> dict[str, float]:
        """Return the load of each application, by namespace: its users against their count."""
        users = self.plan.spec.users
        return {
            a.namespace: sum(world.users[g.name][1] for g in a.users)
            / sum(users[g.name].count for g in a.users)
            for a in self.plan.applications
        }

    def _rate(self, key: Key) -> float:
        told = [rates[key] for rates in self.rates if key in rates]
        return sum(told) / len(told) if told else 0.0

    # ---- signals

    def _links(self, world: World) -> Iterator[Row]:
        for ends, link in world.links.items():
            drift = self.drifts[ends]
            drift.step(DRIFT_STEP_SECONDS)
            rtt = link.rtt_ms * (1 + DRIFT_RTT * drift.value)
            jitter = link.jitter_ms * exp(DRIFT_JITTER * drift.value)
            for end in sorted(ends):
                (peer,) = ends - {end}
                yield Signal.LINK_RTT_MS, end, peer, rtt
                yield Signal.LINK_JITTER_MS, end, peer, jitter
                yield Signal.LINK_LOSS_RATIO, end, peer, link.loss_ratio
                yield Signal.LINK_CAPACITY_MBPS, end, peer, link.capacity_mbps
                yield Signal.LINK_UP, end, peer, 1.0
                yield Signal.LINK_USED_MBPS, end, peer, self._rate(("sent", end, peer))

    def _nodes(self, world: World) -> Iterator[Row]:
        held: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        for pod in world.pods:
            node = world.nodes.get(pod.uid, "")
            held[node] += sum(size for _, size in world.pod_states[pod.uid].held(pod))  # type: ignore[assignment]
            asked[node] += pod.cores  # type: ignore[assignment]
        for cluster, spec in self.plan.spec.clusters.items():
            for node in real_nodes(cluster, spec):
                is_lost = node in world.faults.lost_nodes
                yield Signal.NODE_ALLOCATABLE_CORES, cluster, node, spec.cores_per_node
                yield Signal.NODE_ALLOCATABLE_BYTES, cluster, node, spec.gib_per_node * GIB
                yield Signal.NODE_REQUESTED_CORES, cluster, node, asked[node]
                yield Signal.NODE_REQUESTED_BYTES, cluster, node, 2 * GIB * asked[node]
                yield Signal.NODE_READY, cluster, node, 0.0 if is_lost else 1.0
                if is_lost:
                    continue
                softirq = self._rate(("softirq", cluster, node))
                used = self._rate(("user", cluster, node)) + softirq
                yield Signal.NODE_USED_CORES, cluster, node, min(used, spec.cores_per_node)
                yield Signal.NODE_SOFTIRQ_CORES, cluster, node, softirq
                yield Signal.NODE_USED_BYTES, cluster, node, SYSTEM_BYTES + held[node]

    def _pods(self, world: World) -> Iterator[Row]:
        for pod in world.pods:
            if not world.runs(pod):
                continue
            cluster = world.cluster_of(pod.node)
            state, container = world.pod_states[pod.uid], pod.containers[0].name
            throttled = self._rate(("throttled", cluster, pod.uid, container))
            periods = self._rate(("periods", cluster, pod.uid, container))
            held = sum(size for _, size in state.held(pod))
            cores = self._rate(("cpu", cluster, pod.uid, container))
            yield Signal.POD_USED_CORES, cluster, pod.name, cores
            yield Signal.POD_USED_BYTES, cluster, pod.name, held
            yield Signal.POD_RESTARTS, cluster, pod.name, float(state.restarts)
            if periods > 0:
                yield Signal.POD_THROTTLED_RATIO, cluster, pod.name, throttled / periods

    def _declared(self, world: World) -> Iterator[Row]:
        loads = self._loads(world)
        for application in self.plan.applications:
            name = application.name
            for component in application.components:
                taken_ms = self._measured(world.processing_ms(application, component.name))
                yield Signal.PROCESSING_MS, "", f"{name}/{component.name}", taken_ms
            for flow in application.flows:
                mbps = self._measured(flow.mbps * loads[application.namespace])
                yield Signal.FLOW_MBPS, "", f"{name}/{flow.source}/{flow.target}", mbps
            for group in application.users:
                yield Signal.USERS, "", f"{name}/{group.name}", float(world.users[group.name][1])

    def _measured(self, value: float) -> float:
        return value * (1 + MEASURED * self.chance.gauss())


def _peak(world: World, pod: Pod, began: dict[str, float]) -> float:
    is_new = pod.name in began and world.seconds - began[pod.name] < PEAK_SECONDS
    return pod.cores if is_new else 0.0


def _offer(world: World, application: Application, load: float, rates: dict[Key, float]) -> None:
    """Add what an application sends over links."""
    for source, target, mbps in between_clusters(world, application):
        key = ("sent", source, target)
        rates[key] = rates.get(key, 0.0) + mbps * load
