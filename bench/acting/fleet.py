"""A home with two providers, and applications of one component, as Orient would tell of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight, Quality
from shared.model.application import Application, Autonomy, Component, UserGroup, WorkloadRef
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    CycleId,
    FleetName,
    GroupName,
    decision_id,
)
from shared.model.plan import Move, Plan
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Access, Prices, Site, Tier

FLEET = FleetName("bench")
HOME, METRO, EDGE = (ClusterName(name) for name in ("home", "metro", "edge"))
RENDER = ComponentName("render")
REPLICAS = 3
USERS = "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Applications, each in a namespace of its own, and where they stand."""

    places: dict[ApplicationName, ClusterName]

    def insight(self, at: datetime, *, soak_cycles: int, jitter: Random | None = None) -> Insight:
        """Return what is known of the fleet. `jitter`: draws how all latencies differ this time."""
        names = sorted(self.places)
        latencies = {n: 10.0 * (jitter.uniform(0.9, 1.1) if jitter else 1.0) for n in names}
        placements = tuple(
            Placement(
                application=name,
                component=RENDER,
                cluster=self.places[name],
                replicas=REPLICAS,
                ready_replicas=REPLICAS,
            )
            for name in names
        )
        return Insight(
            cycle=cycle_at(at),
            fleet_name=FLEET,
            at=at,
            interval_seconds=15.0,
            fleet=Fleet(
                at=at,
                clusters=tuple(map(_cluster, sorted((HOME, METRO, EDGE)))),
                links=tuple(_links()),
                applications=tuple(map(_application, names)),
                placements=placements,
            ),
            qualities=tuple(_quality(name, latencies[name]) for name in names),
            policy=FleetPolicy(soak_cycles=soak_cycles, move_timeout=timedelta(seconds=120)),
        )


def cycle_at(at: datetime) -> CycleId:
    """Return the cycle that began then."""
    return CycleId(f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03}Z")


def a_decision(
    at: datetime, name: ApplicationName, source: ClusterName, target: ClusterName
) -> Decision:
    """Return the decision to move an application's component."""
    move = Move(
        application=name,
        component=RENDER,
        workload=WorkloadRef(name=RENDER),
        source=source,
        target=target,
        replicas=REPLICAS,
    )
    cycle = cycle_at(at)
    return Decision(
        id=decision_id(cycle, name),
        cycle=cycle,
        fleet=FLEET,
        application=name,
        at=at,
        deadline_at=at + timedelta(minutes=2),
        verdict=Verdict.ACT,
        reason=Reason.QUALITY_RESTORED,
        detail="measured by the benchmark",
        autonomy=Autonomy.AUTO,
        plan=Plan(actions=(move,)),
    )


def _cluster(name: ClusterName) -> Cluster:
    room = Resources(cpu_cores=64.0, memory_bytes=256e9)
    site = Site(
        name=name,
        tier=Tier.METRO,
        region="here",
        owner="us",
        home=name == HOME,
        prices=Prices(core_hour=0.04),
        access=(Access(user_site=USERS, latency_ms=2.0),),
    )
    node = Node(name=f"{name}-1", allocatable=room, requested=Resources())
    return Cluster(site=site, state=ClusterState.READY, nodes=(node,))


def _links() -> Iterable[Link]:
    for source in (HOME, METRO, EDGE):
        for target in (HOME, METRO, EDGE):
            if source != target:
                yield Link(
                    source=source,
                    target=target,
                    latency_ms=2.0,
                    jitter_ms=0.1,
                    loss_ratio=0.0,
                    capacity_mbps=10_000.0,
                    used_mbps=100.0,
                    up=True,
                )


def _application(name: ApplicationName) -> Application:
    component = Component(
        name=RENDER,
        workload=WorkloadRef(name=RENDER),
        replicas=REPLICAS,
        max_replicas=REPLICAS,
        requests=Resources(cpu_cores=0.1, memory_bytes=1e8),
        processing_ms=1.0,
    )
    users = UserGroup(name=GroupName("visitors"), site=USERS, path=(RENDER,))
    return Application(name=name, components=(component,), users=(users,), autonomy=Autonomy.AUTO)


def _quality(name: ApplicationName, latency_ms: float) -> Quality:
    return Quality(
        application=name,
        group=GroupName("visitors"),
        latency_ms=latency_ms,
        budget_ms=15.0,
        guard_band_ms=1.5,
    )
