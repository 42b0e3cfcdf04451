"""Where the answer turns with what an application pays on a cluster."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

from services.decide.core.objective import Judged, judge, judge_change
from services.decide.core.plan import action_of
from services.decide.core.problem import Candidate, Problem
from services.decide.core.search import Found, ObjectionTo, Weighed, is_saving, spent
from services.decide.core.standing import start
from services.decide.core.turning.guess import MOST_WEIGHED, Answer, Guess
from services.decide.core.turning.levers import with_prices
from shared.messages.decision import Lever, TurningPoint
from shared.model.names import ClusterName
from shared.model.plan import describe


def money_guesses(problem: Problem, answer: Answer) -> Iterator[Guess]:
    """Yield how much dearer or cheaper a cluster may matter, where money is what counts.

    For the margin of a saving, and between candidates that are equal but for it. All is linear in
    the prices.
    """
    found = answer.found
    first = found.steps[0] if found.steps else None
    if first and is_saving(problem, found.before, first.score):
        yield from _at_margin(problem, found.before, first)
    for other in answer.open:
        if first and _but_for_money(first.after) == _but_for_money(other.after):
            yield from _between(problem, first.after, other.after)


def saving_points(
    problem: Problem, found: Found, objection_to: ObjectionTo
) -> tuple[TurningPoint, ...]:
    """Return how much dearer or cheaper a cluster makes a saving worth it that is too small now.

    Proven on the candidate alone: this is worked out for applications with which all is well.
    """
    told = dict[bool, TurningPoint]()
    for guess, weighed in sorted(_too_small(problem, found), key=lambda g: g[0].order):
        is_open = objection_to(found.before.standing, weighed.candidate) is None
        if guess.kind[1] not in told and is_open and _turns(guess, weighed.candidate):
            what = describe(action_of(problem, weighed.candidate))
            told[guess.kind[1]] = guess.told(f"{what} saves enough")
    return tuple(told.values())


def _too_small(problem: Problem, found: Found) -> Iterator[tuple[Guess, Weighed]]:
    before = found.before
    for weighed in islice(found.weighed, MOST_WEIGHED):
        if weighed.score >= before.score:
            return
        if _but_for_money(before) == _but_for_money(weighed.after):
            for guess in _at_margin(problem, before, weighed):
                yield guess, weighed


def _turns(guess: Guess, candidate: Candidate) -> bool:
    return _saves(guess.beyond, candidate) and not _saves(guess.before, candidate)


def _saves(problem: Problem, candidate: Candidate) -> bool:
    now = judge(problem, start(problem))
    return is_saving(problem, now, judge_change(problem, now, candidate).score)


def _but_for_money(judged: Judged) -> tuple[int, int, float]:
    return judged.score.hard, judged.score.unplaced, judged.score.quality


def _at_margin(problem: Problem, before: Judged, weighed: Weighed) -> Iterator[Guess]:
    """Yield where a saving becomes worth it, or no longer is."""
    ratio, after = problem.policy.improvement_ratio, weighed.after
    beyond = before.score.money - after.score.money - ratio * spent(before)
    for name in _clusters(before, after):
        grows = _paid(after, name) - (1.0 - ratio) * _paid(before, name)
        if grows:
            yield from _guess(problem, name, beyond / grows, (before, after))


def _between(problem: Problem, chosen: Judged, other: Judged) -> Iterator[Guess]:
    """Yield where another candidate becomes the cheaper one."""
    dearer = other.score.money - chosen.score.money
    for name in _clusters(chosen, other):
        grows = _paid(chosen, name) - _paid(other, name)
        if grows:
            yield from _guess(problem, name, dearer / grows, (chosen, other))


def _guess(
    problem: Problem, name: ClusterName, more: float, placements: tuple[Judged, Judged]
) -> Iterator[Guess]:
    """Yield a guess of prices that are a share higher. They do not go below zero."""
    paid = max(_paid(judged, name) for judged in placements)
    if more > -1.0:
        yield Guess(
            lever=Lever.MONEY_USD,
            name=name,
            amount=more * paid,
            of=paid,
            changed=partial(with_prices, problem, name, paid),
        )


def _clusters(*placements: Judged) -> list[ClusterName]:
    return sorted({c for p in placements for spread in p.standing.spreads for c, _ in spread})


def _paid(judged: Judged, name: ClusterName) -> float:
    """Return what resources and energy there cost over the horizon, in USD."""
    return sum(judged.terms.get(f"money:{what}:{name}", 0.0) for what in ("resources", "energy"))
