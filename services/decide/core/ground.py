"""What all applications of one cycle share: clusters and links, as far as they can be believed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.decide.core.demand import SCALE_AHEAD, Range, replica_ranges
from services.decide.core.frames import Frames
from services.decide.core.headroom import Headroom
from services.decide.core.lease import lease_objection, leave_times
from services.decide.core.money import GB_PER_HOUR
from services.decide.core.network import Links, Stale
from services.decide.core.problem import Objection, ProblemCluster, Rates, Spread
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.readings import Signal
from shared.model.fleet import Cluster, ClusterState, Fleet
from shared.model.names import ClusterName
from shared.model.policy import FleetPolicy, Missing
from shared.model.site import Site

NODE_SIGNALS = (
    Signal.NODE_READY,
    Signal.NODE_ALLOCATABLE_CORES,
    Signal.NODE_ALLOCATABLE_BYTES,
    Signal.NODE_REQUESTED_CORES,
    Signal.NODE_REQUESTED_BYTES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all applications of one cycle share."""

    clusters: Mapping[ClusterName, ProblemCluster]
    links: Links
    stale: Stale
    spreads: Mapping[str, Spread]
    """Where the replicas of each component stand, by `application/component`."""
    ranges: Mapping[str, Range]
    """Replicas that forecast demand asks for, by `application/component`."""
    frames: Frames = field(default_factory=Frames)
    """Of its applications, as far as they are built already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What is used of a cluster's ceilings."""

    cores: float
    gateway_mbps: float


def ground_of(insight: Insight, *, ahead: timedelta = SCALE_AHEAD) -> Ground:
    """Say of every cluster and link of a fleet what can be believed and what is ruled out.

    `ahead`: how far demand is looked ahead.
    """
    policy = insight.policy
    stale = {
        (c.cluster, c.signal): c
        for c in insight.coverage
        if policy.meaning_of_missing(c.signal) is Missing.HOLD
    }
    links = Links(insight.fleet.links, policy, stale)
    gateways = links.used_mbps()
    cores, leave_at = _cores_of_applications(insight), leave_times(insight)
    return Ground(
        clusters={
            c.name: _cluster(
                c,
                insight,
                stale,
                _Taken(cores=cores[c.name], gateway_mbps=gateways.get(c.name, 0.0)),
                leave_at.get(c.name),
            )
            for c in insight.fleet.clusters
        },
        links=links,
        stale=stale,
        spreads=_spreads(insight.fleet),
        ranges=replica_ranges(insight, ahead),
    )


def _spreads(fleet: Fleet) -> dict[str, Spread]:
    spreads: dict[str, list[tuple[ClusterName, int]]] = defaultdict(list)
    for p in fleet.placements:
        if p.replicas > 0:
            spreads[f"{p.application}/{p.component}"].append((p.cluster, p.replicas))
    return {term: tuple(spread) for term, spread in spreads.items()}


def _cores_of_applications(insight: Insight) -> dict[ClusterName, float]:
    cores: dict[ClusterName, float] = defaultdict(float)
    requests = {
        (a.name, c.name): c.requests.cpu_cores
        for a in insight.fleet.applications
        for c in a.components
    }
    for placement in insight.fleet.placements:
        each = requests.get((placement.application, placement.component), 0.0)
        cores[placement.cluster] += each * placement.replicas
    return cores


def _cluster(
    cluster: Cluster, insight: Insight, stale: Stale, taken: _Taken, leave_at: datetime | None
) -> ProblemCluster:
    ceiling = cluster.site.max_cores
    headroom = Headroom(
        nodes=tuple(node.headroom for node in cluster.nodes if node.ready),
        cores_left=float("inf") if ceiling is None else ceiling - taken.cores,
    )
    return ProblemCluster(
        site=cluster.site,
        is_lost=cluster.state in (ClusterState.UNREACHABLE, ClusterState.NOT_PEERED),
        closed=_closed(cluster, insight, stale, leave_at),
        leaving=_lease_objection(cluster, leave_at, insight.at),
        headroom=headroom,
        unpromised=headroom,
        gateway_used_mbps=taken.gateway_mbps,
        rates=_rates(cluster.site, insight.policy),
    )


def _closed(
    cluster: Cluster, insight: Insight, stale: Stale, leave_at: datetime | None
) -> Objection | None:
    if cluster.state is not ClusterState.READY:
        detail = cluster.reason or f"{cluster.name} is {cluster.state.replace('_', ' ')}"
        return Objection(reason=Reason.CLUSTER_NOT_READY, detail=detail)
    soon = _lease_objection(cluster, leave_at, insight.at + insight.policy.horizon)
    return soon or stale_nodes(cluster.name, stale)


def _lease_objection(cluster: Cluster, leave_at: datetime | None, at: datetime) -> Objection | None:
    """Object to a cluster that has to be left by then. What comes can stay for the horizon."""
    end = cluster.site.lease_ends_at
    return lease_objection(cluster.name, end) if end and leave_at and leave_at <= at else None


def stale_nodes(cluster: ClusterName, stale: Stale) -> Objection | None:
    """Object where what is known of a cluster's nodes cannot be believed."""
    for signal in NODE_SIGNALS:
        coverage = stale.get((cluster, signal))
        if coverage is not None:
            detail = f"{signal} of {cluster} is {coverage.state}"
            return Objection(reason=Reason.NOT_FRESH, detail=detail)
    return None


def _rates(site: Site, policy: FleetPolicy) -> Rates:
    hours = policy.horizon.total_seconds() / 3600.0
    money, energy = hours * policy.weights.cost, hours * policy.weights.energy
    return Rates(
        core=site.prices.core_hour * money,
        gib=site.prices.gib_hour * money,
        gpu=site.prices.gpu_hour * money,
        energy=site.watts_per_core / 1000.0 * site.prices.kwh * energy,
        egress=GB_PER_HOUR * site.prices.gb_egress * money,
    )
