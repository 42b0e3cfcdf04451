"""Best improvement over single changes, repeated until none is worth it.

Each step leads to a better placement than the one before, on room that old copies do not free, so
the steps can be carried out in this order, each proven before the next. A component changes at
most once in a plan. The effort is bounded: steps x components x clusters.

On its way the search is glad of a violation that gets smaller; a plan has to end one, or to save
money. Steps that only bring a group nearer to a budget it does not reach are not taken.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from services.decide.core.bounds import keys_of
from services.decide.core.leap import leap
from services.decide.core.objective import DIGITS, Judged, judge, judge_change
from services.decide.core.problem import Candidate, Objection, Problem
from services.decide.core.ranking import BestFirst, Key
from services.decide.core.standing import FULL, UNKNOWN, Standing, start
from shared.messages.decision import Score

MOST_STEPS = 10
"""What is left to do after that many is for the next plan."""

ObjectionTo = Callable[[Standing, Candidate], Objection | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A candidate and what it would lead to."""

    candidate: Candidate
    after: Judged

    @property
    def score(self) -> Score:
        """What it would be worth if there were room: whether there is, is a filter's question."""
        score, standing = self.after.score, self.after.standing
        return replace(score, hard=score.hard - sum(n for _, n in standing.homeless))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Steps from the placement there is to a better one, and what was weighed for the first."""

    before: Judged
    steps: tuple[Weighed, ...]
    weighed: Sequence[Weighed]
    """All candidates of the first step, best first."""

    @property
    def after(self) -> Judged:
        """The placement the steps lead to."""
        return self.steps[-1].after if self.steps else self.before


def search(
    problem: Problem, objection_to: ObjectionTo, kernels: SimpleNamespace | None = None
) -> Found:
    """Return the steps to the best placement that single changes lead to. Ties go by name.

    What is wrong is mended first, then money is saved step by step as long as nothing else can be
    mended on the way. Where something stays wrong the engine is asked for a plan of several moves
    that only together help, if there are `kernels` for it.
    """
    found = _by_single_changes(problem, objection_to)
    if kernels is None or not _is_wrong(problem, found.after):
        return found
    leaps = leap(problem, found.before, objection_to, kernels)
    steps = tuple(Weighed(candidate=candidate, after=after) for candidate, after in leaps)
    steps = _justified(problem, found.before, steps[:MOST_STEPS])
    better = replace(found, steps=steps)
    return better if rank(problem, better.after) < rank(problem, found.after) else found


def _is_wrong(problem: Problem, judged: Judged) -> bool:
    return rank(problem, judged) > (0, 0, 0.0)


def _by_single_changes(problem: Problem, objection_to: ObjectionTo) -> Found:
    before = judge(problem, start(problem))
    first = weighed = _weigh(problem, before, ())
    steps: tuple[Weighed, ...] = ()
    while len(steps) < MOST_STEPS:
        now = steps[-1].after if steps else before
        saving = _best(problem, now, weighed, is_saving, objection_to)
        more = _repair(problem, now, weighed, steps, objection_to) or saving
        if not more:
            break
        steps += more
        weighed = _weigh(problem, steps[-1].after, steps)
    return Found(before=before, steps=steps, weighed=first)


def shortened(problem: Problem, found: Found, most: int) -> Found:
    """Return the plan of at most so many steps, as far as they are justified without the rest.

    The whole one where none are: it has to wait.
    """
    steps = _justified(problem, found.before, found.steps[:most])
    return replace(found, steps=steps) if steps else found


def _repair(
    problem: Problem,
    now: Judged,
    weighed: Sequence[Weighed],
    taken: tuple[Weighed, ...],
    objection_to: ObjectionTo,
) -> tuple[Weighed, ...]:
    """Return the steps from there on that end a violation, with those that lead to it."""
    here, steps = now, tuple[Weighed, ...]()
    while len(taken) + len(steps) < MOST_STEPS:
        best = _best(problem, here, weighed, is_repair, objection_to)
        if not best:
            break
        steps += best
        here = steps[-1].after
        weighed = _weigh(problem, here, (*taken, *steps))
    return _justified(problem, now, steps)


def _best(
    problem: Problem,
    now: Judged,
    weighed: Sequence[Weighed],
    is_worth_it: Callable[[Problem, Judged, Score], bool],
    objection_to: ObjectionTo,
) -> tuple[Weighed, ...]:
    """Return the best step that is worth it and to which nobody objects, or none."""
    for step in weighed:
        if step.score >= now.score:
            break
        if is_worth_it(problem, now, step.score) and not objection_to(now.standing, step.candidate):
            return (step,)
    return ()


def _justified(problem: Problem, before: Judged, steps: tuple[Weighed, ...]) -> tuple[Weighed, ...]:
    """Drop the steps after the last one that ends a violation, unless they save money."""
    best, kept, only_saving, previous = rank(problem, before), 0, True, before
    for count, step in enumerate(steps, start=1):
        reached = rank(problem, step.after)
        only_saving = only_saving and is_saving(problem, previous, step.after.score)
        if reached < best or only_saving:
            best, kept, only_saving = min(best, reached), count, True
        previous = step.after
    return steps[:kept]


def rank(problem: Problem, judged: Judged) -> tuple[int, int, float]:
    """Return rules broken, replicas unplaced, and the weight of violations however small.

    Copies without a node are left out: whether there is room is a filter's question.
    """
    homeless = sum(replicas for _, replicas in judged.standing.homeless)
    weights = {group.term: group.group.weight for group in problem.groups}
    violated = [name for name in judged.terms if name.startswith("quality:")]
    weight = sum(weights.get(name, 1.0) for name in violated)
    return judged.score.hard - homeless, judged.score.unplaced, round(weight, DIGITS)


def better(problem: Problem, found: Found) -> Iterator[Weighed]:
    """Yield the candidates of the first step that rank better than what there is, best first.

    A violation counts no more than FULL, so none comes after as much of them as there is now.
    """
    hard, unplaced, weight = now = rank(problem, found.before)
    for weighed in found.weighed:
        score = weighed.score
        if (score.hard, score.unplaced, score.quality) >= (hard, unplaced, FULL * weight):
            return
        if rank(problem, weighed.after) < now:
            yield weighed


def is_repair(problem: Problem, before: Judged, after: Score) -> bool:
    """Tell whether a step makes something better that is wrong.

    Fewer broken rules or unplaced replicas always do. Quality has to improve by the policy's share
    of one violation of the lightest group.
    """
    now = before.score
    if (after.hard, after.unplaced) != (now.hard, now.unplaced):
        return (after.hard, after.unplaced) < (now.hard, now.unplaced)
    lightest = min((1.0, *(g.group.weight for g in problem.groups)))
    better_by = now.quality - after.quality
    return better_by > 0 and better_by >= problem.policy.improvement_ratio * lightest


def is_saving(problem: Problem, before: Judged, after: Score) -> bool:
    """Tell whether a step makes nothing worse and saves the policy's share of the money spent.

    What a user group gets has to be known: else nothing would speak against the cheapest place.
    """
    now = before.score
    if any(ms is None or ms >= UNKNOWN for ms in before.standing.latencies_ms):
        return False
    if (after.hard, after.unplaced) != (now.hard, now.unplaced) or after.quality > now.quality:
        return False
    saved = now.money - after.money
    return saved > 0 and saved >= problem.policy.improvement_ratio * spent(before)


def spent(judged: Judged) -> float:
    """Return the money of a placement in USD, without what it cost to get there."""
    return sum(
        usd
        for name, usd in judged.terms.items()
        if name.startswith("money:") and not name.startswith("money:migration:")
    )


def _weigh(problem: Problem, now: Judged, taken: tuple[Weighed, ...]) -> Sequence[Weighed]:
    """Return the candidates by score, then by name, judged as far as they are asked for."""
    moved = frozenset(step.candidate.component for step in taken)
    possible = list(candidates(problem, now.standing, moved=moved))
    bounds = keys_of(problem, now, possible)
    order = sorted(range(len(possible)), key=bounds.__getitem__)

    def judged(place: int) -> tuple[Key, Weighed]:
        index = order[place]
        weighed = Weighed(
            candidate=possible[index], after=judge_change(problem, now, possible[index])
        )
        score, name = weighed.score, name_of(problem, possible[index])
        levels = score.hard, score.unplaced, score.quality, score.money
        return (*levels, *name, index), weighed

    return BestFirst([bounds[index] for index in order], judged)


def name_of(problem: Problem, candidate: Candidate) -> tuple[str, str]:
    """Return what candidates of equal score are ordered by."""
    return problem.components[candidate.component].term, candidate.cluster


def candidates(
    problem: Problem, standing: Standing, *, moved: frozenset[int]
) -> Iterator[Candidate]:
    """Yield the single changes that are possible at all: moves, and scaling into the range.

    A component is scaled where it stands, and only once all its replicas do; out as far as there is
    room.
    """
    for index, part in enumerate(problem.components):
        if index in moved:
            continue
        replicas = standing.asked[index]
        hosts = [cluster for cluster, _ in part.standing]
        for cluster in problem.targets(index) if replicas > 0 else ():
            yield Candidate(component=index, cluster=cluster, replicas=replicas)
        in_range = min(max(replicas, part.least), part.most)
        if in_range != replicas and hosts and sum(n for _, n in part.alive) == replicas:
            for count in range(min(in_range, replicas + 1), in_range + 1):
                yield Candidate(component=index, cluster=hosts[0], replicas=count, is_scale=True)
