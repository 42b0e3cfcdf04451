"""What Decide carries from one insight to the next, as a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.decide.core.frames import Frames
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome
from shared.model.fleet import ClusterState
from shared.model.names import ApplicationName, ClusterName, CycleId, DecisionId

KEEP = timedelta(hours=6)
"""How long decisions are remembered: longer than any cooldown that makes sense."""
TELL_AGAIN = timedelta(minutes=5)
"""A hold whose reason lasts is told this often."""
ON_THE_WAY_CYCLES = 2
"""Time after its deadline in which the first outcome of a decision may still be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was wrong with an application in one cycle, as names of terms of its score."""

    application: ApplicationName
    cycle: CycleId
    at: datetime
    wants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The newest decision about an application that was published."""

    application: ApplicationName
    cycle: CycleId
    at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """When a cluster was last seen out of reach."""

    cluster: ClusterName
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All of it. Decisions are those that act, oldest first."""

    decisions: tuple[Decision, ...] = ()
    seen: tuple[Seen, ...] = ()
    told: tuple[Told, ...] = ()
    lost: tuple[Lost, ...] = ()
    frames: Frames = field(default_factory=Frames, compare=False, repr=False)
    """Of the last cycle: they save work, and change nothing."""

    def told_of(self, application: ApplicationName) -> Told | None:
        """Return the newest decision told about an application, or None."""
        return next((t for t in self.told if t.application == application), None)

    def lost_at(self, cluster: ClusterName) -> datetime | None:
        """Return when a cluster was last seen out of reach, or None."""
        return next((lost.at for lost in self.lost if lost.cluster == cluster), None)

    def seen_of(self, application: ApplicationName) -> tuple[Seen, ...]:
        """Return what was wrong with an application in the last cycles, oldest first."""
        return tuple(s for s in self.seen if s.application == application)


def remember(decisions: Iterable[Decision]) -> Memory:
    """Return what the decisions on the bus tell after a restart. Persistence begins anew."""
    memory = Memory()
    for decision in sorted(decisions, key=lambda d: d.cycle):
        memory = with_decision(memory, decision)
    return memory


def is_news(decision: Decision, memory: Memory) -> bool:
    """Tell whether to publish: each act, and a hold when its reason changes or after 5 minutes."""
    told = memory.told_of(decision.application)
    return (
        decision.verdict is Verdict.ACT
        or told is None
        or told.reason is not decision.reason
        or decision.at - told.at >= TELL_AGAIN
    )


def with_decision(memory: Memory, decision: Decision) -> Memory:
    """Remember a decision as far as it is news."""
    if not is_news(decision, memory):
        return memory
    told = Told(
        application=decision.application,
        cycle=decision.cycle,
        at=decision.at,
        reason=decision.reason,
    )
    others = tuple(t for t in memory.told if t.application != decision.application)
    acts = (decision,) if decision.verdict is Verdict.ACT else ()
    return replace(memory, decisions=(*memory.decisions, *acts), told=(*others, told))


def with_seen(memory: Memory, seen: Seen) -> Memory:
    """Remember what is wrong with an application in this cycle."""
    return replace(memory, seen=(*memory.seen, seen))


def refreshed(memory: Memory, insight: Insight) -> Memory:
    """Forget what is too old to matter at that insight, and what it will tell anew."""
    patience = insight.interval_seconds * insight.policy.persistence_of * 2
    oldest = insight.at - timedelta(seconds=patience)
    return Memory(
        decisions=tuple(d for d in memory.decisions if insight.at - d.at < KEEP),
        seen=tuple(s for s in memory.seen if s.at > oldest and s.cycle < insight.cycle),
        told=tuple(t for t in memory.told if insight.at - t.at < KEEP),
        lost=_lost(memory, insight),
    )


def _lost(memory: Memory, insight: Insight) -> tuple[Lost, ...]:
    clusters = insight.fleet.clusters
    now = [c.name for c in clusters if c.state is ClusterState.UNREACHABLE]
    past = (x for x in memory.lost if x.cluster not in now and insight.at - x.at < KEEP)
    return (*past, *(Lost(cluster=name, at=insight.at) for name in now))


def newest_outcomes(insight: Insight) -> Mapping[DecisionId, Outcome]:
    """Return the newest outcome of each decision that an insight knows of."""
    newest: dict[DecisionId, Outcome] = {}
    for outcome in insight.outcomes:
        if outcome.is_part:
            continue
        known = newest.get(outcome.decision)
        if known is None or outcome.at > known.at:
            newest[outcome.decision] = outcome
    return newest


def is_pending(decision: Decision, insight: Insight) -> bool:
    """Tell whether a decision may still have effects that the insight does not show."""
    return bool(pending((decision,), insight))


def pending(
    decisions: Iterable[Decision], insight: Insight
) -> list[tuple[Decision, Outcome | None]]:
    """Return those that may still have effects that the insight does not show.

    Each with its newest outcome, or None.
    """
    newest = newest_outcomes(insight)
    with_outcomes = ((decision, newest.get(decision.id)) for decision in decisions)
    return [(d, outcome) for d, outcome in with_outcomes if _is_open(d, outcome, insight)]


def _is_open(decision: Decision, outcome: Outcome | None, insight: Insight) -> bool:
    if outcome is not None:
        return not outcome.status.is_final
    on_the_way = timedelta(seconds=insight.interval_seconds * ON_THE_WAY_CYCLES)
    return insight.at <= decision.deadline_at + on_the_way
