"""What comes next for an action: a write, a wait, or progress to be recorded."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.act.core.ledger import Entry
from services.act.core.objects import Write
from shared.messages.decision import Expectation
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.names import DecisionId
from shared.model.plan import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The action got further, or ended: keep that in the ledger."""

    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Change the cluster by one call, then look again."""

    write: Write
    even_paused: bool = False
    """Whether it is taken while the loop is paused: it freezes a rollout where it is."""
    otherwise: Progress | None = None
    """What is recorded where the API denies it for good, with the reason as a warning. None: a
    denied step ends the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Look again later: something is under way that Act does not make faster."""

    reason: str
    for_insight: bool = False
    """Whether only a newer insight is likely to end it."""
    pause: timedelta = timedelta(0)
    """How long it need not be looked at: what is waited for takes people hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Give an application its part of an evacuation: a plan of its own, kept by its ledger."""

    moves: tuple[Move, ...]
    """All of one application."""


Next = Step | Wait | Progress | HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an action is judged by, beside its objects."""

    now: datetime
    decision: DecisionId
    deadline_at: datetime
    insight: Insight
    expectations: tuple[Expectation, ...] = ()
    paused_by: str = ""
    """Who stopped the loop; empty while it runs. Then nothing new begins, and rollouts freeze."""

    @property
    def move_timeout(self) -> timedelta:
        """The policy's time for a change to take effect."""
        return self.insight.policy.move_timeout


def began(entry: Entry, at: datetime) -> Progress:
    """Record that the action was begun."""
    return Progress(entry=replace(entry, status=Status.RUNNING, started_at=at, message=""))


def serves(entry: Entry, now: datetime) -> Progress:
    """Record that its effect stands in the cluster."""
    return Progress(entry=replace(entry, serving_at=now))


def goes_back(entry: Entry, now: datetime, reason: str) -> Progress:
    """Record that it is to be undone. From here on it never goes forth again."""
    return Progress(entry=replace(entry, back_at=now, message=reason))


def ended(entry: Entry, status: Status, now: datetime, reason: str) -> Progress:
    """Record how it ended. An effect that stands has served since now at the latest."""
    serving_at = entry.serving_at or (now if status is Status.SUCCEEDED else None)
    closed = replace(entry, status=status, finished_at=now, message=reason)
    return Progress(entry=replace(closed, serving_at=serving_at))
