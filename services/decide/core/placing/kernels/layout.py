"""How a problem and a placement under search lie in two flat buffers, `ints` and `reals`.

The kernels take nothing else: two arrays are cheap to hand from function to function, where ninety
cost more than the work. The first places of `ints` hold the counts and the change under trial;
then, one per field, where the field begins: `ints[ints[NODE] + unit]` is the node of a unit, and
`reals[ints[EDGE_USD] + edge]` the money of an edge. Letters of shapes as in `arrays`.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.decide.core.placing.arrays import NOWHERE, Arrays, Floats, Longs

(
    CLUSTERS, LINKS, COMPONENTS, UNITS, EDGES, FLOWS, MOST_REPLICAS, ALLOWED_WIDE,
    CHOICES_WIDE, NEAR_WIDE, IS_HOME_FREE,
    RANDOM, CLOCK, WRONG_COUNT, CHANGED_UNITS, CHANGED_EDGES, CHANGED_FLOWS, CHANGED_PIPES,
) = range(18)  # fmt: skip
"""Single numbers: the counts of the problem, then what changes: the state of the random numbers,
the number of the change under trial, how many things are wrong, and what the change touched."""

(
    LINK, CARRIES_UDP, NODES_OF, NODE_CLUSTER, DEMAND, UNITS_OF, UNIT_COMPONENT, UNIT_HOME,
    UNIT_STANDS, MOST_PER_NODE, ALLOWED, MOVABLE, EDGE_SOURCE, EDGE_TARGET, EDGE_UDP, PATH_OF,
    PATH, FLOW_ACCESS, FLOW_RETURNS, EDGES_OF, EDGE_AT, FLOWS_OF, FLOW_AT,
) = range(18, 41)  # fmt: skip
"""Whole numbers of the problem; see `Arrays`. ALLOWED: (C, ALLOWED_WIDE) of 32 bits each."""

(
    CHOICES, NEAR, NODE, CLUSTER, FREE, MILLICORES_LEFT, UNITS_ON, FIRST_ON, NEXT_ON, PREVIOUS_ON,
    WRONG, WRONG_AT, UNIT, UNIT_FROM, EDGE, FLOW, PIPE, STAMP, BLOCK, BEST, CLUSTER_FREE,
) = range(41, 62)  # fmt: skip
"""Whole numbers of the placement under search.

CHOICES (C, M) and NEAR (K, M): clusters worth trying. NODE, CLUSTER (R,): where units stand. FREE
(N, 3), MILLICORES_LEFT (K,): room. UNITS_ON, FIRST_ON (N,), NEXT_ON, PREVIOUS_ON (R,): the units of
a node as a linked list. WRONG: what is wrong now, as positions in the order flows, edges, links,
gateways, units; WRONG_AT: where each stands there. UNIT, UNIT_FROM (R,), EDGE, FLOW, PIPE: what the
change under trial touched; pipes are links, then gateways. STAMP: the last change that touched each
edge, flow, pipe, component. BLOCK (R,): units that move together. BEST (R,): the best placement.
CLUSTER_FREE (K, 3): FREE summed over the nodes of a cluster."""

(
    LATENCY_MS, LOSS_RATIO, JITTER_MS, TRAFFIC_USD, LINK_MBPS, LINK_TAKEN_MBPS, GATEWAY_MBPS,
    GATEWAY_TAKEN_MBPS, NODE_USD, NODE_IDLE_USD, MOVE_USD, EDGE_MBPS, EDGE_LATENCY_MS,
    EDGE_LOSS_RATIO, EDGE_JITTER_MS, FLOW_PROCESSING_MS, FLOW_BUDGET_MS, FLOW_WEIGHT, ACCESS_MS,
) = range(62, 81)  # fmt: skip
"""Numbers of the problem, in `reals`; see `Arrays`."""

(
    EDGE_BAD, EDGE_EXCESS, EDGE_USD, FLOW_BAD, FLOW_EXCESS, LINK_LOAD, GATEWAY_LOAD, TOTALS,
    EDGE_WAS, FLOW_WAS, PIPE_WAS, TOTALS_WAS, WAY, BEST_SCORE, CLUSTER_USD,
) = range(81, 96)  # fmt: skip
"""Numbers of the placement, in `reals`. EDGE_BAD: 1.0 where broken. FLOW_BAD: the weight where out
of budget. *_EXCESS: how far beyond (0 to 1, times the weight). *_WAS: before the change under
trial. CLUSTER_USD (K, 3): the lowest NODE_USD of a cluster. WAY (2, MOST_REPLICAS, 2): cluster
and latency per replica along a flow. BEST_SCORE (3,)."""

UNPLACED, VIOLATIONS, EXCESS, USD = 0, 1, 2, 3
"""Columns of TOTALS. EXCESS leads the search and is no part of the score."""

(
    MOVE_WITHIN, TEMPERATURE, COOLING, UNPLACED_USD, VIOLATION_USD, EXCESS_USD, MENDING, LOGS,
) = range(8)  # fmt: skip
"""Single numbers at the beginning of `reals`: a factor of the problem, the temperature in USD and
its factor per step, what an unplaced unit, a violation and its excess stand for in USD, how many
times hotter it is for a change of something wrong, and LOGS_COUNT values of -ln(u)."""
LOGS_COUNT = 4096
FIRST_REAL = LOGS + LOGS_COUNT
FIRST_INT = 96


def pack(arrays: Arrays, *, seed: int, choices: int, near: int) -> tuple[Longs, Floats]:
    """Return the buffers of a problem in which nothing is placed yet.

    `choices`, `near`: how many clusters are worth trying for a component, and from a cluster.
    """
    ints, reals = _whole(arrays, choices, near), _real(arrays)
    head = np.zeros(FIRST_INT, np.int64)
    for first, fields in ((FIRST_INT, ints), (FIRST_REAL, reals)):
        at = first
        for name, field in fields.items():
            head[name] = at
            at += field.size
    head[: IS_HOME_FREE + 1] = _counts(arrays, choices, near)
    head[RANDOM] = _scrambled(seed)
    start = np.zeros(FIRST_REAL)
    start[MOVE_WITHIN] = arrays.move_within
    start[LOGS:] = -np.log((np.arange(LOGS_COUNT) + 0.5) / LOGS_COUNT)
    return (
        np.concatenate([head, *(field.reshape(-1) for field in ints.values())], dtype=np.int64),
        np.concatenate([start, *(field.reshape(-1) for field in reals.values())]),
    )


def _counts(arrays: Arrays, choices: int, near: int) -> list[int]:
    clusters = len(arrays.gateway_mbps)
    return [
        clusters,
        len(arrays.link_mbps),
        len(arrays.demand),
        len(arrays.unit_component),
        len(arrays.edge_mbps),
        len(arrays.flow_weight),
        int(np.diff(arrays.units_of).max(initial=1)),
        (clusters + 31) // 32,
        choices,
        near,
        int(arrays.is_home_free),
    ]


def _whole(arrays: Arrays, choices: int, near: int) -> Mapping[int, NDArray[np.generic]]:
    clusters, nodes, links = (
        len(arrays.gateway_mbps),
        len(arrays.node_cluster),
        len(arrays.link_mbps),
    )
    components, units = len(arrays.demand), len(arrays.unit_component)
    edges, flows = len(arrays.edge_mbps), len(arrays.flow_weight)
    things = flows + edges + links + clusters + units

    def nothing(count: int) -> Longs:
        return np.full(count, NOWHERE, np.int64)

    return {
        LINK: arrays.link, CARRIES_UDP: arrays.carries_udp, NODES_OF: arrays.nodes_of,
        NODE_CLUSTER: arrays.node_cluster, DEMAND: arrays.demand, UNITS_OF: arrays.units_of,
        UNIT_COMPONENT: arrays.unit_component, UNIT_HOME: arrays.unit_home,
        UNIT_STANDS: arrays.unit_stands, MOST_PER_NODE: arrays.most_per_node,
        ALLOWED: _bits(arrays), MOVABLE: arrays.movable, EDGE_SOURCE: arrays.edge_source,
        EDGE_TARGET: arrays.edge_target, EDGE_UDP: arrays.edge_udp, PATH_OF: arrays.path_of,
        PATH: arrays.path, FLOW_ACCESS: arrays.flow_access, FLOW_RETURNS: arrays.flow_returns,
        EDGES_OF: arrays.edges_of, EDGE_AT: arrays.edge_at, FLOWS_OF: arrays.flows_of,
        FLOW_AT: arrays.flow_at,
        CHOICES: nothing(components * choices), NEAR: nothing(clusters * near),
        NODE: nothing(units), CLUSTER: nothing(units), FREE: arrays.node_room,
        MILLICORES_LEFT: arrays.cluster_millicores, UNITS_ON: np.zeros(nodes, np.int64),
        FIRST_ON: nothing(nodes), NEXT_ON: nothing(units), PREVIOUS_ON: nothing(units),
        WRONG: nothing(things), WRONG_AT: nothing(things), UNIT: nothing(units),
        UNIT_FROM: nothing(units), EDGE: nothing(edges), FLOW: nothing(flows),
        PIPE: nothing(links + clusters),
        STAMP: np.zeros(edges + flows + links + clusters + components, np.int64),
        BLOCK: nothing(units), BEST: nothing(units),
        CLUSTER_FREE: _summed(arrays),
    }  # fmt: skip


def _real(arrays: Arrays) -> Mapping[int, Floats]:
    pipes = len(arrays.link_mbps) + len(arrays.gateway_mbps)
    edges, flows = len(arrays.edge_mbps), len(arrays.flow_weight)
    most = int(np.diff(arrays.units_of).max(initial=1))
    totals = np.array([len(arrays.unit_component), 0.0, 0.0, 0.0])
    return {
        LATENCY_MS: arrays.latency_ms, LOSS_RATIO: arrays.loss_ratio, JITTER_MS: arrays.jitter_ms,
        TRAFFIC_USD: arrays.traffic_usd, LINK_MBPS: arrays.link_mbps,
        LINK_TAKEN_MBPS: arrays.link_taken_mbps, GATEWAY_MBPS: arrays.gateway_mbps,
        GATEWAY_TAKEN_MBPS: arrays.gateway_taken_mbps, NODE_USD: arrays.node_usd,
        NODE_IDLE_USD: arrays.node_idle_usd, MOVE_USD: arrays.move_usd,
        EDGE_MBPS: arrays.edge_mbps, EDGE_LATENCY_MS: arrays.edge_latency_ms,
        EDGE_LOSS_RATIO: arrays.edge_loss_ratio, EDGE_JITTER_MS: arrays.edge_jitter_ms,
        FLOW_PROCESSING_MS: arrays.flow_processing_ms, FLOW_BUDGET_MS: arrays.flow_budget_ms,
        FLOW_WEIGHT: arrays.flow_weight, ACCESS_MS: arrays.access_ms,
        EDGE_BAD: np.zeros(edges), EDGE_EXCESS: np.zeros(edges), EDGE_USD: np.zeros(edges),
        FLOW_BAD: np.zeros(flows), FLOW_EXCESS: np.zeros(flows),
        LINK_LOAD: arrays.link_taken_mbps, GATEWAY_LOAD: arrays.gateway_taken_mbps,
        TOTALS: totals, EDGE_WAS: np.zeros(edges * 3), FLOW_WAS: np.zeros(flows * 2),
        PIPE_WAS: np.zeros(pipes), TOTALS_WAS: np.zeros(4), WAY: np.zeros(4 * most),
        BEST_SCORE: np.full(3, np.inf), CLUSTER_USD: _lowest(arrays),
    }  # fmt: skip


def _summed(arrays: Arrays) -> Longs:
    """Return (K, 3) the room of all nodes of each cluster."""
    room = np.zeros((len(arrays.gateway_mbps), 3), np.int64)
    np.add.at(room, arrays.node_cluster, np.maximum(arrays.node_room, 0))
    return room


def _lowest(arrays: Arrays) -> Floats:
    """Return (K, 3) the lowest price of each resource on a cluster; 0 where it has no nodes."""
    usd = np.full((len(arrays.gateway_mbps), 3), np.inf)
    np.minimum.at(usd, arrays.node_cluster, arrays.node_usd)
    return np.where(np.isinf(usd), 0.0, usd)


def _bits(arrays: Arrays) -> Longs:
    """Return `allowed` as (C, words) of 32 bits, cluster k in bit k % 32 of word k // 32."""
    components, clusters = arrays.allowed.shape
    padded = np.zeros((components, (clusters + 31) // 32 * 32), bool)
    padded[:, :clusters] = arrays.allowed
    packed = np.packbits(padded, axis=1, bitorder="little")
    return packed.reshape(components, -1, 4).view("<u4")[:, :, 0].astype(np.int64)


def _scrambled(seed: int) -> int:
    """Return a start of xorshift32 that is never 0, and far apart for seeds that are near."""
    return (seed * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF or 1
