"""What is remembered of the series that are forecast, one row each, and what it says of later."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from shared.messages.readings import Signal

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY_SECONDS = 86_400
QUANTILES = np.array([0.05, 0.5, 0.95], np.float32)
OWN_ERRORS = 48
"""A series with fewer errors of its own borrows the interval of its kind."""
ENOUGH_SERIES = 1024
"""Of a kind: the median over more of them is the same."""
TINY = np.float32(1e-12)
ODDS_BINS = 13
EXPERTS, FEATURES, DEVIATIONS, KEPT = 6, 5, 3, 8


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """One row per series on axis 0, but for `horizons`, `clock`, `pool_odds`. Changed in place.

    n series, H horizons, B buckets a day, R = longest horizon + 1 buckets kept.
    """

    horizons: Numbers
    """Shape (H,), in buckets."""
    clock: npt.NDArray[np.float64]
    """Shape (6,): seconds of a bucket; number of the open one and of the one that is learnt (-1:
    none); Unix time of the last reading; first row that has not learnt yet (infinite: all have);
    number of the bucket learnt before."""
    kind: npt.NDArray[np.int16]
    total: npt.NDArray[np.float64]
    """Sum and, in `parts`, number of the readings in the open bucket."""
    parts: Floats
    mean: Floats
    """Of the bucket that is learnt. NaN: it had no reading."""
    ceiling: npt.NDArray[np.float64]
    """What it must not pass, as known at the last bucket. NaN: nothing."""
    count: Floats
    """Buckets learnt."""
    level: Floats
    spread: Floats
    """Mean absolute distance from the level."""
    now: Floats
    """Last bucket's value. NaN: it had none."""
    deviation: Floats
    """(n, 3): distance from the profile, smoothed over three spans."""
    smooth: Floats
    """(n, 2): the values, smoothed over the last two of them; what lies between is the trend."""
    profile: Floats
    """(n, B). NaN: that time of day was not seen yet."""
    seen: Floats
    """(n, R, 8): deviations, profile, level, spread, smoothed value and trend as they were then."""
    regressed: Floats
    """(n, R, H), with `mixed`: what was forecast at a bucket. NaN: nothing."""
    mixed: Floats
    gram: Floats
    """(n, H, 5, 5), with `moment` (n, H, 5): the sums of the regression; `weight` solves them."""
    moment: Floats
    weight: Floats
    error: Floats
    """(n, H, 6): mean absolute error of each part of the mixture."""
    size: Floats
    """(n, H): mean absolute error of the mixture, clipped; `errors` counts them."""
    errors: Floats
    quantile: Floats
    """(n, H, 3): of the errors, in the unit of the series."""
    asked: Floats
    """Log odds told that the ceiling is passed within the longest horizon. NaN: nothing was."""
    limit: Floats
    """The ceiling then."""
    waited: Floats
    """Buckets since then; `heard`: those with a reading; `passed`: 1 if one was above."""
    heard: Floats
    passed: Floats
    came: Floats
    """How often this ceiling was passed within the longest horizon, of `answers` times."""
    answers: Floats
    pool_odds: Floats
    """(signals + 1, bins, 3): number, sum of the log odds told, and how often it was passed."""


_EMPTY_IS_NAN = ("asked", "mean", "ceiling", "now", "profile", "seen", "regressed", "mixed")
_NUMBERS = ("parts", "mean", "count", "level", "spread", "now")
_ANSWERS = ("asked", "limit", "waited", "heard", "passed", "came", "answers")
_SHARED = ("horizons", "clock", "pool_odds")


def empty(horizons: tuple[int, ...] = (3, 12, 48), bucket_seconds: float = 300.0) -> State:
    """Return the state of no series. `horizons`: growing, in buckets, at most a day."""
    many, kept, day = len(horizons), max(horizons) + 1, round(DAY_SECONDS / bucket_seconds)

    def none(*shape: int) -> Floats:
        return np.empty((0, *shape), np.float32)

    return State(
        horizons=np.array(horizons, np.int64),
        clock=np.array([bucket_seconds, -1.0, -1.0, -np.inf, np.inf, -1.0]),
        kind=np.empty(0, np.int16),
        total=np.empty(0, np.float64),
        ceiling=np.empty(0, np.float64),
        **{name: none() for name in (*_NUMBERS, *_ANSWERS)},
        deviation=none(DEVIATIONS),
        smooth=none(DEVIATIONS - 1),
        profile=none(day),
        seen=none(kept, KEPT),
        regressed=none(kept, many),
        mixed=none(kept, many),
        gram=none(many, FEATURES, FEATURES),
        moment=none(many, FEATURES),
        weight=none(many, FEATURES),
        error=none(many, EXPERTS),
        size=none(many),
        errors=none(many),
        quantile=none(many, len(QUANTILES)),
        pool_odds=np.zeros((len(Signal) + 1, ODDS_BINS, 3), np.float32),
    )


def with_room(state: State, capacity: int) -> State:
    """Return a state of at least that many rows; the new ones know nothing."""
    room = capacity - len(state.level)
    if room <= 0:
        return state
    grown = {f.name: getattr(state, f.name) for f in fields(state)}
    for name, column in grown.items():
        if name not in _SHARED:
            more = np.zeros((room, *column.shape[1:]), column.dtype)
            grown[name] = np.concatenate([column, more])
            grown[name][len(column) :] = np.nan if name in _EMPTY_IS_NAN else 0
    return State(**grown)


def begin(state: State, rows: Numbers, kinds: npt.NDArray[np.int16]) -> None:
    """Let new series begin in these rows, whatever was there."""
    for column in fields(state):
        if column.name not in _SHARED:
            getattr(state, column.name)[rows] = np.nan if column.name in _EMPTY_IS_NAN else 0
    state.kind[rows] = kinds


def part(state: State, which: slice) -> State:
    """Return some of the rows as views: what changes in them changes in the state."""
    columns = {f.name: getattr(state, f.name) for f in fields(state)}
    return State(**{n: c if n in _SHARED else c[which] for n, c in columns.items()})


def spread_of(state: State) -> Floats:
    """Return the spread, and of a constant what is as good as none."""
    spread: Floats = np.maximum(state.spread, 1e-6 * np.abs(state.level) + TINY)
    return spread


def outlooks(state: State, which: slice = slice(None)) -> Floats:
    """Return (n, H, 3): the quantiles of some series at every horizon after the bucket learnt.

    A series with few errors of its own takes the median interval of those of its kind that have
    enough, in spreads. NaN where nothing is known.
    """
    some, slot = part(state, which), int(state.clock[2]) % state.seen.shape[1]
    spread = some.seen[:, slot, 5]
    quantile = some.quantile.copy()
    young = some.errors < OWN_ERRORS
    for kind in np.unique(some.kind[young.any(axis=1)]):
        usual = _usual_quantile(state, int(kind))
        new = young & (some.kind == kind)[:, None] & np.isfinite(usual[:, 0])
        quantile = np.where(new[..., None], usual * spread[:, None, None], quantile)
    ahead: Floats = some.mixed[:, slot, :, None] + quantile
    # float32 steps come only so near to a value that stays
    slack = 1e-6 * np.abs(ahead[..., 1]) + 1e-3 * spread[:, None]
    ahead[..., 0] -= slack
    ahead[..., 2] += slack
    return ahead


def _usual_quantile(state: State, kind: int) -> Floats:
    """Return (H, 3), in spreads: the median over series of a kind. NaN: none has enough errors."""
    rows = np.flatnonzero(state.kind == kind)
    usual = np.full(state.quantile.shape[1:], np.nan, np.float32)
    spread = spread_of(state)
    for number in range(len(state.horizons)):
        old = rows[state.errors[rows, number] >= OWN_ERRORS][:ENOUGH_SERIES]
        if len(old):
            usual[number] = np.median(state.quantile[old, number] / spread[old, None], axis=0)
    return usual


def profile_ahead(state: State, rows: Numbers) -> Floats:
    """Return (n, steps): the profile at every bucket up to the longest horizon, of some rows."""
    steps = np.arange(1, int(state.horizons.max()) + 1) + int(state.clock[2])
    at = state.profile[rows[:, None], steps % state.profile.shape[1]]
    ahead: Floats = np.where(np.isnan(at), state.level[rows, None], at)
    return ahead
