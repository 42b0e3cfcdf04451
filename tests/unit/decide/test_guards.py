"""What should not be now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.decide.core import guards
from services.decide.core.budget import moves_left, reject_over_move_budget
from services.decide.core.decide import decide
from services.decide.core.memory import Memory, Seen, refreshed
from services.decide.core.plan import action_of
from services.decide.core.problem import Objection
from services.decide.core.sacrifice import reject_sacrifice
from services.decide.core.standing import start
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.inventory import Freshness, KindFreshness, Problem
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.messages.readings import Signal
from shared.model.application import Autonomy, Limits, MaintenanceWindow
from shared.model.fleet import ClusterState, Fleet
from shared.model.names import ApplicationName, ClusterName, DecisionId
from shared.model.plan import Move, Plan
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_cluster,
    a_component,
    a_fleet,
    an_application,
    an_insight,
    cycle_at,
    later,
)
from tests.unit.decide.demo import demo_fleet, demo_links, with_cluster
from tests.unit.decide.framed import a_move, a_problem, judged, moved

RENDER_HOME = Move(
    application=ARENA,
    component=a_component("render").name,
    workload=a_component("render").workload,
    source=ClusterName("metro"),
    target=ClusterName("home"),
    replicas=1,
)


def an_outcome(status: Status, *, seconds: float = -60.0, **changes: Any) -> Outcome:
    """Return an outcome of the move of render to home, that many seconds from now."""
    at = later(seconds)
    values: dict[str, Any] = {
        "decision": DecisionId("one"),
        "cycle": cycle_at(at),
        "fleet": FLEET,
        "application": ARENA,
        "at": at,
        "status": status,
        "actions": (
            ActionResult(action=RENDER_HOME, status=status, started_at=at, finished_at=at),
        ),
    }
    return Outcome(**(values | changes))


def a_decision(*, seconds: float = -60.0, lifetime: float = 120.0, **changes: Any) -> Decision:
    """Return the decision to move render to home, that many seconds from now."""
    at = later(seconds)
    values: dict[str, Any] = {
        "id": DecisionId("one"),
        "cycle": cycle_at(at),
        "fleet": FLEET,
        "application": ARENA,
        "at": at,
        "deadline_at": at + timedelta(seconds=lifetime),
        "verdict": Verdict.ACT,
        "reason": Reason.QUALITY_RESTORED,
        "detail": "",
        "autonomy": Autonomy.AUTO,
        "plan": Plan(actions=(RENDER_HOME,)),
    }
    return Decision(**(values | changes))


def reason(objection: Objection | None) -> Reason | None:
    return objection.reason if objection else None


# ---------------------------------------------------------------------------- control


def a_control(*, paused: bool) -> Control:
    return Control(fleet=FLEET, paused=paused, by="ada", reason="a show is on", at=NOW)


def test_a_paused_fleet_is_left_alone() -> None:
    found = guards.reject_paused(a_control(paused=True))
    assert found == Objection(reason=Reason.PAUSED, detail="paused by ada: a show is on")


def test_a_resumed_fleet_and_one_never_paused_are_not() -> None:
    assert guards.reject_paused(a_control(paused=False)) is None
    assert guards.reject_paused(None) is None


# -------------------------------------------------------------------------- in flight


@pytest.mark.parametrize("status", list(Status))
def test_an_outcome_that_is_not_final_holds_the_application(status: Status) -> None:
    insight = an_insight(outcomes=(an_outcome(status),))
    expected = None if status.is_final else Reason.IN_FLIGHT
    assert reason(guards.reject_in_flight(ARENA, insight, Memory())) is expected


def test_an_outcome_of_another_application_does_not() -> None:
    other = an_outcome(Status.RUNNING, application=ApplicationName("xr/other"))
    insight = an_insight(outcomes=(other,))
    assert guards.reject_in_flight(ARENA, insight, Memory()) is None


def test_a_plan_on_the_object_is_under_way() -> None:
    insight = an_insight(under_way=(ARENA,))
    assert reason(guards.reject_in_flight(ARENA, insight, Memory())) is Reason.IN_FLIGHT


@pytest.mark.parametrize(("seconds", "held"), [(-60, True), (-150, True), (-151, False)])
def test_a_decision_without_outcome_is_pending_until_two_cycles_after_its_deadline(
    seconds: float, held: bool
) -> None:
    memory = Memory(decisions=(a_decision(seconds=seconds),))
    found = guards.reject_in_flight(ARENA, an_insight(), memory)
    assert (found is not None) is held


def test_a_decision_that_is_done_is_not_pending() -> None:
    memory = Memory(decisions=(a_decision(),))
    insight = an_insight(outcomes=(an_outcome(Status.SUCCEEDED),))
    assert guards.reject_in_flight(ARENA, insight, memory) is None


# --------------------------------------------------------------------------- coverage


@pytest.mark.parametrize(
    ("kind", "state", "held"),
    [
        ("Pod", Freshness.LATE, True),
        ("Machine", Freshness.LATE, True),
        ("Pod", Freshness.ABSENT, True),
        ("Machine", Freshness.ABSENT, False),
    ],
)
def test_a_late_inventory_holds_and_a_kind_that_is_not_installed_does_not(
    kind: str, state: Freshness, held: bool
) -> None:
    insight = an_insight(kinds=(KindFreshness(kind=kind, state=state),))
    assert (guards.reject_late_inventory(insight) is not None) is held


def test_a_policy_that_cannot_be_read_holds_everything() -> None:
    problem = Problem(
        kind="FleetPolicy", name="default", field="spec.soakCycles", message="must be a number"
    )
    (decision,), _ = decide(an_insight(problems=(problem,)), Memory())
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.INVALID)
    assert decision.detail == "FleetPolicy default: spec.soakCycles: must be a number"


def silent(cluster: str, signal: Signal) -> tuple[Coverage, ...]:
    return (Coverage(cluster=ClusterName(cluster), signal=signal, state=CoverageState.ABSENT),)


@pytest.mark.parametrize(
    ("signal", "held"),
    [
        (Signal.NODE_READY, True),
        (Signal.LINK_USED_MBPS, False),  # of the way back, which nothing uses
        (Signal.NODE_USED_CORES, False),
        (Signal.LINK_JITTER_MS, False),
    ],
)
def test_what_an_application_stands_on_has_to_be_fresh_as_far_as_it_matters(
    signal: Signal, held: bool
) -> None:
    problem = a_problem(an_insight(coverage=silent("metro", signal)))
    assert (guards.reject_not_fresh(problem, start(problem)) is not None) is held


def test_a_late_capacity_of_a_link_in_use_holds() -> None:
    problem = a_problem(an_insight(coverage=silent("home", Signal.LINK_CAPACITY_MBPS)))
    found = guards.reject_not_fresh(problem, start(problem))
    assert found == Objection(
        reason=Reason.NOT_FRESH, detail="link_capacity_mbps of home>metro is absent"
    )


def test_silence_of_a_lost_cluster_is_no_doubt() -> None:
    metro = a_cluster("metro")
    lost = type(metro)(site=metro.site, state=ClusterState.UNREACHABLE)
    fleet = a_fleet(clusters=(a_cluster("home"), lost), links=())
    problem = a_problem(an_insight(fleet, coverage=silent("metro", Signal.NODE_READY)))
    assert guards.reject_not_fresh(problem, start(problem)) is None


# --------------------------------------------------------------------------- cooldown


def cooling(insight: Insight, component: str = "render") -> Reason | None:
    problem = a_problem(insight)
    target = "home" if component == "render" else "metro"
    return reason(guards.reject_cooling_down(problem, a_move(problem, component, target), insight))


@pytest.mark.parametrize(("seconds", "held"), [(-1, True), (-299, True), (-300, False)])
def test_a_component_that_moved_recently_stays(seconds: float, held: bool) -> None:
    insight = an_insight(outcomes=(an_outcome(Status.SUCCEEDED, seconds=seconds),))
    assert cooling(insight) is (Reason.COOLING_DOWN if held else None)


def test_other_components_may_move() -> None:
    assert cooling(an_insight(outcomes=(an_outcome(Status.SUCCEEDED),)), "ingest") is None


def test_what_was_only_refused_does_not_cool_down() -> None:
    assert cooling(an_insight(outcomes=(an_outcome(Status.REFUSED),))) is None


def test_what_stands_on_a_lost_cluster_does_not_cool_down() -> None:
    metro = a_cluster("metro")
    lost = type(metro)(site=metro.site, state=ClusterState.UNREACHABLE)
    fleet = a_fleet(clusters=(a_cluster("home"), lost))
    assert cooling(an_insight(fleet, outcomes=(an_outcome(Status.SUCCEEDED),))) is None


# ----------------------------------------------------------------------- turned down


def turned_down(insight: Insight, memory: Memory | None = None) -> Reason | None:
    problem = a_problem(insight)
    action = action_of(problem, a_move(problem, "render", "home"))
    cooldown = timedelta(minutes=5)
    found = guards.reject_turned_down(action, insight, memory or Memory(), cooldown=cooldown)
    return reason(found)


@pytest.mark.parametrize("status", sorted(guards.TURNED_DOWN))
def test_the_same_action_is_not_proposed_again_within_a_cooldown(status: Status) -> None:
    assert turned_down(an_insight(outcomes=(an_outcome(status),))) is Reason.RECENTLY_REFUSED
    old = an_insight(outcomes=(an_outcome(status, seconds=-301),))
    assert turned_down(old) is None


def test_after_an_advice_the_second_best_is_not_advised_within_a_cooldown() -> None:
    insight = an_insight(outcomes=(an_outcome(Status.ADVISED),))
    problem = a_problem(insight)
    other = action_of(problem, a_move(problem, "ingest", "metro"))
    cooldown = timedelta(minutes=5)
    found = guards.reject_turned_down(other, insight, Memory(), cooldown=cooldown)
    assert reason(found) is Reason.RECENTLY_REFUSED
    refused = an_insight(outcomes=(an_outcome(Status.REFUSED),))
    assert guards.reject_turned_down(other, refused, Memory(), cooldown=cooldown) is None


def test_an_outcome_without_actions_is_about_the_whole_plan() -> None:
    insight = an_insight(outcomes=(an_outcome(Status.REJECTED, actions=(), by="ada"),))
    assert turned_down(insight) is None
    memory = Memory(decisions=(a_decision(),))
    assert turned_down(insight, memory) is Reason.RECENTLY_REFUSED


def test_what_was_done_before_a_plan_failed_was_not_turned_down() -> None:
    done = ActionResult(action=RENDER_HOME, status=Status.SUCCEEDED)
    assert turned_down(an_insight(outcomes=(an_outcome(Status.FAILED, actions=(done,)),))) is None


# ------------------------------------------------------------------------ persistence


def persistence(*cycles: tuple[str, ...], **policy: int) -> Reason | None:
    """Return what is said of the last of some cycles in which these were wrong."""
    *past, now = cycles
    memory = Memory(
        seen=tuple(
            Seen(application=ARENA, cycle=cycle_at(later(i)), at=later(i), wants=wants)
            for i, wants in enumerate(past)
        )
    )
    problem = a_problem(an_insight(policy=FleetPolicy(**policy)))
    return reason(guards.reject_not_persistent(problem, now, memory))


LATE, GONE = ("quality:group:xr/arena/visitors",), ("unplaced:xr/arena/render",)


def test_a_violation_seen_once_does_not_count() -> None:
    assert persistence(LATE) is Reason.NOT_PERSISTENT
    assert persistence(LATE, (), (), LATE) is Reason.NOT_PERSISTENT


def test_a_violation_seen_in_two_of_three_cycles_counts() -> None:
    assert persistence(LATE, LATE) is None
    assert persistence(LATE, (), LATE) is None


def test_violations_of_different_groups_do_not_add_up() -> None:
    assert persistence(("quality:group:xr/arena/others",), LATE) is Reason.NOT_PERSISTENT


def test_a_lost_cluster_counts_in_its_second_cycle_in_a_row_whatever_the_policy_asks() -> None:
    slow = {"persistence_needed": 5, "persistence_of": 6}
    assert persistence(GONE, GONE, **slow) is None
    assert persistence(GONE, (), GONE, **slow) is Reason.NOT_PERSISTENT
    assert persistence(LATE, LATE, **slow) is Reason.NOT_PERSISTENT


def test_a_policy_may_ask_for_one_cycle() -> None:
    assert persistence(LATE, persistence_needed=1) is None
    assert persistence(GONE, persistence_needed=1) is None


# ---------------------------------------------------------------- windows and budgets

NIGHT = MaintenanceWindow(days=(0,), start_minute=22 * 60, end_minute=2 * 60)
MORNING = MaintenanceWindow(days=(0, 1), start_minute=6 * 60, end_minute=7 * 60)


@pytest.mark.parametrize(
    ("window", "hours", "inside"),
    [
        # NOW is Tuesday, 07:00
        (MORNING, -1.0, True),
        (MORNING, 0.0, False),
        (MORNING, 23.5, False),
        (NIGHT, -6.0, True),
        (NIGHT, -5.0, False),
        (NIGHT, -8.5, True),
        (NIGHT, 15.5, False),
    ],
)
def test_a_window_may_pass_midnight(window: MaintenanceWindow, hours: float, inside: bool) -> None:
    assert guards.is_inside(window, NOW + timedelta(hours=hours)) is inside


def test_outside_all_windows_nothing_moves_and_without_any_everything_may() -> None:
    closed = an_application(limits=Limits(windows=(MORNING,)))
    found = guards.reject_outside_window(closed, NOW)
    assert found is not None
    assert found.detail == "Tue 07:00 UTC is in no maintenance window"
    assert guards.reject_outside_window(an_application(), NOW) is None


def test_moves_within_the_hour_and_those_to_come_are_counted() -> None:
    application = an_application(limits=Limits(moves_per_hour=3))
    outcomes = (
        an_outcome(Status.SUCCEEDED, seconds=-3599),
        an_outcome(Status.SUCCEEDED, seconds=-3600, decision=DecisionId("old")),
    )
    memory = Memory(decisions=(a_decision(id=DecisionId("next")),))
    insight = an_insight(outcomes=outcomes)
    assert moves_left(application, insight, memory) == 1
    assert reject_over_move_budget(application, insight, memory, needed=1) is None
    assert reject_over_move_budget(application, insight, memory, needed=2) is not None


def test_a_waiting_decision_counts_its_moves_once_they_begin_only_once() -> None:
    memory = Memory(decisions=(a_decision(),))
    waiting = ActionResult(action=RENDER_HOME, status=Status.PENDING)
    for outcome in (
        an_outcome(Status.WAITING, actions=(waiting,)),
        an_outcome(Status.RUNNING),
    ):
        insight = an_insight(outcomes=(outcome,))
        assert moves_left(an_application(), insight, memory) == 5


def test_what_needs_no_move_of_the_budget_is_never_over_it() -> None:
    application = an_application(limits=Limits(moves_per_hour=0))
    assert reject_over_move_budget(application, an_insight(), Memory(), needed=0) is None


def test_an_application_that_moved_enough_waits() -> None:
    insight = an_insight(outcomes=(an_outcome(Status.SUCCEEDED),))
    application = an_application(limits=Limits(moves_per_hour=1))
    assert (
        reason(reject_over_move_budget(application, insight, Memory(), needed=1))
        is Reason.MOVE_BUDGET
    )


def test_a_fleet_that_moved_enough_waits() -> None:
    other = an_outcome(Status.SUCCEEDED, application=ApplicationName("xr/other"))
    insight = an_insight(outcomes=(other,), policy=FleetPolicy(fleet_moves_per_hour=1))
    found = reject_over_move_budget(an_application(), insight, Memory(), needed=1)
    assert reason(found) is Reason.FLEET_BUDGET


# -------------------------------------------------------------------------- unsettled


@pytest.mark.parametrize(("seconds", "expected"), [(299, Reason.COOLING_DOWN), (300, None)])
def test_a_cluster_that_was_out_of_reach_takes_nothing_for_a_cooldown(
    seconds: float, expected: Reason | None
) -> None:
    metro, cooldown = ClusterName("metro"), timedelta(minutes=5)
    lost = an_insight(
        a_fleet(clusters=(replace(a_cluster("metro"), state=ClusterState.UNREACHABLE),), links=())
    )
    well = an_insight(at=later(seconds))
    memory = refreshed(refreshed(Memory(), lost), well)
    found = guards.reject_unsettled(metro, well, memory, cooldown=cooldown)
    assert reason(found) is expected
    home = ClusterName("home")
    assert guards.reject_unsettled(home, well, memory, cooldown=cooldown) is None


def test_the_last_loss_of_a_cluster_counts_and_is_forgotten_in_the_end() -> None:
    lost = a_fleet(
        clusters=(replace(a_cluster("metro"), state=ClusterState.UNREACHABLE),), links=()
    )
    memory = refreshed(Memory(), an_insight(lost))
    memory = refreshed(memory, an_insight(replace(lost, at=later(60)), at=later(60)))
    assert memory.lost_at(ClusterName("metro")) == later(60)
    assert refreshed(memory, an_insight(at=later(60 + 6 * 3600))).lost == ()


# -------------------------------------------------------------------------- sacrifice


def latencies(fleet: Fleet, component: str, cluster: str) -> Objection | None:
    problem = a_problem(fleet)
    return reject_sacrifice(problem, judged(problem), moved(problem, component, cluster))


def test_a_plan_that_leaves_a_group_with_more_than_its_budget_and_than_now_is_none() -> None:
    near, far = demo_fleet(), demo_fleet(links=demo_links(home_metro={"latency_ms": 7.0}))
    found = latencies(near, "encode", "edge-north")
    assert reason(found) is Reason.OVER_BUDGET
    assert found is not None
    assert found.detail == "south would get 16.2 of 15 ms, now 12.4"
    assert latencies(near, "encode", "metro") is None
    assert latencies(far, "encode", "edge-north") is None, "24 ms now: less than that is better"


def test_broken_rules_and_lost_replicas_leave_no_choice() -> None:
    lost = with_cluster(demo_fleet(), "metro", state=ClusterState.UNREACHABLE)
    assert latencies(lost, "render", "cloud") is None
