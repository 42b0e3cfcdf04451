"""Random placement problems small enough to try everything, and what a placement must keep to."""

from math import inf

import numpy as np
from numpy.typing import NDArray

from services.decide.core.placing.arrays import (
    BOUNDLESS,
    NOWHERE,
    Arrays,
    edges_by_component,
    flows_by_component,
)

CLUSTERS, COMPONENTS = 3, 4


def small(seed: int, *, room: int = 4, replicas: int = 5, is_home_free: bool = False) -> Arrays:
    """Return a random problem of 3 clusters, 4 nodes and 4 components with so many replicas."""
    rng = np.random.default_rng(seed)
    count = np.ones(COMPONENTS, np.int64)
    np.add.at(count, rng.integers(0, COMPONENTS, replicas - COMPONENTS), 1)
    units_of = np.concatenate(([0], np.cumsum(count))).astype(np.int32)
    component = np.repeat(np.arange(COMPONENTS, dtype=np.int32), count)
    node_cluster = np.array([0, 0, 1, 2], np.int32)
    home = rng.integers(-1, len(node_cluster), replicas).astype(np.int32)
    ends = np.array(
        [(a, b) for a in range(COMPONENTS) for b in range(COMPONENTS) if a != b], np.int32
    )
    source, target = ends[rng.choice(len(ends), 4, replace=False)].T
    paths = [rng.integers(0, COMPONENTS, rng.integers(1, 5)) for _ in range(3)]
    path_of = np.concatenate(([0], np.cumsum([len(path) for path in paths]))).astype(np.int32)
    path = np.concatenate(paths).astype(np.int32)
    edges_of, edge_at = edges_by_component(source, target, COMPONENTS)
    flows_of, flow_at = flows_by_component(path_of, path, COMPONENTS)
    return Arrays(
        **_network(rng),
        **_nodes(rng, node_cluster, room),
        service=np.zeros(COMPONENTS, np.int32),
        demand=np.column_stack(
            (rng.integers(1, 4, COMPONENTS), rng.integers(1, 3, COMPONENTS), count * 0)
        ),
        units_of=units_of,
        unit_component=component,
        unit_home=home,
        unit_stands=(home != NOWHERE) & (rng.random(replicas) < 0.8),
        is_home_free=is_home_free,
        most_per_node=rng.choice(np.array([1, 2**30], np.int32), COMPONENTS),
        allowed=rng.random((COMPONENTS, CLUSTERS)) < 0.85,
        movable=rng.random(COMPONENTS) < 0.85,
        move_usd=rng.choice([0.0, 0.7, 2.0], COMPONENTS),
        move_within=0.2,
        edge_source=np.ascontiguousarray(source),
        edge_target=np.ascontiguousarray(target),
        edge_mbps=rng.integers(1, 9, 4).astype(float),
        edge_latency_ms=rng.choice([0.2, 3.0, 6.0, 20.0], 4),
        edge_loss_ratio=rng.choice([0.005, 0.02], 4),
        edge_jitter_ms=rng.choice([0.5, inf], 4),
        edge_udp=rng.random(4) < 0.3,
        path_of=path_of,
        path=path,
        flow_access=rng.integers(0, 2, 3).astype(np.int32),
        flow_returns=rng.random(3) < 0.5,
        flow_processing_ms=rng.uniform(0.0, 2.0, 3),
        flow_budget_ms=rng.uniform(4.0, 20.0, 3),
        flow_weight=rng.choice([1.0, 2.0, 0.5, 0.0], 3),
        access_ms=np.where(rng.random((2, CLUSTERS)) < 0.1, inf, rng.uniform(0, 6, (2, CLUSTERS))),
        edges_of=edges_of,
        edge_at=edge_at,
        flows_of=flows_of,
        flow_at=flow_at,
    )


def _network(rng: np.random.Generator) -> dict[str, NDArray]:
    """Return three clusters of which two are sometimes not linked."""
    is_linked = ~np.eye(CLUSTERS, dtype=bool)
    if rng.random() < 0.3:
        is_linked[0, 1] = is_linked[1, 0] = False
    link = np.full((CLUSTERS, CLUSTERS), NOWHERE, np.int32)
    if rng.random() < 0.5:
        link[is_linked] = np.arange(is_linked.sum())
    else:
        one, other = np.nonzero(np.triu(is_linked))
        link[one, other] = link[other, one] = np.arange(len(one))
    links = link.max() + 1
    apart = (CLUSTERS, CLUSTERS)
    return {
        "latency_ms": np.where(
            is_linked, rng.uniform(1.0, 8.0, apart), np.where(np.eye(CLUSTERS), 0.3, inf)
        ),
        "loss_ratio": np.where(is_linked, rng.choice([0.0, 0.01], apart), 0.0),
        "jitter_ms": np.where(is_linked, rng.choice([0.1, 1.0], apart), 0.0),
        "carries_udp": ~is_linked | (rng.random(apart) < 0.7),
        "link": link,
        "traffic_usd": np.where(is_linked, rng.uniform(0.0, 0.3, apart), 0.0),
        "link_mbps": rng.uniform(2.0, 20.0, links),
        "link_taken_mbps": rng.uniform(0.0, 3.0, links),
        "gateway_mbps": rng.choice([6.0, 30.0, inf], CLUSTERS),
        "gateway_taken_mbps": rng.uniform(0.0, 3.0, CLUSTERS),
    }


def _nodes(rng: np.random.Generator, cluster: NDArray[np.int32], room: int) -> dict[str, NDArray]:
    nodes = len(cluster)
    return {
        "nodes_of": np.searchsorted(cluster, np.arange(CLUSTERS + 1)).astype(np.int32),
        "node_cluster": cluster,
        "node_room": rng.integers(room - 2, room + 2, (nodes, 3)),
        "node_usd": rng.uniform(0.1, 1.0, (nodes, 3)),
        "node_idle_usd": rng.choice([0.0, 0.5, 1.5], nodes),
        "cluster_millicores": rng.choice(np.array([room + 1, BOUNDLESS]), CLUSTERS),
    }


def possible(arrays: Arrays, nodes: NDArray[np.int32]) -> bool:
    """Tell whether a placement keeps to room, ceilings, spread, allowed clusters and pins."""
    taken = np.zeros_like(arrays.node_room)
    millicores = np.zeros_like(arrays.cluster_millicores)
    on_node = np.zeros((len(arrays.demand), len(taken)), np.int64)
    stays = arrays.unit_stands & (arrays.unit_home == nodes)
    for unit, node in enumerate(nodes.tolist()):
        component = arrays.unit_component[unit]
        if arrays.unit_stands[unit] and not arrays.movable[component] and not stays[unit]:
            return False
        if node == NOWHERE:
            continue
        if not stays[unit] and not arrays.allowed[component, arrays.node_cluster[node]]:
            return False
        on_node[component, node] += 1
        if not (arrays.is_home_free and stays[unit]):
            taken[node] += arrays.demand[component]
            millicores[arrays.node_cluster[node]] += arrays.demand[component, 0]
    pinned = np.zeros_like(on_node)
    rooted = np.flatnonzero(stays & ~arrays.movable[arrays.unit_component])
    np.add.at(pinned, (arrays.unit_component[rooted], nodes[rooted]), 1)
    return bool(
        (taken <= arrays.node_room).all()
        and (millicores <= arrays.cluster_millicores).all()
        and (on_node <= np.maximum(arrays.most_per_node[:, None], pinned)).all()
    )
