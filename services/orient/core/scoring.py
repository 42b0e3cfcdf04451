"""How far each reading is from normal: all series scored at once, and what they learn.

A reading is scored by what came before it, never by itself. The rows are worked on in blocks that
fit the processor's cache; a series that is not told in a tick is frozen.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from services.orient.core import alerting
from services.orient.core.learning import (
    FEW_READINGS,
    TINY,
    at_least,
    count,
    learn_errors,
    learn_level,
    learn_profile,
    pick,
    weight_of,
)
from services.orient.core.series import BUCKETS, OTHER, ROWS, Flags, Floats, Numbers, State
from shared.messages.readings import COUNTERS, Signal

CLIP_SPREADS = 3.0
"""A reading further away moves level and profile no more than this."""
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
    """Take the mean spread of the grown series of each kind, while new ones may borrow it."""
    grown = state.count >= WARM_UP_READINGS
    if grown.all():
        return
    kinds, size = state.kind[grown], OTHER + 1
    count = np.bincount(kinds, minlength=size)
    total = np.bincount(kinds, weights=state.spread[grown], minlength=size)
    np.divide(total, count, out=state.pool_spread, where=count > 0)


def _update_block(
    s: State, told: npt.NDArray[np.float64], at_seconds: float, out: dict[str, Floats]
) -> None:
    """Do one block: `s` and `out` are views that are written, `told` is used up."""
    x, known, ratio = _read(s, told, at_seconds)
    bucket = int(at_seconds // BUCKET_SECONDS) % BUCKETS
    days = (np.maximum(at_seconds - s.begun_at, 0.0) / DAY_SECONDS).astype(np.float32)
    rhythm = s.profile[bucket]
    is_visited = rhythm == rhythm  # noqa: PLR0124 - NaN is not equal to itself
    error = x - s.level
    beyond = pick(is_visited, error - rhythm, error)
    is_seasonal = is_visited & (days >= SEASONAL_DAYS)
    is_seasonal &= s.profile_error < SEASONAL_GAIN * s.level_error
    surprise = pick(is_seasonal, beyond, error)
    sigma = _sigma(s)
    _tell(s, out, x, surprise, sigma, known)
    ranked = _rank(s, out, surprise, known, ratio)
    alerting.update(s, ranked, ratio, out["alert"])
    limit = pick(s.count >= FEW_READINGS, CLIP_SPREADS * sigma, np.inf)
    learn_profile(s, bucket, beyond, limit, days, ratio)
    learn_errors(s, error, beyond, surprise, is_visited, ratio)
    learn_level(s, surprise, limit, ratio)
    count(s, known, ratio, at_seconds)


def _read(
    s: State, told: npt.NDArray[np.float64], at_seconds: float
) -> tuple[Floats, Flags, Floats]:
    """Return the values, which of them are known, and as how many readings each or all count."""
    elapsed = at_seconds - s.seen_at
    known = told == told  # noqa: PLR0124 - NaN is not equal to itself
    is_counter = _is_any(s.kind, _COUNTERS)
    if is_counter.any():
        known = _as_rates(s, told, known, is_counter, elapsed, at_seconds)
    is_first = s.count == 0
    np.copyto(s.begun_at, at_seconds, where=is_first & known)
    since = elapsed.astype(np.float32)
    usual = pick(s.interval > 0, s.interval, np.maximum(since, 1.0))
    ratio = np.minimum(np.maximum(since / usual, 0.0), LONGEST_RATIO)
    np.copyto(ratio, 1.0, where=is_first)
    ratio *= known
    x = told.astype(np.float32)
    np.copyto(x, s.level, where=~known)
    np.copyto(s.level, x, where=is_first)
    is_uniform = bool((ratio == ratio[0]).all())
    return x, known, ratio[:1] if is_uniform else ratio  # one number for all: many steps are cheap


def _is_any(kind: npt.NDArray[np.int16], of: list[int]) -> Flags:
    """Return what np.isin does, faster for a few."""
    found = np.zeros(len(kind), np.bool_)
    for one in of:
        found |= kind == one
    return found


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
    return known & (has_past | ~is_counter)


def _sigma(s: State) -> Floats:
    """Return the standard deviation of each series; a young one borrows that of its kind."""
    spread = s.spread
    is_young = s.count < WARM_UP_READINGS
    if is_young.any():
        pooled = s.pool_spread.astype(np.float32)[s.kind]
        borrowed = np.float32(BORROWED_READINGS) * (is_young & (pooled > 0))
        spread = (spread * s.count + pooled * borrowed) / np.maximum(s.count + borrowed, 1.0)
    sigma: Floats = (MEAN_DEVIATION_TO_SIGMA * spread).astype(np.float32, copy=False)
    return at_least(sigma, s.level)


def _tell(
    s: State, out: dict[str, Floats], x: Floats, surprise: Floats, sigma: Floats, known: Flags
) -> None:
    is_expected = known & (s.count >= FEW_READINGS)
    out["value"][:] = pick(known, x, np.nan)
    out["expected"][:] = pick(is_expected, x - surprise, np.nan)
    out["spread"][:] = sigma
    out["deviation"][:] = pick(is_expected, surprise / sigma, np.nan)


def _rank(
    s: State, out: dict[str, Floats], surprise: Floats, known: Flags, ratio: Floats
) -> Floats:
    """Score for ranking: deviations in units of the series' own mean error, smoothed.

    A series that falls silent against its habit is as far from normal as its habit was strong.
    """
    is_grown = s.count >= WARM_UP_READINGS
    ranked: Floats = (surprise / at_least(s.error, s.level)) * (known & is_grown)
    size = pick(known, np.abs(ranked), SILENT_SCORE * np.square(1.0 - s.silence) * is_grown)
    step = pick(
        known, np.minimum(weight_of(SMOOTH_READINGS) * ratio, 1.0), weight_of(SMOOTH_READINGS)
    )
    s.recent += step * (size - s.recent)
    out["anomaly"][:] = s.recent
    return ranked
