"""Ticks become buckets of five minutes, and rows learn from each when it is over."""

import numpy as np
import numpy.typing as npt

from services.orient.core.forecasts.projecting import learn_bucket
from services.orient.core.forecasts.projection import Numbers, State, part

UNBELIEVABLE = 1e15


def take(
    state: State, rows: Numbers, values: npt.NDArray[np.float64], *, at_seconds: float
) -> None:
    """Take the readings of one tick; the bucket before waits to be learnt when they open a new one.

    `rows`, `values`: shape (n,), no row twice; NaN is no reading. A time that does not advance is
    ignored.
    """
    if not at_seconds > state.clock[3]:
        return
    bucket = np.floor(at_seconds / state.clock[0])
    if bucket != state.clock[1]:
        _set_aside(state)
        state.total[:] = 0
        state.parts[:] = 0
        state.clock[1] = bucket
    state.clock[3] = at_seconds
    known = np.abs(values) < UNBELIEVABLE  # NaN is not either
    state.total[rows] += np.where(known, values, 0.0)
    state.parts[rows] += known


def close(state: State) -> bool:
    """Learn all of the open bucket and forecast from it. Return whether there was one."""
    opened = _set_aside(state)
    learn(state, len(state.level))
    return opened


def learn(state: State, most: int) -> slice:
    """Let so many more rows learn from the bucket before, and forecast. Return which did.

    A large fleet spreads this over ticks; what a row learns does not depend on that.
    """
    if is_learnt(state):
        return slice(0, 0)
    start = int(state.clock[4])
    rows = slice(start, min(start + most, len(state.level)))
    learn_bucket(part(state, rows), start)
    state.clock[4] = rows.stop if rows.stop < len(state.level) else np.inf
    return rows


def is_learnt(state: State) -> bool:
    """Tell whether all rows have learnt from the bucket before."""
    return bool(np.isinf(state.clock[4]))


def _set_aside(state: State) -> bool:
    """Let the open bucket be the one to learn, unless it is, after all of the one before."""
    if state.clock[1] == state.clock[2]:
        return False
    learn(state, len(state.level))
    mean = state.total / np.maximum(state.parts, 1)
    state.mean[:] = np.where(state.parts > 0, mean, np.nan)
    state.clock[5], state.clock[2], state.clock[4] = state.clock[2], state.clock[1], 0
    return True
