"""A what-if tells the plan, and what stands before it now, by the production code."""

from dataclasses import replace

import pytest

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from services.decide.core.whatif.change import lost, parse
from services.decide.core.whatif.foresee import Foreseen, foresee
from services.decide.core.whatif.on_insight import changed
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.application import Limits, MaintenanceWindow
from shared.model.plan import describe
from shared.model.policy import FleetPolicy
from tests.support.builders import ARENA, cycle_at, later
from tests.unit.decide.demo import demo_fleet, demo_insight, the_arena

SLOW = "link:home-metro.latency=+6ms"


def foreseen(insight: Insight, *changes: str) -> Foreseen:
    (one,) = foresee(changed(insight, [parse(text) for text in changes]))
    return one


def plan_of(decision: Decision) -> list[str]:
    return [describe(action) for action in decision.plan.actions]


def test_a_slower_link_moves_the_renderer_which_must_be_seen_twice_now() -> None:
    one = foreseen(demo_insight(), SLOW)
    assert one.decision.reason is Reason.QUALITY_RESTORED
    assert plan_of(one.decision) == ["move render from metro to home"]
    assert [hold.reason for hold in one.held_by] == [Reason.NOT_PERSISTENT]


def test_without_a_change_all_is_well_and_nothing_holds_it() -> None:
    one = foreseen(demo_insight())
    assert one.decision.reason is Reason.ALL_WELL
    assert one.held_by == ()


def test_what_stood_on_a_lost_cluster_goes_elsewhere() -> None:
    (one,) = foresee(changed(demo_insight(), [lost("metro")]))
    assert one.decision.reason is Reason.CLUSTER_LOST
    assert plan_of(one.decision) == ["move render from metro to home"]


@pytest.mark.parametrize("needed", [1, 2, 3, 5])
def test_it_is_the_decision_that_decide_would_come_to_by_itself(needed: int) -> None:
    policy = FleetPolicy(persistence_needed=needed, persistence_of=5)
    insight = changed(demo_insight(policy=policy), [parse(SLOW)])
    memory = Memory()
    for number in range(needed):
        at = later((number - needed + 1) * 15.0)
        decisions, memory = decide(replace(insight, at=at, cycle=cycle_at(at)), memory)
    (one,) = foresee(insight)
    assert one.decision == decisions[0]
    assert one.decision.verdict is Verdict.ACT
    assert len(one.held_by) == min(1, needed - 1)


def test_a_closed_window_and_a_plan_under_way_hold_it_but_do_not_hide_it() -> None:
    closed = Limits(windows=(MaintenanceWindow(days=(0,), start_minute=0, end_minute=1),))
    fleet = demo_fleet(applications=(the_arena(limits=closed),))
    one = foreseen(demo_insight(fleet), SLOW)
    assert [h.reason for h in one.held_by] == [Reason.NOT_PERSISTENT, Reason.OUTSIDE_WINDOW]
    assert plan_of(one.decision) == ["move render from metro to home"]

    one = foreseen(demo_insight(under_way=(ARENA,)), SLOW)
    assert [h.reason for h in one.held_by] == [Reason.IN_FLIGHT]
    assert plan_of(one.decision) == ["move render from metro to home"]
