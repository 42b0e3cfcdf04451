"""How far each reading is from what is normal for its series.

Per series a robust level and spread, updated by clipped steps, so that one wild value moves them
little (Huber's location estimate, made recursive: P. J. Huber, "Robust Estimation of a Location
Parameter", 1964). A score is the distance from the level in spreads. A score at t is computed
from the level before t.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.orient.core.memory import Baselines, SeriesKey
from shared.messages.insight import Anomaly
from shared.messages.readings import Readings, Signal

MEMORY_READINGS = 40
"""Readings that a level remembers, about: the weight of a new one is 2 / (n + 1)."""
WARM_UP_READINGS = 3
"""Readings before a series is judged; until it has a spread of its own the floor serves."""
LASTING_READINGS = 240
"""A change that lasts is two thirds learnt after so many: an hour at 15 s."""
CLIP_SPREADS = 3.0
WILD_SPREADS = 50.0
"""What is further away moves the level no more than this."""
UNBELIEVABLE = 1e15
"""No signal has a unit in which this is a measurement: such a value is left out."""
ALERT_SPREADS = 6.0
MEAN_DEVIATION_TO_SIGMA = 1.2533
"""sqrt(pi / 2): standard deviation over mean absolute deviation of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a signal is judged: the direction that is bad, and the least change that matters."""

    bad: int
    """+1: rising is bad. -1: falling is bad."""
    effect: float
    """Smallest distance from the level that counts, in the signal's unit."""
    relative_effect: float = 0.0
    """The same, as a share of the level; the larger of the two holds."""


WATCHES: dict[Signal, Watch] = {
    Signal.LINK_RTT_MS: Watch(bad=1, effect=1.0),
    Signal.LINK_JITTER_MS: Watch(bad=1, effect=0.5),
    Signal.LINK_LOSS_RATIO: Watch(bad=1, effect=0.002),
    Signal.LINK_CAPACITY_MBPS: Watch(bad=-1, effect=10.0, relative_effect=0.2),
    Signal.LINK_UP: Watch(bad=-1, effect=0.5),
    Signal.NODE_READY: Watch(bad=-1, effect=0.5),
    Signal.PROCESSING_MS: Watch(bad=1, effect=0.5, relative_effect=0.2),
}
"""Signals not listed are not judged: their swings are work, not faults."""


def judge(readings: Readings, baselines: Baselines) -> tuple[tuple[Anomaly, ...], Baselines]:
    """Return the readings that are not normal, and the baselines with these readings in them."""
    anomalies: list[Anomaly] = []
    for signal in WATCHES:
        found, baselines = _judge_signal(signal, readings.of(signal), baselines)
        anomalies.extend(found)
    anomalies.sort(key=lambda a: (a.signal, a.cluster, a.subject))
    return tuple(anomalies), baselines


def _judge_signal(
    signal: Signal, readings: Readings, baselines: Baselines
) -> tuple[list[Anomaly], Baselines]:
    known = np.abs(readings.values) < UNBELIEVABLE  # NaN is not either
    keys: list[SeriesKey] = [
        (signal.value, cluster, subject)
        for cluster, subject, ok in zip(readings.clusters, readings.subjects, known, strict=True)
        if ok
    ]
    if not keys:
        return [], baselines
    values = readings.values[known]
    baselines = _with_rows(baselines, keys, values)
    rows = np.array([baselines.rows[key] for key in keys])
    watch = WATCHES[signal]
    level, spread = baselines.level[rows], baselines.spread[rows]
    effect = np.maximum(watch.effect, watch.relative_effect * np.abs(level))
    # until a series has shown how it swings, a quarter of what matters is taken for its spread
    scale = np.maximum(spread, effect / 4.0)
    scores = (values - level) / scale
    is_bad = (
        (baselines.count[rows] >= WARM_UP_READINGS)
        & (watch.bad * scores >= ALERT_SPREADS)
        & (np.abs(values - level) >= effect)
    )
    found = [
        Anomaly(
            signal=signal.value,
            cluster=keys[i][1],
            subject=keys[i][2],
            value=float(values[i]),
            expected=float(level[i]),
            score=float(scores[i]),
        )
        for i in np.flatnonzero(is_bad)
    ]
    return found, _updated(baselines, rows, values, scale=scale, is_bad=is_bad)


def _with_rows(
    baselines: Baselines, keys: list[SeriesKey], values: npt.NDArray[np.float64]
) -> Baselines:
    """Give each new series a row that starts at its first value."""
    new = [i for i, key in enumerate(keys) if key not in baselines.rows]
    if not new:
        return baselines
    start = len(baselines.rows)
    rows = baselines.rows | {keys[i]: start + n for n, i in enumerate(new)}
    zeros = np.zeros(len(new))
    return Baselines(
        rows=rows,
        level=np.concatenate([baselines.level, values[new]]),
        spread=np.concatenate([baselines.spread, zeros]),
        count=np.concatenate([baselines.count, zeros]),
    )


def _updated(
    baselines: Baselines,
    rows: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    *,
    scale: npt.NDArray[np.float64],
    is_bad: npt.NDArray[np.bool_],
) -> Baselines:
    """Learn from normal values by clipped steps, from others slowly: a lasting change is normal."""
    level, spread, count = baselines.level.copy(), baselines.spread.copy(), baselines.count.copy()
    error = values - level[rows]
    clipped = np.clip(error, -CLIP_SPREADS * scale, CLIP_SPREADS * scale)
    step = np.maximum(1.0 / (count[rows] + 1.0), 2.0 / (MEMORY_READINGS + 1.0))
    far = np.clip(error, -WILD_SPREADS * scale, WILD_SPREADS * scale)
    level[rows] += np.where(is_bad, far / LASTING_READINGS, step * clipped)
    change = step * (MEAN_DEVIATION_TO_SIGMA * np.abs(clipped) - spread[rows])
    spread[rows] += np.where(is_bad, 0.0, change)
    count[rows] += 1.0
    return Baselines(rows=baselines.rows, level=level, spread=spread, count=count)


def recall(anomalies: Sequence[Anomaly]) -> Baselines:
    """Return baselines that know what was normal for these series before they went wrong."""
    return Baselines(
        rows={(a.signal, a.cluster, a.subject): i for i, a in enumerate(anomalies)},
        level=np.array([a.expected for a in anomalies], dtype=np.float64),
        spread=np.zeros(len(anomalies)),
        count=np.full(len(anomalies), float(MEMORY_READINGS)),
    )


def forget(
    baselines: Baselines, present: Readings, is_hidden: Callable[[SeriesKey], bool]
) -> Baselines:
    """Drop the series that are no longer read, so that memory stays bounded.

    `is_hidden`: whether a series may be there, unread: what was normal for it is kept.
    """
    keys = set(zip(present.signals, present.clusters, present.subjects, strict=True))
    kept = [key for key in baselines.rows if key in keys or is_hidden(key)]
    if len(baselines.rows) <= 2 * max(len(kept), 1):
        return baselines
    rows = np.array([baselines.rows[key] for key in kept], dtype=np.int64)
    return Baselines(
        rows={key: i for i, key in enumerate(kept)},
        level=baselines.level[rows],
        spread=baselines.spread[rows],
        count=baselines.count[rows],
    )
