"""The search: greedy start, then annealing, by kernels that are translated or interpreted."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from services.decide.core.placing import layout
from services.decide.core.placing.annealing import COOLING_EVERY
from services.decide.core.placing.arrays import NOWHERE, Arrays, Floats, Longs, Score

CHOICES = 24
NEAR = 24
UNPLACED_USD, VIOLATION_USD, EXCESS_USD = 1000.0, 50.0, 30.0


@dataclass(slots=True, kw_only=True)
class Search:
    """A search under way."""

    arrays: Arrays
    kernels: SimpleNamespace
    ints: Longs
    reals: Floats

    def run(self, iterations: int, hot: float, cold: float) -> None:
        """Anneal so many iterations from one temperature (USD) to another."""
        self.reals[layout.TEMPERATURE] = hot
        self.reals[layout.COOLING] = (cold / hot) ** (COOLING_EVERY / max(iterations, COOLING_EVERY))
        self.kernels.anneal(self.ints, self.reals, iterations)

    @property
    def nodes(self):
        first = self.ints[layout.BEST]
        return self.ints[first : first + self.ints[layout.UNITS]]

    @property
    def score(self) -> Score:
        first = int(self.ints[layout.BEST_SCORE])
        unplaced, violations, usd = self.reals[first : first + 3]
        return Score(int(unplaced), float(violations), float(usd))


def start(arrays: Arrays, kernels: SimpleNamespace, *, seed: int = 1) -> Search:
    """Return a search whose first placement is what stands, filled up greedily."""
    clusters = len(arrays.gateway_mbps)
    ints, reals = layout.pack(arrays, seed=seed, choices=min(CHOICES, clusters), near=min(NEAR, clusters))
    reals[layout.UNPLACED_USD : layout.EXCESS_USD + 1] = UNPLACED_USD, VIOLATION_USD, EXCESS_USD
    kernels.find_choices(ints, reals)
    kernels.find_near(ints, reals)
    kernels.stand(ints, reals, np.where(arrays.unit_stands, arrays.unit_home, NOWHERE).astype(np.int64))
    kernels.settle_down(ints, reals)
    search = Search(arrays=arrays, kernels=kernels, ints=ints, reals=reals)
    search.run(0, 1.0, 1.0)
    return search
