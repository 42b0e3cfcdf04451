"""Readings of one cycle as columns: small to send, fast to scan."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Signal(StrEnum):
    """What a reading measures. The unit ends the name; `subject` is told beside it."""

    LINK_RTT_MS = "link_rtt_ms"
    """Round trip between gateways; subject: the peer cluster."""
    LINK_JITTER_MS = "link_jitter_ms"
    """Interarrival jitter (RFC 3550, section 6.4.1); subject: the peer cluster."""
    LINK_LOSS_RATIO = "link_loss_ratio"
    LINK_CAPACITY_MBPS = "link_capacity_mbps"
    LINK_USED_MBPS = "link_used_mbps"
    LINK_UP = "link_up"
    """1 while the tunnel is connected."""
    NODE_ALLOCATABLE_CORES = "node_allocatable_cores"
    """Subject: the real node of the cluster."""
    NODE_ALLOCATABLE_BYTES = "node_allocatable_bytes"
    NODE_REQUESTED_CORES = "node_requested_cores"
    NODE_REQUESTED_BYTES = "node_requested_bytes"
    NODE_USED_CORES = "node_used_cores"
    NODE_READY = "node_ready"
    POD_USED_CORES = "pod_used_cores"
    """Subject: the pod."""
    PROCESSING_MS = "processing_ms"
    """From the metric an Application declares; cluster empty, subject `application/component`."""
    FLOW_MBPS = "flow_mbps"
    """From the metric declared; cluster empty, subject `application/source/target`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value, and how old it was at the time of the cycle."""

    signal: Signal
    cluster: str
    subject: str
    value: float
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """Columns of equal length n, one row per reading.

    `signals`, `clusters`, `subjects`: object arrays of str, shape (n,). `values`: float64, shape
    (n,), in the signal's unit, NaN where the source said NaN. `ages_seconds`: float64, shape (n,).
    """

    signals: npt.NDArray[np.object_]
    clusters: npt.NDArray[np.object_]
    subjects: npt.NDArray[np.object_]
    values: npt.NDArray[np.float64]
    ages_seconds: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        columns = (self.signals, self.clusters, self.subjects, self.values, self.ages_seconds)
        if len({column.shape for column in columns}) != 1 or self.values.ndim != 1:
            raise ValueError(f"columns of unequal shape: {[c.shape for c in columns]}")
        for column in columns:
            column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Readings):
            return NotImplemented
        return (
            np.array_equal(self.signals, other.signals)
            and np.array_equal(self.clusters, other.clusters)
            and np.array_equal(self.subjects, other.subjects)
            and np.array_equal(self.values, other.values, equal_nan=True)
            and np.array_equal(self.ages_seconds, other.ages_seconds, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Reading]:
        rows = zip(
            self.signals, self.clusters, self.subjects, self.values, self.ages_seconds, strict=True
        )
        for signal, cluster, subject, value, age in rows:
            yield Reading(Signal(signal), cluster, subject, float(value), float(age))

    def of(self, signal: Signal) -> "Readings":
        """Return the rows of one signal."""
        rows = self.signals == signal.value
        return Readings(
            signals=self.signals[rows],
            clusters=self.clusters[rows],
            subjects=self.subjects[rows],
            values=self.values[rows],
            ages_seconds=self.ages_seconds[rows],
        )

    @classmethod
    def from_rows(cls, rows: Iterable[Reading]) -> "Readings":
        """Build the columns from single readings."""
        table = list(rows)
        return cls(
            signals=np.array([row.signal.value for row in table], dtype=object),
            clusters=np.array([row.cluster for row in table], dtype=object),
            subjects=np.array([row.subject for row in table], dtype=object),
            values=np.array([row.value for row in table], dtype=np.float64),
            ages_seconds=np.array([row.age_seconds for row in table], dtype=np.float64),
        )
