"""The search: what stands, the rest placed greedily, then annealing as long as there is time.

The work is counted in iterations, so that the same problem, seed and iterations give the same
bytes. Whoever has a clock runs it slice by slice.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from services.decide.core.placing.arrays import Arrays, Floats, Ints, Longs, Score
from services.decide.core.placing.kernels import layout
from services.decide.core.placing.kernels.annealing import COOLING_EVERY
from services.decide.core.placing.score import score, with_fewest_moves

WORTH_TRYING = 24
"""Clusters tried for a component of its own choice, and beside where its partners stand."""
VIOLATION_UNITS, VIOLATION_EDGES = 25.0, 3.0
"""A violation counts so many times what a unit costs on average and so many times what the
heaviest edge costs over the dearest link, while the search lasts: more than any money it costs to
end it."""
UNPLACED_VIOLATIONS, EXCESS_VIOLATIONS = 20.0, 0.6
"""What a unit that stands nowhere, and the whole excess of a violation, count in violations."""
COLDEST_SHARE = 0.004
"""The temperature at the end, as a part of what a unit costs on average."""
HOTTEST_SHARE, HOTTEST_SHARE_IF_STANDING = 0.6, 0.15
"""The temperature at the start, at most: a longer search begins hotter. Where most units stand
already it is never so hot that they would be scattered: bringing them back takes longer than it
is worth."""
MENDING = 0.02, 0.2
"""The temperature at the start for changes of something wrong, in violations, money comes later: at
first, and where something is still wrong when LATE is over."""
LATE = 0.3
PARTS = 10
"""A search looks so often whether something is still wrong."""
HEAT_PER_ITERATION = 0.0003
"""The temperature at the start per iteration and unit, as a part of the same."""


@dataclass(slots=True, kw_only=True)
class Search:
    """A search under way: two buffers that the kernels change in place."""

    arrays: Arrays
    kernels: SimpleNamespace
    ints: Longs | list[int]
    reals: Floats | list[float]
    unit_usd: float
    """What a unit costs on average."""

    def run(
        self, iterations: int, *, effort: int = 0, begin: float = 0.0, end: float = 1.0
    ) -> None:
        """Anneal so many iterations, a slice of the whole.

        `effort`: iterations of the whole, these if not given; `begin` and `end`: the part of it
        that is over before and after this slice.
        """
        share = self._hottest(effort or iterations)
        hot, cold = self.unit_usd * share, self.unit_usd * COLDEST_SHARE
        parts = max(1, round(PARTS * (end - begin)))
        for part in range(parts):
            since, until = (begin + (end - begin) * at / parts for at in (part, part + 1))
            count = iterations * (part + 1) // parts - iterations * part // parts
            steps = max(count // COOLING_EVERY, 1)
            is_late = since >= LATE and self._is_wrong
            self.reals[layout.TEMPERATURE] = hot * (cold / hot) ** since
            self.reals[layout.COOLING] = (cold / hot) ** ((until - since) / steps)
            self.reals[layout.MENDING] = (
                MENDING[int(is_late)] * self.reals[layout.VIOLATION_USD] / hot
            )
            self.kernels.anneal(self.ints, self.reals, count)

    @property
    def _is_wrong(self) -> bool:
        first = int(self.ints[layout.BEST_SCORE])
        return bool(max(self.reals[first], self.reals[first + 1]) > 0.0)

    def _hottest(self, effort: int) -> float:
        stands = self.arrays.unit_stands
        share = HEAT_PER_ITERATION * effort / max(1, len(stands))
        is_standing = 2 * np.count_nonzero(stands) > len(stands)
        hottest = HOTTEST_SHARE_IF_STANDING if is_standing else HOTTEST_SHARE
        return min(hottest, max(2.0 * COLDEST_SHARE, share))

    @property
    def nodes(self) -> Ints:
        """The best placement so far, (R,), replicas exchanged so that most stay."""
        first = int(self.ints[layout.BEST])
        best = self.ints[first : first + len(self.arrays.unit_component)]
        return with_fewest_moves(self.arrays, np.array(best, np.int32))

    @property
    def score(self) -> Score:
        """The score of the best placement so far."""
        return score(self.arrays, self.nodes)


def start(arrays: Arrays, kernels: SimpleNamespace, *, seed: int = 1) -> Search:
    """Return a search whose placement is what stands, with the rest placed greedily."""
    count = min(WORTH_TRYING, len(arrays.gateway_mbps))
    ints, reals = kernels.buffers(*layout.pack(arrays, seed=seed, choices=count, near=count))
    search = Search(
        arrays=arrays, kernels=kernels, ints=ints, reals=reals, unit_usd=_unit_usd(arrays)
    )
    violation = VIOLATION_UNITS * search.unit_usd + VIOLATION_EDGES * _edge_usd(arrays)
    reals[layout.VIOLATION_USD] = violation
    reals[layout.UNPLACED_USD] = violation * UNPLACED_VIOLATIONS
    reals[layout.EXCESS_USD] = violation * EXCESS_VIOLATIONS
    kernels.find_choices(ints, reals)
    kernels.find_near(ints, reals)
    kernels.stand(ints, reals)
    kernels.settle_down(ints, reals)
    kernels.anneal(ints, reals, 0)
    return search


def _unit_usd(arrays: Arrays) -> float:
    """Return what a unit costs on average, over all nodes; 1 where nothing costs anything."""
    if not len(arrays.unit_component) or not len(arrays.node_cluster):
        return 1.0
    demand = arrays.demand[arrays.unit_component].mean(axis=0)
    usd = float((demand * arrays.node_usd).sum(axis=1).mean())
    return usd if usd > 0.0 else 1.0


def _edge_usd(arrays: Arrays) -> float:
    """Return what the heaviest edge costs over the dearest link."""
    mbps = float(arrays.edge_mbps.max(initial=0.0))
    return mbps * float(arrays.traffic_usd.max(initial=0.0))
