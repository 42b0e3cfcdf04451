"""The simulated world: links, clusters, users and load, and how they react to where pods run."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.model.application import Application
from shared.model.names import ComponentName
from simulator.events import (
    ClusterEvent,
    Event,
    GatewayEvent,
    LinkEvent,
    MetricsEvent,
    ProviderEvent,
    UsersEvent,
)
from simulator.faults import Faults
from simulator.fleet import real_nodes
from simulator.load import GIB, PodState, new_state
from simulator.network import Link
from simulator.noise import Noise, Oddities, users_factor
from simulator.pods import Pod
from simulator.rates import rates_of
from simulator.rooms import packed
from simulator.scenario import Scenario
from simulator.traffic import Serving, offer, who_serves

STEP_SECONDS = 1.0
"""Of simulated time, usually. All dynamics are discrete; counters go straight in between."""

CounterKey = tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Outage:
    """When a cluster, or its metrics, was lost and returned, in simulated seconds."""

    lost_at: float
    returned_at: float | None = None

    def lasts(self) -> bool:
        """Tell whether it goes on."""
        return self.returned_at is None


@dataclass(slots=True)
class World:
    """The whole state. Deterministic: same seed, scenario and pods at each step, same world."""

    scenario: Scenario
    applications: tuple[Application, ...]
    access_ms: Mapping[tuple[str, str], float]
    speed: float
    step_seconds: float = STEP_SECONDS
    seconds: float = 0.0
    """Simulated time since the start."""
    pods: tuple[Pod, ...] = ()
    links: dict[frozenset[str], Link] = field(default_factory=dict)
    real_nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By cluster."""
    users: dict[str, tuple[str, int]] = field(default_factory=dict)
    """User group to its site and size."""
    clusters_lost: dict[str, Outage] = field(default_factory=dict)
    metrics_lost: dict[str, Outage] = field(default_factory=dict)
    kubelets_lost: dict[str, Outage] = field(default_factory=dict)
    """Virtual kubelets, by provider."""
    nodes: dict[str, str] = field(default_factory=dict)
    """Pod uid to the real node it runs on."""
    pod_states: dict[str, PodState] = field(default_factory=dict)
    node_noise: dict[str, Noise] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    rates: dict[CounterKey, float] = field(default_factory=dict)
    """Per second of wall time."""
    history: list[Event] = field(default_factory=list)
    _counters: dict[CounterKey, float] = field(default_factory=lambda: defaultdict(float))
    _settled_at: float = 0.0
    _due: list[Event] = field(default_factory=list)
    _home: str = ""
    _pods_on: dict[str, list[Pod]] = field(default_factory=dict)
    _serving: Serving = field(default_factory=dict)

    def __post_init__(self) -> None:
        fleet = self.scenario.fleet
        for spec in fleet.links:
            name = "-".join(sorted(spec.between))
            noise = Noise(random.Random(f"{fleet.seed}/{name}"))
            odd = Oddities(fleet.noise, random.Random(f"{fleet.seed}/{name}/odd"))
            self.links[frozenset(spec.between)] = Link(spec=spec, noise=noise, odd=odd)
        self._home = fleet.home
        self.real_nodes = {name: real_nodes(name, spec) for name, spec in fleet.clusters.items()}
        self.node_noise = {
            node: Noise(random.Random(f"{fleet.seed}/{node}")) for node in fleet.nodes()
        }
        self.users = {group: (users.site, users.count) for group, users in fleet.users.items()}
        self._due = list(self.scenario.events)

    @property
    def events_left(self) -> int:
        """How much of the scenario is still to come."""
        return len(self._due)

    # ---- time

    def steps_to(self, wall_seconds: float) -> Iterator[tuple[Event, ...]]:
        """Run all whole steps up to that many seconds of wall time after the start.

        Yield after each step what happened in it.
        """
        while self.seconds + self.step_seconds <= wall_seconds * self.speed + 1e-9:
            yield self._step()

    def wall_seconds(self) -> float:
        """Return when the newest step ended, in seconds of wall time after the start."""
        return self.seconds / self.speed

    def see(self, pods: Iterable[Pod], wall_seconds: float = 0.0) -> None:
        """Take note of all pods there are at an instant, and let everything react to them."""
        self._settle(wall_seconds)
        self.pods = tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name)))
        self._pods_on = {cluster: [] for cluster in self.scenario.fleet.clusters}
        for pod in self.pods:
            self._pods_on[self.cluster_of(pod.node)].append(pod)
        seed, known = self.scenario.fleet.seed, self.pod_states
        self.pod_states = {pod.uid: known.get(pod.uid) or new_state(seed, pod) for pod in self.pods}
        self._pack()
        self._load()

    def _step(self) -> tuple[Event, ...]:
        self.seconds += self.step_seconds
        self._settle(self.wall_seconds())
        happened = [event for event in self._due if event.at <= self.seconds]
        self._due = self._due[len(happened) :]
        for event in happened:
            self._happen(event)
        self._vary()
        if self.faults.lost_nodes or happened:
            self._pack()
        self._load()
        return tuple(happened)

    def _vary(self) -> None:
        for link in self.links.values():
            link.step(self.step_seconds)
        for noise in self.node_noise.values():
            noise.step(self.step_seconds)
        for pod in self.pods:
            state = self.pod_states[pod.uid]
            state.noise.step(self.step_seconds)
            rate = self.faults.leaks.get(f"{pod.namespace}/{pod.workload}")
            if rate is None:
                state.leaked_bytes = 0.0
            elif self.runs(pod):
                room = self.scenario.fleet.clusters[self.cluster_of(pod.node)].gib_per_node * GIB
                state.leak(pod, rate * self.step_seconds, room, self.seconds)

    def _happen(self, event: Event) -> None:
        self.history.append(event)
        match event:
            case LinkEvent():
                self.links[frozenset(event.between)].impairments[""] = event
            case UsersEvent():
                _, count = self.users[event.group]
                self.users[event.group] = (
                    event.site,
                    count if event.count is None else event.count,
                )
            case ClusterEvent():
                self._outage(self.clusters_lost, event.cluster, event.kind == "cluster-dies")
            case MetricsEvent():
                self._outage(self.metrics_lost, event.cluster, event.kind == "metrics-lost")
            case ProviderEvent(kind="kubelet-dies" | "kubelet-returns"):
                self._outage(self.kubelets_lost, event.cluster, event.kind == "kubelet-dies")
            case GatewayEvent():
                self.faults.happen(event, self.seconds)
                self._saturate(event.cluster)
            case _:
                self.faults.happen(event, self.seconds)

    def _saturate(self, cluster: str) -> None:
        """Have the links of a cluster suffer from its gateway, or no longer."""
        for ends, link in self.links.items():
            if cluster in ends:
                link.impairments.pop(cluster, None)
                if cluster in self.faults.saturated:
                    link.impairments[cluster] = self.faults.saturated[cluster]

    def _outage(self, outages: dict[str, Outage], cluster: str, lost: bool) -> None:  # noqa: FBT001
        if lost:
            outages[cluster] = Outage(lost_at=self.seconds)
        elif cluster in outages:
            outages[cluster].returned_at = self.seconds

    # ---- what is where

    def is_alive(self, cluster: str) -> bool:
        """Tell whether a cluster runs at all."""
        outage = self.clusters_lost.get(cluster)
        return outage is None or not outage.lasts()

    def cluster_of(self, node: str) -> str:
        """Return the cluster of a node of home: a virtual node has the name of its provider."""
        return node if node in self.real_nodes else self._home

    def pods_on(self, cluster: str) -> tuple[Pod, ...]:
        """Return the pods that Kubernetes has on a cluster, serving or not."""
        return tuple(self._pods_on.get(cluster, ()))

    def runs(self, pod: Pod) -> bool:
        """Tell whether the machine that a pod is on is there; no machine may have had room."""
        node = self.nodes.get(pod.uid)
        alive = self.is_alive(self.cluster_of(pod.node))
        return alive and node is not None and node not in self.faults.lost_nodes

    def serves(self, pod: Pod) -> bool:
        """Tell whether a pod truly serves, whatever Kubernetes knows."""
        return pod.serves and self.runs(pod) and self.pod_states[pod.uid].back_at <= self.seconds

    def serving(self, application: Application, component: str) -> dict[str, int]:
        """Return how many replicas of a component truly serve, by cluster."""
        name = application.component(ComponentName(component)).workload.name
        return dict(self._serving.get((application.namespace, name), {}))

    def processing_ms(self, application: Application, component: str) -> float:
        """Return how long a component truly takes: on average over the replicas that serve."""
        part = application.component(ComponentName(component))
        slowdowns = [
            self.pod_states[pod.uid].slowdown
            for pod in self.pods
            if (pod.namespace, pod.workload) == (application.namespace, part.workload.name)
            and self.serves(pod)
        ]
        mean = sum(slowdowns) / len(slowdowns) if slowdowns else 1.0
        return part.processing_ms * mean

    def link(self, one: str, other: str) -> Link | None:
        """Return the link between two clusters; None where there is none, or an end is dead."""
        if not (self.is_alive(one) and self.is_alive(other)):
            return None
        return self.links.get(frozenset((one, other)))

    def users_of(self, group: str) -> float:
        """Return how many users a group has at this hour."""
        _, count = self.users[group]
        return count * users_factor(self.scenario.fleet.rhythm, self.seconds)

    @property
    def load_ratio(self) -> float:
        """Users now against users at the start, of an average hour."""
        start = sum(users.count for users in self.scenario.fleet.users.values())
        return sum(self.users_of(group) for group in self.users) / max(start, 1)

    def open_nodes(self, cluster: str) -> dict[str, bool]:
        """Return the real nodes of a cluster, and whether each takes new pods."""
        is_full = cluster in self.faults.full
        lost = self.faults.lost_nodes
        return {node: not is_full and node not in lost for node in self.real_nodes[cluster]}

    def _pack(self) -> None:
        standing, self.nodes = self.nodes, {}
        for cluster, spec in self.scenario.fleet.clusters.items():
            pods = self.pods_on(cluster)
            if spec.home:
                self.nodes.update((pod.uid, pod.node) for pod in pods)
                continue
            stay = {
                uid: node
                for uid, node in standing.items()
                if not self.faults.has_evicted(node, self.seconds)
            }
            self.nodes.update(packed(pods, stay, nodes=self.open_nodes(cluster), spec=spec))

    # ---- load

    def _load(self) -> None:
        """Work out traffic and the use of nodes from the placement."""
        self._serving = who_serves(self)
        offer(self)
        self.rates = rates_of(self)

    def counter(self, key: CounterKey, wall_seconds: float) -> float:
        """Return a counter at an instant. It goes straight from one change of rate to the next."""
        self._settle(wall_seconds)
        return self._counters.get(key, 0.0)

    def _settle(self, wall_seconds: float) -> None:
        """Count up to an instant. An earlier one than before changes nothing: no step back."""
        since = wall_seconds - self._settled_at
        if since > 0:
            for key, rate in self.rates.items():
                self._counters[key] += rate * since
            self._settled_at = wall_seconds
