"""The placement problem as arrays: what the kernels, the exact model and the scorer all read.

Letters of shapes: K clusters, N nodes, L links, C components, R replicas ("units"), E edges
(traffic between two components), F flows (user groups), A access points. Resources are whole
numbers, (millicores, MiB, GPUs), so that sums are exact. Money is USD over the horizon. A
NamedTuple, because that is what numba takes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOWHERE = -1
"""Node or cluster of a unit that is not placed; link of a pair that has none."""
BOUNDLESS = np.int64(2**53)
"""A ceiling that is none, in whole units."""


class Arrays(NamedTuple):
    """One placement problem. All arrays are C-contiguous and read-only by agreement."""

    # clusters and the network between them
    latency_ms: Floats
    """(K, K) one way; the diagonal is inside a cluster; inf where there is no link."""
    loss_ratio: Floats
    """(K, K)"""
    jitter_ms: Floats
    """(K, K)"""
    carries_udp: Flags
    """(K, K)"""
    link: Ints
    """(K, K) the link that carries what is sent from row to column; NOWHERE inside a cluster and
    where there is none. Two directions that share a capacity have the same link."""
    traffic_usd: Floats
    """(K, K) per Mbit/s."""
    link_mbps: Floats
    """(L,) capacity."""
    link_taken_mbps: Floats
    """(L,) what others use of it."""
    gateway_mbps: Floats
    """(K,) capacity of all that enters and leaves a cluster; inf where none is known."""
    gateway_taken_mbps: Floats
    """(K,)"""

    # nodes, sorted by cluster
    nodes_of: Ints
    """(K + 1,) the nodes of cluster k are nodes_of[k]:nodes_of[k + 1]."""
    node_cluster: Ints
    """(N,)"""
    node_room: Longs
    """(N, 3) what units may take. With `is_home_free` that is beside those who are at home."""
    node_usd: Floats
    """(N, 3) resources and energy, per millicore, MiB and GPU."""
    node_idle_usd: Floats
    """(N,) what a node costs as soon as it is used at all."""
    cluster_millicores: Longs
    """(K,) ceiling of what units may take of a cluster; BOUNDLESS where there is none."""

    # components and their units (replicas), sorted by component
    service: Ints
    """(C,) the service (application) a component belongs to."""
    demand: Longs
    """(C, 3) of one replica."""
    units_of: Ints
    """(C + 1,) the units of component c are units_of[c]:units_of[c + 1]."""
    unit_component: Ints
    """(R,)"""
    unit_home: Ints
    """(R,) the node where it stands now, or NOWHERE. Leaving its cluster costs `move_usd`."""
    unit_stands: Flags
    """(R,) whether the copy at home works and may stay there."""
    is_home_free: bool
    """Whether a unit takes nothing at home: make-before-break, where the old copy keeps its room
    (already subtracted from `node_room`) until the new one runs, so both are charged."""
    most_per_node: Ints
    """(C,)"""
    allowed: Flags
    """(C, K) regions, owners, pins, and clusters that may take new copies.
    Where a unit stands it may stay."""
    movable: Flags
    """(C,) whether units that stand somewhere may leave it."""
    move_usd: Floats
    """(C,) of one replica that changes its cluster."""
    move_within: float
    """Part of `move_usd` when only the node changes."""

    # traffic between components
    edge_source: Ints
    """(E,) component"""
    edge_target: Ints
    """(E,)"""
    edge_mbps: Floats
    """(E,) over all pairs of replicas, spread evenly."""
    edge_latency_ms: Floats
    """(E,) the most it bears, between each pair of replicas; inf: anything."""
    edge_loss_ratio: Floats
    """(E,)"""
    edge_jitter_ms: Floats
    """(E,)"""
    edge_udp: Flags
    """(E,) whether it needs a link that carries UDP."""

    # user groups
    path_of: Ints
    """(F + 1,) the path of flow f is path[path_of[f]:path_of[f + 1]]."""
    path: Ints
    """Components in the order they are passed, there and back."""
    flow_access: Ints
    """(F,) row of `access_ms`."""
    flow_returns: Flags
    """(F,) whether the answer goes back over the access network from the last component."""
    flow_processing_ms: Floats
    """(F,) sum over the path."""
    flow_budget_ms: Floats
    """(F,)"""
    flow_weight: Floats
    """(F,) what it counts when it is out of its budget."""
    access_ms: Floats
    """(A, K) one way between an access point and a cluster; inf: unreachable."""

    # who touches whom, derived (see `indexed`)
    edges_of: Ints
    """(C + 1,) edges at component c are edge_at[edges_of[c]:edges_of[c + 1]]."""
    edge_at: Ints
    flows_of: Ints
    """(C + 1,) flows through component c are flow_at[flows_of[c]:flows_of[c + 1]], each once."""
    flow_at: Ints


class Score(NamedTuple):
    """How good a placement is, smaller is better, compared in this order."""

    unplaced: int
    """Units that stand nowhere."""
    violations: float
    """Edges broken, weights of flows out of budget, links and gateways overloaded."""
    usd: float


def grouped(owner: Ints, count: int) -> tuple[Ints, Ints]:
    """Return offsets (count + 1,) and the order that sorts items by owner, stably."""
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(owner, minlength=count), out=offsets[1:])
    return offsets, np.argsort(owner, kind="stable").astype(np.int32)


def edges_by_component(source: Ints, target: Ints, count: int) -> tuple[Ints, Ints]:
    """Return `edges_of` and `edge_at` of so many components."""
    edges = np.arange(len(source), dtype=np.int32)
    offsets, order = grouped(np.concatenate((source, target)), count)
    return offsets, np.concatenate((edges, edges))[order]


def flows_by_component(path_of: Ints, path: Ints, count: int) -> tuple[Ints, Ints]:
    """Return `flows_of` and `flow_at`: a component passed twice by a flow lists it once."""
    flows = np.repeat(np.arange(len(path_of) - 1, dtype=np.int64), np.diff(path_of))
    pairs = np.unique(path.astype(np.int64) * max(1, len(path_of) - 1) + flows)
    owner, flow = np.divmod(pairs, max(1, len(path_of) - 1))
    offsets, order = grouped(owner.astype(np.int32), count)
    return offsets, flow.astype(np.int32)[order]
