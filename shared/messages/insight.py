"""What an observation means: Orient's message to Decide."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.messages.incident import Incident
from shared.messages.inventory import KindFreshness, NamespaceOffloading, Problem
from shared.messages.observation import Coverage
from shared.messages.outcome import Outcome
from shared.model.fleet import Fleet
from shared.model.names import ApplicationName, CycleId, FleetName, GroupName
from shared.model.policy import FleetPolicy


class HopKind(StrEnum):
    """Parts of the way a request takes."""

    ACCESS = "access"
    PROCESSING = "processing"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One part of the latency of a user group.

    `name`: `site>cluster` or `cluster>site` for access, the component for processing,
    `source>target` for a link.
    """

    kind: HopKind
    name: str
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What one user group gets, measured against its budget. None: cannot be told."""

    application: ApplicationName
    group: GroupName
    latency_ms: float | None
    budget_ms: float
    guard_band_ms: float
    hops: tuple[Hop, ...] = ()
    """In the order of the way; they add up to `latency_ms`."""
    jitter_ms: float | None = None
    """The links' jitters, added in quadrature."""
    loss_ratio: float | None = None
    headroom_mbps: float | None = None
    """The least bandwidth left on a link of the path. None where it crosses no link."""
    within_ratio: float | None = None
    """Share of the cycles of the last hour within budget."""
    target_ratio: float = 0.99
    """Share of time within budget that is promised."""
    reason: str = ""
    """Why `latency_ms` is None, in a sentence."""

    @property
    def is_met(self) -> bool | None:
        """Tell whether the group is within its budget. None: cannot be told."""
        return None if self.latency_ms is None else self.latency_ms <= self.budget_ms

    @property
    def error_budget_left(self) -> float | None:
        """Return the part of the last hour's error budget not yet used: 1 all, 0 none.

        Below 0 it is overspent. The error budget is `1 - target_ratio`, the share of time that may
        be out of budget (Site Reliability Workbook, "Implementing SLOs"). None: nothing is known.
        """
        if self.within_ratio is None:
            return None
        allowed = 1.0 - self.target_ratio
        used = 1.0 - self.within_ratio
        if allowed <= 0.0:
            return 1.0 if used <= 0.0 else 0.0
        return 1.0 - used / allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a series is expected to be at one time ahead."""

    horizon_seconds: float
    expected: float
    low: float
    """With `high` the bounds of the 90 % interval."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Where a series goes, and when it meets its ceiling."""

    signal: str
    """The unit ends the name."""
    cluster: str
    subject: str
    outlooks: tuple[Outlook, ...]
    """By growing horizon."""
    ceiling: float | None = None
    """What it must not pass, in its unit. None: there is none, or it is not known."""
    ceiling_probability: float | None = None
    """Probability to pass it at some time within the longest horizon (0 to 1)."""
    seconds_to_ceiling: float | None = None
    """When the forecast itself passes it, if that is more likely than not. None: not foreseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """The assessed fleet of one cycle."""

    cycle: CycleId
    fleet_name: FleetName
    at: datetime
    interval_seconds: float
    fleet: Fleet
    policy: FleetPolicy
    qualities: tuple[Quality, ...] = ()
    incidents: tuple[Incident, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    """Only what is not fresh."""
    kinds: tuple[KindFreshness, ...] = ()
    """Kinds of the inventory that are not fresh."""
    problems: tuple[Problem, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    under_way: tuple[ApplicationName, ...] = ()
    stretched: tuple[NamespaceOffloading, ...] = ()
    """How far each namespace is stretched over clusters."""
