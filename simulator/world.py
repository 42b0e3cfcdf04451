"""The simulated world: links, clusters, users and load, and how they react to where pods run."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.model.application import Application
from simulator.network import Link, Noise
from simulator.pods import Pod
from simulator.rooms import packed, real_nodes
from simulator.scenario import (
    ClusterEvent,
    Event,
    LinkEvent,
    MetricsEvent,
    Scenario,
    UsersEvent,
)

STEP_SECONDS = 1.0
"""Of simulated time. All dynamics are discrete; counters go straight in between."""
USE_RATIO = 0.6
"""What a replica uses of what it asks for, at the users of the start."""
SYSTEM_CORES = 0.3
"""What a node uses for itself."""

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
    seconds: float = 0.0
    """Simulated time since the start."""
    pods: tuple[Pod, ...] = ()
    links: dict[frozenset[str], Link] = field(default_factory=dict)
    users: dict[str, tuple[str, int]] = field(default_factory=dict)
    """User group to its site and size."""
    clusters_lost: dict[str, Outage] = field(default_factory=dict)
    metrics_lost: dict[str, Outage] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    """Pod uid to the real node it runs on."""
    pod_noise: dict[str, Noise] = field(default_factory=dict)
    rates: dict[CounterKey, float] = field(default_factory=dict)
    """Per second of wall time."""
    history: list[Event] = field(default_factory=list)
    _counters: dict[CounterKey, float] = field(default_factory=lambda: defaultdict(float))
    _settled_at: float = 0.0
    _due: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        fleet = self.scenario.fleet
        for spec in fleet.links:
            name = "-".join(sorted(spec.between))
            noise = Noise(random.Random(f"{fleet.seed}/{name}"))
            self.links[frozenset(spec.between)] = Link(spec=spec, noise=noise)
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
        while self.seconds + STEP_SECONDS <= wall_seconds * self.speed + 1e-9:
            yield self._step()

    def wall_seconds(self) -> float:
        """Return when the newest step ended, in seconds of wall time after the start."""
        return self.seconds / self.speed

    def see(self, pods: Iterable[Pod], wall_seconds: float = 0.0) -> None:
        """Take note of all pods there are at an instant, and let everything react to them."""
        self._settle(wall_seconds)
        self.pods = tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name)))
        self._pack()
        self._load()

    def _step(self) -> tuple[Event, ...]:
        self.seconds += STEP_SECONDS
        self._settle(self.wall_seconds())
        happened = [event for event in self._due if event.at <= self.seconds]
        self._due = self._due[len(happened) :]
        for event in happened:
            self._happen(event)
        for noise in (*(link.noise for link in self.links.values()), *self.pod_noise.values()):
            noise.step()
        self._load()
        return tuple(happened)

    def _happen(self, event: Event) -> None:
        self.history.append(event)
        match event:
            case LinkEvent():
                self.links[frozenset(event.between)].change = event
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
        fleet = self.scenario.fleet
        return node if node in fleet.clusters else fleet.home

    def pods_on(self, cluster: str) -> tuple[Pod, ...]:
        """Return the pods that Kubernetes has on a cluster, serving or not."""
        return tuple(pod for pod in self.pods if self.cluster_of(pod.node) == cluster)

    def serving(self, application: Application, component: str) -> dict[str, int]:
        """Return how many replicas of a component truly serve, by cluster."""
        name = next(c.workload.name for c in application.components if c.name == component)
        found: dict[str, int] = defaultdict(int)
        for pod in self.pods:
            if pod.namespace == application.namespace and pod.workload == name and pod.serves:
                cluster = self.cluster_of(pod.node)
                if self.is_alive(cluster):
                    found[cluster] += 1
        return dict(sorted(found.items()))

    def link(self, one: str, other: str) -> Link | None:
        """Return the link between two clusters; None where there is none, or an end is dead."""
        if not (self.is_alive(one) and self.is_alive(other)):
            return None
        return self.links.get(frozenset((one, other)))

    @property
    def load_ratio(self) -> float:
        """Users now against users at the start."""
        start = sum(users.count for users in self.scenario.fleet.users.values())
        return sum(count for _, count in self.users.values()) / max(start, 1)

    def _pack(self) -> None:
        standing, self.nodes = self.nodes, {}
        for cluster, spec in self.scenario.fleet.clusters.items():
            pods = self.pods_on(cluster)
            if spec.home:
                self.nodes.update((pod.uid, pod.node) for pod in pods)
            else:
                nodes = real_nodes(cluster, spec)
                self.nodes.update(packed(pods, standing, nodes=nodes, spec=spec))

    # ---- load

    def _load(self) -> None:
        """Work out traffic and CPU use from the placement."""
        for link in self.links.values():
            link.used_mbps = {}
        for application in self.applications:
            self._offer(application)
        self.rates = {**self._link_rates(), **self._cpu_rates()}

    def _offer(self, application: Application) -> None:
        for flow in application.flows:
            sources = self.serving(application, flow.source)
            targets = self.serving(application, flow.target)
            pairs = sum(sources.values()) * sum(targets.values())
            for source, senders in sources.items():
                for target, receivers in targets.items():
                    link = self.link(source, target) if source != target else None
                    if link:
                        share = senders * receivers / pairs
                        used = link.used_mbps.get(source, 0.0)
                        link.used_mbps[source] = used + flow.mbps * share * self.load_ratio

    def _link_rates(self) -> dict[CounterKey, float]:
        """Bytes per second sent and received, by (direction, cluster, peer)."""
        rates: dict[CounterKey, float] = {}
        for ends in self.links:
            one, other = sorted(ends)
            for source, target in ((one, other), (other, one)):
                link = self.link(source, target)
                if link:
                    rate = link.carried_mbps(source) * 1e6 / 8
                    rates["transmit", source, target] = rate
                    rates["receive", target, source] = rate
        return rates

    def _cpu_rates(self) -> dict[CounterKey, float]:
        """Cores used, by ("pod", cluster, uid, container) and ("node", cluster, node)."""
        rates: dict[CounterKey, float] = {}
        noises, self.pod_noise = self.pod_noise, {}
        for cluster, spec in self.scenario.fleet.clusters.items():
            if not self.is_alive(cluster):
                continue
            used = dict.fromkeys(real_nodes(cluster, spec), SYSTEM_CORES)
            for pod in self.pods_on(cluster):
                noise = noises.get(pod.uid) or self._noise_of(pod)
                self.pod_noise[pod.uid] = noise
                for container, cores in self._use(pod, noise):
                    rates["pod", cluster, pod.uid, container] = cores
                    node = self.nodes.get(pod.uid)
                    if node in used:
                        used[node] += cores
            rates |= {("node", cluster, node): cores for node, cores in used.items()}
        return rates

    def _noise_of(self, pod: Pod) -> Noise:
        return Noise(random.Random(f"{self.scenario.fleet.seed}/{pod.namespace}/{pod.name}"))

    def _use(self, pod: Pod, noise: Noise) -> Iterable[tuple[str, float]]:
        ratio = USE_RATIO * self.load_ratio if pod.serves else 0.0
        for container in pod.containers:
            wanted = container.cores * ratio * (1 + 0.03 * noise.value)
            yield container.name, min(container.cores, max(0.0, wanted))

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
