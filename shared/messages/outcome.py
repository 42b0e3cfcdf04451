"""What became of a decision, action by action: Act's message to everyone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.names import (
    CAPACITY,
    ApplicationName,
    ClusterName,
    CycleId,
    DecisionId,
    FleetName,
)
from shared.model.plan import Action, FleetAction, site_of


class Status(StrEnum):
    """Where a decision or one of its actions stands."""

    WAITING = "waiting"
    """For a person's approval."""
    ADVISED = "advised"
    """Told, not done: the application is in `shadow` or `advise`."""
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REVERTED = "reverted"
    """Tried, and brought back to where it was."""
    FAILED = "failed"
    """Stopped halfway: a person has to look."""
    REFUSED = "refused"
    """The world was no longer as the decision assumed. Nothing was done."""
    REJECTED = "rejected"
    """A person said no."""
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more will come."""
        return self not in (Status.WAITING, Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stage of an action that takes long, and when it was first seen to be reached."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What became of one action."""

    action: Action
    status: Status
    started_at: datetime | None = None
    serving_at: datetime | None = None
    """When its effect stood in the cluster: all replicas of a move ready on the target."""
    finished_at: datetime | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    """What may go wrong there, though nothing forbids the action."""
    phases: tuple[Phase, ...] = ()
    """How far it got and when, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where a decision stands. A later outcome of the same decision replaces an earlier one."""

    decision: DecisionId
    cycle: CycleId
    fleet: FleetName
    application: ApplicationName
    at: datetime
    status: Status
    actions: tuple[ActionResult, ...] = ()
    message: str = ""
    """Why, in a sentence."""
    by: str = ""
    """Who approved or rejected."""
    dry_run: bool = False

    @property
    def is_part(self) -> bool:
        """Tell whether it is an application's part of an evacuation, which has its own outcome."""
        return self.application != CAPACITY and self.decision.endswith(f"_{CAPACITY}")

    @property
    def site(self) -> ClusterName | None:
        """Return the Site that a plan of the fleet itself is about; None for an application's."""
        first = self.actions[0].action if self.actions else None
        return site_of(first) if isinstance(first, FleetAction) else None
