"""The whole loop in one process on virtual time: world, Observe, Orient, Decide, and hands.

The simulator's samples go through Thanos's answers and the three cores, which are those of
production; what Act does is done on pods in small. Nothing waits: an hour takes seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import services.decide.core.memory as deciding
import services.observe.core.memory as observing
import services.orient.core.memory as orienting
from bench.deciding.hands import Hands
from bench.deciding.kubelets import Kubernetes, WorkloadKey, begin
from bench.deciding.listing import list_all, read_declared
from bench.deciding.seeing import Sight
from services.decide.core.decide import decide
from services.observe.core.observe import Cycle, observe, questions_of
from services.orient.core.orient import orient
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.inventory import (
    Inventory,
)
from shared.messages.observation import Observation
from shared.model.names import FleetName
from shared.model.site import Site
from simulator.applications import declared
from simulator.events import Event
from simulator.fleet import FleetSpec
from simulator.scenario import Scenario, load
from simulator.truth import Record
from simulator.world import World

FLEET = FleetName("default")
STARTED_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTERVAL, STEP_SECONDS, MAX_AGE = timedelta(seconds=15), 5.0, timedelta(seconds=45)
USUALLY = {"render": "metro"}
"""Where the components of an arena start that are not at home."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """One run. `turn` lives through an interval; what happens in between is for the test to do."""

    world: World
    kubernetes: Kubernetes
    hands: Hands
    inventory: Inventory
    """As declared: what pods and nodes there are is added in each turn."""
    record: Record
    sight: Sight
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
        cycle = Cycle(fleet=FLEET, at=self.kubernetes.at, interval=INTERVAL, max_age=MAX_AGE)
        inventory = list_all(
            self.inventory, self.kubernetes, late=self.late, under_way=self.hands.under_way()
        )
        answers = self.sight.ask(questions_of(inventory, max_age=MAX_AGE), cycle.at)
        observation, self.observed = observe(
            answers, inventory, self.hands.outcomes(), self.observed, cycle=cycle
        )
        return observation


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
    inventory = read_declared(examples, FLEET)
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
        sight=Sight(world=world),
    )
