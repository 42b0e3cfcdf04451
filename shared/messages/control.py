"""The kill switch of a fleet."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.names import FleetName


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Whether the loop may act at all. The newest one holds; none means it may."""

    fleet: FleetName
    paused: bool
    by: str
    reason: str
    at: datetime
