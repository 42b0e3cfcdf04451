"""A cluster is left before its lease ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.decide.core.decide import decide
from services.decide.core.lease import leave_times
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.application import Application, Autonomy, Limits
from shared.model.fleet import Fleet
from shared.model.fleet_after import fleet_after
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Move
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    a_cluster,
    a_component,
    a_fleet,
    a_group,
    a_placement,
    an_application,
    an_insight,
    both_ways,
    cycle_at,
    later,
)

EDGE = ClusterName("edge")
ENDS = later(7200)
AT_ONCE = FleetPolicy(persistence_needed=1)


def applications(count: int, **changes: Any) -> tuple[Application, ...]:
    """Return applications of one component and one group each, the last one the heaviest."""
    return tuple(
        an_application(
            f"xr/a{index}",
            components=(a_component("render"),),
            flows=(),
            users=(a_group("visitors", ("render",), weight=1.0 + index),),
            **changes,
        )
        for index in range(count)
    )


def fleet_on_edge(count: int = 1, ends: datetime = ENDS, **changes: Any) -> Fleet:
    """Return a fleet with applications on `edge`, whose lease ends, beside two other clusters."""
    placements = tuple(
        a_placement("render", "edge", application=ApplicationName(f"xr/a{index}"))
        for index in range(count)
    )
    return a_fleet(
        clusters=(
            a_cluster("edge", cores=64.0, requested=2.0 * count, lease_ends_at=ends),
            a_cluster("home", home=True),
            a_cluster("metro"),
        ),
        links=(
            *both_ways("home", "metro"),
            *both_ways("edge", "home"),
            *both_ways("edge", "metro"),
        ),
        applications=applications(count, **changes),
        placements=placements,
    )


def seen(fleet: Fleet, seconds: float, **changes: Any) -> Insight:
    at = later(seconds)
    insight = an_insight(replace(fleet, at=at), cycle=cycle_at(at), policy=AT_ONCE)
    return replace(insight, **changes)


def decided(insight: Insight, memory: Memory | None = None) -> dict[str, Decision]:
    decisions, _ = decide(insight, memory or Memory())
    return {decision.application: decision for decision in decisions}


def leave_time(fleet: Fleet, **policy: Any) -> timedelta:
    """Return how long before the end of its lease `edge` is left."""
    insight = an_insight(fleet, policy=replace(FleetPolicy(), **policy))
    return ENDS - leave_times(insight)[EDGE]


def test_a_cluster_is_left_half_an_hour_before_or_as_long_as_its_moves_take_twice() -> None:
    more = fleet_on_edge(1)
    assert leave_time(fleet_on_edge(0)) == timedelta(minutes=30)
    assert leave_time(more) == timedelta(minutes=30)
    assert leave_time(more, move_timeout=timedelta(minutes=20)) == timedelta(
        minutes=2 * 20.5, seconds=2 * 45
    )
    both = (a_component("render"), a_component("encode"))
    several = replace(
        more,
        applications=(replace(more.applications[0], components=both, users=()),),
        placements=(
            *more.placements,
            a_placement("encode", "edge", application=more.applications[0].name),
        ),
    )
    assert leave_time(several, move_timeout=timedelta(minutes=20)) == timedelta(
        minutes=4 * 20.5, seconds=2 * 45
    )


def test_people_and_budgets_take_their_time() -> None:
    asked = fleet_on_edge(1, autonomy=Autonomy.APPROVE)
    assert leave_time(asked) == 2 * timedelta(minutes=15 + 3.5, seconds=45)
    three = fleet_on_edge(3)
    assert leave_time(three, fleet_moves_per_hour=1) == 2 * timedelta(
        hours=2, minutes=3.5, seconds=45
    )
    forbidden = fleet_on_edge(1, limits=Limits(moves_per_hour=0))
    assert leave_time(forbidden) == timedelta(minutes=30)


def test_what_stands_there_stays_until_then_and_leaves_from_then_on() -> None:
    fleet = fleet_on_edge(1)
    before = decided(seen(fleet, 5399))["xr/a0"]
    assert (before.verdict, before.reason) == (Verdict.HOLD, Reason.ALL_WELL)
    then = decided(seen(fleet, 5400))["xr/a0"]
    assert (then.verdict, then.reason) == (Verdict.ACT, Reason.LEASE_ENDS)
    assert then.detail.startswith("1 replicas of render stand where the lease ends: move render")
    (move,) = then.plan.actions
    assert isinstance(move, Move)
    assert move.target == "home"


def test_the_heaviest_users_leave_first_within_the_budget_of_the_fleet() -> None:
    policy = FleetPolicy(persistence_needed=1, fleet_moves_per_hour=2)
    fleet = fleet_on_edge(4)
    found = decided(seen(fleet, 5400, policy=policy))
    acts = {name for name, d in found.items() if d.verdict is Verdict.ACT}
    assert acts == {"xr/a3", "xr/a2"}
    assert found["xr/a0"].reason is Reason.FLEET_BUDGET


def test_it_stays_where_there_is_nowhere_to_go() -> None:
    fleet = fleet_on_edge(1)
    full = tuple(
        c if c.name == "edge" else a_cluster(c.name, requested=16.0, home=c.name == "home")
        for c in fleet.clusters
    )
    found = decided(seen(replace(fleet, clusters=full), 5400))["xr/a0"]
    assert (found.verdict, found.reason) == (Verdict.HOLD, Reason.NO_BETTER)
    assert {r.reason for r in found.rejections} == {Reason.NO_CAPACITY}


@pytest.mark.parametrize("apart_seconds", [0, 60, 1800])
def test_two_leases_that_end_together_send_nothing_to_each_other(apart_seconds: float) -> None:
    fleet = fleet_on_edge(2)
    metro = a_cluster("metro", lease_ends_at=ENDS + timedelta(seconds=apart_seconds))
    clusters = tuple(metro if c.name == "metro" else c for c in fleet.clusters)
    fleet, memory, moves = replace(fleet, clusters=clusters), Memory(), []
    for cycle in range(40):
        decisions, memory = decide(seen(fleet, 5400 + 60.0 * cycle), memory)
        for decision in decisions:
            fleet = fleet_after(fleet, decision.plan)
            moves += [a for a in decision.plan.actions if isinstance(a, Move)]
        memory = replace(memory, decisions=())
    assert [(m.source, m.target) for m in moves] == [("edge", "home")] * 2
