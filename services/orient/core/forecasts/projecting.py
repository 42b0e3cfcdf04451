"""Where every series goes: a daily profile, how far from it the series is, and how that decays.

For a horizon h some simple forecasts stand beside each other: the profile of that time of day, the
level of the last day, the recent level, the trend of the last hours (for what only grows), and a
regression on how far the series is from its profile now and from its level; by its weights the
deviation decays as fast as it did in this series. They are mixed by how well each did lately
(a power of the inverse mean absolute error: J. M. Bates, C. W. J. Granger, "The Combination of
Forecasts", 1969). The regression is one of least absolute deviations, by reweighting (E. J.
Schlossmacher, 1973), over sums that forget. The quantiles are those of the errors made, followed
by stochastic steps (H. Robbins, S. Monro, 1951).
"""

import numpy as np

from services.orient.core.forecasts.projection import (
    FEATURES,
    QUANTILES,
    TINY,
    Floats,
    Mask,
    Numbers,
    State,
    spread_of,
)
from services.orient.core.forecasts.reliability import hear

PROFILE_STEP = 0.1
"""Weight of a new day in the profile: about ten days count."""
LEVEL_DAYS = 0.87
"""Time constant of the level: 1 / 0.004 buckets."""
DEVIATION_STEPS = np.array([1.0, 0.2, 0.03], np.float32)
"""Of the last bucket, of half an hour, of three hours."""
LAGS = 1 / DEVIATION_STEPS[1:] - 1
"""Buckets that a smoothed value stays behind a steady rise."""
MEMORY_DAYS = 14.0
"""What the regression remembers."""
ERROR_DAYS = 2.0
"""What the mixture remembers of the errors of its parts."""
RIDGE = 50.0
"""Buckets' worth of belief that the profile alone is right."""
REFIT_BUCKETS = 24
"""A row's regression is solved every two hours, each bucket another part of the rows."""
POWER = 10.0
QUANTILE_STEPS = np.array([0.03, 0.003, 0.03], np.float32)
"""In mean absolute errors; the median moves slowly, for it moves the forecast."""
FAR_SPREADS = 20.0
BEGUN = 20
"""Buckets, or errors, after which a wild one is cut to a multiple of the usual."""
WILD = 6.0


def learn_bucket(state: State, first_row: int) -> None:
    """Let these rows, from that one on, learn from the bucket set aside, and forecast from it."""
    bucket, before = int(state.clock[2]), int(state.clock[5])
    known = np.isfinite(state.mean)
    x = np.where(known, state.mean, np.float32(0))
    kept = state.seen.shape[1]
    left_out = np.arange(max(before + 1, bucket - kept + 1), bucket) % kept
    state.mixed[:, left_out] = np.nan
    hear(state, x, known, buckets=bucket - before)
    for number, horizon in enumerate(state.horizons):
        _learn_errors(state, number, (bucket - int(horizon)) % kept, x, known)
    _solve(state, (bucket - first_row) % REFIT_BUCKETS)
    _learn_normal(state, bucket % state.profile.shape[1], x, known)
    _keep(state, bucket)


def _learn_normal(state: State, place: int, x: Floats, known: Mask) -> None:
    """Move level, spread, deviations and profile of the rows that are known."""
    first = state.count == 0
    state.count += known
    day = state.profile.shape[1]
    step = np.where(known, np.maximum(1 / (LEVEL_DAYS * day), 1 / np.maximum(state.count, 1)), 0)
    off = np.abs(x - state.level)
    off = np.where(state.count > BEGUN, _tamed(off, state.spread), off)
    state.spread += np.where(first, 0, step * (off - state.spread)).astype(np.float32)
    old = state.profile[:, place]
    normal = np.where(np.isnan(old), np.where(first, x, state.level), old)
    state.level += (step * (x - state.level)).astype(np.float32)
    moved = DEVIATION_STEPS * ((x - normal)[:, None] - state.deviation)
    state.deviation += np.where(known[:, None], moved, 0)
    step = np.maximum(DEVIATION_STEPS[1:], 1 / np.maximum(state.count, 1)[:, None])
    state.smooth += np.where(known[:, None], step * (x[:, None] - state.smooth), 0)
    # the first days count alike
    days = np.clip(np.ceil(state.count / day), 1, 1 / PROFILE_STEP)
    new = np.where(np.isnan(old), x, old + (x - old) / days)
    state.profile[:, place] = np.where(known, new, old)
    state.now[:] = np.where(known, x, np.nan)


def _profile_at(state: State, bucket: int, level: Floats) -> Floats:
    """Return the profile at a time of day, and the level where that was not seen yet."""
    at = state.profile[:, bucket % state.profile.shape[1]]
    return np.where(np.isnan(at), level, at)


def _features(kept: Floats, ahead: Floats) -> Floats:
    """Return (n, 5), in spreads: the deviations, and profile and level beside the profile ahead."""
    beside = kept[:, 3:5] - ahead[:, None]
    found = np.concatenate([kept[:, :3], beside], axis=1) / kept[:, 5:6]
    clipped: Floats = np.clip(found, -FAR_SPREADS, FAR_SPREADS)
    return clipped


def _experts(kept: Floats, ahead: Floats, regressed: Floats, horizon: int) -> Floats:
    """Return (n, 6): the forecasts that are mixed."""
    recent = kept[:, 3] + kept[:, 1]
    rising = kept[:, 6] + kept[:, 7] * (LAGS[0] + horizon)
    parts = (regressed, ahead, (regressed + ahead) / 2, kept[:, 4], recent, rising)
    return np.stack(parts, axis=1)


def _keep(state: State, bucket: int) -> None:
    """Write down what is known now and what is forecast from it, to be judged when it comes."""
    slot = bucket % state.seen.shape[1]
    at = _profile_at(state, bucket, state.level)
    spread = spread_of(state)
    recent, trend = state.smooth[:, 0], (state.smooth[:, 0] - state.smooth[:, 1]) / np.diff(LAGS)
    beside = np.stack([at, state.level, spread, recent, trend], axis=1)
    kept = np.concatenate([state.deviation, beside], axis=1)
    state.seen[:, slot] = kept
    known = state.count > 0  # frozen since its last bucket, if this one had no reading
    for number, horizon in enumerate(state.horizons):
        ahead = _profile_at(state, bucket + int(horizon), state.level)
        weighed = (_features(kept, ahead) * state.weight[:, number]).sum(axis=1)
        regressed = ahead + spread * weighed
        state.regressed[:, slot, number] = np.where(known, regressed, np.nan)
        mixed = _mix(
            state.error[:, number], _experts(kept, ahead, regressed, int(state.horizons[number]))
        )
        state.mixed[:, slot, number] = np.where(known, mixed, np.nan)


def _mix(error: Floats, experts: Floats) -> Floats:
    share = ((error.min(axis=1, keepdims=True) + TINY) / (error + TINY)) ** np.float32(POWER)
    mixed: Floats = (share * experts).sum(axis=1) / share.sum(axis=1)
    return mixed


def _learn_errors(state: State, number: int, slot: int, x: Floats, known: Mask) -> None:
    """Judge what was forecast for this bucket at one horizon, and learn from the errors."""
    mixed, regressed = state.mixed[:, slot, number], state.regressed[:, slot, number]
    rows = np.flatnonzero(known & np.isfinite(mixed))
    if not len(rows):
        return
    x, mixed, regressed = x[rows], mixed[rows], regressed[rows]
    kept, day = state.seen[rows, slot], state.profile.shape[1]
    # not learnt since: as it was then
    ahead = _profile_at(state, int(state.clock[2]), state.seen[:, slot, 4])[rows]
    count = state.errors[rows, number]
    off = np.abs(x[:, None] - _experts(kept, ahead, regressed, int(state.horizons[number])))
    # what the parts were worth without a profile says nothing of what they are with one
    since = np.where(count < day, count, count - day)
    step = np.maximum(1 / (since + 1), 1 / (ERROR_DAYS * day))[:, None]
    state.error[rows, number] += (step * (off - state.error[rows, number])).astype(np.float32)
    _learn_quantiles(state, number, rows, x - mixed)
    size = np.maximum(state.size[rows, number], TINY)
    sure = 1 / np.maximum(np.abs(x - regressed) / size, 0.5)
    found, aim = _features(kept, ahead), (x - ahead) / kept[:, 5]
    aim = np.clip(aim, -FAR_SPREADS, FAR_SPREADS)
    stay, weighed = np.float32(1 - 1 / (MEMORY_DAYS * day)), found * sure[:, None]
    gram = stay * state.gram[rows, number] + weighed[:, :, None] * found[:, None, :]
    state.gram[rows, number] = gram
    state.moment[rows, number] = stay * state.moment[rows, number] + weighed * aim[:, None]


def _learn_quantiles(state: State, number: int, rows: Numbers, error: Floats) -> None:
    count, size = state.errors[rows, number], state.size[rows, number]
    step = np.maximum(1 / (count[:, None] + 3), QUANTILE_STEPS) * 2 * size[:, None]
    quantile = state.quantile[rows, number]
    quantile += step * (QUANTILES - (error[:, None] < quantile))
    state.quantile[rows, number] = np.sort(quantile, axis=1)
    off = np.where(count > BEGUN, _tamed(np.abs(error), size), np.abs(error))
    state.size[rows, number] = size + np.maximum(1 / (count + 1), 0.005) * (off - size)
    state.errors[rows, number] = count + 1


def _tamed(off: Floats, usual: Floats) -> Floats:
    """Let what is beyond a multiple of the usual count a tenth: not at all would bind it to 0."""
    return np.minimum(off, WILD * usual + off / 10)


def _solve(state: State, first: int) -> None:
    """Fit the regressions of the rows whose turn it is."""
    rows = np.arange(first, len(state.level), REFIT_BUCKETS)
    if len(rows):
        gram = state.gram[rows] + np.float32(RIDGE) * np.eye(FEATURES, dtype=np.float32)
        state.weight[rows] = np.linalg.solve(gram, state.moment[rows][..., None])[..., 0]
