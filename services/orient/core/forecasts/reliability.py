"""How often ceilings were passed when it was told that they might be: it makes told odds come true.

Every row is asked once in a longest horizon how likely it passes its ceiling within the next one,
and is judged when that is over. What the quantiles say and how often this row did pass lately are
averaged as log odds (an opinion pool: C. Genest, J. V. Zidek, "Combining Probability
Distributions", 1986). What came true of such odds, over all rows of a kind, is the probability
that is told: a growing map of bins (B. Zadrozny, C. Elkan, "Transforming Classifier Scores into
Accurate Multiclass Probability Estimates", 2002) that begins a little less sure than what it is
told.
"""

import numpy as np
import numpy.typing as npt

from services.orient.core.forecasts.projection import Floats, Mask, Numbers, State

Doubles = npt.NDArray[np.float64]

EDGES = np.array([-14, -9, -6.5, -5, -4, -3, -2, -1, 0, 1, 2, 3.5], np.float32)
"""Of the bins, in log odds: 1 in a million, 1 in 100, one half, 97 %."""
MIDDLES = np.array([-16, -11.5, -7.75, -5.75, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.75, 5])
BELIEF, SOFTER = 10.0, 0.6
"""A bin begins with so many answers, as if it came true with so much of the log odds: what is told
early is too sure of itself."""
MOST_ANSWERS = 2000.0
"""A bin that has more forgets in proportion."""
OWN_ANSWERS = 42.0
"""A row remembers a week: 42 times 4 h."""
OWN_BELIEF = (0.1, 2.0)
"""A row that has not answered passed 0.1 of 2 times."""
HEARD_SHARE = 0.9
"""An answer counts when so many of its buckets had a reading."""


def judge(state: State, rows: Numbers, odds: Doubles) -> Doubles:
    """Return the probability to tell of each row, from the log odds that its quantiles give.

    Ask the rows whose turn it is: each at another bucket, so that all times of day are judged.
    """
    passed, times = OWN_BELIEF
    often = (state.came[rows] * state.answers[rows] + passed) / (state.answers[rows] + times)
    pooled = (odds + _log_odds(often)) / 2
    window = int(state.horizons.max())
    turn = (int(state.clock[2]) + rows) % window == 0
    asked = rows[turn & np.isnan(state.asked[rows])]
    state.asked[asked] = pooled[np.isin(rows, asked)]
    state.limit[asked] = state.ceiling[asked]
    state.waited[asked] = state.heard[asked] = state.passed[asked] = 0
    told = np.empty(len(rows))
    for kind in np.unique(state.kind[rows]):
        of_kind = state.kind[rows] == kind
        centres, rates = map_of(state.pool_odds[kind])
        told[of_kind] = 1 / (1 + np.exp(-np.interp(pooled[of_kind], centres, _log_odds(rates))))
    return told


def hear(state: State, x: Floats, known: Mask, *, buckets: int) -> None:
    """Let a bucket that came so many after the one before answer what was asked."""
    window = int(state.horizons.max())
    state.waited += np.float32(buckets)
    state.heard += known
    state.passed[:] = np.maximum(state.passed, known & (x > state.limit))
    over = np.isfinite(state.asked) & (state.waited >= window)
    done = np.flatnonzero(over & (state.waited == window) & (state.heard >= HEARD_SHARE * window))
    state.answers[done] = np.minimum(state.answers[done] + 1, OWN_ANSWERS)
    state.came[done] += (state.passed[done] - state.came[done]) / state.answers[done]
    place = (state.kind[done], np.searchsorted(EDGES, state.asked[done]))
    answer = np.stack([np.ones(len(done)), state.asked[done], state.passed[done]], axis=1)
    np.add.at(state.pool_odds, place, answer)
    state.pool_odds *= np.minimum(1, MOST_ANSWERS / np.maximum(state.pool_odds[..., :1], 1))
    state.asked[over] = np.nan


def forget_answers(state: State, rows: Numbers) -> None:
    """Let rows of which the ceiling is another one begin anew."""
    state.asked[rows] = np.nan
    state.came[rows] = state.answers[rows] = 0


def map_of(pool: Floats) -> tuple[Doubles, Doubles]:
    """Return the log odds told in each bin, and what came true of them, growing."""
    count, told, passed = pool.T.astype(np.float64)
    weight = count + BELIEF
    rates = (passed + BELIEF / (1 + np.exp(-SOFTER * MIDDLES))) / weight
    return (told + BELIEF * MIDDLES) / weight, growing(rates, weight)


def growing(rates: Doubles, weight: Doubles) -> Doubles:
    """Return the growing rates nearest in weighted squares: the most of the least of the means."""
    sums = np.concatenate([[0], np.cumsum(rates * weight)])
    weights = np.concatenate([[0], np.cumsum(weight)])
    first, last = np.indices((len(rates), len(rates)))
    is_run = first <= last
    over = np.where(is_run, weights[last + 1] - weights[first], 1)
    means = np.where(is_run, (sums[last + 1] - sums[first]) / over, np.inf)
    least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
    grown: Doubles = np.where(is_run, least, -np.inf).max(axis=0)
    return grown


def _log_odds(rate: npt.NDArray[np.floating]) -> Doubles:
    rate = np.clip(rate, 1e-7, 1 - 1e-7)
    odds: Doubles = np.log(rate / (1 - rate)).astype(np.float64)
    return odds
