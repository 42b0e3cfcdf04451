"""When a user group is out of its budget, as rows over the products along its path."""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from services.decide.core.placing.arrays import Arrays, Flags, Floats, Longs
from services.decide.core.placing.exact.network import Network, Talk, units
from services.decide.core.placing.exact.programme import Programme
from services.decide.core.placing.kernels.measuring import TOLERANCE_MS


class Ways(NamedTuple):
    """All Q ways of a flow through the replicas of its m components, and what they may use."""

    flow: int
    units: Longs
    """(Q, m)"""
    pair: Longs
    """(Q, m - 1) the pair of units of each step."""
    is_turned: Flags
    """(Q, m - 1) whether the step goes from the second unit of the pair to the first."""
    first: Floats
    """(K,) access to a cluster, inf where no way over it keeps the budget."""
    last: Floats
    """(K,) access from the last cluster."""
    between: Floats
    """(m - 1, K, K) latency of a step, inf where no way over it keeps the budget."""


def ways_of_flows(arrays: Arrays, talk: Talk, can_stand: Flags) -> list[Ways]:
    """Return the ways of each flow that counts. `can_stand`: (R, K)."""
    found = []
    for flow, (start, stop) in enumerate(pairwise(arrays.path_of.tolist())):
        path = arrays.path[start:stop].tolist()
        if path and arrays.flow_weight[flow] > 0.0:
            through = np.array(list(product(*(units(arrays, component) for component in path))))
            steps = np.sort(np.stack((through[:, :-1], through[:, 1:]), axis=-1), axis=-1)
            pair = np.array(
                [talk.numbers[one, other] for one, other in steps.reshape(-1, 2).tolist()]
            )
            found.append(
                Ways(
                    flow,
                    through,
                    pair.reshape(steps.shape[:2]).astype(np.int64),
                    through[:, :-1] > through[:, 1:],
                    *_within_budget(arrays, flow, can_stand[through[0]]),
                )
            )
    return found


def closed_by_flows(ways: list[Ways], pairs: int, clusters: int) -> Flags:
    """Return (P, K, K): where a pair of units cannot stand if every budget is kept."""
    closed = np.zeros((pairs, clusters, clusters), bool)
    for way in ways:
        for step, between in enumerate(np.isinf(way.between)):
            for pair, is_turned in zip(way.pair[:, step], way.is_turned[:, step], strict=True):
                closed[pair] |= between.T if is_turned else between
    return closed


def add_flows(
    programme: Programme, arrays: Arrays, ways: list[Ways], network: Network, stands: Longs
) -> None:
    """Add the rows that make a flow bad when one way through its replicas is over its budget.

    A way with a unit that stands nowhere does not count.
    """
    for way in ways:
        gone = stands[way.units, -1]
        bad = np.hstack((np.full((len(gone), 1), network.flow_bad[way.flow]), gone))
        steps = network.products[way.pair, :-1, :-1]
        steps = np.where(way.is_turned[..., None, None], steps.swapaxes(2, 3), steps)
        _forbid(programme, way, steps, stands, bad)
        _keep_budget(programme, arrays, way, steps, stands, bad)


def _within_budget(arrays: Arrays, flow: int, can_stand: Flags) -> tuple[Floats, Floats, Floats]:
    """Return access, return and steps, each inf where even the fastest way is over the budget."""
    access = arrays.access_ms[arrays.flow_access[flow]]
    last = access if arrays.flow_returns[flow] else np.zeros_like(access)
    latency = arrays.latency_ms
    there = [np.where(can_stand[0], access, np.inf)]
    for can in can_stand[1:]:
        there.append(np.where(can, (there[-1][:, None] + latency).min(axis=0), np.inf))
    back = [np.where(can_stand[-1], last, np.inf)]
    for can in can_stand[-2::-1]:
        back.insert(0, np.where(can, (latency + back[0]).min(axis=1), np.inf))
    most = _left_ms(arrays, flow)
    between = np.empty((len(can_stand) - 1, *latency.shape))
    for step in range(len(between)):
        total = there[step][:, None] + latency + back[step + 1]
        between[step] = np.where(total > most, np.inf, latency)
    return np.where(access + back[0] > most, np.inf, access), last, between


def _forbid(programme: Programme, ways: Ways, steps: Longs, stands: Longs, bad: Longs) -> None:
    """Make a flow bad that uses a first cluster or a step which breaks its budget alone."""
    way = np.arange(len(ways.units))
    programme.add_rows(
        len(way),
        (way[:, None], stands[ways.units[:, 0], :-1], np.isinf(ways.first)),
        (way[:, None], bad, -1.0),
        upper=0.0,
    )
    row = np.arange(ways.pair.size).reshape(ways.pair.shape)
    programme.add_rows(
        row.size,
        (row[:, :, None, None], steps, np.isinf(ways.between)),
        (row[:, :, None], bad[:, None, :], -1.0),
        upper=0.0,
    )


def _keep_budget(
    programme: Programme, arrays: Arrays, ways: Ways, steps: Longs, stands: Longs, bad: Longs
) -> None:
    """Sum up the latency of each way, beside what `_forbid` has ruled out already."""
    first, last, between = (
        np.where(np.isinf(part), 0.0, part) for part in (ways.first, ways.last, ways.between)
    )
    budget = _left_ms(arrays, ways.flow)
    most = first.max() + last.max() + between.max(axis=(1, 2), initial=0.0).sum()
    if most <= budget:
        return
    way = np.arange(len(ways.units))
    programme.add_rows(
        len(way),
        (way[:, None], stands[ways.units[:, 0], :-1], first),
        (way[:, None], stands[ways.units[:, -1], :-1], last),
        (way[:, None, None, None], steps, between),
        (way[:, None], bad, budget - most),
        upper=budget,
    )


def _left_ms(arrays: Arrays, flow: int) -> float:
    """Return what of a budget is left for the network."""
    left = arrays.flow_budget_ms[flow] - arrays.flow_processing_ms[flow] + TOLERANCE_MS
    return float(left)
