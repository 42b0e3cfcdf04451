"""Candidates are judged as far as they are asked for, and come in the order of their scores."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.decide.core.bounds import keys_of
from services.decide.core.decide import decide
from services.decide.core.framing import problem_of
from services.decide.core.ground import ground_of
from services.decide.core.memory import Memory
from services.decide.core.objective import Judged, judge, judge_change
from services.decide.core.problem import Candidate, Problem
from services.decide.core.promises import Promises
from services.decide.core.ranking import BestFirst
from services.decide.core.search import Weighed, candidates, name_of, search
from services.decide.core.standing import start
from shared.messages.insight import Insight
from tests.unit.decide.framed import a_problem
from tests.unit.decide.worlds import an_insight_of, insights

many = settings(max_examples=30, deadline=None, derandomize=True)


def problems(insight: Insight) -> list[Problem]:
    ground = ground_of(insight)
    applications = insight.fleet.applications
    return [problem_of(insight, ground, a, Promises()) for a in applications]


def all_weighed(problem: Problem, now: Judged) -> list[Weighed]:
    """Return what the search weighs first, every candidate judged."""
    each = candidates(problem, now.standing, moved=frozenset())
    weighed = [Weighed(candidate=c, after=judge_change(problem, now, c)) for c in each]
    return sorted(weighed, key=lambda w: (w.score, name_of(problem, w.candidate)))


def levels(weighed: Weighed) -> tuple[float, ...]:
    score = weighed.score
    return score.hard, score.unplaced, score.quality, score.money


@many
@given(insights())
def test_candidates_come_in_the_order_they_have_when_all_are_judged(insight: Insight) -> None:
    for problem in problems(insight):
        now = judge(problem, start(problem))
        found = search(problem, lambda _, __: None)
        assert list(found.weighed) == all_weighed(problem, now)


@many
@given(insights())
def test_no_candidate_is_better_than_its_bound_after_any_first_step(insight: Insight) -> None:
    for problem in problems(insight):
        now = judge(problem, start(problem))
        for step in (None, *all_weighed(problem, now)[:2]):
            here = step.after if step else now
            moved = frozenset({step.candidate.component} if step else ())
            possible = list(candidates(problem, here.standing, moved=moved))
            for candidate, key in zip(possible, keys_of(problem, here, possible), strict=True):
                after = judge_change(problem, here, candidate)
                assert key <= levels(Weighed(candidate=candidate, after=after))


@many
@given(insights())
def test_links_that_are_no_arrays_give_the_same_order(insight: Insight) -> None:
    for problem in problems(insight):
        plain = replace(problem, links=dict(problem.links))
        found, slow = (search(p, lambda _, __: None) for p in (problem, plain))
        assert list(found.weighed) == list(slow.weighed)
        assert found.steps == slow.steps


@many
@given(insights())
def test_a_memory_without_what_was_built_before_leads_to_the_same_decisions(
    insight: Insight,
) -> None:
    _, memory = decide(insight, Memory())
    later = replace(insight, cycle="20270101T000000000Z")  # type: ignore[arg-type] a cycle
    without = Memory(
        decisions=memory.decisions, seen=memory.seen, told=memory.told, lost=memory.lost
    )
    assert memory.frames.of
    assert decide(later, memory) == decide(later, without)


@many
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_what_was_built_for_another_fleet_does_not_matter(one: int, other: int) -> None:
    insight = an_insight_of(Random(one), needed=1)
    _, memory = decide(an_insight_of(Random(other), needed=1), Memory())
    assert decide(insight, Memory(frames=memory.frames)) == decide(insight, Memory())


@many
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=12))
def test_the_first_are_known_before_the_last_are_made(pairs: list[tuple[int, int]]) -> None:
    bounds = sorted((low,) for low, _ in pairs)
    keys = [(low + pairs[i][1], i) for i, (low,) in enumerate(bounds)]
    made: list[int] = []

    def make(index: int) -> tuple[tuple[int, int], int]:
        made.append(index)
        return keys[index], index

    ranked = BestFirst(bounds, make)
    expected = [index for _, index in sorted(keys)]
    assert len(ranked) == len(pairs)
    assert ranked[:2] == expected[:2]
    if len(pairs) > 1 and max(keys[i] for i in expected[:2]) < bounds[-1]:
        assert len(made) < len(pairs)
    assert list(ranked) == expected
    assert ranked[-3:] == expected[-3:]
    assert made == sorted(set(made))


def test_nothing_is_known_of_scaling_before_it_is_judged() -> None:
    problem = a_problem(an_insight_of(Random(1), needed=1))
    now = judge(problem, start(problem))
    scale = Candidate(component=0, cluster=next(iter(problem.clusters)), replicas=1, is_scale=True)
    assert keys_of(problem, now, [scale]) == [()]
