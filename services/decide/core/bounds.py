"""How good a move can be at best, for all clusters at once: a lower bound of its score.

Rules broken and replicas unplaced are exact, money is but for rounding. Of quality, user groups and
latency limits of flows are counted; links and gateways are left out, so it is no more than it is.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from services.decide.core import money
from services.decide.core.network import Links
from services.decide.core.objective import DIGITS, Judged, Parts
from services.decide.core.problem import (
    Candidate,
    Problem,
    ProblemFlow,
    ProblemGroup,
    Spread,
)
from services.decide.core.standing import FULL
from shared.model.names import ClusterName

Floats = NDArray[np.float64]
"""(K,) one value per cluster, in the order of the problem's clusters."""
SLACK = 1e-6
"""More than what rounding can make of a latency, a violation or a sum of money."""
HERE = -1
"""Stands for the cluster that the component moves to."""


Key = tuple[float, ...]
"""Levels of a score, the first ones or all of them. A shorter tuple comes before a longer one."""


def keys_of(problem: Problem, now: Judged, candidates: Sequence[Candidate]) -> list[Key]:
    """Return for each candidate a lower bound of the score that it leads to.

    The empty one, which comes before all others, where nothing is known of it.
    """
    if not isinstance(problem.links, Links):
        return [()] * len(candidates)
    board = Board.of(problem, problem.links)
    moving = {c.component for c in candidates if not c.is_scale}
    keys = {component: board.keys(now, component) for component in moving}
    return [() if c.is_scale else keys[c.component][board.index[c.cluster]] for c in candidates]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The clusters and links of a problem as arrays."""

    problem: Problem
    names: tuple[ClusterName, ...]
    index: dict[ClusterName, int]
    latencies_ms: Floats
    """(K, K)"""
    rates: Floats
    """(5, K): core with its energy, GiB, GPU, traffic that leaves it; see `Rates`."""

    @classmethod
    def of(cls, problem: Problem, links: Links) -> "Board":
        """Return the arrays of a problem."""
        names = tuple(problem.clusters)
        rates = [
            (r.core + r.energy, r.gib, r.gpu, r.egress)
            for r in (cluster.rates for cluster in problem.clusters.values())
        ]
        return cls(
            problem=problem,
            names=names,
            index={name: i for i, name in enumerate(names)},
            latencies_ms=links.latencies_ms(names),
            rates=np.array(rates).T.copy(),
        )

    def keys(self, now: Judged, changed: int) -> list[Key]:
        """Return the least that the score can be after a component's move to each cluster."""
        others = [part for i, part in enumerate(now.parts) if i != changed]
        part, replicas = self.problem.components[changed], now.standing.asked[changed]
        forbidden = self._of_names(part.forbidden) * replicas
        surplus = max(0, replicas - part.component.max_replicas)
        missing = max(0, part.wanted - replicas)
        paid = self._component_usd(changed, replicas) + self._traffic_usd(now, changed)
        paid += _sum(others, "money:")
        unplaced = round(_sum(others, "unplaced:") + missing)
        return [
            (hard, unplaced, round(quality, DIGITS), usd)
            for hard, quality, usd in zip(
                (forbidden + (_sum(others, "hard:") + surplus)).tolist(),
                self._quality(now, changed).tolist(),
                (paid - SLACK * (1.0 + np.abs(paid))).tolist(),
                strict=True,
            )
        ]

    def _of_names(self, names: Iterable[ClusterName]) -> Floats:
        flags: Floats = np.zeros(len(self.names))
        flags[[self.index[name] for name in names if name in self.index]] = 1.0
        return flags

    def _shares(self, spread: Spread) -> Floats:
        """Return the part of the replicas on each cluster; nothing where none stand."""
        shares, total = np.zeros(len(self.names)), sum(n for _, n in spread)
        for cluster, replicas in spread:
            shares[self.index[cluster]] = replicas / total
        return shares

    # --------------------------------------------------------------------------- money

    def _component_usd(self, changed: int, replicas: int) -> Floats:
        part = self.problem.components[changed]
        request, (core, gib, gpu, _) = part.component.requests, self.rates
        each = request.cpu_cores * core + request.memory_bytes / money.GIB * gib
        there = sum(n for _, n in part.alive)
        stay = self._shares(part.alive) * there
        moved = np.minimum(there - np.minimum(stay, replicas), np.maximum(replicas - stay, 0.0))
        usd = money.move_usd(part) * self.problem.policy.weights.migration
        paid: Floats = replicas * (each + request.gpus * gpu) + moved * usd
        return paid

    def _traffic_usd(self, now: Judged, changed: int) -> Floats:
        """Return what all traffic costs then."""
        egress, part, standing = self.rates[3], self.problem.components[changed], now.standing
        usd = np.zeros(len(self.names))
        for index, crossings in enumerate(standing.crossings):
            if index not in part.flows:
                usd += sum(mbps * egress[self.index[source]] for (source, _), mbps in crossings)
                continue
            flow = self.problem.flows[index]
            if flow.source == flow.target:
                continue
            mbps = max(flow.flow.mbps, 0.0)
            if flow.source == changed:
                shares = self._shares(standing.spreads[flow.target])
                usd += mbps * (shares.sum() - shares) * egress
            else:
                paid = self._shares(standing.spreads[flow.source]) * egress
                usd += mbps * (paid.sum() - paid)
        return usd

    # ------------------------------------------------------------------------- quality

    def _quality(self, now: Judged, changed: int) -> Floats:
        part = self.problem.components[changed]
        # added up in the order of `score_of`, so that equal terms have equal sums
        quality, standing = np.zeros(len(self.names)), now.standing
        for index, group in enumerate(self.problem.groups):
            if index not in part.groups:
                quality += now.terms.get(group.term, 0.0)
            elif all(standing.spreads[i] or i == changed for i in group.path):
                limit_ms = standing.yardstick.limits_ms[index]
                latencies = self._group_ms(group, standing.spreads, changed)
                size = _violation(latencies, limit_ms, group.group.budget_ms)
                quality += group.group.weight * size
        for index, flow in enumerate(self.problem.flows):
            if index not in part.flows:
                quality += standing.broken[index]
            else:
                quality += self._flow(flow, standing.spreads, changed)
        return quality

    def _flow(self, flow: ProblemFlow, spreads: tuple[Spread, ...], changed: int) -> Floats | float:
        limit_ms = flow.flow.max_latency_ms
        other = flow.target if flow.source == changed else flow.source
        if limit_ms is None or other == changed or not spreads[other]:
            return 0.0
        there = [self.index[cluster] for cluster, _ in spreads[other]]
        ways = self.latencies_ms if flow.source == changed else self.latencies_ms.T
        return _violation(ways[:, there].max(axis=1), limit_ms, limit_ms)

    def _group_ms(self, group: ProblemGroup, spreads: tuple[Spread, ...], changed: int) -> Floats:
        """Return the latency over the slowest replicas, by dynamic programming over the path."""
        way = [
            [HERE] if i == changed else [self.index[cluster] for cluster, _ in spreads[i]]
            for i in group.path
        ]
        access = np.array(
            [math.inf if (ms := group.access_ms[n]) is None else ms for n in self.names],
            dtype=float,
        )
        ends = {place: access if place == HERE else access[place] for place in way[0]}
        for places in way[1:]:
            ends = {
                place: _most(total + self._hop(last, place) for last, total in ends.items())
                for place in places
            }
        leave = (
            total + (access if place == HERE else access[place]) for place, total in ends.items()
        )
        return np.broadcast_to(_most(leave) + group.processing_ms, access.shape)

    def _hop(self, source: int, target: int) -> Floats | float:
        """Return a latency, or one per cluster that HERE may stand for."""
        if source == target:
            return 0.0
        to_all: Floats = self.latencies_ms[source]
        from_all: Floats = self.latencies_ms[:, target]
        if HERE in (source, target):
            return to_all if target == HERE else from_all
        return float(to_all[target])


def _most(values: Iterable[Floats | float]) -> Floats | float:
    return reduce(np.maximum, values)


def _violation(latencies_ms: Floats, limit_ms: float, room_ms: float) -> Floats:
    """Return what `standing.violation` returns, or nothing where that is so little more."""
    if room_ms <= 0.0:
        size: Floats = np.full(len(latencies_ms), FULL)
    else:
        ratio = (latencies_ms - limit_ms) / room_ms
        size = np.where(ratio >= 1.0 + SLACK, FULL, 1.0 + np.minimum(ratio, 1.0) - SLACK)
    return np.where(latencies_ms > limit_ms + SLACK, size, 0.0)


def _sum(parts: Sequence[Parts], level: str) -> float:
    return sum(value for part in parts for name, value in part if name.startswith(level))
