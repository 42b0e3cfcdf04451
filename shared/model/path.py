"""The way of a user group's requests through the fleet: how long it takes, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.model.fleet import Fleet
from shared.model.names import ClusterName

Latency = Callable[[ClusterName, ClusterName], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One choice of a cluster per component passed, and its latency in milliseconds."""

    clusters: tuple[ClusterName, ...]
    latency_ms: float


def link_latency_ms(fleet: Fleet, source: ClusterName, target: ClusterName) -> float | None:
    """Return the one-way latency between two clusters; 0 inside one, None if not measured."""
    if source == target:
        return 0.0
    link = fleet.link(source, target)
    return link.latency_ms if link else None


def access_latency_ms(fleet: Fleet, user_site: str, cluster: ClusterName) -> float | None:
    """Return the one-way latency between users at a site and a cluster.

    Declared on the cluster's Site; else, where the user site is a cluster itself, over the link.
    """
    standing = fleet.cluster(cluster)
    declared = standing.site.access_ms(user_site) if standing else None
    if declared is not None:
        return declared
    return link_latency_ms(fleet, ClusterName(user_site), cluster)


def slowest_way(
    choices: Sequence[Sequence[ClusterName]],
    *,
    access: Callable[[ClusterName], float | None],
    link: Latency,
) -> Way | None:
    """Return the slowest way over one cluster per component, in and out of the user site.

    Replicas share the load, so a request may take any combination: the group is promised the worst.
    `choices` gives the clusters of each component passed, in order, none of them empty. None where
    a hop that may be taken is not measured. Dynamic programming over the components, O(n k^2).
    """
    ends: dict[ClusterName, Way] = {}
    for cluster in choices[0]:
        entry = access(cluster)
        if entry is None:
            return None
        ends[cluster] = Way(clusters=(cluster,), latency_ms=entry)
    for clusters in choices[1:]:
        longer: dict[ClusterName, Way] = {}
        for cluster in clusters:
            for last, way in ends.items():
                hop = link(last, cluster)
                if hop is None:
                    return None
                total = way.latency_ms + hop
                known = longer.get(cluster)
                if known is None or total > known.latency_ms:
                    longer[cluster] = Way(clusters=(*way.clusters, cluster), latency_ms=total)
        ends = longer
    return _slowest_home(ends, access)


def _slowest_home(
    ends: dict[ClusterName, Way], access: Callable[[ClusterName], float | None]
) -> Way | None:
    slowest: Way | None = None
    for cluster, way in sorted(ends.items()):
        leave = access(cluster)
        if leave is None:
            return None
        if slowest is None or way.latency_ms + leave > slowest.latency_ms:
            slowest = Way(clusters=way.clusters, latency_ms=way.latency_ms + leave)
    return slowest
