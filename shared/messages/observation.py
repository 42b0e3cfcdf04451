"""What was the case: Observe's message to Orient."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.messages.inventory import Inventory
from shared.messages.outcome import Outcome
from shared.messages.readings import Readings, Signal
from shared.model.names import ClusterName, CycleId, FleetName


class CoverageState(StrEnum):
    """How complete and fresh the data of one signal from one cluster is."""

    FRESH = "fresh"
    LATE = "late"
    """All there, but older than allowed."""
    PARTIAL = "partial"
    """Some of what ought to answer did, or the answer was said to be incomplete."""
    ABSENT = "absent"
    """Nothing came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Coverage of one signal from one cluster."""

    cluster: ClusterName
    signal: Signal
    state: CoverageState
    age_seconds: float | None = None
    """Of the newest sample. None where nothing came."""
    reason: str = ""
    """A sentence; empty when fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Measured facts of one cycle, without judgement."""

    cycle: CycleId
    fleet: FleetName
    at: datetime
    interval_seconds: float
    """Time between two cycles."""
    readings: Readings
    inventory: Inventory
    coverage: tuple[Coverage, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    """The newest outcome of every decision of the last hours, oldest first."""
