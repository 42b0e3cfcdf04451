"""When a series deserves a word: once per event, and the rarer the longer it was watched.

Deviations are looked at over several time scales. On each the upper tail of their logarithm is
learnt as an exponential one: a start that is passed by one reading in fifty, and the mean excess
over it (peaks over threshold: Pickands 1975; on a logarithm it is Hill's estimator, 1975, so that
series with heavy tails are not told all the time). The significance of a reading is its excess in
mean excesses, added up over the scales. It counts by as much as it passes what was told before:
that is held, and let go over half of the time the series was watched, as records become rare.
"""

import numpy as np

from services.orient.core.series.state import Floats, State

SCALE_READINGS = np.array([1.0, 12.0, 48.0], np.float32)
"""Over so many readings deviations are smoothed: spikes, shifts, drifts."""
SCALE_WEIGHTS = np.array([1.0, 0.5, 0.5], np.float32)
TAIL_SHARE = np.float32(0.02)
"""Share of the readings that is the tail."""
TAIL_READINGS = 4000.0
"""Readings that a tail remembers."""
TAIL_STEP = 0.0025
"""How fast the start of a tail moves in the end: a factor of e in 400 readings within it."""
PRIOR_EXCESSES = 50.0
"""The mean excess is 1 until about so many were seen: a tail that grows e-fold, a heavy one."""
MOST_EXCESS = 3.0
WARM_UP_READINGS = 150
HELD_READINGS = 700.0
HELD_SHARE = 0.5
"""What was told is half forgotten after the larger of these: readings, or share of all so far."""
LEAST = np.float32(1e-6)
NOTHING = np.float32(0.0)
LN2 = 0.6931472


def update(s: State, ranked: Floats, ratio: Floats, out: Floats) -> None:
    """Write the alert score of each series, 0 to 1, and learn the tails, in place.

    `ranked`, `ratio`: shape (n,): deviation in mean errors, and as how many readings it counts.
    """
    learns = np.minimum(ratio, np.float32(1.0))
    step = np.maximum(2.0 / (s.count + 1.0), TAIL_STEP) * learns
    significance = np.zeros_like(ranked)
    for scale, weight in enumerate(SCALE_WEIGHTS):
        significance += weight * _excesses(s, scale, ranked, (learns, step))
    significance *= (s.count >= WARM_UP_READINGS) & (ratio > 0)
    # half a life is long: its decay in one reading is as good as linear
    s.held *= 1.0 - learns * (LN2 / np.maximum(s.count * HELD_SHARE, HELD_READINGS))
    news = np.flatnonzero(significance > s.held)
    out[:] = 0.0
    out[news] = 1.0 - np.exp(s.held[news] - significance[news])
    np.maximum(s.held, significance, out=s.held)


def _excesses(s: State, scale: int, ranked: Floats, weights: tuple[Floats, Floats]) -> Floats:
    """Return how far each series is in the tail of one scale, in mean excesses, and learn it."""
    learns, step = weights
    smooth, start = s.smooth[scale], s.tail_start[scale]
    smooth += 2.0 / (SCALE_READINGS[scale] + 1.0) * learns * (ranked - smooth)
    excess = np.log(np.abs(smooth) + LEAST)
    excess = np.maximum(excess - start, NOTHING)
    total, count = s.tail_excess[scale], s.tail_count[scale]
    excesses: Floats = excess * (count + PRIOR_EXCESSES) / (total + PRIOR_EXCESSES)
    is_tail, keep = excess > 0, 1.0 - learns / TAIL_READINGS
    total += learns * np.minimum(excess, MOST_EXCESS)
    total *= keep
    count += learns * is_tail
    count *= keep
    start += step * (is_tail - TAIL_SHARE)
    return excesses
