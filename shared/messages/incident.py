"""What is wrong: anomalies grouped into incidents, with their likely causes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.names import ApplicationName


class SubjectKind(StrEnum):
    """What an incident is about."""

    LINK = "link"
    NODE = "node"
    GATEWAY = "gateway"
    """What all tunnels of a cluster pass; its subject is the cluster."""
    CLUSTER = "cluster"
    COMPONENT = "component"
    GROUP = "group"
    """A user group out of its budget for a cause of its own, as users who moved."""


class IncidentState(StrEnum):
    """Whether an incident still goes on."""

    OPEN = "open"
    WORSENING = "worsening"
    """Open, and clearly further from normal than some cycles ago."""
    EASING = "easing"
    """Open, and on its way back to normal."""
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
    p_value: float | None = None
    """How often readings of this signal are as far off while nothing is wrong (0 to 1)."""
    onset_at: datetime | None = None
    """When it was first seen in this run of bad readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A possible cause of an incident, and what speaks for it."""

    kind: SubjectKind
    subject: str
    score: float
    """0 to 1; the scores of one incident are comparable with each other only."""
    shift: float
    """Median distance of its readings from what is expected, in robust standard deviations."""
    onset_at: datetime | None = None
    explained_ratio: float = 0.0
    """Share of what is bad in the incident that depends on it."""
    change: str = ""
    """What was done to it just before, in a sentence: a rollout, a move, a scaling. Empty: nothing
    is known."""


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
    suspects: tuple[Suspect, ...] = ()
    """Possible causes, the likeliest first; the first is `kind` and `subject`."""

    @property
    def is_open(self) -> bool:
        """Tell whether it goes on."""
        return self.state is not IncidentState.CLOSED
