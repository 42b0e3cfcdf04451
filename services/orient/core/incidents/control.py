"""Which deviations are worth a word: false alarms kept few, whatever the number of series.

A series is judged by two of its last three readings: by the smaller deviation of the two, so that
an outlier alone says nothing. It is an anomaly when both deviate in the bad direction by at least
what matters for its signal, and further than series of that signal hardly ever do, seen over all
series of the tick: the false discovery rate is bounded (Y. Benjamini, Y. Hochberg, "Controlling the
False Discovery Rate", 1995). How far they deviate is learnt from the fleet itself while it is calm:
beyond a start the tail is taken as exponential (peaks over threshold; J. Pickands, 1975).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from services.orient.core.incidents.watches import BAD, EFFECT, RELATIVE_EFFECT
from services.orient.core.series.rows import Aligned
from services.orient.core.series.scoring import Scores
from services.orient.core.series.state import OTHER, Flags, Floats, Numbers
from shared.messages.incident import Anomaly

Reals = npt.NDArray[np.float64]

KINDS = OTHER + 1
FALSE_DISCOVERY_RATE = 0.001
"""Share of the anomalies of a tick that may be chance."""
TAIL_START = 3.0
"""Deviation beyond which the tail of a signal is learnt."""
PRIOR_READINGS = 200.0
PRIOR_SHARE = 0.01
"""A signal that was not yet seen is taken to be beyond the start of its tail so often."""
PRIOR_EXCESS = 0.5
MOST_EXCESS = 20.0
LEAST_SPREAD = 1.0 / 6.0
"""Of what matters: the least spread a series is taken to have."""
MEMORY_TICKS = 20_000.0
"""Ticks that a tail remembers: some days at 15 s."""
SHORT_TICKS = 4
"""A run of fewer ticks is learnt as chance once it is over: there are such spells."""
MOST_TOLD = 2000
"""Anomalies told in one tick; beyond them the least likely to be chance stand for all."""


@dataclass(slots=True, kw_only=True, eq=False)
class Control:
    """What is remembered of bad readings. Changed in place by `find_anomalies`."""

    last: Floats = field(default_factory=lambda: np.empty((0, 2), np.float32))
    """Shape (rows, 2): deviation of the last reading and of the one before it."""
    onset_at: Reals = field(default_factory=lambda: np.empty(0))
    """Shape (rows,), Unix seconds: the first bad reading of a run."""
    ticks: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """Shape (rows,): ticks of the run in which the series is bad by two of three readings."""
    furthest: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    """Shape (rows,): how far it deviated in them; not learnt yet."""
    pool_seen: Reals = field(default_factory=lambda: np.zeros(KINDS))
    pool_beyond: Reals = field(default_factory=lambda: np.zeros(KINDS))
    pool_excess: Reals = field(default_factory=lambda: np.zeros(KINDS))
    """Shape (kinds,): readings seen, those beyond the start of the tail, and by how much."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """The watched readings of a tick, shape (n,)."""

    kind: npt.NDArray[np.int16]
    effect: Reals
    """What matters, in spreads."""
    deviation: Reals
    """In the bad direction, in spreads. NaN: not watched, or nothing is expected."""
    lasting: Reals
    """The smaller deviation of this and one of the two readings before."""
    p_value: Reals


def find_anomalies(
    control: Control,
    aligned: Aligned,
    scores: Scores,
    kinds: npt.NDArray[np.int16],
    *,
    at_seconds: float,
) -> tuple[Anomaly, ...]:
    """Return the series that are not normal, and learn how far the others swing.

    `kinds`: shape (n,), the index of the signal of each reading.
    """
    _make_room(control, aligned)
    rows = aligned.rows
    judged = _judge(control, scores, kinds, rows)
    is_anomaly = _discover(judged)
    was_bad = (control.last[rows] >= judged.effect[:, None]).any(axis=1)
    begins = (judged.deviation >= judged.effect) & ~was_bad
    control.onset_at[rows[begins]] = at_seconds
    control.last[rows, 1] = control.last[rows, 0]
    control.last[rows, 0] = np.nan_to_num(judged.deviation)
    _learn(control, judged, rows, judged.lasting >= judged.effect)
    return _told(control, aligned, scores, judged, np.flatnonzero(is_anomaly))


def _make_room(control: Control, aligned: Aligned) -> None:
    most = max(int(aligned.rows.max(initial=-1)), int(aligned.gone.max(initial=-1)))
    missing = most + 1 - len(control.ticks)
    if missing > 0:
        more = max(missing, len(control.ticks))
        control.last = np.concatenate([control.last, np.zeros((more, 2), np.float32)])
        control.onset_at = np.concatenate([control.onset_at, np.zeros(more)])
        control.ticks = np.concatenate([control.ticks, np.zeros(more, np.int32)])
        control.furthest = np.concatenate([control.furthest, np.zeros(more, np.float32)])
    for anew in (aligned.gone, aligned.new):
        control.last[anew] = 0.0
        control.ticks[anew] = 0


def _judge(
    control: Control, scores: Scores, kinds: npt.NDArray[np.int16], rows: Numbers
) -> _Judged:
    value, expected = scores.value.astype(np.float64), scores.expected.astype(np.float64)
    effect = np.maximum(EFFECT[kinds], RELATIVE_EFFECT[kinds] * np.abs(expected))
    # until a series has shown how it swings, a part of what matters is taken for its spread
    scale = np.maximum(scores.spread, LEAST_SPREAD * effect)
    deviation = BAD[kinds] * (value - expected) / scale
    lasting = np.minimum(deviation, control.last[rows].max(axis=1, initial=-np.inf))
    return _Judged(
        kind=kinds,
        effect=effect / scale,
        deviation=deviation,
        lasting=lasting,
        p_value=_p_values(control, kinds, lasting),
    )


def _p_values(control: Control, kinds: npt.NDArray[np.int16], deviation: Reals) -> Reals:
    """Return how often readings of a signal deviate as far: 1 before the tail."""
    seen = control.pool_seen + PRIOR_READINGS
    beyond = control.pool_beyond + PRIOR_READINGS * PRIOR_SHARE
    excess = control.pool_excess + PRIOR_READINGS * PRIOR_SHARE * PRIOR_EXCESS
    over = np.maximum(deviation - TAIL_START, 0.0)
    tail = (beyond / seen)[kinds] * np.exp(-over / (excess / beyond)[kinds])
    return np.where(deviation > TAIL_START, tail, 1.0)


def _discover(judged: _Judged) -> Flags:
    """Return which series are anomalies, at a bounded rate of false discoveries."""
    candidates = np.flatnonzero(judged.lasting >= judged.effect)
    count = int(np.isfinite(judged.deviation).sum())
    is_anomaly = np.zeros(len(judged.lasting), np.bool_)
    if len(candidates):
        ordered = candidates[np.argsort(judged.p_value[candidates], kind="stable")]
        ranks = np.arange(1, len(ordered) + 1)
        below = judged.p_value[ordered] <= FALSE_DISCOVERY_RATE * ranks / count
        if below.any():
            is_anomaly[ordered[: int(np.flatnonzero(below)[-1]) + 1]] = True
    return is_anomaly


def _learn(control: Control, judged: _Judged, rows: Numbers, is_bad: Flags) -> None:
    """Learn how far calm series deviate; short runs of bad ones too, when they are over."""
    ticks, furthest = control.ticks[rows], control.furthest[rows]
    was_short = ~is_bad & (ticks > 0) & (ticks < SHORT_TICKS)
    deviation = np.where(is_bad, np.nan, judged.lasting)
    deviation = np.where(was_short, np.fmax(deviation, furthest), deviation)
    control.ticks[rows] = np.where(is_bad, ticks + 1, 0)
    so_far = np.where(ticks > 0, furthest, 0.0)
    control.furthest[rows] = np.where(is_bad, np.fmax(so_far, judged.lasting), 0.0)
    known = np.flatnonzero(np.isfinite(deviation))
    times = np.where(was_short, ticks, 1)[known].astype(np.float64)
    over = deviation[known] - TAIL_START
    keep = 1.0 - 1.0 / MEMORY_TICKS
    for pool, weights in (
        (control.pool_seen, times),
        (control.pool_beyond, times * (over > 0)),
        (control.pool_excess, times * np.clip(over, 0.0, MOST_EXCESS)),
    ):
        pool[:] = keep * pool + np.bincount(judged.kind[known], weights, KINDS)


def _told(
    control: Control, aligned: Aligned, scores: Scores, judged: _Judged, which: Numbers
) -> tuple[Anomaly, ...]:
    if len(which) > MOST_TOLD:
        which = which[np.argsort(judged.p_value[which], kind="stable")[:MOST_TOLD]]
    readings = aligned.readings
    found = [
        Anomaly(
            signal=str(readings.signals[i]),
            cluster=str(readings.clusters[i]),
            subject=str(readings.subjects[i]),
            value=float(scores.value[i]),
            expected=float(scores.expected[i]),
            score=float(BAD[judged.kind[i]] * judged.deviation[i]),
            p_value=float(judged.p_value[i]),
            onset_at=datetime.fromtimestamp(control.onset_at[aligned.rows[i]], UTC),
        )
        for i in which.tolist()
        if np.isfinite(judged.deviation[i])
    ]
    found.sort(key=lambda a: (a.signal, a.cluster, a.subject))
    return tuple(found)
