"""The smallest changes with which the answer would be another one: how sure a decision is.

Where the answer turns is worked out from the placements weighed: for a link from what is left of
the limits on it, for cores from the copies without a node, for money from the difference to the
next best. A turning point is told only where the search itself, run on the changed problem, gives
another answer just beyond it and the same one just before it, by single changes: the engine takes
too long to be asked again. Of each lever and direction only the
smallest change is told, relative to what there is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from services.decide.core import explain
from services.decide.core.objective import DIGITS, judge, judge_change
from services.decide.core.plan import action_of
from services.decide.core.problem import Candidate, Problem
from services.decide.core.search import Found, ObjectionTo, Weighed, rank
from services.decide.core.standing import start
from services.decide.core.turning.binding import binding_of
from services.decide.core.turning.guess import MOST_WEIGHED, Answer, Guess
from services.decide.core.turning.latency import budget_guesses, link_guesses
from services.decide.core.turning.money import money_guesses, saving_points
from services.decide.core.turning.room import room_guesses
from shared.messages.decision import Decision, Lever, Reason, TurningPoint, Verdict
from shared.model.plan import describe

MOST_TURNED = 5
"""So many decisions of a cycle are told their turning points: the first, about the worst off."""
MOST_POINTS = 4
SEARCHES_OF_ONE = 2
MOST_SEARCHES = SEARCHES_OF_ONE * MOST_POINTS
MOST_PLACES = 2_000
"""Components x clusters that all searches together may look at, if that is enough for one point."""
MOST_CANDIDATES = 3
"""So many are looked at of the best to which nobody objects, and of those without room."""
MOST_TOLD = 2
"""So many actions of another answer are told one by one."""
TINY = 1e-6
"""Less than that is rounding, not a change."""

Search = Callable[[Problem], Found]
Told = tuple[tuple[Candidate, ...], bool]
"""What an answer is: the steps, or whether something is wrong and none is taken."""


def with_limits(
    decision: Decision,
    problem: Problem,
    found: Found,
    objection_to: ObjectionTo,
    search: Search | None,
) -> Decision:
    """Return a decision with what limits its placement, and what would change it.

    `search` gives what single changes would lead to in another problem: the engine is not asked
    again. None: there is no time for turning points. A hold of a plan that was found waits for
    something else than a change, so it is told none.
    """
    is_hold = decision.verdict is Verdict.HOLD
    points: tuple[TurningPoint, ...] = ()
    if search and (not is_hold or _is_wrong(problem, found)):
        points = turning_points(problem, found, objection_to, search)
    elif search and not found.steps:
        points = saving_points(problem, found, objection_to)
    judged = found.before if is_hold else found.after
    return replace(decision, binding=binding_of(problem, judged), turning_points=points)


def _is_wrong(problem: Problem, found: Found) -> bool:
    """Tell whether something is wrong and nothing is done about it."""
    return not found.steps and bool(explain.what_is_wrong(problem, found.before))


def turning_points(
    problem: Problem, found: Found, objection_to: ObjectionTo, search: Search
) -> tuple[TurningPoint, ...]:
    """Return the smallest changes with another answer, smallest first. Ties go by name."""
    smallest_first = sorted(
        islice(proven(problem, found, objection_to, search), MOST_POINTS),
        key=lambda turn: turn[0].order,
    )
    return tuple(guess.told(_words(problem, guess, other)) for guess, other in smallest_first)


def proven(
    problem: Problem, found: Found, objection_to: ObjectionTo, search: Search
) -> Iterator[tuple[Guess, Found]]:
    """Yield the guesses that the search confirms, one per lever and direction, with the answer."""
    answer = _answer(found, objection_to)
    guesses = _in_turn(
        (
            *link_guesses(problem, answer),
            *budget_guesses(problem, answer),
            *room_guesses(problem, answer),
            *money_guesses(problem, answer),
        )
    )
    if guesses and _is_leap(problem, found, search):
        search = partial(_or_leap, found, search)
    told, left, now = set[tuple[Lever, bool]](), _searches(problem), _told(problem, found)
    for guess in guesses:
        if left < SEARCHES_OF_ONE:
            return
        if guess.kind not in told:
            other, tried = _turns(guess, now, search)
            left -= tried
            if other:
                told.add(guess.kind)
                yield guess, other


def _turns(guess: Guess, now: Told, search: Search) -> tuple[Found | None, int]:
    """Return the other answer if there is one just beyond and none before; and the searches."""
    beyond, before = guess.beyond, guess.before
    other = search(beyond)
    if _told(beyond, other) == now:
        return None, 1
    return (other if _told(before, search(before)) == now else None), SEARCHES_OF_ONE


def _answer(found: Found, objection_to: ObjectionTo) -> Answer:
    """Sort the best candidates that were not taken by what is said against them."""
    taken = {step.candidate for step in found.steps}
    open_to, cramped = list[Weighed](), list[Weighed]()
    for weighed in islice(found.weighed, MOST_WEIGHED):
        if weighed.candidate not in taken:
            objection = objection_to(found.before.standing, weighed.candidate)
            if objection is None:
                open_to.append(weighed)
            elif objection.reason in (Reason.NO_CAPACITY, Reason.PROMISED):
                cramped.append(weighed)
    return Answer(
        found=found,
        open=tuple(open_to[:MOST_CANDIDATES]),
        cramped=tuple(cramped[:MOST_CANDIDATES]),
    )


def _is_leap(problem: Problem, found: Found, search: Search) -> bool:
    """Tell whether single changes do not lead to what was found."""
    return len(found.steps) > 1 and _told(problem, search(problem)) != _told(problem, found)


def _or_leap(before: Found, search: Search, problem: Problem) -> Found:
    """Search by single changes; what the engine proposed before, it is taken to propose again."""
    found, now, steps = search(problem), judge(problem, start(problem)), list[Weighed]()
    for step in before.steps:
        now = judge_change(problem, now, step.candidate)
        steps.append(Weighed(candidate=step.candidate, after=now))
    is_better = rank(problem, now) < rank(problem, found.after)
    return replace(found, steps=tuple(steps)) if is_better else found


def _in_turn(guesses: Iterable[Guess]) -> list[Guess]:
    """Order guesses so that the smallest of each lever and direction come first, then the next."""
    turns, before = list[tuple[int, Guess]](), Counter[tuple[Lever, bool]]()
    smallest = {(g.lever, g.name, round(g.amount, DIGITS)): g for g in guesses}
    for guess in sorted(smallest.values(), key=lambda g: g.order):
        if abs(guess.amount) >= TINY:
            turns.append((before[guess.kind], guess))
            before[guess.kind] += 1
    return [guess for _, guess in sorted(turns, key=lambda turn: (turn[0], turn[1].order))]


def _searches(problem: Problem) -> int:
    """Return how many searches there may be: fewer where each of them is long."""
    places = len(problem.components) * len(problem.clusters)
    return max(SEARCHES_OF_ONE, min(MOST_SEARCHES, MOST_PLACES // max(1, places)))


def _told(problem: Problem, found: Found) -> Told:
    return tuple(step.candidate for step in found.steps), _is_wrong(problem, found)


def _words(problem: Problem, guess: Guess, found: Found) -> str:
    """Say in a few words what is done then."""
    if not found.steps:
        is_wrong = _is_wrong(guess.beyond, found)
        return "no single change is better" if is_wrong else "nothing to do"
    told = [describe(action_of(problem, step.candidate)) for step in found.steps[:MOST_TOLD]]
    more = len(found.steps) - len(told)
    return ", then ".join((*told, *((f"{more} more",) if more else ())))
