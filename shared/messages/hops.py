"""The latency of a way, split by hop."""

from collections.abc import Callable, Mapping

from shared.messages.insight import Hop, HopKind
from shared.model.application import UserGroup
from shared.model.names import ClusterName, ComponentName
from shared.model.path import Latency, Way


def hops_along(
    way: Way,
    group: UserGroup,
    *,
    processing_ms: Mapping[ComponentName, float],
    access: Callable[[ClusterName], float | None],
    link: Latency,
) -> tuple[Hop, ...]:
    """Return the hops of a group's way in order, from the users' site and back to it.

    They add up to the way's latency and the processing of every component passed. A hop inside a
    cluster takes no time and is left out. `access` and `link` are those the way was found with.
    """
    first, last = way.clusters[0], way.clusters[-1]
    hops = [_hop(HopKind.ACCESS, f"{group.site}>{first}", access(first))]
    previous = first
    for name, cluster in zip(group.round_trip, way.clusters, strict=True):
        if cluster != previous:
            hops.append(_hop(HopKind.LINK, f"{previous}>{cluster}", link(previous, cluster)))
        hops.append(_hop(HopKind.PROCESSING, name, processing_ms[name]))
        previous = cluster
    hops.append(_hop(HopKind.ACCESS, f"{last}>{group.site}", access(last)))
    return tuple(hops)


def _hop(kind: HopKind, name: str, latency_ms: float | None) -> Hop:
    return Hop(kind=kind, name=name, latency_ms=latency_ms or 0.0)
