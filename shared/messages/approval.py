"""A person's yes or no to a decision."""

from dataclasses import dataclass
from datetime import datetime

from shared.model.names import DecisionId, FleetName


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One answer by one person."""

    decision: DecisionId
    fleet: FleetName
    approved: bool
    by: str
    reason: str
    at: datetime
