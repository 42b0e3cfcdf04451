"""Plans of several moves that only together help: proposed by the engine, judged as all others."""

from dataclasses import replace
from functools import partial

from hypothesis import given, settings

from services.decide.core.filters import ruled_out
from services.decide.core.leap import leap
from services.decide.core.objective import judge
from services.decide.core.placing.kernels.compiled import interpreted
from services.decide.core.sacrifice import reject_sacrifice
from services.decide.core.search import Found, rank, search
from services.decide.core.standing import start
from shared.messages.insight import Insight
from shared.model.fleet import Cluster, ClusterState, Fleet, Placement
from shared.model.names import ClusterName
from shared.model.site import Access, Prices
from tests.support.builders import a_cluster, a_fleet, a_placement, an_application, both_ways
from tests.unit.decide.framed import a_problem
from tests.unit.decide.worlds import insights

KERNELS = interpreted()


def reached_in(name: str, access_ms: float, core_hour: float, cores: float = 16.0) -> Cluster:
    """Return a cluster so far from the venue, at a price."""
    return a_cluster(
        name,
        cores=cores,
        access=(Access(user_site="venue", latency_ms=access_ms),),
        prices=Prices(core_hour=core_hour),
    )


def a_world(*placements: Placement, near_cores: float = 16.0) -> Fleet:
    """Return a cheap cluster that is out of reach, a dear one that is near, a lost one."""
    lost = replace(reached_in("lost", 2.0, 0.1), state=ClusterState.UNREACHABLE)
    return a_fleet(
        clusters=(
            reached_in("cheap", 8.0, 0.01),
            lost,
            reached_in("near", 1.0, 1.0, cores=near_cores),
        ),
        links=both_ways("cheap", "near", 9.0)
        + both_ways("cheap", "lost", 9.0)
        + both_ways("lost", "near", 1.0),
        applications=(an_application(),),
        placements=placements,
    )


def found(fleet: Fleet, *, leaping: bool) -> Found:
    problem = a_problem(fleet)
    return search(problem, partial(ruled_out, problem), KERNELS if leaping else None)


def targets(result: Found) -> dict[int, ClusterName]:
    return {step.candidate.component: step.candidate.cluster for step in result.steps}


GONE = (a_placement("ingest", "lost"), a_placement("render", "lost"))


def test_what_is_lost_as_a_whole_goes_where_it_is_good_as_a_whole() -> None:
    alone, together = (found(a_world(*GONE), leaping=leaping) for leaping in (False, True))
    assert alone.after.score.quality > 0.0
    assert together.after.score.quality == 0.0
    assert together.after.score.unplaced == 0
    assert targets(together) == {0: ClusterName("near"), 1: ClusterName("near")}


def test_the_engine_is_not_asked_where_single_changes_mend_everything() -> None:
    half = (a_placement("ingest", "near"), a_placement("render", "lost"))
    alone, together = (found(a_world(*half), leaping=leaping) for leaping in (False, True))
    assert alone.after.score.quality == 0.0
    assert together.steps == alone.steps


def test_nobody_is_left_worse_off_on_the_way_not_even_for_a_better_end() -> None:
    apart = (a_placement("ingest", "cheap"), a_placement("render", "cheap"))
    fleet = a_world(*apart)
    problem = a_problem(fleet)
    before = judge(problem, start(problem))
    assert before.score.quality > 0.0
    assert leap(problem, before, partial(ruled_out, problem), KERNELS) == ()


def test_where_nothing_may_come_there_is_no_leap() -> None:
    fleet = a_world(*GONE, near_cores=1.0)
    closed = tuple(replace(c, state=ClusterState.CORDONED) for c in fleet.clusters)
    problem = a_problem(replace(fleet, clusters=closed))
    before = judge(problem, start(problem))
    assert leap(problem, before, partial(ruled_out, problem), KERNELS) == ()


@given(insight=insights())
@settings(max_examples=25, deadline=None)
def test_a_leap_is_a_plan_like_any_other(insight: Insight) -> None:
    problem = a_problem(insight)
    objection_to = partial(ruled_out, problem)
    before = here = judge(problem, start(problem))
    for candidate, after in leap(problem, before, objection_to, KERNELS):
        assert objection_to(here.standing, candidate) is None
        assert reject_sacrifice(problem, before, after) is None
        here = after


@given(insight=insights())
@settings(max_examples=25, deadline=None)
def test_asking_the_engine_never_gives_a_worse_plan(insight: Insight) -> None:
    problem = a_problem(insight)
    alone = search(problem, partial(ruled_out, problem))
    together = search(problem, partial(ruled_out, problem), KERNELS)
    assert rank(problem, together.after) <= rank(problem, alone.after)
    assert together.before == alone.before
