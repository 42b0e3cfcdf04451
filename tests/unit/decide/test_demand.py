"""Replicas follow the demand that is forecast."""

from dataclasses import replace
from typing import Any

import pytest

from services.decide.core.decide import decide
from services.decide.core.demand import high_within, replica_ranges
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.fleet import Fleet
from shared.model.names import CAPACITY
from shared.model.plan import describe
from tests.unit.decide.capacities import (
    a_metro,
    a_small_fleet,
    demand,
    minutes,
    placed,
    render,
    seen,
    the_arena,
)


def roomy(replicas: int = 2, **changes: Any) -> Fleet:
    """Return render on a cluster with four nodes, as many replicas as given."""
    arena = the_arena(replicas, components=(render(replicas, **changes),))
    metro = a_metro(4, requested=4.0 * replicas, growth=None)
    return a_small_fleet(metro=metro, applications=(arena,), placements=placed(replicas))


def of_arena(insight: Insight) -> Decision:
    decisions, _ = decide(insight, Memory())
    (decision,) = (d for d in decisions if d.application != CAPACITY)
    return decision


@pytest.mark.parametrize(
    ("ahead", "high"),
    [(0, 9.0), (10, 9.0), (15, 9.0), (37.5, 22.5), (60, 36.0), (240, 144.0), (500, 144.0)],
)
def test_between_two_horizons_the_bound_is_interpolated(ahead: float, high: float) -> None:
    ramp = demand(lambda s: s / 100.0)
    assert high_within(ramp, minutes(ahead)) == pytest.approx(high)


def test_a_peak_on_the_way_counts() -> None:
    peak = demand(lambda s: 30.0 if s == 3600.0 else 10.0)
    assert high_within(peak, minutes(240)) == 30.0
    assert high_within(peak, minutes(15)) == 10.0


@pytest.mark.parametrize(
    ("cores", "expected"),
    [(8.0, (1, 16)), (8.1, (3, 16)), (100.0, (16, 16)), (4.9, (1, 16)), (2.4, (1, 1)), (0, (1, 1))],
)
def test_the_range_follows_what_a_replica_carries(cores: float, expected: tuple[int, int]) -> None:
    """Two replicas carry eight cores, and one of them 2.4 with a good margin."""
    insight = seen(roomy(), demand(lambda _: cores))
    assert replica_ranges(insight, minutes(15)) == {"xr/arena/render": expected}


@pytest.mark.parametrize("changes", [{"is_elastic": False}, {"requests": render().requests * 0.0}])
def test_only_a_declared_range_of_known_size_is_scaled(changes: dict[str, Any]) -> None:
    assert replica_ranges(seen(roomy(**changes), demand(lambda _: 50.0)), minutes(15)) == {}


def test_a_component_is_scaled_out_before_the_demand_comes() -> None:
    decision = of_arena(seen(roomy(), demand(lambda s: 7.0 if s < 900 else 11.0)))
    assert (decision.verdict, decision.reason) == (Verdict.ACT, Reason.DEMAND)
    assert [describe(a) for a in decision.plan.actions] == ["scale render from 2 to 3"]
    assert decision.detail.startswith("render has 2 replicas, and its forecast demand needs 3: ")


def test_a_component_is_scaled_in_where_that_saves_and_the_demand_stays_far_below() -> None:
    decision = of_arena(seen(roomy(4), demand(lambda _: 4.0)))
    assert (decision.verdict, decision.reason) == (Verdict.ACT, Reason.MONEY_SAVED)
    assert [describe(a) for a in decision.plan.actions] == ["scale render from 4 to 2"]


@pytest.mark.parametrize("cores", [9.7, 12.0, 15.9])
def test_between_the_two_a_component_is_left_alone(cores: float) -> None:
    """Four replicas carry 16 cores, and three would carry 7.2 with a good margin."""
    decision = of_arena(seen(roomy(4), demand(lambda _: cores)))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.ALL_WELL)


def test_a_peak_within_four_hours_keeps_the_replicas() -> None:
    peak = demand(lambda s: 12.0 if s == 14400.0 else 1.0)
    assert of_arena(seen(roomy(4), peak)).verdict is Verdict.HOLD


def test_what_has_no_room_is_told() -> None:
    fleet = roomy()
    full = replace(fleet, clusters=(a_metro(1, growth=None),))
    decision = of_arena(seen(full, demand(lambda _: 11.0)))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_BETTER)
    assert decision.detail.startswith("render has 2 replicas, and its forecast demand needs 3")
