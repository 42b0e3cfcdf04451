"""What Kubernetes says there is, in the words of the management cluster."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.model.application import Application, WorkloadKind
from shared.model.names import ApplicationName, ClusterName
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet that runs a component."""

    namespace: str
    kind: WorkloadKind
    name: str
    replicas: int
    ready_replicas: int
    requests: Resources
    """Of one replica: the sum over its containers."""
    uses_local_storage: bool = False
    """Whether it claims a volume: data that pins it to where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of a workload. `workload` is the name of its Deployment or StatefulSet."""

    namespace: str
    name: str
    workload: str
    node: str
    """Empty while it is not scheduled."""
    ready: bool
    terminating: bool = False
    phase: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeNode:
    """A Node of the management cluster: a real one of home, or Liqo's virtual one of a provider."""

    name: str
    cluster: ClusterName
    """The remote cluster of a virtual node; the home site's name of a real one."""
    virtual: bool
    ready: bool
    unschedulable: bool
    allocatable: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCluster:
    """Liqo's view of a peer. Values are Liqo's own words; empty where it says nothing."""

    cluster: ClusterName
    api_server: str = ""
    """Condition APIServerStatus: `Established` is good, `Error` the early sign of a loss."""
    network: str = ""
    """Condition NetworkConnectionStatus; empty when networking is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceOffloading:
    """How far a namespace is stretched, from Liqo's object named `offloading`."""

    namespace: str
    phase: str
    ready_clusters: tuple[ClusterName, ...] = ()


class Freshness(StrEnum):
    """How far the list of one kind can be believed."""

    FRESH = "fresh"
    LATE = "late"
    """Its watch is broken: what is listed was true at `synced_at`."""
    ABSENT = "absent"
    """Never listed, or the kind is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFreshness:
    """Whether one kind of object is up to date."""

    kind: str
    state: Freshness
    synced_at: datetime | None = None
    reason: str = ""


ALWAYS_THERE = frozenset(
    ("Application", "Site", "FleetPolicy", "Deployment", "StatefulSet", "Pod", "Node")
)
"""Kinds that every management cluster of a fleet has: one that is absent was not seen."""


def is_blind(kinds: Iterable[KindFreshness]) -> bool:
    """Tell whether a kind that is always there is absent, as while the API server is down.

    Then what is not in the inventory may be there all the same: nothing follows from it.
    """
    return any(k.state is Freshness.ABSENT and k.kind in ALWAYS_THERE for k in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an object that was declared cannot be used, in a sentence for its owner."""

    kind: str
    """`Application`, `Site` or `FleetPolicy`."""
    name: str
    """`namespace/name`, or the name of a cluster-scoped object."""
    field: str
    """Path inside the object, as `spec.flows[0].to`."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All of it, each tuple sorted by name."""

    sites: tuple[Site, ...] = ()
    policy: FleetPolicy = field(default_factory=FleetPolicy)
    applications: tuple[Application, ...] = ()
    """Only those without a problem."""
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] = ()
    nodes: tuple[KubeNode, ...] = ()
    foreign_clusters: tuple[ForeignCluster, ...] = ()
    offloadings: tuple[NamespaceOffloading, ...] = ()
    kinds: tuple[KindFreshness, ...] = ()
    problems: tuple[Problem, ...] = ()
    under_way: tuple[ApplicationName, ...] = ()
    """Applications whose status shows a plan that is not finished."""
