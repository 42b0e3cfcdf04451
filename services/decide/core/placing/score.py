"""The score of a whole placement from nothing: what kernels and exact model have to meet."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from services.decide.core.placing.arrays import NOWHERE, Arrays, Floats, Ints, Score
from services.decide.core.placing.kernels.measuring import (
    TOLERANCE_MBPS,
    TOLERANCE_MS,
    TOLERANCE_RATIO,
)

Pairs = tuple[list[int], list[int]]


def score(arrays: Arrays, nodes: Ints) -> Score:
    """Return the score of a placement, `nodes` (R,): the node of each unit, NOWHERE: none."""
    clusters = np.where(nodes < 0, NOWHERE, arrays.node_cluster[nodes]).tolist()
    standing = [
        [cluster for cluster in clusters[first:end] if cluster >= 0]
        for first, end in pairwise(arrays.units_of.tolist())
    ]
    broken, traffic_usd = _edges(arrays, standing)
    violations = broken + _flows(arrays, standing) + _overloaded(arrays, standing)
    usd = units_usd(arrays, nodes) + traffic_usd
    return Score(int(np.count_nonzero(nodes < 0)), violations, usd)


def units_usd(arrays: Arrays, nodes: Ints) -> float:
    """Return what units cost by themselves: resources, energy, idle nodes, migration."""
    placed = np.flatnonzero(nodes >= 0)
    node, component, home = nodes[placed], arrays.unit_component[placed], arrays.unit_home[placed]
    resources = (arrays.demand[component] * arrays.node_usd[node]).sum()
    moved = (home >= 0) & (home != node)
    within = arrays.node_cluster[home] == arrays.node_cluster[node]
    each = arrays.move_usd[component] * np.where(within, arrays.move_within, 1.0)
    return float(resources + arrays.node_idle_usd[np.unique(node)].sum() + each[moved].sum())


def _edges(arrays: Arrays, standing: list[list[int]]) -> tuple[float, float]:
    """Return how many edges are broken, and what their traffic costs."""
    broken, usd = 0, 0.0
    for edge, (source, target) in enumerate(
        zip(arrays.edge_source.tolist(), arrays.edge_target.tolist(), strict=True)
    ):
        pairs = [(a, b) for a in standing[source] for b in standing[target]]
        broken += any(_is_broken(arrays, edge, a, b) for a, b in pairs)
        if pairs:
            each = arrays.edge_mbps[edge] / len(pairs)
            usd += float(sum(each * arrays.traffic_usd[a, b] for a, b in pairs))
    return float(broken), usd


def _is_broken(arrays: Arrays, edge: int, a: int, b: int) -> bool:
    if arrays.latency_ms[a, b] > arrays.edge_latency_ms[edge] + TOLERANCE_MS:
        return True
    return a != b and bool(
        arrays.loss_ratio[a, b] > arrays.edge_loss_ratio[edge] + TOLERANCE_RATIO
        or arrays.jitter_ms[a, b] > arrays.edge_jitter_ms[edge] + TOLERANCE_MS
        or (arrays.edge_udp[edge] and not arrays.carries_udp[a, b])
    )


def _flows(arrays: Arrays, standing: list[list[int]]) -> float:
    """Return the weight of the flows out of their budget."""
    weight = 0.0
    for flow, (first, end) in enumerate(pairwise(arrays.path_of.tolist())):
        path = [standing[component] for component in arrays.path[first:end].tolist()]
        ms = _slowest_ms(arrays, path, flow) + arrays.flow_processing_ms[flow]
        if ms > arrays.flow_budget_ms[flow] + TOLERANCE_MS:
            weight += float(arrays.flow_weight[flow])
    return weight


def _slowest_ms(arrays: Arrays, path: list[list[int]], flow: int) -> float:
    """Return the network part of a flow's latency over its slowest replicas.

    A hop from or to a component that stands nowhere takes no time.
    """
    access = arrays.access_ms[arrays.flow_access[flow]]
    known: dict[int, float] = {}
    is_next = False
    for step, places in enumerate(path):
        if places:
            known = {
                place: max(
                    access[place] if step == 0 else 0.0,
                    *(
                        ms + (arrays.latency_ms[there, place] if is_next else 0.0)
                        for there, ms in known.items()
                    ),
                    0.0,
                )
                for place in places
            }
        is_next = bool(places)
    back = arrays.flow_returns[flow] and bool(path) and bool(path[-1])
    return max((ms + (access[k] if back else 0.0) for k, ms in known.items()), default=0.0)


def _overloaded(arrays: Arrays, standing: list[list[int]]) -> float:
    """Return how many links and gateways carry more than they can, our own traffic with it."""
    links, gateways = arrays.link_taken_mbps.copy(), arrays.gateway_taken_mbps.copy()
    for source, target, mbps in zip(
        arrays.edge_source.tolist(),
        arrays.edge_target.tolist(),
        arrays.edge_mbps.tolist(),
        strict=True,
    ):
        count = max(1, len(standing[source]) * len(standing[target]))
        for a in standing[source]:
            for b in standing[target]:
                if a != b:
                    if arrays.link[a, b] >= 0:
                        links[arrays.link[a, b]] += mbps / count
                    gateways[a] += mbps / count
                    gateways[b] += mbps / count
    pipes: Iterable[tuple[Floats, Floats, Floats]] = (
        (links, arrays.link_mbps, arrays.link_taken_mbps),
        (gateways, arrays.gateway_mbps, arrays.gateway_taken_mbps),
    )
    return float(
        sum(
            int(((load > full + TOLERANCE_MBPS) & (load > taken + TOLERANCE_MBPS)).sum())
            for load, full, taken in pipes
        )
    )


def with_fewest_moves(arrays: Arrays, nodes: Ints) -> Ints:
    """Return the same placement with the replicas of each component exchanged so that most stay.

    First those that stay on their node, then those that stay on their cluster. `nodes`: (R,).
    """
    result = np.array(nodes, np.int32)
    for first, end in pairwise(arrays.units_of.tolist()):
        if end - first > 1:
            result[first:end] = _matched(arrays, slice(first, end), result[first:end].tolist())
    return result


def _matched(arrays: Arrays, units: slice, nodes: list[int]) -> list[int]:
    """Return the nodes in the order of the units they fit best, those that stand first.

    The rest goes first to those without a home, who move for nothing; what stands nowhere is left
    for the others.
    """
    homes = arrays.unit_home[units].tolist()
    order = np.argsort(~arrays.unit_stands[units], kind="stable").tolist()
    left, found = list(nodes), dict[int, int]()
    for key in (lambda node: node, lambda node: int(arrays.node_cluster[node])):
        for at in order:
            if at in found or homes[at] < 0:
                continue
            match = next((n for n in left if n >= 0 and key(n) == key(homes[at])), None)
            if match is not None:
                found[at] = match
                left.remove(match)
    rest = sorted((at for at in range(len(homes)) if at not in found), key=lambda at: homes[at])
    found.update(zip(rest, sorted(left, reverse=True), strict=True))
    return [found[at] for at in range(len(homes))]
