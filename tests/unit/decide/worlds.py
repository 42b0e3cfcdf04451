"""Any fleet that may be, with every replica on a known node, for properties."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import strategies as st

from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.messages.readings import Signal
from shared.model.application import Application, Component, Constraints, Limits
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.fleet_after import fleet_after
from shared.model.names import ApplicationName, ClusterName, ComponentName
from shared.model.plan import Move, Scale
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Access, Prices, Site
from tests.support.builders import (
    FLEET,
    NOW,
    a_component,
    a_flow,
    a_group,
    a_link,
    a_placement,
    a_site,
    an_application,
    an_insight,
    cycle_at,
)

NAMES = ("alpha", "beta", "delta", "gamma")
STATES = (ClusterState.READY,) * 6 + tuple(ClusterState)


def insights(*, needed: int = 1) -> st.SearchStrategy[Insight]:
    """Return insights of any fleets, each from one drawn number: fast, and it repeats."""
    return st.integers(0, 2**32).map(lambda seed: an_insight_of(Random(seed), needed=needed))


def an_insight_of(dice: Random, *, needed: int) -> Insight:
    """Return an insight of a fleet, some of its data missing."""
    fleet = a_world(dice)
    stale = {
        (dice.choice(fleet.clusters).name, dice.choice(list(Signal)))
        for _ in range(dice.choice((0, 0, 1, 2)))
    }
    coverage = tuple(
        Coverage(cluster=c, signal=s, state=CoverageState.LATE) for c, s in sorted(stale)
    )
    policy = FleetPolicy(persistence_needed=needed, fleet_moves_per_hour=1_000)
    return an_insight(fleet, coverage=coverage, policy=policy)


def a_world(dice: Random) -> Fleet:
    """Return a fleet whose nodes hold exactly what stands on them."""
    names = NAMES[: dice.randint(2, 4)]
    applications = tuple(an_app(dice, names, f"xr/a{index}") for index in range(dice.randint(1, 2)))
    clusters = tuple(a_place(dice, name, home=name == names[0]) for name in names)
    nodes = {c.name: list(c.nodes) for c in clusters}
    placements = [
        placement
        for application in applications
        for component in application.components
        for placement in _placed(dice, application, component, nodes)
    ]
    fleet = Fleet(
        at=NOW,
        clusters=tuple(replace(c, nodes=tuple(nodes[c.name])) for c in clusters),
        links=tuple(
            a_way(dice, a, b) for a in names for b in names if a != b and dice.random() < 0.9
        ),
        applications=applications,
        placements=tuple(placements),
    )
    ours = carried(fleet)
    return replace(
        fleet,
        links=tuple(
            replace(x, used_mbps=(x.used_mbps or 0.0) + ours.get((x.source, x.target), 0.0))
            for x in fleet.links
        ),
    )


def a_place(dice: Random, name: str, *, home: bool) -> Cluster:
    """Return an empty cluster."""
    site = a_site(
        name,
        home=home,
        prices=Prices(core_hour=dice.randint(1, 20) / 100.0),
        access=(Access(user_site="venue", latency_ms=float(dice.randint(1, 6))),),
        gateway_mbps=dice.choice((None, None, 20_000.0, 5_000.0)),
        max_cores=dice.choice((None, None, None, 12.0)),
    )
    nodes = tuple(
        Node(
            name=f"{name}-{index}",
            allocatable=Resources(cpu_cores=float(dice.randint(4, 24)), memory_bytes=64e9),
            requested=Resources(),
        )
        for index in range(dice.randint(1, 3))
    )
    return Cluster(site=site, state=dice.choice(STATES), nodes=nodes)


def a_way(dice: Random, source: str, target: str) -> Link:
    """Return a link, now and then a bad one."""
    return a_link(
        source,
        target,
        dice.choice((None, *(float(ms) for ms in range(1, 10)))),
        capacity_mbps=dice.choice((None, 2_000.0, 8_000.0, 20_000.0, 20_000.0)),
        used_mbps=dice.choice((0.0, 0.0, 1_000.0, 5_000.0)),
        up=dice.choice((True, True, True, True, None, False)),
    )


def an_app(dice: Random, clusters: tuple[str, ...], name: str) -> Application:
    """Return an application of one to five components."""
    names = [f"c{index}" for index in range(dice.randint(1, 5))]
    flows = tuple(
        a_flow(
            *dice.sample(names, 2),
            dice.randint(0, 80) * 100.0,
            max_latency_ms=dice.choice((None, None, 2.0, 6.0)),
        )
        for _ in range(dice.randint(0, 3) if len(names) > 1 else 0)
    )
    return an_application(
        name,
        components=tuple(a_part(dice, clusters, c) for c in names),
        flows=tuple({(f.source, f.target): f for f in flows}.values()),
        users=tuple(
            a_group(
                f"g{index}",
                tuple(dice.sample(names, dice.randint(1, len(names)))),
                budget_ms=float(dice.randint(5, 25)),
                weight=dice.choice((0.5, 1.0, 3.0)),
            )
            for index in range(dice.randint(0, 2))
        ),
        limits=Limits(moves_per_hour=100),
    )


def a_part(dice: Random, clusters: tuple[str, ...], name: str) -> Component:
    """Return a component, now and then one that must not move or has too few replicas."""
    forbidden = tuple(ClusterName(c) for c in clusters if dice.random() < 0.1)
    return a_component(
        name,
        replicas=dice.randint(1, 3),
        min_replicas=dice.choice((1, 1, 1, 2)),
        max_replicas=dice.choice((3, 3, 3, 2)),
        requests=Resources(cpu_cores=float(dice.randint(1, 8)), memory_bytes=1e9),
        processing_ms=float(dice.randint(0, 4)),
        movable=dice.random() < 0.9,
        constraints=Constraints(forbidden_clusters=forbidden),
    )


def _placed(
    dice: Random,
    application: Application,
    component: Component,
    nodes: dict[ClusterName, list[Node]],
) -> list[Placement]:
    """Put the replicas on nodes that have room; those that find none stand nowhere."""
    counts: dict[str, int] = {}
    hosts = dice.sample(sorted(nodes), dice.choice((1, 1, 1, 2)))
    for _ in range(component.replicas):
        name = dice.choice(hosts)
        for index, node in enumerate(nodes[name]):
            if component.requests.fits_in(node.headroom):
                requested = node.requested + component.requests
                nodes[name][index] = replace(node, requested=requested)
                counts[name] = counts.get(name, 0) + 1
                break
    return [
        a_placement(component.name, name, count, application=application.name)
        for name, count in sorted(counts.items())
    ]


@dataclass(slots=True)
class Cores:
    """The nodes of a fleet while a plan is carried out: old copies stay until the new ones are."""

    free: dict[ClusterName, list[Resources]] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet) -> "Cores":
        return cls({c.name: [n.headroom for n in c.nodes] for c in fleet.clusters})

    def take(self, cluster: ClusterName, request: Resources, replicas: int) -> None:
        """Put copies on the fullest nodes that hold them. AssertionError where none does."""
        for _ in range(replicas):
            rooms = self.free[cluster]
            fitting = [i for i, room in enumerate(rooms) if request.fits_in(room)]
            assert fitting, f"no node of {cluster} holds {request}"
            index = min(fitting, key=lambda i: (rooms[i].cpu_cores, rooms[i].memory_bytes))
            rooms[index] -= request


def new_copies(fleet: Fleet, action: Move | Scale) -> tuple[ClusterName, int]:
    """Return where an action starts pods, and how many."""
    if isinstance(action, Move):
        return action.target, action.replicas
    standing = fleet.placements_of(action.application, action.component)
    there = sum(p.replicas for p in standing)
    return standing[0].cluster, max(0, action.replicas - there)


def request_of(fleet: Fleet, application: ApplicationName, component: ComponentName) -> Resources:
    found = fleet.application(application)
    assert found is not None
    return found.component(component).requests


def carried(fleet: Fleet) -> dict[tuple[str, str], float]:
    """Return the traffic of all applications on each link, replicas on lost clusters aside."""
    lost = {
        c.name
        for c in fleet.clusters
        if c.state in (ClusterState.UNREACHABLE, ClusterState.NOT_PEERED)
    }
    loads: dict[tuple[str, str], float] = {}
    for application in fleet.applications:
        for flow in application.flows:
            ends = [
                [p for p in fleet.placements_of(application.name, c) if p.cluster not in lost]
                for c in (flow.source, flow.target)
            ]
            pairs = sum(p.replicas for p in ends[0]) * sum(p.replicas for p in ends[1])
            for a in ends[0]:
                for b in ends[1]:
                    if a.cluster != b.cluster:
                        share = flow.mbps * a.replicas * b.replicas / pairs
                        key = (a.cluster, b.cluster)
                        loads[key] = loads.get(key, 0.0) + share
    return loads


def after(insight: Insight, decisions: tuple[Decision, ...], *, seconds: float) -> Insight:
    """Return the insight after all plans were carried out, the room of old copies not yet free."""
    fleet, cores = insight.fleet, Cores.of(insight.fleet)
    started: dict[ClusterName, float] = {}
    for decision in decisions:
        for action in decision.plan.actions:
            if isinstance(action, Move | Scale):
                cluster, replicas = new_copies(fleet, action)
                request = request_of(fleet, action.application, action.component)
                cores.take(cluster, request, replicas)
                more = request.cpu_cores * replicas
                started[cluster] = started.get(cluster, 0.0) + more
                if isinstance(action, Scale):
                    fleet = _scaled(fleet, action)
        fleet = fleet_after(fleet, decision.plan)
    before, now = carried(insight.fleet), carried(fleet)
    at = insight.at + timedelta(seconds=seconds)
    fleet = replace(
        fleet,
        at=at,
        clusters=tuple(
            replace(
                c,
                site=_with_old_copies(
                    c.site, cores_used(insight.fleet), started, cores_used(fleet)
                ),
                nodes=tuple(
                    replace(node, requested=node.allocatable - room)
                    for node, room in zip(c.nodes, cores.free[c.name], strict=True)
                ),
            )
            for c in fleet.clusters
        ),
        links=tuple(
            replace(
                x,
                used_mbps=max(0.0, (x.used_mbps or 0.0) - before.get((x.source, x.target), 0.0))
                + now.get((x.source, x.target), 0.0),
            )
            for x in fleet.links
        ),
    )
    return replace(
        insight,
        fleet=fleet,
        at=at,
        cycle=cycle_at(at),
        outcomes=tuple(_succeeded(decision, at) for decision in decisions if decision.plan.actions),
    )


def cores_used(fleet: Fleet) -> dict[ClusterName, float]:
    """Return the cores of all applications per cluster."""
    used: dict[ClusterName, float] = {}
    for p in fleet.placements:
        more = p.replicas * request_of(fleet, p.application, p.component).cpu_cores
        used[p.cluster] = used.get(p.cluster, 0.0) + more
    return used


def _with_old_copies(
    site: Site,
    before: dict[ClusterName, float],
    started: dict[ClusterName, float],
    after: dict[ClusterName, float],
) -> Site:
    """Keep what old copies take under the ceiling."""
    if site.max_cores is None:
        return site
    gone = sum(d.get(site.name, 0.0) for d in (before, started)) - after.get(site.name, 0.0)
    return replace(site, max_cores=site.max_cores - gone)


def _scaled(fleet: Fleet, action: Scale) -> Fleet:
    def scaled(application: Application) -> Application:
        return replace(
            application,
            components=tuple(
                replace(c, replicas=action.replicas) if c.name == action.component else c
                for c in application.components
            ),
        )

    return replace(
        fleet,
        applications=tuple(
            scaled(a) if a.name == action.application else a for a in fleet.applications
        ),
    )


def _succeeded(decision: Decision, at: datetime) -> Outcome:
    return Outcome(
        decision=decision.id,
        cycle=decision.cycle,
        fleet=FLEET,
        application=decision.application,
        at=at,
        status=Status.SUCCEEDED,
        actions=tuple(
            ActionResult(
                action=a, status=Status.SUCCEEDED, started_at=at, serving_at=at, finished_at=at
            )
            for a in decision.plan.actions
        ),
    )
