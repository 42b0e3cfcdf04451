"""Valid values by default: a test states only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.messages.insight import Insight, Quality
from shared.messages.inventory import Inventory
from shared.messages.observation import Observation
from shared.messages.readings import Readings
from shared.model.application import (
    Application,
    Autonomy,
    Component,
    Flow,
    UserGroup,
    WorkloadRef,
)
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    CycleId,
    FleetName,
    GroupName,
)
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Access, Prices, Site

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
FLEET = FleetName("default")
ARENA = ApplicationName("xr/arena")


def cycle_at(at: datetime = NOW) -> CycleId:
    """Return the cycle of that instant."""
    return CycleId(at.strftime("%Y%m%dT%H%M%S") + f"{at.microsecond // 1000:03d}Z")


def a_site(name: str, **changes: Any) -> Site:
    """Return a site that users of `venue` reach in 2 ms."""
    site = Site(
        name=ClusterName(name),
        region="here",
        owner="us",
        prices=Prices(core_hour=0.05),
        access=(Access(user_site="venue", latency_ms=2.0),),
    )
    return replace(site, **changes)


def a_cluster(name: str, *, cores: float = 16.0, requested: float = 0.0, **site: Any) -> Cluster:
    """Return a ready cluster with one node."""
    node = Node(
        name=f"{name}-node-1",
        allocatable=Resources(cpu_cores=cores, memory_bytes=64e9),
        requested=Resources(cpu_cores=requested, memory_bytes=requested * 2e9),
    )
    return Cluster(site=a_site(name, **site), state=ClusterState.READY, nodes=(node,))


def a_link(source: str, target: str, latency_ms: float | None = 1.0, **changes: Any) -> Link:
    """Return a healthy link with 10 Gbit/s."""
    link = Link(
        source=ClusterName(source),
        target=ClusterName(target),
        latency_ms=latency_ms,
        jitter_ms=0.1,
        loss_ratio=0.0,
        capacity_mbps=10_000.0,
        used_mbps=100.0,
        up=True,
    )
    return replace(link, **changes)


def both_ways(a: str, b: str, latency_ms: float = 1.0, **changes: Any) -> tuple[Link, Link]:
    """Return the two links between a pair of clusters."""
    return a_link(a, b, latency_ms, **changes), a_link(b, a, latency_ms, **changes)


def a_component(name: str, **changes: Any) -> Component:
    """Return a movable component of one replica that takes 1 ms and 2 cores."""
    component = Component(
        name=ComponentName(name),
        workload=WorkloadRef(name=name),
        requests=Resources(cpu_cores=2.0, memory_bytes=2e9),
        processing_ms=1.0,
        max_replicas=4,
    )
    return replace(component, **changes)


def a_group(name: str, path: tuple[str, ...], **changes: Any) -> UserGroup:
    """Return a user group at `venue` with 15 ms."""
    group = UserGroup(
        name=GroupName(name), site="venue", path=tuple(ComponentName(c) for c in path)
    )
    return replace(group, **changes)


def a_flow(source: str, target: str, mbps: float = 100.0, **changes: Any) -> Flow:
    """Return a UDP flow."""
    flow = Flow(source=ComponentName(source), target=ComponentName(target), mbps=mbps)
    return replace(flow, **changes)


def an_application(name: str = ARENA, **changes: Any) -> Application:
    """Return an application `ingest` -> `render` in `auto` with one user group."""
    application = Application(
        name=ApplicationName(name),
        components=(a_component("ingest"), a_component("render")),
        flows=(a_flow("ingest", "render"),),
        users=(a_group("visitors", ("ingest", "render")),),
        autonomy=Autonomy.AUTO,
    )
    return replace(application, **changes)


def a_placement(component: str, cluster: str, replicas: int = 1, **changes: Any) -> Placement:
    """Return ready replicas of a component of the arena on a cluster."""
    placement = Placement(
        application=ARENA,
        component=ComponentName(component),
        cluster=ClusterName(cluster),
        replicas=replicas,
        ready_replicas=replicas,
    )
    return replace(placement, **changes)


def a_fleet(**changes: Any) -> Fleet:
    """Return home and metro, 1 ms apart: `ingest` at home, `render` at metro."""
    fleet = Fleet(
        at=NOW,
        clusters=(a_cluster("home", requested=2.0, home=True), a_cluster("metro", requested=2.0)),
        links=both_ways("home", "metro"),
        applications=(an_application(),),
        placements=(a_placement("ingest", "home"), a_placement("render", "metro")),
    )
    return replace(fleet, **changes)


def an_insight(fleet: Fleet | None = None, **changes: Any) -> Insight:
    """Return an insight of a fleet in which all is well. Its qualities are for the test to give."""
    fleet = fleet or a_fleet()
    insight = Insight(
        cycle=cycle_at(fleet.at),
        fleet_name=FLEET,
        at=fleet.at,
        interval_seconds=15.0,
        fleet=fleet,
        policy=FleetPolicy(),
    )
    return replace(insight, **changes)


def a_quality(latency_ms: float | None = 12.0, **changes: Any) -> Quality:
    """Return what the visitors of the arena get."""
    quality = Quality(
        application=ARENA,
        group=GroupName("visitors"),
        latency_ms=latency_ms,
        budget_ms=15.0,
        guard_band_ms=1.5,
    )
    return replace(quality, **changes)


def an_observation(at: datetime = NOW, **changes: Any) -> Observation:
    """Return an observation with neither readings nor inventory."""
    observation = Observation(
        cycle=cycle_at(at),
        fleet=FLEET,
        at=at,
        interval_seconds=15.0,
        readings=Readings.from_rows(()),
        inventory=Inventory(),
    )
    return replace(observation, **changes)


def later(seconds: float, at: datetime = NOW) -> datetime:
    """Return an instant that many seconds after."""
    return at + timedelta(seconds=seconds)
