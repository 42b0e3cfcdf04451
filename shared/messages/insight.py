"""What an observation means: Orient's message to Decide."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    reason: str = ""
    """Why `latency_ms` is None, in a sentence."""

    @property
    def is_met(self) -> bool | None:
        """Tell whether the group is within its budget. None: cannot be told."""
        return None if self.latency_ms is None else self.latency_ms <= self.budget_ms


class SubjectKind(StrEnum):
    """What an incident is about."""

    LINK = "link"
    NODE = "node"
    CLUSTER = "cluster"
    COMPONENT = "component"
    GROUP = "group"
    """A user group out of its budget for a cause of its own, as users who moved."""


class IncidentState(StrEnum):
    """Whether an incident still goes on."""

    OPEN = "open"
    CLOSED = "closed"
    """Told once, in the insight of the cycle in which it ended."""


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    """Not normal, but no user group is out of its budget."""
    CRITICAL = "critical"
    """A user group is out of its budget, or a cluster is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A reading that is not normal."""

    signal: str
    cluster: str
    subject: str
    value: float
    expected: float
    score: float
    """Distance from the expected value in robust standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Anomalies that belong together, with their likely cause. One per cause."""

    id: str
    """Stable while it lasts: `<subject kind>:<subject>:<opened at>`."""
    kind: SubjectKind
    subject: str
    """The likely cause: `edge-a>metro` (a link), `edge-a/node-1`, `edge-a`, `xr/arena/render`."""
    state: IncidentState
    severity: Severity
    opened_at: datetime
    message: str
    """What is wrong, in a sentence without volatile numbers."""
    anomalies: tuple[Anomaly, ...] = ()
    affected: tuple[ApplicationName, ...] = ()


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
    coverage: tuple[Coverage, ...] = ()
    """Only what is not fresh."""
    kinds: tuple[KindFreshness, ...] = ()
    """Kinds of the inventory that are not fresh."""
    problems: tuple[Problem, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    under_way: tuple[ApplicationName, ...] = ()
    stretched: tuple[NamespaceOffloading, ...] = ()
    """How far each namespace is stretched over clusters."""
