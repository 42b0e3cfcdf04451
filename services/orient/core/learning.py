"""What a series learns from a reading: its rhythm, its errors, its level, its interval."""

import numpy as np

from services.orient.core.series import Flags, Floats, State

LEVEL_READINGS = 100
"""Readings that a level remembers, about: the weight of a new one is 2 / (n + 1)."""
SPREAD_READINGS = 2000
ERROR_READINGS = 5000
ESCAPE_READINGS = 240
"""A level that was left for so long in one direction goes to where the series is: 1 h at 15 s."""
DRIFT_READINGS = 12
INTERVAL_STEP = 0.05
PROFILE_STEP = 0.15
FLOOR_RATIO = 1e-3
"""A spread is at least this share of the level: no metric is more precise."""
TINY = 1e-9
FEW_READINGS = 3
"""Before so many nothing is expected of a series."""


def pick(condition: Flags, yes: Floats, no: Floats | np.float32 | float) -> Floats:
    """Return what np.where does, as float32 and some times as fast."""
    picked = np.empty(condition.shape if condition.size > 1 else np.shape(yes), np.float32)
    picked[...] = no
    np.copyto(picked, yes, where=condition, casting="same_kind")
    return picked


def at_least(spread: Floats, level: Floats) -> Floats:
    """Return a spread that no metric is more precise than."""
    floor = (FLOOR_RATIO * np.abs(level) + TINY).astype(np.float32, copy=False)
    return np.maximum(spread, floor)


def weight_of(readings: float) -> np.float32:
    """Return the weight of a new reading in an exponential mean over that many."""
    return np.float32(2.0 / (readings + 1.0))


def learn_profile(
    s: State, bucket: int, beyond: Floats, limit: Floats, days: Floats, ratio: Floats
) -> None:
    """Move the usual deviation of this time of day by a clipped step."""
    rhythm = s.profile[bucket]
    is_visited = rhythm == rhythm  # noqa: PLR0124 - NaN is not equal to itself
    weight = np.maximum(PROFILE_STEP, 1.0 / (days + 2.0))
    most = 2.0 * limit
    step = weight * np.minimum(np.maximum(beyond, -most), most)
    learnt = pick(is_visited, rhythm + step, beyond)
    s.profile[bucket] = pick(ratio > 0, learnt, rhythm)


def learn_errors(
    s: State, error: Floats, beyond: Floats, surprise: Floats, is_visited: Flags, ratio: Floats
) -> None:
    """Follow the errors of level and profile, the spread and the mean error."""
    learns = np.minimum(ratio, np.float32(1.0))
    grown = s.count >= FEW_READINGS * 10
    most = pick(grown, 6.0 * s.spread, np.inf)
    step = weight_of(LEVEL_READINGS) / 2 * learns * is_visited
    s.level_error += step * (np.minimum(np.abs(error), most) - s.level_error)
    s.profile_error += step * (np.minimum(np.abs(beyond), most) - s.profile_error)
    size = np.abs(surprise)
    by_age = 1.0 / (s.count + 1.0)
    most = pick(s.count >= FEW_READINGS, 5.0 * at_least(s.spread, s.level), np.inf)
    step = np.maximum(1.0 / SPREAD_READINGS, by_age) * learns
    s.spread += step * (np.minimum(size, most) - s.spread)
    s.error += np.maximum(1.0 / ERROR_READINGS, by_age) * learns * (size - s.error)


def learn_level(s: State, surprise: Floats, limit: Floats, ratio: Floats) -> None:
    """Move the level by a clipped step, or to where the series has been for long."""
    is_far = np.abs(surprise) > limit
    side = np.sign(surprise)
    goes_on = is_far & (side * s.shifted >= 0)
    shifted = pick(goes_on, s.shifted + side * np.minimum(ratio, 1.0), side * is_far)
    s.shifted[:] = pick(ratio > 0, shifted, s.shifted)
    s.drift += np.minimum(weight_of(DRIFT_READINGS) * ratio, 1.0) * (surprise - s.drift)
    step = np.minimum(np.maximum(weight_of(LEVEL_READINGS) * ratio, 1.0 / (s.count + 1.0)), 1.0)
    step = pick(ratio > 0, step, 0.0)
    s.level += step * np.minimum(np.maximum(surprise, -limit), limit)
    escapes = np.abs(s.shifted) >= ESCAPE_READINGS
    if escapes.any():
        s.level[escapes] += s.drift[escapes]
        s.drift[escapes] = 0.0
        s.shifted[escapes] = 0.0


def count(s: State, known: Flags, ratio: Floats, at_seconds: float) -> None:
    """Note the interval, the silence and the instant; count the readings."""
    learns = ratio > 0
    elapsed = (at_seconds - s.seen_at).astype(np.float32)
    is_first = s.interval == 0
    near = np.minimum(np.maximum(elapsed, s.interval / 3.0), s.interval * 3.0)
    usual = pick(is_first, elapsed, s.interval + INTERVAL_STEP * (near - s.interval))
    np.copyto(s.interval, usual, where=learns & (s.count > 0))
    told = s.count > 0
    s.silence += told * weight_of(SPREAD_READINGS) * (~known - s.silence)
    np.copyto(s.seen_at, at_seconds, where=learns)
    s.count += learns
