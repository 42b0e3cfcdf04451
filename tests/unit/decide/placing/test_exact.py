"""The exact model against trying everything, on problems small enough for that."""

from itertools import product
from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from services.decide.core.placing.score import score

from services.decide.core.placing.arrays import (
    BOUNDLESS,
    NOWHERE,
    Arrays,
    Score,
    edges_by_component,
    flows_by_component,
)
from services.decide.core.placing.exact import Exact, certify, is_small, solve

CLUSTERS, COMPONENTS = 3, 4
SECONDS = 20.0


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


def best_of_all(arrays: Arrays) -> Score | None:
    """Try every placement."""
    places = range(-1, len(arrays.node_cluster))
    tried = (np.array(nodes, np.int32) for nodes in product(places, repeat=len(arrays.unit_home)))
    return min((score(arrays, nodes) for nodes in tried if possible(arrays, nodes)), default=None)


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("is_home_free", [False, True])
def test_nothing_is_better_than_the_exact_optimum(seed: int, *, is_home_free: bool) -> None:
    arrays = small(seed, is_home_free=is_home_free)
    best = best_of_all(arrays)
    exact = solve(arrays, seconds=SECONDS)
    assert best is not None
    assert exact.score is not None
    assert exact.nodes is not None
    assert possible(arrays, exact.nodes)
    assert exact.score == score(arrays, exact.nodes)
    assert tuple(exact.score) == pytest.approx(tuple(best), abs=1e-5)
    assert exact.is_optimal


@given(seed=st.integers(0, 2**31), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_no_random_placement_beats_the_bound(seed: int, order: Random) -> None:
    arrays = small(seed, room=3, replicas=7)
    bound = solve(arrays, seconds=SECONDS).bound
    nodes = np.full(len(arrays.unit_home), NOWHERE, np.int32)
    pinned = arrays.unit_stands & ~arrays.movable[arrays.unit_component]
    nodes[pinned] = arrays.unit_home[pinned]
    units = np.flatnonzero(~pinned).tolist()
    order.shuffle(units)
    for unit in units:
        places = list(range(len(arrays.node_cluster)))
        order.shuffle(places)
        for node in places:
            tried = nodes.copy()
            tried[unit] = node
            if possible(arrays, tried):
                nodes = tried
                break
    its = score(arrays, nodes)
    assert not possible(arrays, nodes) or tuple(part + 1e-5 for part in its) >= tuple(bound)


def test_what_finds_no_room_is_counted_exactly() -> None:
    arrays = small(3)
    arrays = arrays._replace(
        node_room=arrays.node_room * 0 + arrays.demand.max(), unit_stands=arrays.unit_stands & False
    )
    arrays = arrays._replace(allowed=arrays.allowed & (np.arange(CLUSTERS) == 2))
    best = best_of_all(arrays)
    exact = solve(arrays, seconds=SECONDS)
    assert best is not None
    assert best.unplaced > 0
    assert exact.score is not None
    assert exact.score.unplaced == exact.bound.unplaced == best.unplaced
    assert tuple(exact.bound) <= tuple(part + 1e-5 for part in best)


def test_a_placement_that_exists_is_never_made_worse() -> None:
    arrays = small(1)
    best = solve(arrays, seconds=SECONDS)
    assert best.nodes is not None
    assert solve(arrays, seconds=0.0, start=best.nodes).score == best.score


def test_without_time_there_is_no_placement_and_no_claim() -> None:
    exact = solve(small(1), seconds=0.0)
    assert exact.nodes is None
    assert exact.score is None
    assert exact.gap == inf
    assert not exact.is_optimal
    assert exact.bound == Score(0, 0.0, 0.0)


def test_a_certificate_is_about_the_placement_that_was_given() -> None:
    arrays = small(1)
    best = solve(arrays, seconds=SECONDS)
    nowhere = np.where(
        arrays.unit_stands & ~arrays.movable[arrays.unit_component], arrays.unit_home, NOWHERE
    )
    certified = certify(arrays, nowhere, seconds=SECONDS)
    assert certified.nodes is nowhere
    assert certified.score == score(arrays, nowhere)
    assert certified.bound == best.bound
    assert certified.gap == pytest.approx(
        (1e7 * certified.score.unplaced - best.bound_scalar) / best.bound_scalar, rel=0.1
    )


def test_the_optimum_is_certified_to_have_no_gap() -> None:
    arrays = small(1)
    best = solve(arrays, seconds=SECONDS)
    assert best.nodes is not None
    assert certify(arrays, best.nodes, seconds=SECONDS).is_optimal


def test_a_problem_that_is_too_large_is_not_tried() -> None:
    arrays = small(1)
    crowd = arrays._replace(units_of=np.arange(COMPONENTS + 1, dtype=np.int32) * 1000)
    assert is_small(arrays)
    assert not is_small(crowd)
    assert solve(crowd, seconds=SECONDS) == Exact(nodes=None, score=None, bound=Score(0, 0.0, 0.0))


def test_immovable_units_without_room_leave_nothing_to_find() -> None:
    arrays = small(1)
    home = np.zeros_like(arrays.unit_home)
    arrays = arrays._replace(
        unit_home=home,
        unit_stands=home == 0,
        movable=arrays.movable & False,
        node_room=arrays.node_room * 0,
    )
    exact = solve(arrays, seconds=SECONDS)
    assert exact.nodes is None
    assert exact.bound == Score(0, 0.0, 0.0)


def test_a_flow_that_passes_nothing_asks_for_nothing() -> None:
    arrays = small(1)
    extra = arrays._replace(
        path_of=np.append(arrays.path_of, arrays.path_of[-1:]).astype(np.int32),
        flow_access=np.append(arrays.flow_access, np.int32(0)),
        flow_returns=np.append(arrays.flow_returns, True),
        flow_processing_ms=np.append(arrays.flow_processing_ms, 0.0),
        flow_budget_ms=np.append(arrays.flow_budget_ms, 1.0),
        flow_weight=np.append(arrays.flow_weight, 1.0),
    )
    assert solve(extra, seconds=SECONDS).bound == solve(arrays, seconds=SECONDS).bound


def test_the_same_problem_has_the_same_answer() -> None:
    first, second = (solve(small(5), seconds=SECONDS) for _ in range(2))
    assert first.nodes is not None
    assert second.nodes is not None
    assert first.nodes.tobytes() == second.nodes.tobytes()


def test_the_solver_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    solve(small(1), seconds=SECONDS)
    assert capfd.readouterr() == ("", "")
