"""The whole loop in one process on virtual time: world, Observe, Orient, Decide, and hands.

The simulator's samples go through Thanos's answers and the three cores, which are those of
production; what Act does is done on pods in small. Nothing waits: an hour takes seconds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import services.decide.core.memory as deciding
import services.observe.core.memory as observing
import services.orient.core.memory as orienting
from bench.deciding.hands import Hands
from bench.deciding.kubelets import Kubernetes, WorkloadKey, begin
from services.decide.core.decide import decide
from services.observe.core.answers import Answer, Answers, Question, Sample, Store
from services.observe.core.inventory import KINDS, read_inventory
from services.observe.core.observe import Cycle, observe, questions_of
from services.observe.core.reader import Listed
from services.orient.core.orient import orient
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.inventory import (
    ForeignCluster,
    Freshness,
    Inventory,
    KindFreshness,
    KubeNode,
    NamespaceOffloading,
    Pod,
    Workload,
)
from shared.messages.observation import Observation
from shared.model.application import Application, WorkloadKind
from shared.model.names import ClusterName, FleetName
from shared.model.resources import Resources
from shared.model.site import Site
from simulator.applications import Declared, declared
from simulator.events import Event
from simulator.families import Family
from simulator.fleet import FleetSpec
from simulator.load import GIB
from simulator.prometheus import Sidecar, sidecar_of
from simulator.queries import answer
from simulator.samples import families_of
from simulator.scenario import Scenario, load
from simulator.truth import Record
from simulator.world import World

FLEET = FleetName("default")
STARTED_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTERVAL, STEP_SECONDS, MAX_AGE = timedelta(seconds=15), 5.0, timedelta(seconds=45)
CLUSTER = "cluster"
USUALLY = {"render": "metro"}
"""Where the components of an arena start that are not at home."""

Scrapes = dict[str, tuple[Family, ...]]


@dataclass(slots=True, kw_only=True)
class Sight:
    """What is wrong with the measurements, beside what is wrong with the clusters."""

    is_silent: bool = False
    """Thanos answers nothing at all."""
    stale: dict[str, tuple[float, tuple[Family, ...]]] = field(default_factory=dict)
    """Clusters whose samples stand still: since which second, and what they were."""
    off_ms: dict[frozenset[str], Callable[[], float]] = field(default_factory=dict)
    """By how much the next measurement of a link's latency will be off, one way."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """One run. `turn` lives through an interval; what happens in between is for the test to do."""

    world: World
    kubernetes: Kubernetes
    hands: Hands
    inventory: Inventory
    """As declared: what pods and nodes there are is added in each turn."""
    record: Record
    sight: Sight = field(default_factory=Sight)
    late: frozenset[str] = frozenset()
    """Kinds of object whose watch is broken; what is listed is what was last seen."""
    observed: observing.Memory = field(default_factory=observing.Memory)
    oriented: orienting.Memory = field(default_factory=orienting.Memory)
    decided: deciding.Memory = field(default_factory=deciding.Memory)
    insight: Insight | None = None
    decisions: list[Decision] = field(default_factory=list)
    homeless: list[tuple[float, str]] = field(default_factory=list)
    """Copies that a cluster which is well had no room for, with the second."""
    number: int = 0
    watches: list[Callable[[], None]] = field(default_factory=list)
    """Called after each step of the world."""

    # ---- time

    def run(self, minutes: float) -> "Loop":
        """Live through so many minutes."""
        for _ in range(round(minutes * 60 / INTERVAL.total_seconds())):
            self.turn()
        return self

    def inject(self, *events: Event) -> None:
        """Have something happen in the next step."""
        self.world._due.extend(events)  # noqa: SLF001 - the scenario of a run is made while it runs

    def turn(self) -> tuple[Decision, ...]:
        """Live through one interval, and decide at its end."""
        self.number += 1
        for _ in self.world.steps_to(INTERVAL.total_seconds() * self.number):
            self.kubernetes.step()
            if self.insight is not None:
                self.hands.go_on(self.insight)
            self.record.see_step()
            self._look_for_homeless()
            for watch in self.watches:
                watch()
        observation = self.observe()
        self.insight, self.oriented = orient(observation, self.oriented)
        decisions, self.decided = decide(self.insight, self.decided)
        self.decisions += decisions
        self.hands.take(decisions, self.insight)
        self.hands.go_on(self.insight)
        return decisions

    def _look_for_homeless(self) -> None:
        for copy in self.kubernetes.copies:
            is_well = self.world.is_alive(copy.cluster) and not self.kubernetes.is_lost(
                copy.cluster
            )
            if is_well and copy.leaves_at is None and copy.name not in self.world.nodes:
                self.homeless.append((self.world.seconds, copy.name))

    # ---- what is seen

    def observe(self) -> Observation:
        """Return the observation of now."""
        for ends, off_ms in self.sight.off_ms.items():
            self.world.links[ends].odd.delay_ms = off_ms()  # until the next step
        cycle = Cycle(fleet=FLEET, at=self.kubernetes.at, interval=INTERVAL, max_age=MAX_AGE)
        inventory = self._inventory()
        answers = self._answers(questions_of(inventory, max_age=MAX_AGE))
        observation, self.observed = observe(
            answers, inventory, self.hands.outcomes(), self.observed, cycle=cycle
        )
        return observation

    def _answers(self, questions: Iterable[Question]) -> Answers:
        if self.sight.is_silent:
            why = "Thanos does not answer: connection refused"
            return Answers(answers=tuple(Answer(question=q, failure=why) for q in questions))
        clusters = sorted(self.world.scenario.fleet.clusters)
        wall = self.world.wall_seconds()
        states = {c: sidecar_of(self.world, c, wall) for c in clusters}
        scrapes = {c: self._scrape(c) for c, s in states.items() if s is Sidecar.UP}
        warnings = tuple(
            f'fetch series for {{cluster="{c}"}}: rpc error: code = Unavailable'
            for c, state in states.items()
            if state is Sidecar.FAILING
        )
        return Answers(
            answers=tuple(self._answer(q, scrapes, warnings) for q in questions),
            stores=tuple(
                Store(
                    name=f"{c}.sidecar.invalid:10901",
                    clusters=(c,),
                    last_error="connection refused" if state is Sidecar.DROPPED else "",
                )
                for c, state in states.items()
            ),
        )

    def _scrape(self, cluster: str) -> tuple[Family, ...]:
        if cluster in self.sight.stale:
            return self.sight.stale[cluster][1]
        return families_of(self.world, cluster, self.world.wall_seconds())

    def _answer(self, question: Question, scrapes: Scrapes, warnings: tuple[str, ...]) -> Answer:
        now = self.kubernetes.at.timestamp()
        vector = answer(question.promql, scrapes, at=now)
        samples = []
        for labels, value in vector.items():
            told = dict(labels)
            since = self.sight.stale.get(told.get(CLUSTER, ""))
            if since and question.labels == (CLUSTER,):  # the question of how old it is
                value = now - (self.world.seconds - since[0])  # noqa: PLW2901
            samples.append(Sample(tuple(told.get(name, "") for name in question.labels), value))
        return Answer(question=question, samples=tuple(samples), warnings=warnings)

    def freeze(self, cluster: str) -> None:
        """Have the samples of a cluster stand still from now on."""
        self.sight.stale[cluster] = (self.world.seconds, self._scrape(cluster))

    def _inventory(self) -> Inventory:
        there, clusters = self.kubernetes, self.world.scenario.fleet.clusters
        kinds = tuple(
            KindFreshness(
                kind=k.kind,
                state=Freshness.LATE if k.kind in self.late else Freshness.FRESH,
                synced_at=there.at,
            )
            for k in self.inventory.kinds
        )
        providers = [name for name, spec in clusters.items() if not spec.home]
        ready = {name for name in providers if not there.is_lost(name)}
        return replace(
            self.inventory,
            kinds=kinds,
            applications=self._applications(),
            workloads=self._workloads(),
            pods=tuple(
                Pod(
                    namespace=c.key[0],
                    name=c.name,
                    workload=c.key[1],
                    node=c.node,
                    ready=c.ready and c.leaves_at is None,
                    terminating=c.leaves_at is not None,
                )
                for c in sorted(there.copies, key=lambda c: (c.key[0], c.name))
            ),
            nodes=self._nodes(),
            foreign_clusters=tuple(
                ForeignCluster(
                    cluster=ClusterName(name),
                    api_server="Established" if there.peer(name).api else "Error",
                    network="Established" if there.peer(name).network else "Error",
                )
                for name in sorted(providers)
            ),
            offloadings=tuple(
                NamespaceOffloading(
                    namespace=namespace,
                    phase="Ready" if names <= ready else "SomeFailed",
                    ready_clusters=tuple(ClusterName(c) for c in sorted(names & ready)),
                )
                for namespace, names in sorted(there.stretched.items())
            ),
            under_way=self.hands.under_way(),
        )

    def _applications(self) -> tuple[Application, ...]:
        """Return them with the replicas that their workloads ask for now."""
        return tuple(
            replace(
                a,
                components=tuple(
                    replace(c, replicas=self.kubernetes.work[a.namespace, c.workload.name].replicas)
                    for c in a.components
                ),
            )
            for a in self.inventory.applications
        )

    def _workloads(self) -> tuple[Workload, ...]:
        return tuple(
            Workload(
                namespace=namespace,
                kind=WorkloadKind.DEPLOYMENT,
                name=name,
                replicas=work.replicas,
                ready_replicas=sum(
                    c.ready and c.leaves_at is None
                    for c in self.kubernetes.copies
                    if c.key == (namespace, name)
                ),
                requests=work.component.requests,
            )
            for (namespace, name), work in sorted(self.kubernetes.work.items())
        )

    def _nodes(self) -> tuple[KubeNode, ...]:
        found = []
        for name, spec in self.world.scenario.fleet.clusters.items():
            many = 1 if spec.home else spec.nodes
            size = Resources(
                cpu_cores=many * spec.cores_per_node, memory_bytes=many * spec.gib_per_node * GIB
            )
            found += [
                KubeNode(
                    name=node,
                    cluster=ClusterName(name),
                    virtual=not spec.home,
                    ready=self.kubernetes.peer(name).node,
                    unschedulable=False,
                    allocatable=size,
                )
                for node in (self.world.real_nodes[name] if spec.home else (name,))
            ]
        return tuple(sorted(found, key=lambda node: node.name))


def arenas(
    copies: int = 1,
    *,
    at: Mapping[str, str] = USUALLY,
    homes: Mapping[WorkloadKey, str] | None = None,
    fleet: FleetSpec | None = None,
) -> Loop:
    """Return the demo fleet with so many arenas at its start.

    `at`: component to cluster; those left out are at home. `homes`: the same, workload by workload.
    `fleet`: other physics. Sites, policy and Applications are those of `deploy/examples`.
    """
    examples, calm = declared(copies=copies, speed=1.0), load("calm", copies=copies)
    scenario = replace(calm, fleet=fleet or calm.fleet)
    inventory = _declared(examples)
    inventory = replace(inventory, sites=tuple(_wider(site, copies) for site in inventory.sites))
    usual = {
        (a.namespace, c.workload.name): at.get(c.name, scenario.fleet.home)
        for a in inventory.applications
        for c in a.components
    }
    return start(scenario, inventory, examples.access_ms(), usual | dict(homes or {}))


def _wider(site: Site, times: int) -> Site:
    """Return a site whose gateway carries as much more as its links do."""
    mbps = site.gateway_mbps
    return site if mbps is None else replace(site, gateway_mbps=times * mbps)


def start(
    scenario: Scenario,
    inventory: Inventory,
    access_ms: dict[tuple[str, str], float],
    homes: dict[WorkloadKey, str],
) -> Loop:
    """Return a loop in front of a fleet that runs as `homes` has it: workload to cluster."""
    world = World(scenario, inventory.applications, access_ms, 1.0, step_seconds=STEP_SECONDS)
    kubernetes = begin(world, inventory.applications, homes, STARTED_AT)
    return Loop(
        world=world,
        kubernetes=kubernetes,
        hands=Hands(kubernetes=kubernetes, fleet=FLEET),
        inventory=inventory,
        record=Record(world),
    )


def _declared(examples: Declared) -> Inventory:
    """Read the objects as Observe does."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for obj in (*examples.fleet, *examples.arenas):
        by_kind.setdefault(obj["kind"], []).append(obj)
    lists = (
        Listed(kind=kind, objects=tuple(by_kind.get(kind, ())), state=Freshness.FRESH)
        for kind in KINDS
    )
    return read_inventory(lists, FLEET)
