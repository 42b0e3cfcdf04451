"""Where the series that Decide uses go, and when they meet their ceiling."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orient.core.forecasts.crossing import find_crossings
from services.orient.core.forecasts.demand import NODES, Key, collect_demand
from services.orient.core.forecasts.projecting import take
from services.orient.core.forecasts.projection import (
    State,
    begin,
    empty,
    outlooks,
    profile_ahead,
    with_room,
)
from services.orient.core.series.rows import Rows, align
from shared.messages.insight import Forecast, Outlook
from shared.messages.observation import Observation
from shared.messages.readings import Signal
from shared.model.fleet import Fleet

Mask = npt.NDArray[np.bool_]

MAX_FORECAST_ROWS = 2**16
"""Twice what a full mesh of 100 clusters with 4,000 nodes has; 100 MB."""
TOLD_PROBABILITY = 0.01
"""Links and nodes less likely to pass their ceiling are not told."""
_KIND = {signal.value: number for number, signal in enumerate(Signal)}


@dataclass(slots=True, kw_only=True, eq=False)
class Forecasts:
    """What is remembered of the series that are forecast. Changed in place."""

    rows: Rows = field(default_factory=lambda: Rows(bound=MAX_FORECAST_ROWS))
    state: State = field(default_factory=empty)
    told: tuple[Forecast, ...] = ()
    """What was told last: a restart may lose it, the next bucket brings it back."""


def forecast(
    fleet: Fleet, observation: Observation, memory: Forecasts
) -> tuple[tuple[Forecast, ...], Forecasts]:
    """Learn from one tick, and forecast from the last whole bucket of five minutes.

    Between two buckets the same is told. Told are all components, user groups and sums of
    clusters; of nodes and links those that may pass their ceiling; of latencies those that are
    about to leave where they are.
    """
    demand = collect_demand(fleet, observation.readings, observation.inventory)
    at_seconds = observation.at.timestamp()
    aligned = align(memory.rows, demand.readings, at_seconds=at_seconds)
    state = with_room(memory.state, memory.rows.capacity)
    kinds = np.array([_KIND[signal] for signal, _, _ in aligned.new_keys], np.int16)
    begin(state, aligned.new, kinds)
    memory.state = state
    if take(state, aligned.rows, aligned.readings.values, at_seconds=at_seconds):
        told = aligned.readings
        columns = (told.signals.tolist(), told.clusters.tolist(), told.subjects.tolist())
        keys = list(zip(*columns, strict=True))
        memory.told = _look_ahead(state, aligned.rows, keys, demand.ceilings)
    return memory.told, memory


def _look_ahead(
    state: State, rows: npt.NDArray[np.int64], keys: list[Key], known: dict[Key, float]
) -> tuple[Forecast, ...]:
    ahead = outlooks(state)[rows]
    ceilings = np.array([known.get(key, np.nan) for key in keys], np.float64)
    shape = profile_ahead(state, rows)
    crossing = find_crossings(ahead, shape, state.horizons, ceilings)
    may_pass: Mask = crossing.probability >= TOLD_PROBABILITY
    now = np.where(np.isnan(state.now[rows]), state.level[rows], state.now[rows])
    leaves: Mask = (ahead[..., 0] > now[:, None]) | (ahead[..., 2] < now[:, None])
    wanted = np.isfinite(ahead).all(axis=(1, 2)) & _are_told(keys, may_pass, leaves.max(axis=1))
    seconds = state.horizons * state.clock[0]
    found = [
        Forecast(
            signal=keys[i][0],
            cluster=keys[i][1],
            subject=keys[i][2],
            outlooks=tuple(
                Outlook(horizon_seconds=float(s), expected=mid, low=low, high=high)
                for s, (low, mid, high) in zip(seconds, ahead[i].tolist(), strict=True)
            ),
            ceiling=_or_none(ceilings[i]),
            ceiling_probability=_or_none(crossing.probability[i]),
            seconds_to_ceiling=_or_none(crossing.buckets[i] * state.clock[0]),
        )
        for i in np.flatnonzero(wanted)
    ]
    return tuple(sorted(found, key=lambda f: (f.signal, f.cluster, f.subject)))


def _are_told(keys: list[Key], may_pass: Mask, moves: Mask) -> Mask:
    """Tell which are worth a word: a large fleet has ten thousand links that do nothing."""
    is_latency = np.array([k[0] == Signal.LINK_RTT_MS for k in keys], np.bool_)
    is_one_of_many = np.array(
        [k[0] == Signal.LINK_USED_MBPS or (k[0] in NODES and k[2] != "") for k in keys], np.bool_
    )
    chosen: Mask = np.where(is_latency, moves, ~is_one_of_many | may_pass)
    return chosen


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
