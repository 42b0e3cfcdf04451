"""What the console knows of a fleet: the newest of every message, as a value that grows."""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.messages.control import Control
from shared.messages.decision import Decision, Verdict
from shared.messages.incident import Incident
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome
from shared.messages.subjects import Message
from shared.model.names import DecisionId

KEPT_DECISIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The newest insight and control, the decisions in order, and the outcome of each."""

    insight: Insight | None = None
    control: Control | None = None
    decisions: tuple[Decision, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    met_cycles: int = 0
    """Insights in a row in which every user group was within its budget."""

    @property
    def is_paused(self) -> bool:
        """Tell whether a person stopped the loop."""
        return self.control is not None and self.control.paused

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Return what is wrong now."""
        incidents = self.insight.incidents if self.insight else ()
        return tuple(i for i in incidents if i.is_open)

    @property
    def acts(self) -> tuple[Decision, ...]:
        """Return the decisions that want a change, oldest first."""
        return tuple(d for d in self.decisions if d.verdict is Verdict.ACT)

    @property
    def under_way(self) -> tuple[Outcome, ...]:
        """Return the outcomes that are not final."""
        return tuple(o for o in self.outcomes if not o.status.is_final)

    def outcome_of(self, decision: DecisionId) -> Outcome | None:
        """Return what became of a decision, or None if nothing was told yet."""
        of_it = (o for o in self.outcomes if o.decision == decision and not o.is_part)
        return next(of_it, None)


def told(story: Story, message: Message) -> Story:
    """Return the story with one more message in it."""
    match message:
        case Insight():
            met = all(quality.is_met for quality in message.qualities)
            met_cycles = story.met_cycles + 1 if met and message.qualities else 0
            return replace(story, insight=message, met_cycles=met_cycles)
        case Control():
            return replace(story, control=message)
        case Decision():
            others = tuple(d for d in story.decisions if d.id != message.id)
            return replace(story, decisions=(*others, message)[-KEPT_DECISIONS:])
        case Outcome():
            about = (message.decision, message.application)
            known = tuple(o for o in story.outcomes if (o.decision, o.application) != about)
            return replace(story, outcomes=(*known, message)[-KEPT_DECISIONS:])
        case _:
            return story


def serving_after(decision: Decision, outcome: Outcome) -> timedelta | None:
    """Return the time from a decision to all its moves serving, or None if not there yet."""
    instants = [result.serving_at for result in outcome.actions]
    if not instants or any(instant is None for instant in instants):
        return None
    return max(instant for instant in instants if instant) - decision.at
