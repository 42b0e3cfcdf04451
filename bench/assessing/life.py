"""The life of a made-up fleet in virtual time: users, deploys and faults, told as Observations.

The physics are the simulator's. Added here: a load of its own for each application, the day and the
week of its users, rollouts, peaks at the start of a pod, and rates over a minute as Prometheus
tells them.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.assessing.deploys import DAY_SECONDS, Deploys
from bench.assessing.fleet import Plan
from bench.assessing.telling import Teller
from shared.messages.inventory import ForeignCluster, Inventory, KubeNode, Workload
from shared.messages.inventory import Pod as KubePod
from shared.messages.observation import Observation
from shared.model.application import WorkloadKind
from shared.model.names import ClusterName, CycleId, FleetName
from shared.model.resources import Resources
from simulator.events import Event
from simulator.fleet import real_nodes
from simulator.load import GIB
from simulator.noise import Noise
from simulator.scenario import Scenario
from simulator.world import World

INTERVAL_SECONDS = 15.0
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
AMPLITUDE, PEAK_HOUR, WEEKEND_FACTOR = 0.4, 20.0, 0.75
WEEKEND_DAYS, WEEKEND_SHARES = (0.0, 0.1, 4.9, 5.1, 6.9, 7.0), (0.5, 0.0, 0.0, 1.0, 1.0, 0.5)
"""Days since Monday, and how far the weekend is in; it comes within five hours."""
CROWD_RATIO, CROWD_STEP_SECONDS = 0.03, 0.3
"""Spread of a user group around its usual size, and how far its noise goes on in a turn: it is
remembered for some eight minutes."""


def users_factor(at: datetime) -> float:
    """Return the users at a time against their mean of a weekday; weekends come gently."""
    hours = at.hour + at.minute / 60 + at.second / 3600
    daily = 1.0 + AMPLITUDE * math.cos(2 * math.pi * (hours - PEAK_HOUR) / 24)
    days = (at - MONDAY).total_seconds() / DAY_SECONDS % 7
    weekend = float(np.interp(days, WEEKEND_DAYS, WEEKEND_SHARES))
    return daily * (1.0 - (1.0 - WEEKEND_FACTOR) * weekend)


@dataclass(slots=True, kw_only=True)
class Life:
    """All of it. Copied as a whole (`copy.deepcopy`) to go on in more than one way."""

    plan: Plan
    world: World
    teller: Teller
    deploys: Deploys
    crowds: dict[str, Noise] = field(default_factory=dict)
    """How each user group wanders around its usual size."""
    surges: dict[str, float] = field(default_factory=dict)
    """User group to how many times more there are."""
    number: int = 0
    """Turns since Monday at midnight."""
    is_changed: bool = True
    """Whether people begin to deploy now and then."""

    @property
    def at(self) -> datetime:
        """The time of the newest observation."""
        return MONDAY + timedelta(seconds=INTERVAL_SECONDS * self.number)

    def inject(self, *events: Event) -> None:
        """Have something happen in the next step."""
        self.world._due.extend(events)  # noqa: SLF001 - the scenario of a run is made while it runs

    def turn(self) -> Observation:
        """Live through one interval, and tell how things are at its end."""
        self.number += 1
        seconds = INTERVAL_SECONDS * self.number
        factor = users_factor(self.at)
        for group, users in self.plan.spec.users.items():
            crowd = self.crowds[group]
            crowd.step(CROWD_STEP_SECONDS)
            many = (
                users.count * factor * (1 + CROWD_RATIO * crowd.value) * self.surges.get(group, 1.0)
            )
            self.world.users[group] = (users.site, round(many))
        if self.is_changed:
            self.deploys.decide(seconds, INTERVAL_SECONDS)
        if self.deploys.follow(seconds):
            self.world.see(self.deploys.pods.values(), self.world.wall_seconds())
        for _ in self.world.steps_to(seconds):
            pass
        return Observation(
            cycle=CycleId(f"{self.at:%Y%m%dT%H%M%S}000Z"),
            fleet=FleetName("default"),
            at=self.at,
            interval_seconds=INTERVAL_SECONDS,
            readings=self.teller.tell(self.world, self.deploys.began),
            inventory=self._inventory(),
        )

    def _inventory(self) -> Inventory:
        spec = self.plan.spec
        pods = sorted(self.deploys.pods.values(), key=lambda p: (p.namespace, p.name))
        return Inventory(
            sites=self.plan.sites,
            applications=self.plan.applications,
            workloads=tuple(
                self._workload(key, many) for key, many in self.deploys.replicas.items()
            ),
            pods=tuple(
                KubePod(
                    namespace=p.namespace,
                    name=p.name,
                    workload=p.workload,
                    node=p.node,
                    ready=self.world.serves(p),
                )
                for p in pods
            ),
            nodes=tuple(
                _kube_node(node, name, virtual=not cluster.home, cores=cluster.cores_per_node)
                for name, cluster in spec.clusters.items()
                for node in (real_nodes(name, cluster) if cluster.home else (name,))
            ),
            foreign_clusters=tuple(
                ForeignCluster(
                    cluster=ClusterName(name), api_server="Established", network="Established"
                )
                for name, cluster in spec.clusters.items()
                if not cluster.home
            ),
        )

    def _workload(self, key: tuple[str, str], replicas: int) -> Workload:
        namespace, name = key
        return Workload(
            namespace=namespace,
            kind=WorkloadKind.DEPLOYMENT,
            name=name,
            replicas=replicas,
            ready_replicas=replicas,
            requests=Resources(cpu_cores=1.0, memory_bytes=2 * GIB),
        )


def begin(plan: Plan, seed: int) -> Life:
    """Return the life of a fleet at its start: a Monday at midnight."""
    scenario = Scenario(name="made-up", about="", fleet=plan.spec, events=())
    world = World(scenario, plan.applications, plan.access_ms, 1.0, step_seconds=INTERVAL_SECONDS)

    def chance(name: str) -> random.Random:
        return random.Random(f"{seed}/{name}")

    deploys = Deploys(plan=plan, chance=chance("deploys"))
    deploys.start()
    world.see(deploys.pods.values())
    drifts = {ends: Noise(chance("/".join(sorted(ends)))) for ends in world.links}
    return Life(
        plan=plan,
        world=world,
        teller=Teller(plan=plan, chance=chance("told"), drifts=drifts),
        deploys=deploys,
        crowds={group: Noise(chance(group)) for group in plan.spec.users},
    )


def _kube_node(name: str, cluster: str, *, virtual: bool, cores: float) -> KubeNode:
    return KubeNode(
        name=name,
        cluster=ClusterName(cluster),
        virtual=virtual,
        ready=True,
        unschedulable=False,
        allocatable=Resources(cpu_cores=cores, memory_bytes=4 * cores * GIB),
    )
