"""The exact model for small fleets: the best placement, or how far from it one can be at most.

Three wishes in their order (units that stand nowhere, violations, money) are three solves of one
programme rather than one with heavy weights: with weights of 1e7 and 1e4 the tolerances of the
solver are as large as the money that is to be saved. Almost always the first try settles the
first two: it forbids both, which takes most columns out of the programme, and whether HiGHS finds
a placement or only cannot rule one out, its bound on the money is a bound on the score. Only a
proof that there is none leads to the three solves.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, inf
from typing import NamedTuple

import highspy
import numpy as np

from services.decide.core.placing.arrays import Arrays, Floats, Ints, Score
from services.decide.core.placing.exact.model import Model, build, nodes_of
from services.decide.core.placing.score import score

SCALAR = Score(10_000_000, 10_000.0, 1.0)
"""Weights of the scalar form, for reports only."""
MOST_PRODUCTS = 1_500_000
"""Products of places that a small problem has at most, over all pairs of units that talk. 20 x 200
has 0.2 million and takes HiGHS 0.7 GB, 35 x 420 has 1.1 million and takes it 1.5 GB."""
NEGLIGIBLE = 1e-6
"""Part of a score, or of a violation, by which solver and scorer may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """The best placement found, and a proof of how good one can be."""

    nodes: Ints | None
    """(R,) node of each unit, NOWHERE where it stands nowhere; None if nothing was found."""
    score: Score | None
    bound: Score
    """No placement is better than this."""

    @property
    def bound_scalar(self) -> float:
        """The bound in the scalar form."""
        return _scalar(self.bound)

    @property
    def gap(self) -> float:
        """How far the score may be above the best, as a part of the bound; inf if unknown."""
        if self.score is None:
            return inf
        beyond = max(0.0, _scalar(self.score) - self.bound_scalar)
        if beyond <= NEGLIGIBLE:
            return 0.0
        return beyond / self.bound_scalar if self.bound_scalar > 0.0 else inf

    @property
    def is_optimal(self) -> bool:
        """Whether nothing better exists."""
        return self.gap <= NEGLIGIBLE


def _scalar(score: Score) -> float:
    return sum(part * weight for part, weight in zip(score, SCALAR, strict=True))


class _Found(NamedTuple):
    """What one solve found out."""

    is_impossible: bool
    is_best: bool
    value: float
    bound: float


def is_small(arrays: Arrays) -> bool:
    """Tell whether the programme has a size for which a bound can be had in minutes."""
    replicas = np.diff(arrays.units_of).astype(np.float64)
    products = (replicas[arrays.edge_source] * replicas[arrays.edge_target]).sum()
    for start, stop in pairwise(arrays.path_of.tolist()):
        products += replicas[arrays.path[start:stop]].prod() * max(1, stop - start - 1)
    return bool(products * len(arrays.latency_ms) ** 2 <= MOST_PRODUCTS)


def solve(arrays: Arrays, *, seconds: float, start: Ints | None = None) -> Exact:
    """Find the best placement and prove how good one can be, within the time of the solver.

    `start`: a placement (R,) to beat; the answer is at least as good. A problem that is not small
    (`is_small`) is not tried: the answer is the start, with a bound of nothing.
    """
    best = _Best(arrays)
    if start is not None:
        best.weigh(start)
    if not is_small(arrays):
        return best.exact(Score(0, 0.0, 0.0))
    strict = _Run(build(arrays, is_strict=True), best, seconds)
    whole = strict.minimise(strict.usd)
    if not whole.is_impossible:
        return best.exact(Score(0, 0.0, whole.bound))
    return best.exact(_bound_in_turn(arrays, best, strict.seconds_left()))


def _bound_in_turn(arrays: Arrays, best: "_Best", seconds: float) -> Score:
    """Minimise one wish after the other, as far as the time reaches."""
    run = _Run(build(arrays, is_strict=False), best, seconds)
    bounds, limits = [0.0, 0.0, 0.0], [inf, inf, inf]
    for wish, costs in enumerate((run.model.unplaced, run.model.violations, run.usd)):
        found = run.minimise(costs, *limits[:2])
        bounds[wish], limits[wish] = found.bound, found.value
        if not found.is_best:
            break
    return Score(ceil(bounds[0] - NEGLIGIBLE), bounds[1], bounds[2])


def certify(arrays: Arrays, nodes: Ints, *, seconds: float) -> Exact:
    """Prove how far a placement (R,) is from the best, within the time of the solver."""
    found = solve(arrays, seconds=seconds, start=nodes)
    return replace(found, nodes=nodes, score=score(arrays, nodes))


class _Best:
    """The best placement so far."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._nodes: Ints | None = None
        self._score: Score | None = None

    def weigh(self, nodes: Ints) -> None:
        """Keep a placement (R,) if it is better."""
        its = score(self.arrays, nodes)
        if self._score is None or its < self._score:
            self._nodes, self._score = nodes, its

    def exact(self, bound: Score) -> Exact:
        """Return it with a bound."""
        return Exact(nodes=self._nodes, score=self._score, bound=bound)


class _Run:
    """One programme in HiGHS, solved for one wish after the other.

    No solve gets a placement to start with: of 228 solves with one HiGHS 1.16 reported six with a
    cost below the true one, of 228 without none.
    """

    def __init__(self, model: Model, best: _Best, seconds: float) -> None:
        self.model = model
        self._best = best
        self._seconds = seconds
        linear = model.programme.linear()
        self.usd: Floats = np.array(linear.col_cost_)
        self._highs = _Quiet()  # type: ignore[no-untyped-call]
        for option, value in _OPTIONS:
            self._highs.setOptionValue(option, value)
        self._highs.passModel(linear)

    def seconds_left(self) -> float:
        """Return what is left of the time, by the clock of HiGHS."""
        return max(0.0, self._seconds - self._highs.getRunTime())

    def minimise(self, costs: Floats, unplaced: float = inf, violations: float = inf) -> _Found:
        """Solve for one wish, with limits for those that come before it."""
        every = np.arange(len(costs), dtype=np.int32)
        self._highs.changeColsCost(len(every), every, costs)
        for row, most in zip(self.model.limits, (unplaced, violations), strict=True):
            self._highs.changeRowBounds(row, -inf, most + NEGLIGIBLE)
        self._highs.setOptionValue("time_limit", self.seconds_left())
        self._highs.clearSolver()
        self._highs.run()
        status, info = self._highs.getModelStatus(), self._highs.getInfo()
        if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            values = np.array(self._highs.getSolution().col_value)
            self._best.weigh(nodes_of(self._best.arrays, self.model, values))
        return _Found(
            is_impossible=status == highspy.HighsModelStatus.kInfeasible,
            is_best=status == highspy.HighsModelStatus.kOptimal,
            value=info.objective_function_value,
            bound=max(0.0, info.mip_dual_bound),
        )


_OPTIONS = (
    ("threads", 1),
    ("random_seed", 1),
    ("mip_rel_gap", 1e-7),
    # Whole numbers are rounded: with this, not even 2**20 MiB become one too many.
    ("mip_feasibility_tolerance", 1e-9),
)


class _Quiet(highspy.Highs):
    """HiGHS without its banner, which its wrapper would print when it registers callbacks."""

    def enableCallbacks(self) -> None:  # noqa: N802 the name is HiGHS's
        self.silent()
        super().enableCallbacks()  # type: ignore[no-untyped-call]
