"""What Orient carries from one observation to the next, as a value."""

from dataclasses import dataclass, field
from datetime import datetime

from services.orient.core.changes import Changes
from services.orient.core.control import Control
from services.orient.core.entities import Entities
from services.orient.core.forecast import Forecasts
from services.orient.core.rows import Rows, Tally
from services.orient.core.series import State, empty
from shared.messages.incident import Incident, IncidentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Whether an incident becomes worse or better."""

    strength: float = 1.0
    """How far from normal it is, smoothed over cycles."""
    told: float = 1.0
    """The strength when its state changed last."""
    state: IncidentState = IncidentState.OPEN
    steady_cycles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An incident under watch: seen bad, not yet open or not yet closed."""

    incident: Incident
    bad_cycles: int
    """In a row up to now, or when it opened."""
    good_cycles: int = 0
    """In a row up to now."""
    is_open: bool = False
    trend: Trend = field(default_factory=Trend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Whether one user group was within its budget, per cycle of the last hour."""

    key: tuple[str, str]
    """Application, group."""
    history: tuple[tuple[datetime, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All of it. Empty after a start without an earlier insight."""

    learnt_at: datetime | None = None
    """The instant of the newest observation in it."""
    rows: Rows = field(default_factory=Rows)
    series: State = field(default_factory=empty)
    control: Control = field(default_factory=Control)
    changes: Changes = field(default_factory=Changes)
    entities: Entities = field(default_factory=Entities)
    forecasts: Forecasts = field(default_factory=Forecasts)
    watched: tuple[Watched, ...] = ()
    verdicts: tuple[Verdicts, ...] = ()
    tally: Tally = field(default_factory=Tally, metadata={"saved": False})
    """Of the newest observation."""
