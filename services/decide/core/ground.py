"""What all applications of one cycle share: clusters and links, as far as they can be believed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from services.decide.core.headroom import Headroom
from services.decide.core.problem import Objection, Pair, ProblemCluster, ProblemLink, Rates
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.observation import Coverage
from shared.messages.readings import Signal
from shared.model.fleet import Cluster, ClusterState, Link
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
GB_PER_HOUR = 3600.0 / 8.0 / 1000.0
"""GB that 1 Mbit/s makes in an hour."""
GOOD = {
    Signal.LINK_RTT_MS: 0.0,
    Signal.LINK_JITTER_MS: 0.0,
    Signal.LINK_LOSS_RATIO: 0.0,
    Signal.LINK_CAPACITY_MBPS: float("inf"),
    Signal.LINK_USED_MBPS: 0.0,
}
"""What a missing measurement counts as where the policy ignores it."""

Stale = Mapping[tuple[ClusterName, Signal], Coverage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all applications of one cycle share."""

    clusters: Mapping[ClusterName, ProblemCluster]
    links: Mapping[Pair, ProblemLink]
    stale: Stale


def ground_of(insight: Insight) -> Ground:
    """Say of every cluster and link of a fleet what can be believed and what is ruled out."""
    policy = insight.policy
    stale = {
        (c.cluster, c.signal): c
        for c in insight.coverage
        if policy.meaning_of_missing(c.signal) is Missing.HOLD
    }
    links = {(x.source, x.target): _link(x, policy, stale) for x in insight.fleet.links}
    gateways: dict[ClusterName, float] = defaultdict(float)
    for pair, link in links.items():
        for end in pair:
            gateways[end] += link.used_mbps or 0.0
    cores = _cores_of_applications(insight)
    return Ground(
        clusters={
            c.name: _cluster(c, insight, stale, cores[c.name], gateways[c.name])
            for c in insight.fleet.clusters
        },
        links=links,
        stale=stale,
    )


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
    cluster: Cluster, insight: Insight, stale: Stale, used_cores: float, gateway_mbps: float
) -> ProblemCluster:
    ceiling = cluster.site.max_cores
    headroom = Headroom(
        nodes=tuple(node.headroom for node in cluster.nodes if node.ready),
        cores_left=float("inf") if ceiling is None else ceiling - used_cores,
    )
    return ProblemCluster(
        site=cluster.site,
        is_lost=cluster.state in (ClusterState.UNREACHABLE, ClusterState.NOT_PEERED),
        closed=_closed(cluster, insight, stale),
        headroom=headroom,
        unpromised=headroom,
        gateway_used_mbps=gateway_mbps,
        rates=_rates(cluster.site, insight.policy),
    )


def _closed(cluster: Cluster, insight: Insight, stale: Stale) -> Objection | None:
    if cluster.state is not ClusterState.READY:
        detail = cluster.reason or f"{cluster.name} is {cluster.state.replace('_', ' ')}"
        return Objection(reason=Reason.CLUSTER_NOT_READY, detail=detail)
    ends_at = cluster.site.lease_ends_at
    if ends_at is not None and ends_at - insight.at <= insight.policy.horizon:
        detail = f"the lease of {cluster.name} ends at {ends_at:%Y-%m-%d %H:%M} UTC"
        return Objection(reason=Reason.LEASE_ENDS, detail=detail)
    return stale_nodes(cluster.name, stale)


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


def _link(link: Link, policy: FleetPolicy, stale: Stale) -> ProblemLink:
    def believed(signal: Signal, value: float | None, *ends: ClusterName) -> float | None:
        """Return the value unless all ends that could have measured it are silent."""
        if policy.meaning_of_missing(signal) is Missing.IGNORE:
            return GOOD[signal] if value is None else value
        return None if all((end, signal) in stale for end in ends) else value

    a, b = link.source, link.target
    return ProblemLink(
        is_up=link.up is not False,
        latency_ms=believed(Signal.LINK_RTT_MS, link.latency_ms, a, b),
        jitter_ms=believed(Signal.LINK_JITTER_MS, link.jitter_ms, a, b),
        loss_ratio=believed(Signal.LINK_LOSS_RATIO, link.loss_ratio, a, b),
        capacity_mbps=believed(Signal.LINK_CAPACITY_MBPS, link.capacity_mbps, a),
        used_mbps=believed(Signal.LINK_USED_MBPS, link.used_mbps, a),
    )
