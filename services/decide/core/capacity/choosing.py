"""Which plan for clusters is due: the best of those that are needed when they are ready.

Each plan is weighed for the time at which it would be ready. A plan that is not needed by then can
wait, and so can all others while a better one still can.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from services.decide.core.capacity.experience import as_measured
from services.decide.core.capacity.ladders import (
    Ladder,
    Rung,
    creating,
    growing,
    peering,
    ready_after,
)
from services.decide.core.capacity.sums import overloaded
from services.decide.core.capacity.weighing import WELL, Answer, Question, weigh
from shared.messages.decision import Score
from shared.messages.insight import Insight
from shared.model.fleet import ClusterState
from shared.model.plan import GrowCluster, Peer, describe

MOST_LADDERS = 16
"""More ways than that are not weighed in one cycle, the last by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan for clusters beside doing nothing, both when the plan would be ready."""

    wait: Answer
    then: Answer

    @property
    def is_needed(self) -> bool:
        """Tell whether it makes anything better but money."""
        return self.then.levels < self.wait.levels

    @property
    def name(self) -> str:
        """What plans of equal score are ordered by."""
        return ", then ".join(describe(action) for action in self.then.rung)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was found."""

    due: tuple[Proposal, ...] = ()
    """What has to begin now, best first."""
    early: tuple[Proposal, ...] = ()
    """What helps, and can wait, best first."""
    wrong: Answer | None = None
    """What will be wrong if nothing is done. None: nothing."""


def ladders_of(insight: Insight) -> tuple[Ladder, ...]:
    """Return all that could be done to have more room or links."""
    clusters = insight.fleet.clusters
    found = (
        *(growing(cluster) for cluster in clusters),
        *(creating(insight.fleet, cluster) for cluster in clusters),
        *peering(insight.fleet),
    )
    return tuple(
        tuple(tuple(as_measured(action, insight) for action in rung) for rung in ladder)
        for ladder in found
        if ladder
    )


def longest_of(ladders: tuple[Ladder, ...]) -> timedelta:
    """Return after what time the slowest of them helps."""
    return max((ready_after(ladder[-1]) for ladder in ladders), default=timedelta())


def choose(question: Question, ladders: tuple[Ladder, ...]) -> Choice:
    """Return what is due now, and what is not yet. The smallest sufficient plan of each kind."""
    longest = longest_of(ladders)
    if not question.applications and not overloaded(question.insight, longest):
        return Choice()
    last = weigh(question, (), longest)
    if last.levels == WELL:
        return Choice()
    helping = list(_helping(question, ladders, last))[:MOST_LADDERS]
    waits = {longest: last}
    for ahead in {_lead(ladder) for ladder in helping} - {longest}:
        waits[ahead] = weigh(question, (), ahead)
    own = {ladder: p for ladder in helping if (p := _climb(question, ladder, waits[_lead(ladder)]))}
    if own:
        return _due(question, own, [ladder for ladder in helping if ladder not in own])
    early = (p for ladder in helping if (p := _climb(question, ladder, last)))
    return Choice(early=tuple(sorted(early, key=_rank)), wrong=last)


def _due(question: Question, own: dict[Ladder, Proposal], others: list[Ladder]) -> Choice:
    """Leave out what a plan makes needless that is as good, faster, and not due yet.

    `own`: what is due, each for its own time. What is left is ordered as it is at the time of the
    slowest.
    """
    wrong = max((p.wait for p in own.values()), key=lambda wait: wait.ahead)
    due, early = [], dict[str, Proposal]()
    for ladder, proposal in own.items():
        rivals = [p for other in others if (p := _climb(question, other, proposal.wait))]
        better = min(rivals, key=_rank, default=None)
        if better and better.then.score <= proposal.then.score:
            early[better.name] = better
        else:
            then = proposal if proposal.wait is wrong else _climb(question, ladder, wrong)
            due.append((_rank(then or proposal), proposal))
    return Choice(
        due=tuple(proposal for _, proposal in sorted(due, key=lambda pair: pair[0])),
        early=tuple(sorted(early.values(), key=_rank)),
        wrong=wrong,
    )


def _rank(proposal: Proposal) -> tuple[Score, int, str]:
    return proposal.then.score, len(proposal.then.rung), proposal.name


def _lead(ladder: Ladder) -> timedelta:
    return ready_after(ladder[-1])


def _climb(question: Question, ladder: Ladder, wait: Answer) -> Proposal | None:
    """Return the smallest rung that helps as much as the highest; None where that helps nothing.

    `wait`: doing nothing, at the time to weigh for.
    """
    if wait.levels == WELL:
        return None
    top = _proposal(question, ladder[-1], wait)
    if not top.is_needed:
        return None
    for rung in ladder[:-1]:
        lower = _proposal(question, rung, wait)
        if lower.then.levels <= top.then.levels:
            return lower
    return top


def _proposal(question: Question, rung: Rung, wait: Answer) -> Proposal:
    return Proposal(wait=wait, then=weigh(question, rung, wait.ahead, wait=wait))


def _helping(question: Question, ladders: tuple[Ladder, ...], last: Answer) -> Iterator[Ladder]:
    """Yield what might help: room where room is missing, links where links are."""
    short = last.short | overloaded(question.insight, last.ahead)
    for ladder in ladders:
        first = ladder[0][0]
        if isinstance(first, GrowCluster) and first.cluster not in short:
            continue
        if isinstance(first, Peer) and not (last.lacks_link or _is_unused(question, first)):
            continue
        yield ladder


def _is_unused(question: Question, peer: Peer) -> bool:
    provider = question.insight.fleet.cluster(peer.provider)
    return provider is not None and provider.state is ClusterState.NOT_PEERED
