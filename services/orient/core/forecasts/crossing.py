"""When a series passes its ceiling, and how likely, told from its forecasts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

HIGH_SIGMAS = 1.645
"""From the median to the 5 % or 95 % quantile of a normal distribution."""
MORE_LIKELY = 0.5
OUT_OF_REACH = 3.0
BLOCK_BUCKETS = 12
"""Errors within an hour are taken for one, of different hours for independent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """Float64, shape (n,) each. NaN: no ceiling, or no forecast."""

    probability: Floats
    buckets: Floats
    """First step at which it was passed more likely than not. NaN as well: none."""


def find_crossings(
    ahead: Floats, shape: Floats, horizons: npt.NDArray[np.int64], ceilings: Floats
) -> Crossing:
    """Return when each series passes its ceiling; `_pass` says how it is told.

    Those that stay more than OUT_OF_REACH widths of the interval's upper half below it at all
    times are not looked at closer: their probability is about 1e-6.
    """
    above = (ahead[..., 2] - ahead[..., 1]).max(axis=1)
    highest = shape.max(axis=1) + (ahead[..., 1] - shape[:, horizons - 1]).max(axis=1)
    known = np.isfinite(ceilings) & np.isfinite(highest)
    close = np.flatnonzero(known & (highest + OUT_OF_REACH * above > ceilings))
    probability, buckets = np.where(known, 0.0, np.nan), np.full(len(ceilings), np.nan)
    if len(close):
        found = _pass(ahead[close], shape[close], horizons, ceilings[close])
        probability[close], buckets[close] = found.probability, found.buckets
    return Crossing(probability=probability, buckets=buckets)


def _pass(
    ahead: Floats, shape: Floats, horizons: npt.NDArray[np.int64], ceilings: Floats
) -> Crossing:
    """Return the probability that the highest of the steps ahead passes the ceiling.

    `ahead`: (n, H, 3), the quantiles at `horizons`. `shape`: (n, steps), the profile at each step
    up to the longest horizon. Between horizons the distance from the profile, and the widths of
    the interval, are interpolated; either half of the distribution is a normal one. Within an
    hour the likeliest step counts alone; hours count as independent. The truth lies between the
    likeliest step (errors that move together) and this.
    """
    steps = np.arange(1, shape.shape[1] + 1)
    at_horizons = shape[:, horizons - 1]
    median = shape + _between(steps, horizons, ahead[..., 1] - at_horizons)
    below = _between(steps, horizons, ahead[..., 1] - ahead[..., 0])
    above = _between(steps, horizons, ahead[..., 2] - ahead[..., 1])
    off = median - ceilings[:, None]
    sigma = np.maximum(np.where(off > 0, below, above) / HIGH_SIGMAS, 1e-12)
    single = _normal_cdf(off / sigma)
    passed = np.zeros(single.shape)
    kept = np.ones(len(single))
    for start in range(0, single.shape[1], BLOCK_BUCKETS):
        block = np.maximum.accumulate(single[:, start : start + BLOCK_BUCKETS], axis=1)
        passed[:, start : start + BLOCK_BUCKETS] = 1 - kept[:, None] * (1 - block)
        kept = kept * (1 - block[:, -1])
    likely = passed > MORE_LIKELY
    return Crossing(
        probability=passed[:, -1],
        buckets=np.where(likely.any(axis=1), likely.argmax(axis=1) + 1.0, np.nan),
    )


def _between(steps: npt.NDArray[np.int64], horizons: npt.NDArray[np.int64], at: Floats) -> Floats:
    """Interpolate (n, H) at the horizons to (n, steps); as at the first one before it."""
    points = np.concatenate([[0], horizons])
    known = np.concatenate([at[:, :1], at], axis=1)
    right = np.clip(np.searchsorted(points, steps), 1, len(points) - 1)
    share = (steps - points[right - 1]) / (points[right] - points[right - 1])
    found: Floats = known[:, right - 1] * (1 - share) + known[:, right] * share
    return found


def _normal_cdf(z: Floats) -> Floats:
    """Return the normal distribution function to 1.4e-4 (E. Page, 1977); NaN stays."""
    z = np.clip(z, -9.0, 9.0)
    found: Floats = 1 / (1 + np.exp(-1.5976 * z - 0.070566 * z**3))
    return found
