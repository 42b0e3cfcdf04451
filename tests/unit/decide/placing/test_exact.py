"""The exact model against trying everything, on problems small enough for that."""

from itertools import product
from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.decide.core.placing.arrays import (
    NOWHERE,
    Arrays,
    Score,
)
from services.decide.core.placing.exact.solving import Exact, certify, is_small, solve
from services.decide.core.placing.score import score
from tests.unit.decide.placing.small import CLUSTERS, COMPONENTS, possible, small

SECONDS = 20.0


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
