"""What operators declare about a workload cluster (custom resource `Site`)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.model.names import ClusterName
from shared.model.resources import Resources


class Tier(StrEnum):
    """How near to users a site stands."""

    EDGE = "edge"
    METRO = "metro"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What using a site costs, in USD."""

    core_hour: float = 0.0
    gib_hour: float = 0.0
    gpu_hour: float = 0.0
    gb_egress: float = 0.0
    """Per GB of traffic that leaves the site for another one."""
    kwh: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One-way latency between a place where users attach and the site, in milliseconds."""

    user_site: str
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How the site grows: the Cluster API MachineDeployment that makes its nodes."""

    namespace: str
    machine_deployment: str
    min_nodes: int
    max_nodes: int
    expected_minutes: float
    """From asking for a node until it is ready."""
    node: Resources | None = None
    """What a new node offers. None: as much as the largest one there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What the site's cluster is made from, as long as there is none."""

    name: str
    nodes: int
    node: Resources
    """What each of them offers."""
    expected_minutes: float
    """From asking for the cluster until its nodes are ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """A cluster that may use the site, and what the link between the two would be."""

    consumer: ClusterName
    latency_ms: float
    """One way."""
    mbps: float | None = None
    """Each way. None: as much as anybody wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One workload cluster as its operator describes it."""

    name: ClusterName
    home: bool = False
    """Whether it is the management cluster itself, whose nodes are no virtual ones."""
    tier: Tier = Tier.CLOUD
    region: str = ""
    owner: str = ""
    lease_ends_at: datetime | None = None
    prices: Prices = field(default_factory=Prices)
    carbon_grams_per_kwh: float = 0.0
    watts_per_core: float = 0.0
    access: tuple[Access, ...] = ()
    gateway_mbps: float | None = None
    """Ceiling of what its gateway carries, both directions together. None: not known."""
    max_cores: float | None = None
    """Ceiling of the cores crossloop may use there. None: all of them."""
    growth: Growth | None = None
    template: Template | None = None
    peerings: tuple[Peering, ...] = ()
    """Those that may be, whether or not they are."""

    def access_ms(self, user_site: str) -> float | None:
        """Return the declared one-way access latency from a user site, or None."""
        for access in self.access:
            if access.user_site == user_site:
                return access.latency_ms
        return None
