"""Clusters whose use, over all their nodes, will pass what the nodes offer."""

from datetime import timedelta

from services.decide.core.demand import high_within
from services.decide.core.standing import violation
from shared.messages.insight import Forecast, Insight
from shared.messages.readings import Signal
from shared.model.fleet import Cluster
from shared.model.names import ClusterName
from shared.model.resources import Resources

SUMS = (Signal.NODE_USED_CORES, Signal.NODE_USED_BYTES)
"""What is forecast as a sum over all nodes of a cluster."""


def cluster_sums(insight: Insight) -> list[tuple[Cluster, Forecast]]:
    """Return each forecast of what is used on all nodes of a cluster together."""
    clusters = {str(c.name): c for c in insight.fleet.clusters if c.nodes}
    return [
        (clusters[f.cluster], f)
        for f in insight.forecasts
        if f.signal in SUMS and not f.subject and f.outlooks and f.cluster in clusters
    ]


def all_offered(cluster: Cluster) -> Resources:
    """Return what the nodes of a cluster offer together."""
    return sum((node.allocatable for node in cluster.nodes), Resources())


def limit_of(cluster: Cluster, signal: str) -> float:
    """Return how much the nodes of a cluster offer of what a sum measures."""
    offered = all_offered(cluster)
    return offered.cpu_cores if signal == Signal.NODE_USED_CORES else offered.memory_bytes


def overload(insight: Insight, ahead: timedelta) -> list[tuple[str, float]]:
    """Return by how much each passes it within a time, as terms of a score."""
    return [
        (
            f"quality:cluster:{cluster.name}:{forecast.signal}",
            violation(high_within(forecast, ahead), limit_of(cluster, forecast.signal)),
        )
        for cluster, forecast in cluster_sums(insight)
    ]


def overloaded(insight: Insight, ahead: timedelta) -> frozenset[ClusterName]:
    """Return the clusters whose use may pass what their nodes offer within a time."""
    return frozenset(
        cluster.name
        for cluster, forecast in cluster_sums(insight)
        if high_within(forecast, ahead) > limit_of(cluster, forecast.signal)
    )
