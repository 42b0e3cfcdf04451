"""Fleets that can grow, and forecasts that make them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision
from shared.messages.insight import Forecast, Insight, Outlook
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.messages.readings import Signal
from shared.model.application import Application, Component
from shared.model.fleet import Cluster, Fleet, Placement
from shared.model.names import CAPACITY, ClusterName, DecisionId
from shared.model.plan import GrowCluster, ShrinkCluster, describe
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Growth
from tests.support.builders import (
    ARENA,
    FLEET,
    a_cluster,
    a_component,
    a_fleet,
    a_group,
    a_placement,
    an_application,
    an_insight,
    cycle_at,
    later,
)

AT_ONCE = FleetPolicy(persistence_needed=1)
HORIZONS = (900.0, 3600.0, 14400.0)


def growth(minutes: float = 30.0, most: int = 4, **changes: Any) -> Growth:
    """Return how a site grows."""
    grown = Growth(
        namespace="capi",
        machine_deployment="md",
        min_nodes=1,
        max_nodes=most,
        expected_minutes=minutes,
    )
    return replace(grown, **changes)


def render(replicas: int = 2, **changes: Any) -> Component:
    """Return an elastic component of four cores."""
    usual = {
        "requests": Resources(cpu_cores=4.0, memory_bytes=4e9),
        "max_replicas": 16,
        "is_elastic": True,
    }
    return a_component("render", replicas=replicas, **(usual | changes))


def the_arena(replicas: int = 2, **changes: Any) -> Application:
    """Return the arena of one component."""
    usual: dict[str, Any] = {
        "name": ARENA,
        "components": (render(replicas),),
        "flows": (),
        "users": (a_group("visitors", ("render",)),),
    }
    return an_application(**(usual | changes))


def a_metro(nodes: int = 1, *, requested: float = 8.0, **site: Any) -> Cluster:
    """Return a cluster of nodes of eight cores, the first ones full."""
    one = a_cluster("metro", cores=8.0, **({"growth": growth()} | site))
    each = [min(8.0, max(0.0, requested - 8.0 * n)) for n in range(nodes)]
    made = tuple(
        replace(
            one.nodes[0],
            name=f"metro-{n}",
            requested=Resources(cpu_cores=cores, memory_bytes=cores * 1e9),
        )
        for n, cores in enumerate(each)
    )
    return replace(one, nodes=made)


def a_small_fleet(*others: Cluster, metro: Cluster | None = None, **changes: Any) -> Fleet:
    """Return two replicas on a full node of metro, which may grow, beside other clusters."""
    clusters = (*others, metro or a_metro())
    usual: dict[str, Any] = {
        "clusters": tuple(sorted(clusters, key=lambda c: c.name)),
        "links": (),
        "applications": (the_arena(),),
        "placements": (a_placement("render", "metro", 2),),
    }
    return a_fleet(**(usual | changes))


def demand(of: Callable[[float], float], *, now: float = 0.0) -> Forecast:
    """Return the forecast of the cores that render uses, known for each second from the start."""
    return a_forecast(Signal.POD_USED_CORES, "", "xr/arena/render", lambda s: of(now + s))


def used(of: Callable[[float], float], cluster: str = "metro", now: float = 0.0) -> Forecast:
    """Return the forecast of the cores that are used on a cluster."""
    return a_forecast(Signal.NODE_USED_CORES, cluster, "", lambda s: of(now + s))


def a_forecast(signal: str, cluster: str, subject: str, of: Callable[[float], float]) -> Forecast:
    return Forecast(
        signal=signal,
        cluster=cluster,
        subject=subject,
        outlooks=tuple(
            Outlook(horizon_seconds=s, expected=0.9 * of(s), low=0.8 * of(s), high=of(s))
            for s in HORIZONS
        ),
    )


def seen(fleet: Fleet, *forecasts: Forecast, seconds: float = 0.0, **changes: Any) -> Insight:
    """Return the insight of a fleet that many seconds after the start."""
    at = later(seconds)
    usual = {"cycle": cycle_at(at), "policy": AT_ONCE, "forecasts": forecasts}
    return an_insight(replace(fleet, at=at), **(usual | changes))


def capacity(insight: Insight, memory: Memory | None = None, **more: Any) -> Decision:
    """Return what is decided for the fleet itself."""
    decisions, _ = decide(insight, memory or Memory(), **more)
    (decision,) = (d for d in decisions if d.application == CAPACITY)
    return decision


def placed(replicas: int) -> tuple[Placement, ...]:
    return (a_placement("render", "metro", replicas),)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


SURGE = demand(lambda _: 11.0)
"""More than two replicas carry."""


def idle(nodes: int = 3, **site: Any) -> Fleet:
    return a_small_fleet(metro=a_metro(nodes, requested=8.0, **site))


def plan_of(decision: Decision) -> list[str]:
    return [describe(action) for action in decision.plan.actions]


def an_outcome(action: Any, status: Status, seconds: float = -60.0, **changes: Any) -> Outcome:
    at = later(seconds)
    outcome = Outcome(
        decision=DecisionId(f"earlier_{CAPACITY}"),
        cycle=seen(idle(), seconds=seconds).cycle,
        fleet=FLEET,
        application=CAPACITY,
        at=at,
        status=status,
        actions=(ActionResult(action=action, status=status, finished_at=at),),
    )
    return replace(outcome, **changes)


def grew(**changes: Any) -> GrowCluster:
    action = GrowCluster(
        cluster=ClusterName("metro"),
        namespace="capi",
        machine_deployment="md",
        nodes_before=1,
        nodes=2,
        expected_minutes=30.0,
    )
    return replace(action, **changes)


def shrank() -> ShrinkCluster:
    return ShrinkCluster(
        cluster=ClusterName("metro"),
        namespace="capi",
        machine_deployment="md",
        nodes_before=2,
        nodes=1,
        expected_minutes=30.0,
    )
