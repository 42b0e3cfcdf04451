"""One application's problem as arrays for the engine: each component is one unit that moves whole.

Every cluster has two nodes there: one where what stands stands, for free and without room for
anybody else, since old copies keep their room until the new ones run; and one with the room for
new copies. Whether all replicas fit on real nodes is asked component by component before.
"""

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np

from services.decide.core.money import GIB, MOVE_USD, STATE_USD_PER_MIB
from services.decide.core.objective import seen_through, through
from services.decide.core.placing.arrays import (
    BOUNDLESS,
    NOWHERE,
    Arrays,
    Flags,
    Floats,
    edges_by_component,
    flows_by_component,
)
from services.decide.core.problem import Problem, ProblemComponent
from services.decide.core.standing import Standing
from shared.model.names import ClusterName
from shared.model.resources import Resources

MIB = 2.0**20
STANDING, ROOM = 0, 1
"""The two nodes of a cluster."""


def arrays_of(
    problem: Problem, standing: Standing, names: Sequence[ClusterName], allowed: Flags
) -> Arrays:
    """Return the problem, from the placement there is.

    `names`: the clusters (K) to look at, all that the application stands on among them; `allowed`:
    (C, K), where each component may go with all its replicas.
    """
    at = {name: index for index, name in enumerate(names)}
    count = len(problem.components)
    edges, groups = _edges(problem), _groups(problem, standing, names)
    edges_of, edge_at = edges_by_component(edges["edge_source"], edges["edge_target"], count)
    flows_of, flow_at = flows_by_component(groups["path_of"], groups["path"], count)
    return Arrays(
        **_network(problem, standing, names, at),
        **_nodes(problem, standing, names),
        **_components(problem, at),
        **edges,
        **groups,
        service=np.zeros(count, np.int32),
        units_of=np.arange(count + 1, dtype=np.int32),
        unit_component=np.arange(count, dtype=np.int32),
        is_home_free=True,
        most_per_node=np.full(count, 2**30, np.int32),
        allowed=allowed,
        movable=np.array([part.component.movable for part in problem.components], bool),
        move_within=0.0,
        edges_of=edges_of,
        edge_at=edge_at,
        flows_of=flows_of,
        flow_at=flow_at,
    )


def _network(
    problem: Problem, standing: Standing, names: Sequence[ClusterName], at: dict[ClusterName, int]
) -> dict[str, Any]:
    """Return the matrices between clusters: what is not known of a link is as bad as can be."""
    count = len(names)
    found = ((pair, problem.links.get(pair)) for pair in permutations(names, 2))
    paths = [(pair, path) for pair, path in found if path is not None]
    shape = (count, count)
    latency, loss, jitter = (np.full(shape, math.inf) for _ in range(3))
    link = np.full(shape, NOWHERE, np.int32)
    full, taken = np.zeros(len(paths)), np.zeros(len(paths))
    own = standing.yardstick.own_mbps
    for index, (pair, path) in enumerate(paths):
        cell = at[pair[0]], at[pair[1]]
        if not path.is_up:
            continue
        latency[cell] = _known(path.latency_ms)
        loss[cell] = _known(path.loss_ratio)
        jitter[cell] = _known(path.jitter_ms)
        link[cell] = index
        if path.capacity_mbps is not None and path.used_mbps is not None:
            full[index] = path.capacity_mbps
            taken[index] = max(0.0, path.used_mbps - own.get(pair, 0.0))
        taken[index] += problem.promised_mbps.get(pair, 0.0)
    for matrix in (latency, loss, jitter):
        np.fill_diagonal(matrix, 0.0)
    clusters = [problem.clusters[name] for name in names]
    ceilings = [cluster.site.gateway_mbps for cluster in clusters]
    others = [
        cluster.gateway_used_mbps
        - seen_through(problem, standing, name)
        + through(name, problem.promised_mbps)
        for name, cluster in zip(names, clusters, strict=True)
    ]
    egress = np.array([cluster.rates.egress for cluster in clusters])
    return {
        "latency_ms": latency,
        "loss_ratio": loss,
        "jitter_ms": jitter,
        "carries_udp": np.ones(shape, bool),
        "link": link,
        "traffic_usd": np.where(np.eye(count, dtype=bool), 0.0, egress[:, None]),
        "link_mbps": full,
        "link_taken_mbps": taken,
        "gateway_mbps": np.array([math.inf if c is None else c for c in ceilings], np.float64),
        "gateway_taken_mbps": np.maximum(0.0, np.array(others, np.float64)),
    }


def _known(value: float | None) -> float:
    return math.inf if value is None else value


def _nodes(problem: Problem, standing: Standing, names: Sequence[ClusterName]) -> dict[str, Any]:
    count = len(names)
    room = np.zeros((2 * count, 3), np.int64)
    usd = np.zeros((2 * count, 3))
    ceiling = np.full(count, BOUNDLESS, np.int64)
    for index, name in enumerate(names):
        left, rates = standing.rooms[name], problem.clusters[name].rates
        room[2 * index + ROOM] = [
            sum(whole) for whole in zip(*(_whole(node, 1) for node in left.nodes), strict=True)
        ] or 0
        if math.isfinite(left.cores_left):
            ceiling[index] = max(0, math.floor(left.cores_left * 1000.0))
        each = ((rates.core + rates.energy) / 1000.0, rates.gib * MIB / GIB, rates.gpu)
        usd[2 * index : 2 * index + 2] = each
    return {
        "nodes_of": np.arange(0, 2 * count + 1, 2, dtype=np.int32),
        "node_cluster": np.repeat(np.arange(count, dtype=np.int32), 2),
        "node_room": room,
        "node_usd": usd,
        "node_idle_usd": np.zeros(2 * count),
        "cluster_millicores": ceiling,
    }


def _whole(resources: Resources, replicas: int) -> tuple[int, int, int]:
    """Return resources in millicores, MiB and GPUs, never less than they are."""
    return (
        math.ceil(replicas * resources.cpu_cores * 1000.0 - 1e-6),
        math.ceil(replicas * resources.memory_bytes / MIB - 1e-6),
        math.ceil(replicas * resources.gpus - 1e-6),
    )


def _components(problem: Problem, at: dict[ClusterName, int]) -> dict[str, Any]:
    parts = problem.components
    homes = [_home(part, at) for part in parts]
    stays = [
        home >= 0 and not any(at.get(name) == home for name in part.forbidden)
        for home, part in zip(homes, parts, strict=True)
    ]
    move = problem.policy.weights.migration
    return {
        "demand": np.array(
            [_whole(part.component.requests, part.component.replicas) for part in parts], np.int64
        ).reshape(-1, 3),
        "unit_home": np.array([2 * h + STANDING if h >= 0 else NOWHERE for h in homes], np.int32),
        "unit_stands": np.array(stays, bool),
        "move_usd": np.array(
            [
                move
                * part.component.replicas
                * (MOVE_USD + part.component.state_mib * STATE_USD_PER_MIB)
                for part in parts
            ]
        ),
    }


def _home(part: ProblemComponent, at: dict[ClusterName, int]) -> int:
    """Return the cluster where most of a component stands; NOWHERE where some of it is lost."""
    if sum(replicas for _, replicas in part.alive) < part.component.replicas or not part.alive:
        return NOWHERE
    most = max(replicas for _, replicas in part.alive)
    return at[min(name for name, replicas in part.alive if replicas == most)]


def _edges(problem: Problem) -> dict[str, Any]:
    flows = [item.flow for item in problem.flows]

    def limits(values: list[float | None]) -> Floats:
        return np.array([math.inf if v is None else v for v in values], np.float64)

    return {
        "edge_source": np.array([item.source for item in problem.flows], np.int32),
        "edge_target": np.array([item.target for item in problem.flows], np.int32),
        "edge_mbps": np.array([flow.mbps for flow in flows], np.float64),
        "edge_latency_ms": limits([flow.max_latency_ms for flow in flows]),
        "edge_loss_ratio": limits([flow.max_loss_ratio for flow in flows]),
        "edge_jitter_ms": limits([flow.max_jitter_ms for flow in flows]),
        "edge_udp": np.zeros(len(flows), bool),
    }


def _groups(problem: Problem, standing: Standing, names: Sequence[ClusterName]) -> dict[str, Any]:
    groups = problem.groups
    lengths = [len(group.path) for group in groups]
    access = [[_known(group.access_ms.get(name)) for name in names] for group in groups]
    return {
        "path_of": np.concatenate(([0], np.cumsum(lengths))).astype(np.int32),
        "path": np.array([index for group in groups for index in group.path], np.int32),
        "flow_access": np.arange(len(groups), dtype=np.int32),
        "flow_returns": np.ones(len(groups), bool),
        "flow_processing_ms": np.array([group.processing_ms for group in groups], np.float64),
        "flow_budget_ms": np.array(standing.yardstick.limits_ms, np.float64),
        "flow_weight": np.array([group.group.weight for group in groups], np.float64),
        "access_ms": np.array(access, np.float64).reshape(len(groups), len(names)),
    }
