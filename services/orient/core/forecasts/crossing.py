"""When a series passes its ceiling, and how likely, told from its forecasts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.orient.core.forecasts.projection import TINY, Numbers, State, profile_ahead
from services.orient.core.forecasts.reliability import judge

Floats = npt.NDArray[np.floating]

HIGH_ODDS = float(np.log(19))
"""Log odds at the 5 % or 95 % quantile: so many scales of a logistic distribution."""
MOST_ODDS = 15.0
LIKELY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """Float64, shape (n,) each. NaN: no ceiling, or no forecast."""

    probability: Floats
    buckets: Floats
    """First step at which the forecast is above it, if that is likely. NaN as well: none."""

    def of(self, series: int) -> tuple[float, float]:
        """Return probability and buckets of one series."""
        return float(self.probability[series]), float(self.buckets[series])


def foresee_crossings(state: State, rows: Numbers, ahead: Floats) -> Crossing:
    """Return when each row passes its ceiling, and ask those whose turn it is to be judged.

    `ahead`: (n, H, 3), the quantiles of these rows.
    """
    probability, buckets = np.full((2, len(rows)), np.nan)
    is_known = np.isfinite(state.ceiling[rows]) & np.isfinite(ahead).all(axis=(1, 2))
    known = np.flatnonzero(is_known)
    some = rows[known]
    shape, ceilings = profile_ahead(state, some), state.ceiling[some]
    odds, first = find_reach(ahead[known], shape, state.horizons, ceilings)
    probability[known] = judge(state, some, odds)
    buckets[known] = np.where(probability[known] > LIKELY, first, np.nan)
    return Crossing(probability=probability, buckets=buckets)


def find_reach(
    ahead: Floats, shape: Floats, horizons: Numbers, ceilings: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the log odds that the ceiling is passed, and the first step of the forecast above it.

    `ahead`: (n, H, 3), the quantiles at `horizons`. `shape`: (n, steps), the profile at each step
    up to the longest horizon. Between horizons the distance from the profile, and the widths of
    the interval, are interpolated. Either half of the distribution is a logistic one; the likeliest
    step counts alone. NaN: no step of the forecast is above.
    """
    odds, buckets = np.full(len(ceilings), -MOST_ODDS), np.full(len(ceilings), np.nan)
    above = (ahead[..., 2] - ahead[..., 1]).max(axis=1) * (MOST_ODDS / HIGH_ODDS)
    highest = shape.max(axis=1) + (ahead[..., 1] - shape[:, horizons - 1]).max(axis=1)
    near = np.flatnonzero(highest + above > ceilings)
    ahead, shape = ahead[near], shape[near]
    steps = np.arange(1, shape.shape[1] + 1)
    median = shape + _between(steps, horizons, ahead[..., 1] - shape[:, horizons - 1])
    down = _between(steps, horizons, ahead[..., 1] - ahead[..., 0])
    up = _between(steps, horizons, ahead[..., 2] - ahead[..., 1])
    off = median - ceilings[near, None]
    scales = off / np.maximum(np.where(off > 0, down, up), TINY)
    odds[near] = np.clip(HIGH_ODDS * scales.max(axis=1, initial=-np.inf), -MOST_ODDS, MOST_ODDS)
    buckets[near] = np.where((off > 0).any(axis=1), (off > 0).argmax(axis=1) + 1.0, np.nan)
    return odds, buckets


def _between(steps: Numbers, horizons: Numbers, at: Floats) -> Floats:
    """Interpolate (n, H) at the horizons to (n, steps); as at the first one before it."""
    points = np.concatenate([[0], horizons])
    known = np.concatenate([at[:, :1], at], axis=1)
    right = np.clip(np.searchsorted(points, steps), 1, len(points) - 1)
    share = (steps - points[right - 1]) / (points[right] - points[right - 1])
    found: Floats = known[:, right - 1] * (1 - share) + known[:, right] * share
    return found
