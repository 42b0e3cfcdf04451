"""Why this, and why not that."""

from dataclasses import replace

import pytest

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Reason, Rejection
from shared.model.fleet import Fleet
from shared.model.plan import describe
from shared.model.policy import FleetPolicy
from tests.support.builders import a_fleet, a_flow, an_application, an_insight, both_ways
from tests.unit.decide.demo import demo_fleet, demo_insight, demo_links, the_arena


def at_once(fleet: Fleet) -> Decision:
    policy = FleetPolicy(persistence_needed=1)
    (decision,), _ = decide(demo_insight(fleet, policy=policy), Memory())
    return decision


def coast() -> Decision:
    """Return the decision after the southern users went to the coast: two moves."""
    north, south = the_arena().users
    arena = the_arena(users=(north, replace(south, site="venue-coast")))
    return at_once(demo_fleet(applications=(arena,)))


def rejections(decision: Decision) -> dict[str, Rejection]:
    return {describe(r.candidate): r for r in decision.rejections}


def test_each_action_shows_what_it_changes_after_those_before_it() -> None:
    first, second = coast().effects
    south = "quality:group:xr/arena/south"
    ((before, after),) = [(t.before, t.after) for t in first.terms if t.name == south]
    # 18.0, then 14.5 ms, against 13.5 allowed and a budget of 15
    assert (before, after) == (pytest.approx(1.3), pytest.approx(1 + 1 / 15))
    ((before, after),) = [(t.before, t.after) for t in second.terms if t.name == south]
    assert (before, after) == (pytest.approx(1 + 1 / 15), 0.0)
    home = {t.name: (t.before, t.after) for t in first.terms}["money:resources:home"]
    assert home == (pytest.approx(0.6), pytest.approx(0.4))


def test_a_rejection_names_the_group_and_the_numbers() -> None:
    found = rejections(coast())
    late = found["move render from metro to home"]
    assert (late.reason, late.detail) == (Reason.OVER_BUDGET, "south: 16.0 ms with 13.5 allowed")
    assert len(found) == 3


def test_an_act_says_what_was_wrong_what_is_done_and_what_comes_of_it() -> None:
    assert coast().detail == (
        "south gets 18.0 of 15 ms: move encode from home to metro, "
        "then move ingest from home to metro; then north 13.2 of 15 ms, south 13.0 of 15 ms"
    )


def test_a_candidate_that_would_break_a_flow_says_which() -> None:
    flow = a_flow("ingest", "render", 100.0, max_latency_ms=0.5)
    fleet = a_fleet(applications=(an_application(flows=(flow,)),))
    fleet = replace(fleet, placements=tuple(replace(p, cluster="home") for p in fleet.placements))
    (decision,), _ = decide(an_insight(fleet), Memory())
    found = rejections(decision)["move render from home to metro"]
    assert (found.reason, found.detail) == (
        Reason.BREAKS_FLOW,
        "flow xr/arena/ingest>render would be 100% beyond its limit",
    )


def test_a_candidate_that_would_overload_a_link_says_which() -> None:
    flow = a_flow("ingest", "render", 4_000.0)
    fleet = a_fleet(
        applications=(an_application(flows=(flow,)),),
        links=both_ways("home", "metro", used_mbps=7_000.0),
    )
    fleet = replace(fleet, placements=tuple(replace(p, cluster="home") for p in fleet.placements))
    (decision,), _ = decide(an_insight(fleet), Memory())
    found = rejections(decision)["move render from home to metro"]
    assert found.reason is Reason.BREAKS_FLOW
    assert found.detail == "link home>metro would be 10% beyond its limit"


def test_another_candidate_that_helps_was_not_as_good() -> None:
    links = demo_links(home_metro={"latency_ms": 3.0})
    (north, _) = the_arena().users
    # render home: 10.4 ms; encode to metro: 13.8; with a budget of 16 both would do
    arena = the_arena(users=(replace(north, budget_ms=16.0),))
    decision = at_once(demo_fleet(links=links, applications=(arena,)))
    found = rejections(decision)["move render from metro to home"]
    assert (found.reason, found.detail) == (
        Reason.WORSE,
        "north 10.4 of 16 ms: good, but not as good as what was chosen",
    )
    assert decision.detail.endswith("move encode from home to metro; then north 13.8 of 16 ms")


def test_an_unknown_latency_is_expected_to_be_unknown() -> None:
    (group, *_) = the_arena().users
    arena = the_arena(users=(replace(group, site="nowhere"),))
    decision = at_once(demo_fleet(applications=(arena,)))
    assert decision.reason is Reason.NO_BETTER
    assert decision.detail == ("north gets an unknown part of 15 ms; no allowed change is better")
