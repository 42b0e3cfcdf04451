"""Best improvement over single changes, bounded and in order."""

from dataclasses import replace
from functools import partial

from services.decide.core.filters import ruled_out
from services.decide.core.search import MOST_STEPS, Found, search
from shared.model.fleet import ClusterState, Fleet
from tests.support.builders import (
    a_cluster,
    a_component,
    a_fleet,
    a_flow,
    a_group,
    a_link,
    a_placement,
    an_application,
    both_ways,
)
from tests.unit.decide.framed import a_problem


def found(fleet: Fleet) -> Found:
    problem = a_problem(fleet)
    return search(problem, partial(ruled_out, problem))


def steps(fleet: Fleet) -> list[tuple[str, str]]:
    """Return the component and the target of every step."""
    problem = a_problem(fleet)
    return [
        (problem.components[s.candidate.component].component.name, s.candidate.cluster)
        for s in found(fleet).steps
    ]


def many_on_a_lost_cluster(count: int) -> Fleet:
    names = [f"c{index:02}" for index in range(count)]
    lost = replace(a_cluster("metro"), state=ClusterState.UNREACHABLE)
    return a_fleet(
        clusters=(a_cluster("home", cores=100.0), lost),
        applications=(
            an_application(components=tuple(map(a_component, names)), flows=(), users=()),
        ),
        placements=tuple(a_placement(name, "metro") for name in names),
    )


def test_a_plan_has_its_length_and_the_rest_is_for_the_next() -> None:
    assert len(steps(many_on_a_lost_cluster(MOST_STEPS + 2))) == MOST_STEPS


def test_ties_go_by_name() -> None:
    assert steps(many_on_a_lost_cluster(3)) == [(f"c{i:02}", "home") for i in range(3)]


def test_every_step_is_better_than_the_one_before() -> None:
    result = found(many_on_a_lost_cluster(4))
    scores = [result.before.score, *(step.after.score for step in result.steps)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5


def a_detour(budget_ms: float, edge_ms: float) -> Fleet:
    """Return ingest and render, 20 ms apart, and an edge that is `edge_ms` from home."""
    pinned = a_component("ingest", movable=False)
    group = a_group("visitors", ("ingest", "render"), budget_ms=budget_ms)
    return a_fleet(
        clusters=(
            a_cluster("edge"),
            a_cluster("home", cores=2.0, requested=2.0),
            a_cluster("metro"),
        ),
        links=both_ways("home", "metro", 20.0)
        + both_ways("edge", "home", edge_ms)
        + (a_link("edge", "metro"),),
        applications=(
            an_application(
                components=(pinned, a_component("render")),
                flows=(a_flow("ingest", "render"),),
                users=(group,),
            ),
        ),
    )


def test_nearer_to_a_budget_is_not_good_enough_and_within_it_is() -> None:
    # at the edge: 2 + 1 + 8 + 1 + 2 = 14 ms
    assert steps(a_detour(15.0, 8.0)) == []
    assert steps(a_detour(16.0, 8.0)) == [("render", "edge")]
