"""What is remembered of the series that are forecast, one row each, and what it says of later."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY_SECONDS = 86_400
QUANTILES = np.array([0.05, 0.5, 0.95], np.float32)
OWN_ERRORS = 48
"""A series with fewer errors of its own borrows the interval of its kind."""
EXPERTS, FEATURES, DEVIATIONS, KEPT = 5, 5, 3, 6


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """One row per series on axis 0, but for `horizons` and `clock`. Changed in place.

    n series, H horizons, B buckets a day, R = longest horizon + 1 buckets kept.
    """

    horizons: Numbers
    """Shape (H,), in buckets."""
    clock: npt.NDArray[np.float64]
    """Shape (4,): seconds of a bucket, number of the open and of the last closed bucket (-1: none),
    Unix time of the last reading."""
    kind: npt.NDArray[np.int16]
    total: npt.NDArray[np.float64]
    """Sum and, in `parts`, number of the readings in the open bucket."""
    parts: Floats
    count: Floats
    """Buckets learnt."""
    level: Floats
    spread: Floats
    """Mean absolute distance from the level."""
    now: Floats
    """Last bucket's value. NaN: it had none."""
    deviation: Floats
    """(n, 3): distance from the profile, smoothed over three spans."""
    profile: Floats
    """(n, B). NaN: that time of day was not seen yet."""
    seen: Floats
    """(n, R, 6): deviations, profile, level and spread as they were at a bucket."""
    regressed: Floats
    """(n, R, H), with `mixed`: what was forecast at a bucket. NaN: nothing."""
    mixed: Floats
    gram: Floats
    """(n, H, 5, 5), with `moment` (n, H, 5): the sums of the regression; `weight` solves them."""
    moment: Floats
    weight: Floats
    error: Floats
    """(n, H, 5): mean absolute error of each part of the mixture."""
    size: Floats
    """(n, H): mean absolute error of the mixture, clipped; `errors` counts them."""
    errors: Floats
    quantile: Floats
    """(n, H, 3): of the errors, in the unit of the series."""


_EMPTY_IS_NAN = ("now", "profile", "seen", "regressed", "mixed")
_SHARED = ("horizons", "clock")


def empty(horizons: tuple[int, ...] = (3, 12, 48), bucket_seconds: float = 300.0) -> State:
    """Return the state of no series. `horizons`: growing, in buckets, at most a day."""
    many, kept, day = len(horizons), max(horizons) + 1, round(DAY_SECONDS / bucket_seconds)

    def none(*shape: int) -> Floats:
        return np.empty((0, *shape), np.float32)

    return State(
        horizons=np.array(horizons, np.int64),
        clock=np.array([bucket_seconds, -1.0, -1.0, -np.inf]),
        kind=np.empty(0, np.int16),
        total=np.empty(0, np.float64),
        **{name: none() for name in ("parts", "count", "level", "spread", "now")},
        deviation=none(DEVIATIONS),
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


def outlooks(state: State) -> Floats:
    """Return (n, H, 3): the quantiles of every series at every horizon after the last bucket.

    A series with few errors of its own takes the median interval of those of its kind that have
    enough, in spreads. NaN where nothing is known.
    """
    slot = int(state.clock[2]) % state.seen.shape[1]
    spread = state.seen[:, slot, 5]
    quantile = state.quantile.copy()
    young = state.errors < OWN_ERRORS
    for kind in np.unique(state.kind[young.any(axis=1)]):
        of_kind = (state.kind == kind)[:, None]
        for number in range(len(state.horizons)):
            old = np.flatnonzero((of_kind & ~young)[:, number])
            new = np.flatnonzero((of_kind & young)[:, number])
            if len(old):
                usual = np.median(quantile[old, number] / spread[old, None], axis=0)
                quantile[new, number] = usual * spread[new, None]
    ahead: Floats = state.mixed[:, slot, :, None] + quantile
    # float32 steps come only so near to a value that stays
    slack = 1e-6 * np.abs(ahead[..., 1]) + 1e-3 * spread[:, None]
    ahead[..., 0] -= slack
    ahead[..., 2] += slack
    return ahead


def profile_ahead(state: State, rows: Numbers) -> Floats:
    """Return (n, steps): the profile at every bucket up to the longest horizon, of some rows."""
    steps = np.arange(1, int(state.horizons.max()) + 1) + int(state.clock[2])
    at = state.profile[rows[:, None], steps % state.profile.shape[1]]
    ahead: Floats = np.where(np.isnan(at), state.level[rows, None], at)
    return ahead
