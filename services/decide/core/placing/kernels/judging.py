"""The kernels that judge: what a change costs, and whether a placement is the best so far."""

from services.decide.core.placing.arrays import Floats, Longs
from services.decide.core.placing.kernels.layout import (
    BEST,
    BEST_SCORE,
    CHANGED_EDGES,
    CHANGED_FLOWS,
    CHANGED_PIPES,
    CHANGED_UNITS,
    EDGE_WAS,
    EXCESS,
    EXCESS_USD,
    FLOW_WAS,
    NODE,
    PIPE,
    PIPE_WAS,
    TOTALS,
    TOTALS_WAS,
    UNIT,
    UNIT_FROM,
    UNITS,
    UNPLACED,
    UNPLACED_USD,
    USD,
    VIOLATION_USD,
    VIOLATIONS,
)
from services.decide.core.placing.kernels.measuring import overload

SAME = 1e-6
"""Weights of violations that differ by less are the same."""


def worth(ints: Longs, reals: Floats) -> float:
    """Return what the settled change costs in USD, with what is wrong in USD too."""
    now, was = ints[TOTALS], ints[TOTALS_WAS]
    return (
        (reals[now + UNPLACED] - reals[was + UNPLACED]) * reals[UNPLACED_USD]
        + (reals[now + VIOLATIONS] - reals[was + VIOLATIONS]) * reals[VIOLATION_USD]
        + (reals[now + EXCESS] - reals[was + EXCESS]) * reals[EXCESS_USD]
        + (reals[now + USD] - reals[was + USD])
    )


def least_worth(ints: Longs, reals: Floats) -> float:
    """Return what the change costs at least, before it is settled: as if all it touched got free.

    Most changes are turned down by this, for a fraction of the work.
    """
    least = worth(ints, reals)
    for at in range(ints[CHANGED_EDGES]):
        was = ints[EDGE_WAS] + at * 3
        least -= reals[was] * reals[VIOLATION_USD]
        least -= reals[was + 1] * reals[EXCESS_USD] + reals[was + 2]
    for at in range(ints[CHANGED_FLOWS]):
        was = ints[FLOW_WAS] + at * 2
        least -= reals[was] * reals[VIOLATION_USD] + reals[was + 1] * reals[EXCESS_USD]
    for at in range(ints[CHANGED_PIPES]):
        over = overload(ints, reals, ints[ints[PIPE] + at], reals[ints[PIPE_WAS] + at])
        if over >= 0.0:
            least -= reals[VIOLATION_USD] + over * reals[EXCESS_USD]
    return least


def is_better(ints: Longs, reals: Floats) -> bool:
    """Tell whether the placement is better than the best one: the score in its order."""
    unplaced = round(reals[ints[TOTALS] + UNPLACED])
    if unplaced != reals[ints[BEST_SCORE]]:
        return unplaced < reals[ints[BEST_SCORE]]
    violations = reals[ints[TOTALS] + VIOLATIONS]
    if abs(violations - reals[ints[BEST_SCORE] + 1]) > SAME:
        return violations < reals[ints[BEST_SCORE] + 1]
    return reals[ints[TOTALS] + USD] < reals[ints[BEST_SCORE] + 2] - 1e-9


def note_best(ints: Longs, reals: Floats) -> None:
    """Take the score for the best one; the placement is copied before it is left."""
    reals[ints[BEST_SCORE]] = round(reals[ints[TOTALS] + UNPLACED])
    reals[ints[BEST_SCORE] + 1] = reals[ints[TOTALS] + VIOLATIONS]
    reals[ints[BEST_SCORE] + 2] = reals[ints[TOTALS] + USD]


def keep_best(ints: Longs) -> None:
    """Store the placement as the best one, as it was before the change under trial."""
    for unit in range(ints[UNITS]):
        ints[ints[BEST] + unit] = ints[ints[NODE] + unit]
    for at in range(ints[CHANGED_UNITS]):
        ints[ints[BEST] + ints[ints[UNIT] + at]] = ints[ints[UNIT_FROM] + at]
