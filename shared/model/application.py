"""What operators declare about a service (custom resource `Application`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from shared.model.names import ApplicationName, ClusterName, ComponentName, GroupName
from shared.model.resources import Resources
from shared.model.site import Site


class Autonomy(StrEnum):
    """How far the loop may go for an application."""

    SHADOW = "shadow"
    """Decide only."""
    ADVISE = "advise"
    """Decide, and tell people by alert."""
    APPROVE = "approve"
    """Wait for a person's yes. The default."""
    AUTO = "auto"


class Protocol(StrEnum):
    """Transport of a flow."""

    UDP = "UDP"
    TCP = "TCP"


class WorkloadKind(StrEnum):
    """The kinds of workload that can be moved."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRef:
    """The existing workload that runs a component. Its namespace is the application's."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Where a component may run. An empty `allowed_*` allows all; `forbidden_*` always wins."""

    allowed_regions: tuple[str, ...] = ()
    forbidden_regions: tuple[str, ...] = ()
    allowed_owners: tuple[str, ...] = ()
    forbidden_owners: tuple[str, ...] = ()
    allowed_clusters: tuple[ClusterName, ...] = ()
    forbidden_clusters: tuple[ClusterName, ...] = ()

    def allow(self, site: Site) -> bool:
        """Tell whether a component may run there."""
        rules = (
            (site.region, self.allowed_regions, self.forbidden_regions),
            (site.owner, self.allowed_owners, self.forbidden_owners),
            (site.name, self.allowed_clusters, self.forbidden_clusters),
        )
        return all(
            (not allowed or value in allowed) and value not in forbidden
            for value, allowed, forbidden in rules
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """The smallest part of an application that is placed on its own."""

    name: ComponentName
    workload: WorkloadRef
    replicas: int = 1
    """Replicas the workload asks for now."""
    min_replicas: int = 1
    max_replicas: int = 1
    is_elastic: bool = False
    """Whether the most is declared, so that replicas may follow the demand within the range."""
    requests: Resources = field(default_factory=Resources)
    """What one replica asks for, from the workload's pod template."""
    processing_ms: float = 0.0
    """Time a request spends in it: declared, or measured by the metric declared."""
    processing_metric: str | None = None
    movable: bool = True
    constraints: Constraints = field(default_factory=Constraints)
    state_mib: float = 0.0
    """State that a new copy has to load: it makes a move dearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Traffic from one component to another, in Mbit/s over all replicas."""

    source: ComponentName
    target: ComponentName
    mbps: float
    mbps_metric: str | None = None
    protocol: Protocol = Protocol.UDP
    max_latency_ms: float | None = None
    max_loss_ratio: float | None = None
    max_jitter_ms: float | None = None
    packet_bytes: int | None = None
    """The largest payload of its packets; None: not declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """People who attach at one site and use one path of components, there and back."""

    name: GroupName
    site: str
    """The user site where they attach: declared, or told by the metric declared."""
    site_metric: str | None = None
    path: tuple[ComponentName, ...]
    back: tuple[ComponentName, ...] = ()
    """Components passed on the way back, after the last of `path`; empty: straight back."""
    budget_ms: float = 15.0
    weight: float = 1.0
    target_ratio: float = 0.99
    """Share of time the group should be within its budget."""

    @property
    def round_trip(self) -> tuple[ComponentName, ...]:
        """All components a request passes, in order, from the users and back to them."""
        return self.path + self.back


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """A time of day (UTC) in which the loop may act. `days`: 0 is Monday."""

    days: tuple[int, ...]
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the loop may do to an application."""

    moves_per_hour: int = 6
    cooldown: timedelta = timedelta(minutes=5)
    """A component that moved stays at least this long."""
    windows: tuple[MaintenanceWindow, ...] = ()
    """Empty: at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Components that serve one purpose together. `name` is `namespace/name`."""

    name: ApplicationName
    components: tuple[Component, ...]
    flows: tuple[Flow, ...] = ()
    users: tuple[UserGroup, ...] = ()
    autonomy: Autonomy = Autonomy.APPROVE
    limits: Limits = field(default_factory=Limits)

    @property
    def namespace(self) -> str:
        """The namespace stretched by Liqo."""
        return self.name.partition("/")[0]

    def component(self, name: ComponentName) -> Component:
        """Return the component of that name. KeyError if it has none."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)
