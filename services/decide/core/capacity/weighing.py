"""What a plan for clusters is worth: the production search, run on the fleet it leads to.

The currency is the score. What counts is the applications that want something, placed one after
the other so that none counts on the room of another, and clusters whose use will pass what their
nodes offer: by as much as a link that is overloaded. New nodes cost their price.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from services.decide.core.capacity.ladders import Rung, clusters_of
from services.decide.core.capacity.sums import all_offered, overload
from services.decide.core.capacity.whatif import idle_usd, insight_after
from services.decide.core.filters import ruled_out
from services.decide.core.framing import problem_of
from services.decide.core.ground import Ground, ground_of
from services.decide.core.objective import score_of
from services.decide.core.problem import Objection, Problem
from services.decide.core.promises import Promise, Promises
from services.decide.core.search import Found, Weighed, search
from services.decide.core.standing import Standing
from shared.messages.decision import Reason, Score
from shared.messages.insight import Insight
from shared.model.application import Application
from shared.model.names import ClusterName
from shared.model.plan import GrowCluster

Levels = tuple[int, int, float]
WELL: Levels = (0, 0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """For whom, and for when: what all plans of one cycle are weighed by."""

    insight: Insight
    applications: tuple[Application, ...]
    """Those that want something, the first to choose first."""
    promised: Promises
    """To decisions on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one application gets."""

    terms: Mapping[str, float]
    rooms: tuple[Promise, ...]
    """What it takes."""
    is_well: bool
    """Whether nothing is wrong but money."""
    short: frozenset[ClusterName]
    """Clusters that lack the room for something better."""
    lacks_link: bool
    """Whether a missing link rules something better out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a plan leads to, at a time."""

    rung: Rung
    """Empty: wait."""
    ahead: timedelta
    terms: Mapping[str, float]
    score: Score
    shares: tuple[Share, ...]
    """Per application that asks."""

    @property
    def levels(self) -> Levels:
        """All of the score but money."""
        return levels_of(self.score)

    @property
    def short(self) -> frozenset[ClusterName]:
        """Clusters that lack the room for something better."""
        return frozenset[ClusterName]().union(*(share.short for share in self.shares))

    @property
    def lacks_link(self) -> bool:
        """Whether a missing link rules something better out."""
        return any(share.lacks_link for share in self.shares)


def levels_of(score: Score) -> Levels:
    """Return all of a score but money."""
    return score.hard, score.unplaced, score.quality


def weigh(
    question: Question, rung: Rung, ahead: timedelta, *, wait: Answer | None = None
) -> Answer:
    """Return what a plan leads to if it is ready when the demand of that time comes.

    `wait`: what doing nothing leads to then. Whoever is well, or lacks nothing that the plan
    brings, has the same with the plan, and is not placed again.
    """
    insight = insight_after(question.insight, rung)
    ground = ground_of(insight, ahead=ahead)
    terms: dict[str, float] = defaultdict(float)
    shares, promised = list[Share](), question.promised
    for index, application in enumerate(question.applications):
        share = wait.shares[index] if wait else None
        if share is None or _may_differ(share, rung):
            share = _share(problem_of(insight, ground, application, promised))
        shares.append(share)
        promised = replace(promised, rooms=(*promised.rooms, *share.rooms))
    extra = (*overload(insight, ahead), *_prices(question.insight, insight, ground))
    for name, value in (*(pair for share in shares for pair in share.terms.items()), *extra):
        terms[name] += value
    return Answer(
        rung=rung,
        ahead=ahead,
        terms={name: value for name, value in terms.items() if value},
        score=score_of(terms),
        shares=tuple(shares),
    )


def _may_differ(share: Share, rung: Rung) -> bool:
    if share.is_well:
        return False
    return not share.short.isdisjoint(clusters_of(rung)) or not isinstance(rung[0], GrowCluster)


def _share(problem: Problem) -> Share:
    found = search(problem, partial(ruled_out, problem))
    is_well = levels_of(found.after.score) == WELL
    obstacles = [] if is_well else list(_obstacles(problem, found))
    return Share(
        terms=found.after.terms,
        rooms=tuple(_room(problem, step) for step in found.steps),
        is_well=is_well,
        short=frozenset(c for c, why in obstacles if why in (Reason.NO_CAPACITY, Reason.PROMISED)),
        lacks_link=any(why is Reason.NO_LINK for _, why in obstacles),
    )


def _room(problem: Problem, step: Weighed) -> Promise:
    candidate, part = step.candidate, problem.components[step.candidate.component]
    standing = sum(n for _, n in part.alive) if candidate.is_scale else 0
    return Promise(
        cluster=candidate.cluster,
        request=part.component.requests,
        replicas=max(0, candidate.replicas - standing),
    )


def _obstacles(problem: Problem, found: Found) -> Iterator[tuple[ClusterName, Reason]]:
    """Yield what rules out something better than what was found, and on which cluster."""
    for weighed in found.weighed:
        objection = _if_better(problem, found.before.standing, weighed, found.after.score)
        if objection is not None:
            yield weighed.candidate.cluster, objection.reason


def _if_better(
    problem: Problem, standing: Standing, weighed: Weighed, now: Score
) -> Objection | None:
    """Return what speaks against a candidate that might be better, or is not known well enough."""
    objection = ruled_out(problem, standing, weighed.candidate)
    if objection is None or objection.reason is Reason.NO_LINK:
        return objection
    return objection if levels_of(weighed.score) < levels_of(now) else None


def _prices(before: Insight, after: Insight, ground: Ground) -> list[tuple[str, float]]:
    """Return what nodes that came cost, and what those that went cost no more."""
    there = {cluster.name: all_offered(cluster) for cluster in before.fleet.clusters}
    return [
        (
            f"money:nodes:{c.name}",
            idle_usd(ground.clusters[c.name].rates, all_offered(c) - there[c.name]),
        )
        for c in after.fleet.clusters
    ]
