"""The score of a placement, term by term, and of a change to it: the only definition of better.

A violation counts its weight times 1 + min(excess ratio, 1): more than nothing as long as it
lasts, and less the nearer it is to being over, so that a search by single moves sees progress.
What is not measured or has no link counts as a full violation. A group or flow with a component
that stands nowhere is not counted: its replicas are.

Hysteresis: a group that is out of its budget has to come back within budget less the guard band;
one that is within is left alone as long as no candidate makes it worse than that or than now.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.decide.core import money
from services.decide.core.lease import leaving_term
from services.decide.core.problem import Candidate, Pair, Problem, ProblemComponent
from services.decide.core.standing import Standing, violation, with_change, with_item
from services.decide.core.traffic import summed
from shared.messages.decision import Reason, Score
from shared.model.names import ClusterName

DIGITS = 9
"""Scores are rounded to this, so that rounding errors never look like an improvement."""

Terms = Mapping[str, float]
"""Parts of a score that are not zero, by name. The level is the first word of the name."""

Parts = tuple[tuple[str, float], ...]
"""What one thing adds to which terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A placement with its score, term by term."""

    standing: Standing
    parts: tuple[Parts, ...]
    """Per component, what depends on nothing else."""
    terms: Terms
    score: Score


def judge(problem: Problem, standing: Standing) -> Judged:
    """Score a placement."""
    indices = range(len(problem.components))
    return _judged(problem, standing, tuple(_alone(problem, standing, i) for i in indices))


def judge_change(problem: Problem, before: Judged, candidate: Candidate) -> Judged:
    """Score the placement after a change, working out anew only what it touches."""
    standing, changed = with_change(problem, before.standing, candidate), candidate.component
    parts = with_item(before.parts, changed, _alone(problem, standing, changed))
    return _judged(problem, standing, parts)


def _judged(problem: Problem, standing: Standing, parts: tuple[Parts, ...]) -> Judged:
    own, terms = summed(standing.crossings), defaultdict[str, float](float)
    shared = (
        ((f"hard:capacity:{cluster}", n) for cluster, n in standing.homeless),
        _groups(problem, standing),
        _flows(problem, standing),
        _links(problem, standing, own),
        _gateways(problem, standing, own),
        money.of_traffic(problem, own),
    )
    each: Iterable[tuple[str, float]]
    for each in (*parts, *shared):
        for name, value in each:
            if value:
                terms[name] += value
    return Judged(standing=standing, parts=parts, terms=dict(terms), score=score_of(terms))


def score_of(terms: Terms) -> Score:
    """Return the sums of the terms, level by level."""
    sums = {"hard": 0.0, "unplaced": 0.0, "quality": 0.0, "money": 0.0}
    for name, value in terms.items():
        sums[name.partition(":")[0]] += value
    return Score(
        hard=round(sums["hard"]),
        unplaced=round(sums["unplaced"]),
        quality=round(sums["quality"], DIGITS),
        money=round(sums["money"], DIGITS),
    )


def _alone(problem: Problem, standing: Standing, index: int) -> Parts:
    """Return what one component adds by itself: broken rules, unplaced replicas, money."""
    part, spread = problem.components[index], standing.spreads[index]
    misplaced = sum(n for cluster, n in spread if _is_misplaced(part, cluster))
    leaving = sum(n for cluster, n in spread if cluster in part.forbidden) - misplaced
    surplus = max(0, standing.asked[index] - part.component.max_replicas)
    missing = max(0, part.wanted - sum(n for _, n in spread))
    counts = (
        (f"hard:placement:{part.term}", misplaced),
        (leaving_term(part.term), leaving),
        (f"hard:replicas:{part.term}", surplus),
        (f"unplaced:{part.term}", missing),
    )
    parts = (*counts, *money.of_component(problem, part, spread))
    return tuple((name, value) for name, value in parts if value)


def _is_misplaced(part: ProblemComponent, cluster: ClusterName) -> bool:
    forbidden = part.forbidden.get(cluster)
    return forbidden is not None and forbidden.reason is not Reason.LEASE_ENDS


def _groups(problem: Problem, standing: Standing) -> Iterable[tuple[str, float]]:
    for group, latency_ms, limit_ms in zip(
        problem.groups, standing.latencies_ms, standing.yardstick.limits_ms, strict=True
    ):
        if latency_ms is not None:
            size = violation(latency_ms, limit_ms, room=group.group.budget_ms)
            yield group.term, group.group.weight * size


def _flows(problem: Problem, standing: Standing) -> Iterable[tuple[str, float]]:
    for flow, broken in zip(problem.flows, standing.broken, strict=True):
        if broken:
            yield flow.term, broken


def _links(
    problem: Problem, standing: Standing, own: Mapping[Pair, float]
) -> Iterable[tuple[str, float]]:
    for (source, target), mbps, capacity_mbps in link_loads(problem, standing, own):
        yield f"quality:link:{source}>{target}", violation(mbps, capacity_mbps)


def link_loads(
    problem: Problem, standing: Standing, own: Mapping[Pair, float]
) -> Iterator[tuple[Pair, float | None, float]]:
    """Yield what a link would carry, measured traffic of others with it, and its capacity.

    In Mbit/s. None: not known.
    """
    for pair, mbps in own.items():
        link = problem.links.get(pair)
        if link is not None:
            load = None
            if link.capacity_mbps is not None and link.used_mbps is not None:
                others = max(0.0, link.used_mbps - standing.yardstick.own_mbps.get(pair, 0.0))
                load = mbps + others + problem.promised_mbps.get(pair, 0.0)
            yield pair, load, link.capacity_mbps or 0.0


def _gateways(
    problem: Problem, standing: Standing, own: Mapping[Pair, float]
) -> Iterable[tuple[str, float]]:
    for name, mbps, ceiling_mbps in gateway_loads(problem, standing, own):
        yield f"quality:gateway:{name}", violation(mbps, ceiling_mbps)


def gateway_loads(
    problem: Problem, standing: Standing, own: Mapping[Pair, float]
) -> Iterator[tuple[ClusterName, float, float]]:
    """Yield all that would enter and leave a site, and what its gateway carries, in Mbit/s."""
    for name in {end: None for pair in own for end in pair}:
        cluster = problem.clusters[name]
        if cluster.site.gateway_mbps is not None:
            others = cluster.gateway_used_mbps - seen_through(problem, standing, name)
            load = through(name, own) + others + through(name, problem.promised_mbps)
            yield name, load, cluster.site.gateway_mbps


def seen_through(problem: Problem, standing: Standing, cluster: ClusterName) -> float:
    """Return the part of the traffic measured at a gateway that is our own."""
    return sum(
        min(mbps, problem.links[pair].used_mbps or 0.0)
        for pair, mbps in standing.yardstick.own_mbps.items()
        if cluster in pair and pair in problem.links
    )


def through(cluster: ClusterName, traffic: Mapping[Pair, float]) -> float:
    """Return the Mbit/s that enter and leave a cluster."""
    return sum(mbps for pair, mbps in traffic.items() if cluster in pair)
