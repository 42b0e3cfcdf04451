"""What series learn from the readings of a tick: profile, errors, level and interval, in place."""

from dataclasses import dataclass

import numpy as np

from services.orient.core.series.state import Flags, Floats, Numbers, State

LEVEL_READINGS = 100
"""Readings that a level remembers, about: the weight of a new one is 2 / (n + 1)."""
SPREAD_READINGS = 2000
ERROR_READINGS = 5000
CLIP_SPREADS = 3.0
"""A reading further away moves level and profile no more than this."""
FEW_READINGS = 3
"""Before so many nothing is expected of a series."""
ESCAPE_READINGS = 240
"""A level that was left for so long in one direction goes to where the series is: 1 h at 15 s."""
DRIFT_READINGS = 12
PROFILE_STEP = 0.15
INTERVAL_STEP = 0.05
FLOOR_RATIO = 1e-3
"""A spread is at least this share of the level: no metric is more precise."""
TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tick:
    """The readings of one instant, shape (n,), beside what was expected of them."""

    at_seconds: float
    rhythm: Floats
    """The profile at this time of day: a view. NaN: never seen."""
    days: Floats
    """For how long the series is known."""
    known: Flags
    ratio: Floats
    """As how many readings each counts, or shape (1,) all: 0 teaches nothing."""
    error: Floats
    """Distance from the level; 0 where there is no reading."""
    beyond: Floats
    """Distance from level and profile; from the level where the profile was never seen."""
    surprise: Floats
    """The one of both that is believed."""
    sigma: Floats
    floor: Floats
    """The least a spread can be."""


def learn(s: State, tick: Tick) -> None:
    """Learn from the readings of one tick, in place."""
    learns = np.minimum(tick.ratio, np.float32(1.0))
    by_age = 1.0 / (s.count + 1.0)
    few = s.count < FEW_READINGS
    limit = CLIP_SPREADS * tick.sigma
    limit[few] = np.inf
    is_visited = ~np.isnan(tick.rhythm)
    _learn_fit(s, tick, learns * is_visited)
    _learn_profile(tick, limit, is_visited)
    _learn_spread(s, tick, by_age, learns)
    _learn_level(s, tick, limit, by_age)
    _count(s, tick)


def weight_of(readings: float) -> np.float32:
    """Return the weight of a new reading in an exponential mean over that many."""
    return np.float32(2.0 / (readings + 1.0))


def _clipped(values: Floats, limit: Floats) -> Floats:
    return np.minimum(np.maximum(values, -limit), limit)


def _learn_profile(tick: Tick, limit: Floats, is_visited: Flags) -> None:
    is_told = tick.ratio > 0
    step = _clipped(tick.beyond, 2.0 * limit)
    step *= np.maximum(1.0 / (tick.days + 2.0), PROFILE_STEP)
    step *= is_told
    np.add(tick.rhythm, step, out=tick.rhythm)
    is_new = is_told & ~is_visited
    if is_new.any():
        tick.rhythm[is_new] = tick.beyond[is_new]


def _learn_fit(s: State, tick: Tick, learns: Floats) -> None:
    """Learn how well level and profile explain, where there are both."""
    step = weight_of(LEVEL_READINGS) / 2 * learns
    most = 6.0 * s.spread
    most[s.count < FEW_READINGS * 10] = np.inf
    s.level_error += step * (np.minimum(np.abs(tick.error), most) - s.level_error)
    s.profile_error += step * (np.minimum(np.abs(tick.beyond), most) - s.profile_error)


def _learn_spread(s: State, tick: Tick, by_age: Floats, learns: Floats) -> None:
    size = np.abs(tick.surprise)
    most = 5.0 * np.maximum(s.spread, tick.floor)
    most[s.count < FEW_READINGS] = np.inf
    s.error += np.maximum(by_age, 1.0 / ERROR_READINGS) * learns * (size - s.error)
    np.minimum(size, most, out=size)
    s.spread += np.maximum(by_age, 1.0 / SPREAD_READINGS) * learns * (size - s.spread)


def _learn_level(s: State, tick: Tick, limit: Floats, by_age: Floats) -> None:
    """Move the level by a clipped step, or to where the series has been for long."""
    s.drift += np.minimum(weight_of(DRIFT_READINGS) * tick.ratio, 1.0) * (tick.surprise - s.drift)
    step = np.maximum(np.minimum(weight_of(LEVEL_READINGS) * tick.ratio, 1.0), by_age)
    step *= tick.ratio > 0
    s.level += step * _clipped(tick.surprise, limit)
    gone = _gone(s, tick, limit)
    s.level[gone] += s.drift[gone]
    s.drift[gone] = 0.0
    s.shifted[gone] = 0.0


def _gone(s: State, tick: Tick, limit: Floats) -> Numbers:
    """Count the readings in a row far off in one direction; return the rows with enough of them."""
    is_told = tick.ratio > 0
    is_far = (np.abs(tick.surprise) > limit) & is_told
    s.shifted *= is_far | ~is_told
    far = np.flatnonzero(is_far)
    side, before = np.sign(tick.surprise[far]), s.shifted[far]
    ratio = np.broadcast_to(tick.ratio, s.level.shape)[far]
    more = side * np.minimum(ratio, 1.0)
    s.shifted[far] = np.where(side * before >= 0, before + more, side)
    return far[np.abs(s.shifted[far]) >= ESCAPE_READINGS]


def _count(s: State, tick: Tick) -> None:
    is_told = tick.ratio > 0
    is_old = s.count > 0
    second = np.flatnonzero(is_told & is_old & (s.interval == 0))
    near = np.minimum(np.maximum(tick.ratio, np.float32(1 / 3)), np.float32(3.0))
    s.interval *= 1.0 + INTERVAL_STEP * is_told * (near - 1.0)
    s.interval[second] = tick.at_seconds - s.seen_at[second]
    s.silence += weight_of(SPREAD_READINGS) * is_old * (~tick.known - s.silence)
    np.copyto(s.seen_at, tick.at_seconds, where=is_told)
    s.count += is_told
