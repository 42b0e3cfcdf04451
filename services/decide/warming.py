"""The smallest search there is: numba loads or compiles whatever a search calls."""

from types import SimpleNamespace

import numpy as np

from services.decide.core.placing import engine
from services.decide.core.placing.arrays import BOUNDLESS, NOWHERE, Arrays, Ints


def warm(kernels: SimpleNamespace) -> None:
    """Have every kernel that the search calls by itself ready to run."""
    engine.start(smallest(), kernels).run(1)


def smallest() -> Arrays:
    """Return a problem of one component that has no home, and one node."""
    return Arrays(
        latency_ms=np.zeros((1, 1)),
        loss_ratio=np.zeros((1, 1)),
        jitter_ms=np.zeros((1, 1)),
        carries_udp=np.zeros((1, 1), bool),
        link=_whole([[NOWHERE]]),
        traffic_usd=np.zeros((1, 1)),
        link_mbps=np.zeros(0),
        link_taken_mbps=np.zeros(0),
        gateway_mbps=np.full(1, np.inf),
        gateway_taken_mbps=np.zeros(1),
        nodes_of=_whole([0, 1]),
        node_cluster=_whole([0]),
        node_room=np.ones((1, 3), np.int64),
        node_usd=np.ones((1, 3)),
        node_idle_usd=np.zeros(1),
        cluster_millicores=np.full(1, BOUNDLESS),
        service=_whole([0]),
        demand=np.ones((1, 3), np.int64),
        units_of=_whole([0, 1]),
        unit_component=_whole([0]),
        unit_home=_whole([NOWHERE]),
        unit_stands=np.zeros(1, bool),
        is_home_free=False,
        most_per_node=_whole([1]),
        allowed=np.ones((1, 1), bool),
        movable=np.ones(1, bool),
        move_usd=np.zeros(1),
        move_within=0.0,
        edge_source=_whole([]),
        edge_target=_whole([]),
        edge_mbps=np.zeros(0),
        edge_latency_ms=np.zeros(0),
        edge_loss_ratio=np.zeros(0),
        edge_jitter_ms=np.zeros(0),
        edge_udp=np.zeros(0, bool),
        path_of=_whole([0]),
        path=_whole([]),
        flow_access=_whole([]),
        flow_returns=np.zeros(0, bool),
        flow_processing_ms=np.zeros(0),
        flow_budget_ms=np.zeros(0),
        flow_weight=np.zeros(0),
        access_ms=np.zeros((0, 1)),
        edges_of=_whole([0, 0]),
        edge_at=_whole([]),
        flows_of=_whole([0, 0]),
        flow_at=_whole([]),
    )


def _whole(values: list[int] | list[list[int]]) -> Ints:
    return np.array(values, np.int32)
