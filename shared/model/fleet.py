"""All workload clusters, links, applications and placements, at one instant."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.application import Application
from shared.model.names import ApplicationName, ClusterName, ComponentName
from shared.model.resources import Resources
from shared.model.site import Site


class ClusterState(StrEnum):
    """Whether a cluster can be relied upon."""

    READY = "ready"
    CORDONED = "cordoned"
    """Takes no new pods."""
    UNREACHABLE = "unreachable"
    """Its API does not answer, or its virtual node is not Ready: what runs there is in danger."""
    NOT_PEERED = "not_peered"
    """A Site without a virtual node: nothing can be placed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A real node of a cluster, with what it offers and what is promised on it already."""

    name: str
    allocatable: Resources
    requested: Resources
    ready: bool = True

    @property
    def headroom(self) -> Resources:
        """What is left to promise."""
        return self.allocatable - self.requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A workload cluster: what was declared, and how it is."""

    site: Site
    state: ClusterState
    nodes: tuple[Node, ...] = ()
    reason: str = ""
    """Why it is not ready, in a sentence."""

    @property
    def name(self) -> ClusterName:
        """The name of its site."""
        return self.site.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The directed network path from one cluster to another.

    `latency_ms` is one way (half the round trip measured), `usual_latency_ms` what it is usually,
    where the measurement differs from that by no more than its noise. None: not measured, or not
    known.
    """

    source: ClusterName
    target: ClusterName
    latency_ms: float | None = None
    jitter_ms: float | None = None
    loss_ratio: float | None = None
    capacity_mbps: float | None = None
    used_mbps: float | None = None
    up: bool | None = None
    usual_latency_ms: float | None = None

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise ValueError(f"a link from {self.source} to itself")

    @property
    def steady_latency_ms(self) -> float | None:
        """What it takes one way, without the noise of the measurement as far as it is known."""
        return self.latency_ms if self.usual_latency_ms is None else self.usual_latency_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How many replicas of a component stand on one cluster, and how many of them are ready."""

    application: ApplicationName
    component: ComponentName
    cluster: ClusterName
    replicas: int
    ready_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Everything the loop looks after, at one instant. Tuples are sorted by name."""

    at: datetime
    clusters: tuple[Cluster, ...] = ()
    links: tuple[Link, ...] = ()
    applications: tuple[Application, ...] = ()
    placements: tuple[Placement, ...] = ()

    def cluster(self, name: ClusterName) -> Cluster | None:
        """Return the cluster of that name, or None."""
        return next((c for c in self.clusters if c.name == name), None)

    def application(self, name: ApplicationName) -> Application | None:
        """Return the application of that name, or None."""
        return next((a for a in self.applications if a.name == name), None)

    def link(self, source: ClusterName, target: ClusterName) -> Link | None:
        """Return the link in that direction, or None where there is none."""
        return next((x for x in self.links if (x.source, x.target) == (source, target)), None)

    def placements_of(
        self, application: ApplicationName, component: ComponentName
    ) -> tuple[Placement, ...]:
        """Return where the replicas of a component stand."""
        return tuple(
            p for p in self.placements if p.application == application and p.component == component
        )
