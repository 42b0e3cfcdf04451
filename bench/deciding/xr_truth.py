"""What exhaustive search knows of an XR service: every way it can stand on a fleet."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.decide.core.placing.arrays import Arrays, Floats, Ints, Longs
from services.decide.core.placing.kernels.measuring import (
    TOLERANCE_MBPS,
    TOLERANCE_MS,
    TOLERANCE_RATIO,
)


@dataclass(slots=True)
class Left:
    """What a fleet has left when some services stand."""

    arrays: Arrays
    room: Longs = field(init=False)
    """(N, 3)"""
    mbps: Floats = field(init=False)
    """(L,)"""

    def __post_init__(self) -> None:
        self.room = self.arrays.node_room.copy()
        self.mbps = self.arrays.link_mbps - self.arrays.link_taken_mbps

    def nodes(self, components: Ints, cluster: int) -> list[int] | None:
        """Return a node of a cluster for each component, None if they do not fit together."""
        first, end = self.arrays.nodes_of[cluster : cluster + 2].tolist()
        demand = self.arrays.demand[components]
        return _packed(demand.tolist(), self.room[first:end].tolist(), first)

    def take(self, components: Ints, clusters: Ints) -> Ints:
        """Have components stand on clusters, where they fit, and return their nodes."""
        nodes = np.zeros(len(components), np.int32)
        for cluster in np.unique(clusters).tolist():
            there = np.flatnonzero(clusters == cluster)
            found = self.nodes(components[there], cluster)
            if found is None:
                raise ValueError(f"no room on cluster {cluster}")
            nodes[there] = found
        np.subtract.at(self.room, nodes, self.arrays.demand[components])
        links = _links_used(self.arrays, components, clusters[None, :])
        self.mbps -= links[0]
        return nodes


def _packed(demand: list[list[int]], room: list[list[int]], first: int) -> list[int] | None:
    """Return nodes, counted from `first`, by trying all."""
    if not demand:
        return []
    asked, *others = demand
    for at, has in enumerate(room):
        if all(a <= h for a, h in zip(asked, has, strict=True)):
            left = [h - a for a, h in zip(asked, has, strict=True)]
            rest = _packed(others, [*room[:at], left, *room[at + 1 :]], first)
            if rest is not None:
                return [first + at, *rest]
    return None


def solutions(left: Left, service: int) -> Ints:
    """Return (S, C) all clusters on which the C components of a service can stand without fault.

    All K^C are looked at: latency, loss and UDP of edges, budgets of flows, what links have left,
    and whether the nodes of each cluster have room, by trying all. One replica each.
    """
    arrays = left.arrays
    components = np.flatnonzero(arrays.service == service).astype(np.int32)
    found = _fits(left, components) & _edges_hold(arrays, components)
    found &= _flows_hold(arrays, components)
    clusters = np.argwhere(found).astype(np.int32)
    used = _links_used(arrays, components, clusters)
    return clusters[(used <= left.mbps + TOLERANCE_MBPS).all(axis=1)]


def _along(values: NDArray[Any], axes: tuple[int, ...], count: int) -> NDArray[Any]:
    """Return a table over some axes so that it spreads over all `count` of them."""
    order = np.argsort(axes)
    shape = [1] * count
    for axis in axes:
        shape[axis] = values.shape[0]
    return values.transpose(order).reshape(shape)


def _fits(left: Left, components: Ints) -> NDArray[Any]:
    """Return (K,) * C whether all have room and are allowed where they are."""
    arrays, count = left.arrays, len(components)
    clusters = len(arrays.gateway_mbps)
    fits = np.ones((clusters,) * count, bool)
    for cluster in range(clusters):
        here = np.arange(clusters) == cluster
        subset = sum(_along(here << bit, (bit,), count) for bit in range(count))
        can = np.array(
            [
                left.nodes(components[[bit for bit in range(count) if code >> bit & 1]], cluster)
                is not None
                for code in range(1 << count)
            ]
        )
        fits &= can[subset]
    for axis, component in enumerate(components.tolist()):
        fits &= _along(arrays.allowed[component], (axis,), count)
    return fits


def _edges_hold(arrays: Arrays, components: Ints) -> NDArray[Any]:
    holds: NDArray[Any] = np.ones((1,) * len(components), bool)
    inside = np.eye(len(arrays.latency_ms), dtype=bool)
    for edge, u, v in _edges(arrays, components):
        good = arrays.loss_ratio <= arrays.edge_loss_ratio[edge] + TOLERANCE_RATIO
        if arrays.edge_udp[edge]:
            good &= arrays.carries_udp
        good = (good | inside) & (arrays.latency_ms <= arrays.edge_latency_ms[edge] + TOLERANCE_MS)
        holds = holds & _along(good, (u, v), len(components))
    return holds


def _flows_hold(arrays: Arrays, components: Ints) -> NDArray[Any]:
    count, at = len(components), {c: axis for axis, c in enumerate(components.tolist())}
    holds: NDArray[Any] = np.ones((1,) * count, bool)
    for flow, (first, end) in enumerate(pairwise(arrays.path_of.tolist())):
        if arrays.path[first] not in at:
            continue
        path = [at[c] for c in arrays.path[first:end].tolist()]
        access = arrays.access_ms[arrays.flow_access[flow]]
        ms = arrays.flow_processing_ms[flow] + _along(access, (path[0],), count)
        if arrays.flow_returns[flow]:
            ms = ms + _along(access, (path[-1],), count)
        for u, v in pairwise(path):
            ms = ms + _along(arrays.latency_ms, (u, v), count)
        holds = holds & (ms <= arrays.flow_budget_ms[flow] + TOLERANCE_MS)
    return holds


def _edges(arrays: Arrays, components: Ints) -> list[tuple[int, int, int]]:
    """Return the edges between these components, with their places among them."""
    at = {c: axis for axis, c in enumerate(components.tolist())}
    pairs = zip(arrays.edge_source.tolist(), arrays.edge_target.tolist(), strict=True)
    return [(edge, at[u], at[v]) for edge, (u, v) in enumerate(pairs) if u in at]


def _links_used(arrays: Arrays, components: Ints, clusters: Ints) -> Floats:
    """Return (S, L) what links carry for each of the placements `clusters` (S, C)."""
    used = np.zeros((len(clusters), len(arrays.link_mbps)))
    rows = np.arange(len(clusters))
    for edge, u, v in _edges(arrays, components):
        link = arrays.link[clusters[:, u], clusters[:, v]]
        crosses = link >= 0
        used[rows[crosses], link[crosses]] += arrays.edge_mbps[edge]
    return used


def planted(arrays: Arrays, order: list[int], chance: np.random.Generator) -> Left | None:
    """Return what is left when all services stand, one after the other, at random; None: no way.

    A way for all is a proof that there is one; that none was found is none.
    """
    left = Left(arrays)
    for service in order:
        ways = solutions(left, service)
        if not len(ways):
            return None
        components = np.flatnonzero(arrays.service == service).astype(np.int32)
        left.take(components, ways[chance.integers(len(ways))])
    return left


def solved(arrays: Arrays, nodes: Ints) -> NDArray[Any]:
    """Return (S,) which services stand without fault: placed, edges, flows, links as they must."""
    clusters = np.where(nodes < 0, -1, arrays.node_cluster[nodes]).astype(np.int32)
    everyone = np.arange(len(arrays.demand), dtype=np.int32)
    used = np.zeros(len(arrays.link_mbps))
    services = range(int(arrays.service.max(initial=-1)) + 1)
    good = np.zeros(len(services), bool)
    each = list[Floats]()
    for service in services:
        components = everyone[arrays.service == service]
        where = clusters[components]
        if (where < 0).any():
            each.append(np.zeros_like(used))
            continue
        at = tuple(where)
        shape = (len(arrays.gateway_mbps),) * len(components)
        holds = _edges_hold(arrays, components) & _flows_hold(arrays, components)
        allowed = arrays.allowed[components, where].all()
        good[service] = allowed and np.broadcast_to(holds, shape)[at]
        each.append(_links_used(arrays, components, where[None, :])[0])
        used += each[-1]
    room = arrays.node_room.copy()
    np.subtract.at(room, nodes[nodes >= 0], arrays.demand[everyone[nodes >= 0]])
    full = used > arrays.link_mbps - arrays.link_taken_mbps + TOLERANCE_MBPS
    over = np.array([bool((one[full] > 0).any()) for one in each], bool)
    well: NDArray[np.bool_] = good & ~over & bool((room >= 0).all())
    return well
