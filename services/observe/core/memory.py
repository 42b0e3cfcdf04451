"""What Observe carries from one cycle to the next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.outcome import Outcome
from shared.messages.readings import Signal
from shared.model.names import ApplicationName, DecisionId

OUTCOMES_KEPT_FOR = timedelta(hours=24)
OUTCOMES_KEPT = 1000
"""At most so many, the newest: an observation must stay small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """What a cluster answered for, when it last answered for all it ought to."""

    signal: Signal
    cluster: str
    subjects: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The newest good answer to a metric that an Application declares."""

    promql: str
    label: str
    """The user site told; empty for a plain number."""
    value: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All of it. Lost at a restart, except the outcomes, which the stream still has."""

    outcomes: tuple[Outcome, ...] = ()
    complete: tuple[Complete, ...] = ()
    answered: frozenset[Signal] = frozenset()
    """Signals that some cluster has answered."""
    measured: tuple[Measured, ...] = ()


def remember_outcomes(
    known: Iterable[Outcome], new: Iterable[Outcome], *, at: datetime
) -> tuple[Outcome, ...]:
    """Return the newest outcome of each decision of the last 24 hours, oldest first.

    An evacuation has one for each application that it moves, beside its own.

    An outcome that comes late or twice replaces nothing newer; what is final stays final.
    """
    newest: dict[tuple[DecisionId, ApplicationName], Outcome] = {}
    for outcome in (*known, *new):
        key = (outcome.decision, outcome.application)
        before = newest.get(key)
        if before is None or _rank(outcome) >= _rank(before):
            newest[key] = outcome
    recent = [o for o in newest.values() if at - o.at <= OUTCOMES_KEPT_FOR]
    recent.sort(key=lambda o: (o.at, o.decision, o.application))
    return tuple(recent[-OUTCOMES_KEPT:])


def _rank(outcome: Outcome) -> tuple[bool, datetime]:
    return outcome.status.is_final, outcome.at
