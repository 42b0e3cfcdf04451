"""Where the answer turns with the latency of a link, or with the budget of a user group."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise, product

from services.decide.core.objective import Judged
from services.decide.core.problem import Pair, Problem, ProblemGroup, Spread
from services.decide.core.standing import UNKNOWN, link_ms, way_of
from services.decide.core.turning.guess import Answer, Guess
from services.decide.core.turning.levers import comes_over, with_budget, with_link
from shared.messages.decision import Lever
from shared.model.names import ClusterName

Slacks = Mapping[Pair, Sequence[float]]
"""Per link, by how much it could be slower until each limit on it is reached, in ms. Below zero:
how much faster it would have to be."""


def link_guesses(problem: Problem, answer: Answer) -> Iterator[Guess]:
    """Yield how much faster or slower links may matter.

    Faster: what is wrong now is well, or another candidate is. Slower: the placement decided on is
    no longer within its limits.
    """
    found = answer.found
    budgets = tuple(group.group.budget_ms for group in problem.groups)
    now = _slacks(problem, found.before, budgets)
    limits = found.before.standing.yardstick.limits_ms
    then = _slacks(problem, found.after, limits) if found.steps else now
    others = [_slacks(problem, weighed.after, limits) for weighed in (*found.steps, *answer.open)]
    for ends, slacks in sorted(then.items()):
        yield from _guess(problem, ends, min((s for s in slacks if s > 0), default=0.0))
    for placement in (now, *others):
        for ends, slacks in sorted(placement.items()):
            yield from _guess(problem, ends, min((*slacks, 0.0)))


def _guess(problem: Problem, ends: Pair, amount: float) -> Iterator[Guess]:
    of = max(link_ms(problem, *ends) or 0.0, link_ms(problem, *ends[::-1]) or 0.0)
    if amount and -of < amount:
        yield Guess(
            lever=Lever.LINK_LATENCY_MS,
            name=">".join(ends),
            amount=amount,
            of=of,
            changed=partial(with_link, problem, ends),
        )


def _slacks(problem: Problem, judged: Judged, limits_ms: Sequence[float]) -> Slacks:
    """Return what is left for each link, by its ends in the order of their names."""
    spreads, slacks = judged.standing.spreads, defaultdict[Pair, list[float]](list)
    for group, latency_ms, limit_ms in zip(
        problem.groups, judged.standing.latencies_ms, limits_ms, strict=True
    ):
        if latency_ms is not None:
            for ends, times in _passed(problem, group, spreads).items():
                slacks[ends].append((limit_ms - latency_ms) / times)
    for flow in problem.flows:
        most_ms = flow.flow.max_latency_ms
        for (a, _), (b, _) in product(spreads[flow.source], spreads[flow.target]):
            hop_ms = link_ms(problem, a, b)
            if a != b and most_ms is not None and hop_ms is not None:
                slacks[min(a, b), max(a, b)].append(most_ms - hop_ms)
    return slacks


def _passed(problem: Problem, group: ProblemGroup, spreads: tuple[Spread, ...]) -> Counter[Pair]:
    """Return how often the slowest way of a group passes each link, either direction.

    Empty where a hop is not known.
    """
    way = way_of(problem, group, spreads)
    if way is None:
        return Counter()
    users = [(ClusterName(group.group.site), end) for end in (way.clusters[0], way.clusters[-1])]
    hops = [*pairwise(way.clusters), *(p for p in users if comes_over(problem, group, p))]
    return Counter((min(hop), max(hop)) for hop in hops if hop[0] != hop[1])


def budget_guesses(problem: Problem, answer: Answer) -> Iterator[Guess]:
    """Yield how much more or less budget may matter.

    A group is well within its budget. One that is not has to come back within the budget less the
    guard band: with the placement decided on, or with another candidate.
    """
    found, band = answer.found, 1.0 - problem.policy.guard_band_ratio
    placements = [weighed.after for weighed in (*found.steps, *answer.open)]
    for index, group in enumerate(problem.groups):
        back = [_latency_ms(judged, index) / band for judged in placements]
        for budget_ms in (_latency_ms(found.before, index), *back):
            if 0.0 < budget_ms < UNKNOWN:
                yield Guess(
                    lever=Lever.LATENCY_BUDGET_MS,
                    name=group.group.name,
                    amount=budget_ms - group.group.budget_ms,
                    of=group.group.budget_ms,
                    changed=partial(with_budget, problem, index),
                )


def _latency_ms(judged: Judged, index: int) -> float:
    latency_ms = judged.standing.latencies_ms[index]
    return UNKNOWN if latency_ms is None else latency_ms
