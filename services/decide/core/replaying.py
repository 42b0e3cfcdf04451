"""Decide once more what was decided: from the insights and decisions that the bus remembers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

from services.decide.core.decide import decide
from services.decide.core.memory import KEEP, Lost, Memory, Seen, remember, with_decision
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason
from shared.messages.insight import Insight
from shared.model.names import CycleId

PAUSED_BY = "paused by "


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A decision made once more. None: with that memory nothing is decided for the application."""

    decision: Decision | None
    assumed: str = ""
    """What was taken of Decide, in a sentence; empty: that it ran on and saw everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the bus remembers of the time before a decision, and the decision."""

    decision: Decision
    insights: tuple[Insight, ...]
    """By cycle, up to that of the decision, which is the last."""
    decisions: tuple[Decision, ...]
    """By cycle, those of one cycle as they were published."""

    @property
    def insight(self) -> Insight:
        """The one that was decided on."""
        return self.insights[-1]


def insights_since(insight: Insight) -> datetime:
    """Return the instant from which insights are needed to decide on this one again.

    What was wrong is remembered for `_patience`; whether something could be saved was seen from
    what was then remembered, so twice that. That a cluster was lost counts for a cooldown.
    """
    cooldowns = (a.limits.cooldown for a in insight.fleet.applications)
    return insight.at - max(2 * _patience(insight), *cooldowns, timedelta())


def decisions_since(insight: Insight) -> datetime:
    """Return the instant from which decisions are needed to decide on this insight again."""
    return insights_since(insight) - KEEP


def record_of(
    decision: Decision, insights: Sequence[Insight], decisions: Sequence[Decision]
) -> Record:
    """Put in order what the bus gave; the insight of the decision must be in it."""
    by_cycle = {i.cycle: i for i in insights if i.cycle <= decision.cycle}
    return Record(
        decision=decision,
        insights=tuple(by_cycle[cycle] for cycle in sorted(by_cycle)),
        decisions=tuple(sorted(decisions, key=lambda d: d.cycle)),
    )


def again(record: Record) -> Iterator[Again]:
    """Decide once more for each past that Decide can have had, the likeliest first.

    Decide says on the bus what it decided, but not what it saw without a word. First it is taken
    to have seen every insight; then to have missed a run of them, the shortest first, because it
    came too late (of state, only the newest is delivered); then to have begun anew, the earliest
    cycle first; and at last to have done so in the midst of the cycle.
    """
    *_, (insight, told, seen) = _turns(record)
    memory = replace(told, seen=seen)
    pasts = {memory: ""}
    for past, assumed in (*_with_gaps(record, memory), *_begun_anew(record, memory)):
        pasts.setdefault(past, assumed)
    pasts.setdefault(_half_way(record), f"Decide began anew in the midst of {insight.cycle}")
    for past, assumed in pasts.items():
        yield _again(record, past, assumed)


def _with_gaps(record: Record, memory: Memory) -> Iterator[tuple[Memory, str]]:
    oldest = record.insight.at - _patience(record.insight)
    recent = tuple(dict.fromkeys(s.cycle for s in memory.seen if s.at > oldest))
    runs = (recent[a:b] for a, b in combinations(range(len(recent) + 1), 2))
    for missed in sorted(runs, key=len):
        rest = tuple(s for s in memory.seen if s.cycle not in missed)
        assumed = f"Decide had seen nothing from {missed[0]} to {missed[-1]}"
        yield replace(memory, seen=rest), assumed


def _begun_anew(record: Record, memory: Memory) -> Iterator[tuple[Memory, str]]:
    for first in record.insights[1:]:
        seen = tuple(s for s in memory.seen if s.cycle >= first.cycle)
        lost = tuple(x for x in memory.lost if x.at >= first.at)
        yield replace(memory, seen=seen, lost=lost), f"Decide began anew with {first.cycle}"


def _again(record: Record, memory: Memory, assumed: str) -> Again:
    decisions, _ = decide(record.insight, memory, control=_control_at(record, record.insight.cycle))
    made = (d for d in decisions if d.application == record.decision.application)
    return Again(decision=next(made, None), assumed=assumed)


def _turns(record: Record) -> Iterator[tuple[Insight, Memory, tuple[Seen, ...]]]:
    """Yield each insight with the decisions remembered at it and what was seen before it.

    The decisions are those that were published, not those made here: at the beginning, too little
    was seen to make them all.
    """
    memory, position = Memory(), 0
    seen, lost = tuple[Seen, ...](), tuple[Lost, ...]()
    for insight in record.insights:
        while position < len(record.decisions) and record.decisions[position].cycle < insight.cycle:
            memory = with_decision(memory, record.decisions[position])
            position += 1
        yield insight, replace(memory, lost=lost), seen
        if insight is not record.insight:
            control = _control_at(record, insight.cycle)
            past = replace(memory, seen=seen, lost=lost)
            _, after = decide(insight, past, control=control)
            seen, lost = after.seen, after.lost


def _half_way(record: Record) -> Memory:
    """Return what a Decide that began anew read: also what was published of the cycle by then."""
    decision = record.decision
    of_cycle = [d for d in record.decisions if d.cycle == decision.cycle]
    ids = [d.id for d in of_cycle]
    told = of_cycle[: ids.index(decision.id)] if decision.id in ids else []
    return remember([*(d for d in record.decisions if d.cycle < decision.cycle), *told])


def _control_at(record: Record, cycle: CycleId) -> Control | None:
    """Return the pause in a cycle, as the application's decisions tell of it, or None.

    The bus keeps the newest Control only. A pause comes before all other reasons to hold, and a
    new reason is published at once: so the newest decision up to a cycle tells of it.
    """
    told = [
        d
        for d in record.decisions
        if d.application == record.decision.application and d.cycle <= cycle
    ]
    if not told or told[-1].reason is not Reason.PAUSED:
        return None
    newest = told[-1]
    by = newest.detail.removeprefix(PAUSED_BY)
    return Control(fleet=newest.fleet, paused=True, by=by, reason="", at=newest.at)


def _patience(insight: Insight) -> timedelta:
    return timedelta(seconds=insight.interval_seconds * insight.policy.persistence_of * 2)
