"""The smallest changes with another answer: true just beyond them, and not just before."""

import math
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings

from services.decide.core.decide import decide
from services.decide.core.explain import what_is_wrong
from services.decide.core.filters import ruled_out
from services.decide.core.framing import problem_of
from services.decide.core.ground import ground_of
from services.decide.core.memory import Memory
from services.decide.core.plan import action_of
from services.decide.core.problem import Candidate, Problem
from services.decide.core.promises import Promises
from services.decide.core.search import Found, search
from services.decide.core.turning.levers import ChangedLinks, with_link, with_prices
from services.decide.core.turning.money import saving_points
from services.decide.core.turning.points import MOST_POINTS, MOST_TURNED, proven, turning_points
from shared.messages.decision import Decision, Lever, Reason, TurningPoint
from shared.messages.insight import Insight
from shared.model.application import Constraints
from shared.model.fleet import Fleet
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import describe
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Access, Prices
from tests.support.builders import (
    a_cluster,
    a_component,
    a_fleet,
    a_flow,
    a_group,
    a_placement,
    an_application,
    both_ways,
)
from tests.unit.decide.demo import demo_fleet, demo_insight, demo_links, start_placements, the_arena
from tests.unit.decide.framed import a_problem
from tests.unit.decide.worlds import insights


def found(problem: Problem) -> Found:
    return search(problem, partial(ruled_out, problem))


def points(problem: Problem) -> tuple[TurningPoint, ...]:
    return turning_points(problem, found(problem), partial(ruled_out, problem), found)


def steps(problem: Problem) -> tuple[Candidate, ...]:
    return tuple(step.candidate for step in found(problem).steps)


def by_lever(problem: Problem) -> dict[tuple[Lever, str, bool], TurningPoint]:
    return {(p.lever, p.name, p.amount > 0): p for p in points(problem)}


def is_at(point: TurningPoint, amount: float, answer: str) -> bool:
    return math.isclose(point.amount, amount, abs_tol=1e-6) and point.answer == answer


def is_answer(problem: Problem, point: TurningPoint, changed: Problem) -> bool:
    """Tell whether the search answers a changed problem as the turning point says."""
    then = found(changed)
    if not then.steps:
        wrong = what_is_wrong(changed, then.before)
        return point.answer == ("no single change is better" if wrong else "nothing to do")
    return point.answer.startswith(describe(action_of(problem, then.steps[0].candidate)))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(insights())
def test_a_little_more_has_the_answer_told_and_a_little_less_the_one_there_is(
    insight: Insight,
) -> None:
    problem = problem_of(insight, ground_of(insight), insight.fleet.applications[0], Promises())
    told, now = by_lever(problem), found(problem)
    for guess, _ in islice(proven(problem, now, partial(ruled_out, problem), found), MOST_POINTS):
        more, less = (guess.changed(guess.amount * (1.0 + by)) for by in (2e-4, -2e-4))
        assert is_answer(problem, told[guess.lever, guess.name, guess.amount > 0], more)
        assert steps(less) == steps(problem)


# ------------------------------------------------------------------------------- links


def the_coast() -> Fleet:
    """Return the demo with its southern users at the coast: two moves, north at 13.2 of 13.5."""
    north, south = the_arena().users
    return demo_fleet(applications=(the_arena(users=(north, replace(south, site="venue-coast"))),))


def test_a_link_may_get_slower_by_what_is_left_of_the_budget() -> None:
    # north passes home>metro twice and has 0.3 ms left
    point = by_lever(a_problem(the_coast()))[Lever.LINK_LATENCY_MS, "home>metro", True]
    assert point.amount == pytest.approx(0.15)
    assert point.answer == (
        "move encode from home to metro, then move ingest from home to metro, then 1 more"
    )


def test_a_faster_link_makes_the_plan_needless() -> None:
    links = demo_links(home_metro={"latency_ms": 3.0})
    (north, _) = the_arena().users
    arena = the_arena(users=(replace(north, budget_ms=16.0),))
    told = by_lever(a_problem(demo_fleet(links=links, applications=(arena,))))
    link = told[Lever.LINK_LATENCY_MS, "home>metro", False]
    # 16.4 of 16 ms, twice over the link
    assert is_at(link, -0.2, "nothing to do")
    budget = told[Lever.LATENCY_BUDGET_MS, "north", True]
    assert is_at(budget, 0.4, "nothing to do")
    money = told[Lever.MONEY_USD, "home", False]
    assert is_at(money, -0.14, "move render from metro to home")


def test_the_smallest_change_comes_first() -> None:
    told = points(a_problem(the_coast()))
    assert [p.lever for p in told] == [
        Lever.LATENCY_BUDGET_MS,
        Lever.LATENCY_BUDGET_MS,
        Lever.LINK_LATENCY_MS,
    ]
    assert [p.amount < 0 for p in told] == [True, False, False]


def test_users_behind_a_link_get_nearer_with_it() -> None:
    ends = ClusterName("home"), ClusterName("metro")
    problem = with_link(a_problem(users_at_metro()), ends, -1.5)
    (group,) = problem.groups
    assert dict(group.access_ms) == {"home": 2.5, "metro": 0.0}
    assert {problem.links[pair].latency_ms for pair in (ends, ends[::-1])} == {2.5}


def users_at_metro() -> Fleet:
    """Return users in the metro cluster, and all they need at home, 4 ms away."""
    group = a_group("visitors", ("ingest", "render"), site="metro", budget_ms=9.0)
    return a_fleet(
        links=both_ways("home", "metro", 4.0),
        applications=(an_application(users=(group,)),),
        placements=(a_placement("ingest", "home"), a_placement("render", "home")),
    )


def test_changed_links_tell_the_same_of_each_link_and_of_all() -> None:
    problem = a_problem(a_fleet())
    ends = ClusterName("home"), ClusterName("metro")
    links = with_link(problem, ends, 2.5).links
    assert isinstance(links, ChangedLinks)
    assert links.latencies_ms(ends).tolist() == [[0.0, 3.5], [3.5, 0.0]]
    assert links.latencies_ms(ends[:1]).tolist() == [[0.0]]
    assert links.latency_ms(ends) == links[ends].latency_ms == 3.5
    assert links.latency_ms((ends[0], ClusterName("moon"))) is None
    assert (set(links), len(links)) == (set(problem.links), 2)
    assert links.sources == set(ends)
    assert links.used_mbps() == {"home": 200.0, "metro": 200.0}


def test_a_plain_mapping_of_links_is_changed_too() -> None:
    problem = a_problem(a_fleet())
    ends = ClusterName("home"), ClusterName("metro")
    plain = with_link(replace(problem, links=dict(problem.links)), ends, 2.5)
    assert plain.links == dict(with_link(problem, ends, 2.5).links)


def test_a_link_that_is_down_stays_so() -> None:
    problem = a_problem(a_fleet(links=both_ways("home", "metro", up=False)))
    ends = ClusterName("home"), ClusterName("metro")
    links = with_link(problem, ends, 2.5).links
    assert isinstance(links, ChangedLinks)
    assert links.latencies_ms(ends)[0, 1] == math.inf


def test_the_latency_limit_of_a_flow_turns_the_answer_as_well() -> None:
    flow = a_flow("ingest", "render", max_latency_ms=3.0)
    fleet = a_fleet(
        links=both_ways("home", "metro", 4.0),
        applications=(an_application(flows=(flow,), users=()),),
    )
    point = by_lever(a_problem(fleet))[Lever.LINK_LATENCY_MS, "home>metro", False]
    assert is_at(point, -1.0, "nothing to do")


def test_a_way_that_is_not_known_has_no_turning_point() -> None:
    (north, _) = the_arena().users
    arena = the_arena(users=(replace(north, site="nowhere"),))
    assert points(a_problem(demo_fleet(applications=(arena,)))) == ()


# ------------------------------------------------------------------------ room and money


def far_from_home(room: Resources, **site: Any) -> Fleet:
    """Return all of the arena too far from its users, and a metro with so much room near them."""
    metro = a_cluster("metro", **site)
    (node,) = metro.nodes
    home = a_cluster("home", access=(Access(user_site="venue", latency_ms=9.0),))
    part = a_component("render", replicas=3)
    group = a_group("visitors", ("render",))
    return a_fleet(
        clusters=(home, replace(metro, nodes=(replace(node, allocatable=room),))),
        applications=(an_application(components=(part,), flows=(), users=(group,)),),
        placements=(a_placement("render", "home", 3),),
    )


@pytest.mark.parametrize(
    ("fleet", "cores", "beside"),
    [
        (far_from_home(Resources(cpu_cores=4.5, memory_bytes=64e9)), 2.0, ""),
        (far_from_home(Resources(cpu_cores=16.0, memory_bytes=2e9)), 4.0, "3.7 GiB"),
        (far_from_home(Resources(cpu_cores=16.0, memory_bytes=64e9), max_cores=3.0), 3.0, ""),
    ],
)
def test_a_node_for_the_copies_without_one_would_do(
    fleet: Fleet, cores: float, beside: str
) -> None:
    point = by_lever(a_problem(fleet))[Lever.CLUSTER_CORES, "metro", True]
    words = f", with {beside} beside them" if beside else ""
    assert point.amount == pytest.approx(cores)
    assert point.answer == f"move render from home to metro{words}"


def test_copies_that_need_no_cores_have_no_turning_point_in_cores() -> None:
    fleet = far_from_home(Resources(cpu_cores=16.0, memory_bytes=1e9))
    (application,) = fleet.applications
    memory_only = Resources(memory_bytes=2e9)
    parts = tuple(replace(c, requests=memory_only) for c in application.components)
    problem = a_problem(replace(fleet, applications=(replace(application, components=parts),)))
    assert Lever.CLUSTER_CORES not in {p.lever for p in points(problem)}


def test_prices_between_two_places_turn_the_choice() -> None:
    links = demo_links(home_metro={"latency_ms": 3.0})
    (north, _) = the_arena().users
    arena = the_arena(users=(replace(north, budget_ms=16.0),))
    problem = a_problem(demo_fleet(links=links, applications=(arena,)))
    dearer = with_prices(problem, ClusterName("metro"), 1.0, 0.5).clusters[ClusterName("metro")]
    assert dearer.rates.core == pytest.approx(
        1.5 * problem.clusters[ClusterName("metro")].rates.core
    )


def cheaper_metro(core_hour: float) -> Fleet:
    """Return a render of 2 cores at home, 0.1 USD a core and hour, and a cheaper metro."""
    prices = (Prices(core_hour=0.1), Prices(core_hour=core_hour))
    part = a_component("render")
    return a_fleet(
        clusters=tuple(
            a_cluster(name, prices=price)
            for name, price in zip(("home", "metro"), prices, strict=True)
        ),
        applications=(an_application(components=(part,), flows=(), users=()),),
        placements=(a_placement("render", "home"),),
    )


def saving(fleet: Fleet) -> dict[tuple[str, bool], TurningPoint]:
    problem = a_problem(fleet)
    now = found(problem)
    told = saving_points(problem, now, partial(ruled_out, problem))
    return {(p.name, p.amount > 0): p for p in told}


def test_a_saving_too_small_is_told_what_would_make_it_worth_it() -> None:
    fleet = cheaper_metro(0.092)
    problem = a_problem(fleet)
    now = found(problem)
    assert now.steps == ()
    told = saving(fleet)
    assert set(told) == {("metro", False), ("home", True)}
    for (name, _), point in told.items():
        assert point.answer == "move render from home to metro saves enough"
        where = now.before if name == "home" else now.weighed[0].after
        paid = where.terms[f"money:resources:{name}"]
        for by, is_done in ((1.01, True), (0.99, False)):
            changed = with_prices(problem, ClusterName(name), paid, point.amount * by)
            assert bool(steps(changed)) is is_done


@pytest.mark.parametrize("core_hour", [0.0, 0.001])
def test_no_price_of_another_cluster_makes_a_saving_worth_it(core_hour: float) -> None:
    fleet = cheaper_metro(0.092)
    (application,) = fleet.applications
    parts = (*application.components, a_component("ingest", movable=False))
    edge = a_cluster("edge", prices=Prices(core_hour=core_hour))
    beside = replace(
        fleet,
        clusters=(edge, *fleet.clusters),
        applications=(replace(application, components=parts),),
        placements=(*fleet.placements, a_placement("ingest", "edge")),
    )
    assert {name for name, _ in saving(beside)} == {"home", "metro"}


def test_nothing_is_told_of_savings_where_none_is_allowed_or_near() -> None:
    assert saving(cheaper_metro(0.2)) == {}
    near = cheaper_metro(0.092)
    home, metro = near.clusters
    assert saving(replace(near, clusters=(home, replace(metro, nodes=())))) == {}
    (application,) = near.applications
    only_home = Constraints(forbidden_clusters=(ClusterName("metro"),))
    parts = tuple(replace(c, constraints=only_home) for c in application.components)
    assert saving(replace(near, applications=(replace(application, components=parts),))) == {}


# --------------------------------------------------------------------------- the engine


def test_what_the_engine_found_turns_where_it_is_no_longer_better() -> None:
    problem = a_problem(the_coast())
    by_engine = found(problem)

    def alone(changed: Problem) -> Found:
        return replace(found(changed), steps=())

    told = turning_points(problem, by_engine, partial(ruled_out, problem), alone)
    (slower,) = [p for p in told if p.lever is Lever.LINK_LATENCY_MS and p.amount > 0]
    assert is_at(slower, 0.15, "no single change is better")


# ----------------------------------------------------------------------- in the decision


def decided(fleet: Fleet) -> Decision:
    decisions, _ = decide(demo_insight(fleet, policy=FleetPolicy(persistence_needed=1)), Memory())
    return decisions[0]


def test_a_decision_carries_its_limit_and_its_turning_points() -> None:
    decision = decided(the_coast())
    assert decision.binding == "north: 13.2 of 13.5 ms (budget 15 less the guard band)"
    assert [p.lever for p in decision.turning_points] == [
        p.lever for p in points(a_problem(the_coast()))
    ]


def test_where_all_is_well_only_the_limit_is_told() -> None:
    decision = decided(demo_fleet())
    assert decision.binding == "north: 12.4 of 13.5 ms (budget 15 less the guard band)"
    assert decision.turning_points == ()


def test_a_hold_that_was_told_is_not_worked_out_again() -> None:
    (north, south) = the_arena().users
    wrong = demo_fleet(applications=(the_arena(users=(replace(north, budget_ms=11.0), south)),))
    policy = FleetPolicy(persistence_needed=1)
    first, memory = decide(demo_insight(wrong, policy=policy), Memory())
    second, _ = decide(demo_insight(wrong, seconds=15.0, policy=policy), memory)
    assert first[0].reason is second[0].reason is Reason.NO_BETTER
    assert first[0].binding == second[0].binding != ""
    assert [bool(d.turning_points) for d in (first[0], second[0])] == [True, False]


def test_only_the_first_decisions_of_a_cycle_have_turning_points() -> None:
    (arena,) = the_coast().applications
    twins = tuple(replace(arena, name=ApplicationName(f"xr/a{i}")) for i in range(MOST_TURNED + 1))
    fleet = demo_fleet(
        applications=twins,
        placements=tuple(
            replace(p, application=twin.name) for twin in twins for p in start_placements()
        ),
    )
    policy = FleetPolicy(persistence_needed=1, fleet_moves_per_hour=100)
    decisions, _ = decide(demo_insight(fleet, policy=policy), Memory())
    about = [d for d in decisions if d.application in {t.name for t in twins}]
    assert not about[MOST_TURNED].turning_points
    assert about[MOST_TURNED].binding
