"""How far each reading is from normal: all series scored at once, and what they learn.

A reading is scored by what came before it, never by itself. The rows are worked on in blocks that
fit the processor's cache; a series that is not told in a tick is frozen.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from services.orient.core.series import alerting
from services.orient.core.series.learning import (
    FEW_READINGS,
    FLOOR_RATIO,
    TINY,
    Tick,
    learn,
    weight_of,
)
from services.orient.core.series.state import BUCKETS, OTHER, ROWS, Flags, Floats, Numbers, State
from shared.messages.readings import COUNTERS, Signal

WARM_UP_READINGS = 40
"""Before so many a series has no say in what is ranked or alerted."""
SMOOTH_READINGS = 5
"""Over so many the ranking score is smoothed: an event is more than one reading."""
BORROWED_READINGS = 10.0
SEASONAL_DAYS = 2.0
"""A profile is believed from the third day on."""
SILENT_SCORE = 5.0
"""How far from normal a series is that fell silent and never was before."""
BUCKET_SECONDS = 300
DAY_SECONDS = 86400.0
SEASONAL_GAIN = 0.8
"""The profile counts when it brings the mean error of the level below this share of it."""
UNBELIEVABLE = 1e15
"""No signal has a unit in which this is a measurement: such a value is left out."""
MEAN_DEVIATION_TO_SIGMA = 1.2533
"""sqrt(pi / 2): standard deviation over mean absolute deviation of a normal distribution."""
LONGEST_RATIO = 8.0
"""A reading after a gap counts as up to so many."""
BLOCK_ROWS = 25_000

_COUNTERS = [kind for kind, signal in enumerate(Signal) if signal in COUNTERS]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What one tick says of n readings: float32, shape (n,). NaN where there is no opinion."""

    value: Floats
    """What was scored: the reading; of a counter its rate per second."""
    anomaly: Floats
    """How far from normal, for ranking: 0 is normal, comparable over series."""
    alert: Floats
    """0 to 1; high once per event, then held off."""
    deviation: Floats
    """Signed distance from `expected` in spreads."""
    expected: Floats
    """In the unit of the series, from what came before the reading."""
    spread: Floats
    """What one standard deviation is, in the unit of the series."""


def update(
    state: State, rows: Numbers, values: npt.NDArray[np.float64], *, at_seconds: float
) -> Scores:
    """Score the readings of one tick against what was normal before it, and learn from them.

    `rows`, `values`: shape (n,), no row twice. NaN freezes its row. `at_seconds`: Unix time; an
    instant that is not later than a row's newest teaches it nothing.
    """
    room = len(state.level)
    told = np.full(room, np.nan)
    told[rows] = np.where(np.abs(values) < UNBELIEVABLE, values, np.nan)
    scored = {f.name: np.empty(room, np.float32) for f in fields(Scores)}
    for start in range(0, room, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        part = State(
            **{name: getattr(state, name)[..., block] for name in ROWS},
            pool_spread=state.pool_spread,
        )
        _update_block(part, told[block], at_seconds, {n: c[block] for n, c in scored.items()})
    _pool(state)
    in_order = len(rows) == room and bool((rows == np.arange(room)).all())
    return Scores(**(scored if in_order else {n: c[rows] for n, c in scored.items()}))


def follow(state: State, rows: Numbers, scores: Scores, which: Flags) -> None:
    """Take the newest reading for normal, where work was moved on purpose.

    `rows`, `scores`: of the tick just scored, shape (n,). `which`: shape (n,), of which series.
    """
    surprise = np.where(which, scores.value - scores.expected, 0.0)
    state.level[rows] += np.nan_to_num(surprise).astype(np.float32)


def _pool(state: State) -> None:
    """Take the mean spread of the grown series of each kind, while there are young ones."""
    grown = state.count >= WARM_UP_READINGS
    if not (~grown & (state.count > 0)).any():
        return
    kinds, size = state.kind[grown], OTHER + 1
    count = np.bincount(kinds, minlength=size)
    total = np.bincount(kinds, weights=state.spread[grown], minlength=size)
    np.divide(total, count, out=state.pool_spread, where=count > 0)


def _update_block(
    s: State, told: npt.NDArray[np.float64], at_seconds: float, out: dict[str, Floats]
) -> None:
    """Do one block: `s` and `out` are views that are written, `told` is used up."""
    known, ratio = _read(s, told, at_seconds)
    out["value"][:] = told
    tick = _compared(s, out["value"], known, ratio, at_seconds)
    _tell(s, tick, out)
    ranked = _rank(s, tick, out["anomaly"])
    alerting.update(s, ranked, ratio, out["alert"])
    learn(s, tick)


def _read(s: State, told: npt.NDArray[np.float64], at_seconds: float) -> tuple[Flags, Floats]:
    """Return which values are known, and as how many readings each or, shape (1,), all count."""
    elapsed = at_seconds - s.seen_at
    known = ~np.isnan(told)
    is_counter = np.logical_or.reduce([s.kind == kind for kind in _COUNTERS])
    if is_counter.any():
        known = _as_rates(s, told, known, is_counter, elapsed, at_seconds)
    usual: Floats = np.maximum(s.interval, np.float32(TINY))
    ratio = elapsed.astype(np.float32) / usual
    ratio = np.minimum(np.maximum(ratio, 0.0), LONGEST_RATIO)
    ratio *= known
    early = np.flatnonzero((s.interval == 0) & known)
    ratio[early] = np.clip(elapsed[early], 0.0, 1.0)
    first = early[s.count[early] == 0]
    ratio[first] = 1.0
    s.begun_at[first] = at_seconds
    s.level[first] = told[first]
    is_uniform = bool((ratio == ratio[0]).all())
    return known, ratio[:1] if is_uniform else ratio  # one number for all: many steps are cheap


def _as_rates(
    s: State,
    told: npt.NDArray[np.float64],
    known: Flags,
    is_counter: Flags,
    elapsed: npt.NDArray[np.float64],
    at_seconds: float,
) -> Flags:
    """Turn counters into rates per second, in place; one that fell was reset and began at 0.

    Return which readings are known: the first of a counter tells no rate.
    """
    is_later = is_counter & known & (elapsed > 0)
    has_past = is_later & (s.seen_at > 0)
    grown = np.where(told >= s.counted, told - s.counted, told)
    np.copyto(s.counted, told, where=is_later)
    np.copyto(told, grown / np.maximum(elapsed, TINY), where=has_past)
    np.copyto(s.seen_at, at_seconds, where=is_later & ~has_past)
    np.copyto(told, np.nan, where=is_counter & ~has_past)
    return known & (has_past | ~is_counter)


def _compared(s: State, x: Floats, known: Flags, ratio: Floats, at_seconds: float) -> Tick:
    """Return the readings beside what was expected of them."""
    error = x - s.level
    error[~known] = 0.0
    rhythm = s.profile[int(at_seconds // BUCKET_SECONDS) % BUCKETS]
    is_visited = ~np.isnan(rhythm)
    beyond = error - np.where(is_visited, rhythm, np.float32(0.0))
    days = np.maximum((at_seconds - s.begun_at).astype(np.float32) / DAY_SECONDS, 0.0)
    is_seasonal = is_visited & (days >= SEASONAL_DAYS)
    is_seasonal &= s.profile_error < SEASONAL_GAIN * s.level_error
    size: Floats = np.abs(s.level)
    floor = FLOOR_RATIO * size + np.float32(TINY)
    return Tick(
        at_seconds=at_seconds,
        rhythm=rhythm,
        days=days,
        known=known,
        ratio=ratio,
        error=error,
        beyond=beyond,
        surprise=np.where(is_seasonal, beyond, error),
        sigma=np.maximum(_sigma(s), floor),
        floor=floor,
    )


def _sigma(s: State) -> Floats:
    """Return the standard deviation of each series; a young one borrows that of its kind."""
    spread = s.spread
    is_young = s.count < WARM_UP_READINGS
    if is_young.any():
        pooled = s.pool_spread.astype(np.float32)[s.kind]
        borrowed = np.where(pooled > 0, BORROWED_READINGS, 0.0) * is_young
        spread = (spread * s.count + pooled * borrowed) / np.maximum(s.count + borrowed, 1.0)
    sigma: Floats = (MEAN_DEVIATION_TO_SIGMA * spread).astype(np.float32, copy=False)
    return sigma


def _tell(s: State, tick: Tick, out: dict[str, Floats]) -> None:
    hidden = ~tick.known | (s.count < FEW_READINGS)
    np.subtract(out["value"], tick.surprise, out=out["expected"])
    np.divide(tick.surprise, tick.sigma, out=out["deviation"])
    out["expected"][hidden] = np.nan
    out["deviation"][hidden] = np.nan
    out["spread"][:] = tick.sigma


def _rank(s: State, tick: Tick, out: Floats) -> Floats:
    """Score for ranking: deviations in units of the series' own mean error, smoothed.

    A series that falls silent against its habit is as far from normal as its habit was strong.
    """
    is_grown = s.count >= WARM_UP_READINGS
    usual: Floats = np.maximum(s.error, tick.floor)
    ranked = tick.surprise / usual
    ranked *= tick.known & is_grown
    step = np.minimum(weight_of(SMOOTH_READINGS) * tick.ratio, 1.0)
    size = np.abs(ranked)
    silent = np.flatnonzero(~tick.known)
    if len(silent):
        size[silent] = SILENT_SCORE * np.square(1.0 - s.silence[silent]) * is_grown[silent]
        step = np.where(tick.known, step, weight_of(SMOOTH_READINGS))
    s.recent += step * (size - s.recent)
    out[:] = s.recent
    return ranked
