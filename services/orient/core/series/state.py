"""The state of every series as arrays, one row each.

Each series has a level and, where that explains its readings better, the rhythm of its day: a
profile of deviations from the level by time of day. Both learn by clipped steps, so that one wild
value moves them little (Huber's location estimate, made recursive: P. J. Huber, "Robust Estimation
of a Location Parameter", 1964). A reading is scored by what came before it, never by itself.

scoring.py has the update, docs/orient.md the formulas and how the constants were chosen.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.messages.readings import Signal

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SCALES = 3
"""Time scales on which alerts are looked for; see alerting.py."""
TAIL_START = -5.0
"""Of the logarithm of a deviation: where a tail begins before it is learnt."""
OTHER = len(Signal)
"""The kind of a series that is no signal of the loop, as of outside data."""
BUCKETS = 288
"""Of 5 minutes each."""


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """Arrays with one row per series, on the last axis; but for the pool. `update` changes them.

    Levels, spreads and errors are in the unit of the series. `*_at`: Unix seconds.
    """

    kind: npt.NDArray[np.int16]
    begun_at: npt.NDArray[np.float64]
    seen_at: npt.NDArray[np.float64]
    """Of the newest reading that could be used."""
    counted: npt.NDArray[np.float64]
    """The newest value of a counter."""
    interval: Floats
    """Usual seconds between two readings."""
    count: Floats
    level: Floats
    spread: Floats
    """Mean absolute deviation from what was expected, of clipped readings: robust."""
    error: Floats
    """Mean absolute deviation of all readings: what ranks a deviation in the series' own past."""
    level_error: Floats
    profile_error: Floats
    """Mean absolute deviations from the level alone, and from level and profile."""
    drift: Floats
    """Recent mean deviation."""
    shifted: Floats
    """Readings in a row far off in one direction; negative: below."""
    recent: Floats
    """Smoothed ranking score."""
    silence: Floats
    """Usual share of readings that could not be used."""
    profile: Floats
    """Shape (288, n): usual deviation from the level by time of day. NaN: never seen."""
    smooth: Floats
    tail_start: Floats
    tail_excess: Floats
    tail_count: Floats
    """Shape (scales, n); see alerting."""
    held: Floats
    pool_spread: npt.NDArray[np.float64]
    """Shape (kinds,): mean spread of the grown series of a kind."""


ROWS = tuple(f.name for f in fields(State) if f.name != "pool_spread")
_LONG = {"kind": np.int16, "begun_at": np.float64, "seen_at": np.float64, "counted": np.float64}
_WIDE = {
    "profile": BUCKETS,
    **dict.fromkeys(("smooth", "tail_start", "tail_excess", "tail_count"), SCALES),
}


def empty() -> State:
    """Return the state of no series."""
    columns: dict[str, Any] = {name: _column(name, 0) for name in ROWS}
    return State(**columns, pool_spread=np.zeros(OTHER + 1))


def _column(name: str, rows: int) -> npt.NDArray[np.generic]:
    shape = (_WIDE[name], rows) if name in _WIDE else rows
    return np.zeros(shape, _LONG.get(name, np.float32))


def with_room(state: State, capacity: int) -> State:
    """Return a state of at least that many rows; what is there is kept."""
    room = capacity - len(state.level)
    if room <= 0:
        return state
    grown: dict[str, Any] = {
        name: np.concatenate([getattr(state, name), _column(name, room)], axis=-1) for name in ROWS
    }
    return State(**grown, pool_spread=state.pool_spread)


def begin(state: State, rows: Numbers, kinds: npt.NDArray[np.int16]) -> None:
    """Let new series begin in these rows, whatever was there. `kinds`: the index of the signal."""
    for name in ROWS:
        getattr(state, name)[..., rows] = 0
    state.kind[rows] = kinds
    state.profile[:, rows] = np.nan
    state.tail_start[:, rows] = TAIL_START
