"""The links of the fleet, from what either end measures: a matrix per signal, clusters by clusters.

A full mesh of 100 clusters is 9,900 links of six signals: too many to look up one by one.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shared.messages.readings import Readings, Signal
from shared.messages.texts import Texts
from shared.model.fleet import Link
from shared.model.names import ClusterName

Numbers = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float64]
NONE = Readings.from_rows(())


def links_between(
    clusters: Sequence[ClusterName], readings: Readings, usual: Readings = NONE
) -> tuple[Link, ...]:
    """Return a link for each pair that was measured from either end, sorted.

    `clusters`: sorted. What is the same from both ends is read at the other where one is silent.
    `usual`: of round trips that are as usual, what that is.
    """
    number = {name: i for i, name in enumerate(clusters)}
    ends = (_numbers(readings.clusters, number), _numbers(readings.subjects, number))
    rtt = _matrix(Signal.LINK_RTT_MS, readings, ends, len(number))
    up = _matrix(Signal.LINK_UP, readings, ends, len(number))
    capacity = _matrix(Signal.LINK_CAPACITY_MBPS, readings, ends, len(number))
    measured = np.isfinite(rtt) | np.isfinite(up) | np.isfinite(capacity)
    measured |= measured.T
    np.fill_diagonal(measured, val=False)
    sources, targets = np.nonzero(measured)
    columns = (
        _either(rtt / 2.0),
        _usual(rtt, usual, number) / 2.0,
        _either(_matrix(Signal.LINK_JITTER_MS, readings, ends, len(number))),
        _either(_matrix(Signal.LINK_LOSS_RATIO, readings, ends, len(number))),
        capacity,
        _matrix(Signal.LINK_USED_MBPS, readings, ends, len(number)),
        _either(up),
    )
    rows = zip(*(_values(column[measured]) for column in columns), strict=True)
    return tuple(
        Link(
            source=clusters[source],
            target=clusters[target],
            latency_ms=latency_ms,
            usual_latency_ms=usual_ms,
            jitter_ms=jitter_ms,
            loss_ratio=loss_ratio,
            capacity_mbps=capacity_mbps,
            used_mbps=used_mbps,
            up=None if is_up is None else is_up > 0,
        )
        for source, target, (
            latency_ms,
            usual_ms,
            jitter_ms,
            loss_ratio,
            capacity_mbps,
            used_mbps,
            is_up,
        ) in zip(sources.tolist(), targets.tolist(), rows, strict=True)
    )


def _matrix(signal: Signal, readings: Readings, ends: tuple[Numbers, Numbers], n: int) -> Matrix:
    """Return what clusters (rows) tell of their peers (columns). NaN: nothing."""
    cluster, peer = ends
    told = (readings.signals == signal.value) & (cluster >= 0) & (peer >= 0)
    told &= np.isfinite(readings.values)
    matrix = np.full((n, n), np.nan)
    matrix[cluster[told], peer[told]] = readings.values[told]
    return matrix


def _usual(rtt: Matrix, usual: Readings, number: dict[ClusterName, int]) -> Matrix:
    """Return what round trips usually are: from the end whose measurement is believed."""
    ends = (_numbers(usual.clusters, number), _numbers(usual.subjects, number))
    matrix = _matrix(Signal.LINK_RTT_MS, usual, ends, len(number))
    return np.where(np.isfinite(rtt), matrix, matrix.T)


def _numbers(texts: Texts, number: dict[ClusterName, int]) -> Numbers:
    """Return the number of the cluster that each text names, or -1."""
    of_words = [number.get(ClusterName(word), -1) for word in texts.words]
    return np.array(of_words, dtype=np.int64)[texts.codes]


def _either(matrix: Matrix) -> Matrix:
    return np.where(np.isfinite(matrix), matrix, matrix.T)


def _values(column: npt.NDArray[np.float64]) -> list[float | None]:
    values: list[float | None] = column.astype(object).tolist()
    for i in np.flatnonzero(np.isnan(column)).tolist():
        values[i] = None
    return values
