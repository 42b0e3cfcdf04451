"""An incident from one cycle to the next."""

from dataclasses import dataclass, field

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
