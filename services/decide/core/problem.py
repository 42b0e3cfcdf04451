"""One application's placement as a problem: what there is, what it needs, what must not be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.decide.core.headroom import Headroom
from shared.messages.decision import Reason
from shared.messages.observation import Coverage
from shared.messages.readings import Signal
from shared.model.application import Application, Component, Flow, UserGroup
from shared.model.names import ApplicationName, ClusterName
from shared.model.policy import FleetPolicy
from shared.model.site import Site

Spread = tuple[tuple[ClusterName, int], ...]
"""Replicas of one component per cluster, sorted by cluster, none of them zero."""

Pair = tuple[ClusterName, ClusterName]
"""A directed link: from, to."""

Traffic = Mapping[Pair, float]
"""Mbit/s per directed link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why something cannot be, or should not be now, with a sentence."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A change worth weighing: all replicas of a component to a cluster, or a new number of them.

    `component` is an index into the problem's components.
    """

    component: int
    cluster: ClusterName
    replicas: int
    is_scale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What using a cluster costs over the horizon, in weighted USD."""

    core: float
    gib: float
    gpu: float
    energy: float
    """Per core."""
    egress: float
    """Per Mbit/s of traffic that leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemCluster:
    """A cluster: what counts there, what may come, and how much of it fits."""

    site: Site
    is_lost: bool
    """What stands there is in danger and counts as unplaced."""
    closed: Objection | None
    """Why nothing new may come."""
    leaving: Objection | None
    """Why what stands there has to go."""
    headroom: Headroom
    """Without what is promised to earlier decisions."""
    unpromised: Headroom
    """With it."""
    gateway_used_mbps: float
    """What is measured on all its links, both directions together."""
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLink:
    """A directed link as far as it can be believed: None is not measured, late, partial or absent.

    A missing measurement that the policy ignores stands here as a good one.
    """

    is_up: bool
    latency_ms: float | None
    jitter_ms: float | None
    loss_ratio: float | None
    capacity_mbps: float | None
    used_mbps: float | None
    """By everybody, now."""

    def measured(self, signal: Signal) -> float | None:
        """Return what can be believed of one signal."""
        match signal:
            case Signal.LINK_RTT_MS:
                return self.latency_ms
            case Signal.LINK_JITTER_MS:
                return self.jitter_ms
            case Signal.LINK_LOSS_RATIO:
                return self.loss_ratio
            case Signal.LINK_CAPACITY_MBPS:
                return self.capacity_mbps
            case Signal.LINK_USED_MBPS:
                return self.used_mbps
            case _:
                raise ValueError(f"{signal} is not measured on links")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemComponent:
    """A component: what it asks for, where it stands, where it must not."""

    term: str
    """`xr/arena/render`."""
    component: Component
    wanted: int
    """Replicas that ought to stand: what the workload asks for, within the range."""
    least: int
    """Fewest replicas: as declared, or more where the forecast demand needs them."""
    most: int
    """Most replicas: as declared, or less where the forecast demand leaves them unused."""
    standing: Spread
    """All there is, lost clusters too."""
    alive: Spread
    """Without what stands on lost clusters."""
    forbidden: Mapping[ClusterName, Objection]
    """Clusters that its constraints rule out."""
    flows: tuple[int, ...]
    """Indices of the flows that start or end in it."""
    groups: tuple[int, ...]
    """Indices of the groups that pass it."""

    @property
    def demands_more(self) -> bool:
        """Tell whether forecast demand needs more replicas than there are."""
        return self.least > max(self.component.replicas, self.component.min_replicas)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFlow:
    """A flow between two components, by index."""

    term: str
    flow: Flow
    source: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemGroup:
    """A user group with the components it passes there and back, by index."""

    term: str
    group: UserGroup
    path: tuple[int, ...]
    processing_ms: float
    access_ms: Mapping[ClusterName, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Two components of which one sends to the other, and what must be known of links between."""

    source: int
    target: int
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything the score of one application's placement depends on."""

    application: Application
    at: datetime
    policy: FleetPolicy
    clusters: Mapping[ClusterName, ProblemCluster]
    links: Mapping[Pair, ProblemLink]
    components: tuple[ProblemComponent, ...]
    flows: tuple[ProblemFlow, ...]
    groups: tuple[ProblemGroup, ...]
    talks: tuple[Talk, ...]
    promised_mbps: Traffic
    """Of earlier decisions for other applications, not yet to be seen."""
    stale: Mapping[tuple[ClusterName, Signal], Coverage]
    """What is not fresh and not ignored."""

    @property
    def name(self) -> ApplicationName:
        """The application whose problem it is."""
        return self.application.name

    def targets(self, component: int) -> list[ClusterName]:
        """Return the clusters to which a component comes from somewhere else."""
        hosts = [host for host, _ in self.components[component].standing]
        if not hosts and len(self.clusters) <= 1:
            return []
        return [cluster for cluster in self.clusters if hosts != [cluster]]
