"""Edges and user groups of an instance file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.decide.core.instance_checks import (
    InstanceError,
    Item,
    column,
    index,
    known,
    label,
    present,
    refer,
)
from services.decide.core.placing.arrays import Floats, Ints


def edges(items: Sequence[Item], component_at: Mapping[str, int]) -> dict[str, Any]:
    """Return the edges."""
    source = refer(items, "edges", "u", component_at)
    target = refer(items, "edges", "v", component_at)
    loops = np.flatnonzero(source == target)
    if len(loops):
        raise InstanceError(f"{label(items[loops[0]])} joins a component to itself")
    return {
        "edge_source": source,
        "edge_target": target,
        "edge_mbps": column(items, "edges", "mbps"),
        "edge_latency_ms": column(items, "edges", "max_latency_ms"),
        "edge_loss_ratio": column(items, "edges", "max_loss"),
        "edge_jitter_ms": np.full(len(items), math.inf),
        "edge_udp": np.array([bool(edge.get("udp")) for edge in items], bool),
    }


def flows(
    items: Sequence[Item],
    points: Sequence[Item],
    components: Sequence[Item],
    component_at: Mapping[str, int],
    clusters: int,
) -> dict[str, Any]:
    """Return the user groups and how far access points are."""
    point_at = index(points, "access_points")
    paths = [present(flow, "flows", "path") for flow in items]
    lengths = np.array([len(path) for path in paths], np.int64)
    if len(items) and not lengths.all():
        raise InstanceError(f"{label(items[int(np.argmin(lengths))])}.path is empty")
    path_of = np.zeros(len(items) + 1, np.int32)
    np.cumsum(lengths, out=path_of[1:])
    path = _path(items, paths, component_at)
    processing = column(components, "components", "proc_ms")
    whole = np.add.reduceat(processing[path], path_of[:-1]) if len(items) else np.zeros(0)
    return {
        "path_of": path_of,
        "path": path,
        "flow_access": refer(items, "flows", "ap", point_at),
        "flow_returns": np.array([bool(flow.get("return")) for flow in items], bool),
        "flow_processing_ms": whole,
        "flow_budget_ms": column(items, "flows", "budget_ms"),
        "flow_weight": column(items, "flows", "weight"),
        "access_ms": _access(points, clusters),
    }


def _path(
    items: Sequence[Item], paths: Sequence[Sequence[str]], component_at: Mapping[str, int]
) -> Ints:
    """Return the components of all paths, one after the other."""
    try:
        return np.array([component_at[name] for path in paths for name in path], np.int32)
    except (KeyError, TypeError):
        for item in items:
            for name in item["path"]:
                known(item, "path", name, component_at)
        raise


def _access(points: Sequence[Item], clusters: int) -> Floats:
    """Return (A, K) how far clusters are from access points."""
    table = np.full((len(points), clusters), math.inf)
    for row, point in enumerate(points):
        pairs = np.array(present(point, "access_points", "latency_ms"), np.float64)
        pairs = pairs.reshape(-1, 2)
        at = pairs[:, 0].astype(np.int64)
        if len(at) and (at.min() < 0 or at.max() >= clusters):
            raise InstanceError(f"{label(point)}.latency_ms names a cluster that is not there")
        if not (pairs[:, 1] >= 0.0).all():
            raise InstanceError(f"{label(point)}.latency_ms holds one that is not 0 or more")
        table[row, at] = pairs[:, 1]
    return table
