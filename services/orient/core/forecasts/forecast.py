"""Where the series that Decide uses go, and when they meet their ceiling."""

from dataclasses import dataclass, field

import numpy as np

from services.orient.core.forecasts.buckets import is_learnt, learn, take
from services.orient.core.forecasts.crossing import foresee_crossings
from services.orient.core.forecasts.demand import NODES, Demand, find_ceilings, find_demand
from services.orient.core.forecasts.projection import (
    OWN_ERRORS,
    Floats,
    Mask,
    Numbers,
    State,
    begin,
    empty,
    outlooks,
    with_room,
)
from services.orient.core.forecasts.reliability import forget_answers
from services.orient.core.series.rows import Rows, SeriesKey, align
from shared.messages.insight import Forecast, Outlook
from shared.messages.observation import Observation
from shared.messages.readings import Signal
from shared.model.fleet import Fleet

MAX_FORECAST_ROWS = 2**16
"""Twice what a full mesh of 100 clusters with 4,000 nodes has; 100 MB."""
TOLD_PROBABILITY = 0.01
"""Links and nodes less likely to pass their ceiling are not told."""
ROWS_A_TICK = 2048
"""So many rows learn from a bucket in one tick, some 20 ms; more if that would take too long."""
LEARNT_WITHIN = 2 / 3
"""Of a bucket, all rows."""
_KIND = {signal.value: number for number, signal in enumerate(Signal)}


@dataclass(slots=True, kw_only=True, eq=False)
class Forecasts:
    """What is remembered of the series that are forecast. Changed in place."""

    rows: Rows = field(default_factory=lambda: Rows(bound=MAX_FORECAST_ROWS))
    state: State = field(default_factory=empty)
    told: tuple[Forecast, ...] = ()
    """What was told last: a restart may lose it, the next bucket brings it back."""
    coming: tuple[Forecast, ...] = ()
    """What will be told when all rows have learnt from the bucket before."""
    demand: Demand | None = field(default=None, metadata={"saved": False})


def forecast(
    fleet: Fleet, observation: Observation, memory: Forecasts
) -> tuple[tuple[Forecast, ...], Forecasts]:
    """Learn from one tick, and forecast from the last whole bucket of five minutes.

    Between two buckets the same is told. Told are all components, user groups and sums of
    clusters; of nodes and links those that may pass their ceiling; of latencies those that are
    about to leave where they are.
    """
    readings, at_seconds = observation.readings, observation.at.timestamp()
    memory.demand = find_demand(memory.demand, readings, observation.inventory)
    aligned = align(memory.rows, memory.demand.gather(readings), at_seconds=at_seconds)
    state = memory.state = with_room(memory.state, memory.rows.capacity)
    begin(state, aligned.new, np.array([_KIND[key[0]] for key in aligned.new_keys], np.int16))
    take(state, aligned.rows, aligned.readings.values, at_seconds=at_seconds)
    share = observation.interval_seconds / (LEARNT_WITHIN * state.clock[0])
    learnt = learn(state, max(ROWS_A_TICK, int(np.ceil(len(state.level) * share))))
    if learnt.stop > 0:
        if learnt.start == 0:
            memory.coming = ()
            _set_ceilings(memory, find_ceilings(fleet))
        is_there = (aligned.rows >= learnt.start) & (aligned.rows < learnt.stop)
        memory.coming += _look_ahead(memory, learnt, aligned.rows[is_there])
        if is_learnt(state):
            told = sorted(memory.coming, key=lambda f: (f.signal, f.cluster, f.subject))
            memory.told, memory.coming = tuple(told), ()
    return memory.told, memory


def _set_ceilings(memory: Forecasts, ceilings: dict[SeriesKey, float]) -> None:
    rows = np.arange(len(memory.rows.keys))
    known = np.array([ceilings.get(key, np.nan) for key in memory.rows.keys], np.float64)
    forget_answers(memory.state, rows[known != memory.state.ceiling[rows]])
    memory.state.ceiling[rows] = known


def _look_ahead(memory: Forecasts, learnt: slice, rows: Numbers) -> tuple[Forecast, ...]:
    """Return what is worth a word of these rows, all of them among those that learnt."""
    state = memory.state
    ahead = outlooks(state, learnt)[rows - learnt.start]
    crossing = foresee_crossings(state, rows, ahead)
    now = np.where(np.isnan(state.now[rows]), state.level[rows], state.now[rows])
    leaves = (ahead[..., 0] > now[:, None]) | (ahead[..., 2] < now[:, None])
    leaves &= state.errors[rows] >= OWN_ERRORS
    keys = [memory.rows.keys[row] for row in rows.tolist()]
    is_told = _are_told(keys, crossing.probability >= TOLD_PROBABILITY, leaves.any(axis=1))
    return tuple(
        _as_forecast(state, keys[i], ahead[i], (state.ceiling[rows[i]], *crossing.of(i)))
        for i in np.flatnonzero(is_told & np.isfinite(ahead).all(axis=(1, 2))).tolist()
    )


def _as_forecast(
    state: State, key: SeriesKey, ahead: Floats, reach: tuple[float, float, float]
) -> Forecast:
    """`reach`: the ceiling, its probability, and after how many buckets; NaN where unknown."""
    seconds = (state.horizons * state.clock[0]).tolist()
    ceiling, probability, buckets = reach
    return Forecast(
        signal=key[0],
        cluster=key[1],
        subject=key[2],
        outlooks=tuple(
            Outlook(horizon_seconds=s, expected=mid, low=low, high=high)
            for s, (low, mid, high) in zip(seconds, ahead.tolist(), strict=True)
        ),
        ceiling=_or_none(ceiling),
        ceiling_probability=_or_none(probability),
        seconds_to_ceiling=_or_none(buckets * state.clock[0]),
    )


def _are_told(keys: list[SeriesKey], may_pass: Mask, moves: Mask) -> Mask:
    """Tell which are worth a word: a large fleet has ten thousand links that do nothing."""
    is_latency = np.array([k[0] == Signal.LINK_RTT_MS for k in keys], np.bool_)
    is_one_of_many = np.array(
        [k[0] == Signal.LINK_USED_MBPS or (k[0] in NODES and k[2] != "") for k in keys], np.bool_
    )
    chosen: Mask = np.where(is_latency, moves, ~is_one_of_many | may_pass)
    return chosen


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
