"""Readings of one cycle as columns: small to send, fast to scan."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from shared.messages.texts import Texts, as_texts


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
    NODE_USED_BYTES = "node_used_bytes"
    NODE_SOFTIRQ_CORES = "node_softirq_cores"
    """What a node spends on packets; high on the node of a busy gateway."""
    POD_USED_CORES = "pod_used_cores"
    """Subject: the pod."""
    POD_USED_BYTES = "pod_used_bytes"
    POD_THROTTLED_RATIO = "pod_throttled_ratio"
    """Share of the scheduling periods in which a pod was kept from its CPU."""
    POD_RESTARTS = "pod_restarts"
    """A counter: how often the containers of a pod were started again."""
    PROCESSING_MS = "processing_ms"
    """From the metric an Application declares; cluster empty, subject `application/component`."""
    FLOW_MBPS = "flow_mbps"
    """From the metric declared; cluster empty, subject `application/source/target`."""
    USERS = "users"
    """How many users of a group there are; cluster empty, subject `application/group`."""


COUNTERS = frozenset((Signal.POD_RESTARTS,))
"""Signals that only grow, but for a reset; what they mean is their rate."""


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

    `values`: float64, shape (n,), in the signal's unit, NaN where the source said NaN.
    `ages_seconds`: float64, shape (n,).
    """

    signals: Texts
    clusters: Texts
    subjects: Texts
    values: npt.NDArray[np.float64]
    ages_seconds: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("signals", "clusters", "subjects"):
            object.__setattr__(self, name, as_texts(getattr(self, name)))
        lengths = {len(column) for column in (self.signals, self.clusters, self.subjects)}
        if lengths | {self.ages_seconds.size} != {self.values.size} or self.values.ndim != 1:
            raise ValueError(f"columns of unequal shape: {lengths}, {self.values.shape}")
        self.values.setflags(write=False)
        self.ages_seconds.setflags(write=False)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Readings):
            return NotImplemented
        return (
            self.signals.same_as(other.signals)
            and self.clusters.same_as(other.clusters)
            and self.subjects.same_as(other.subjects)
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

    def rows(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Readings":
        """Return some of the rows: by number, in that order, or by a mask of shape (n,)."""
        return Readings(
            signals=self.signals[which],
            clusters=self.clusters[which],
            subjects=self.subjects[which],
            values=self.values[which],
            ages_seconds=self.ages_seconds[which],
        )

    def of(self, signal: Signal) -> "Readings":
        """Return the rows of one signal."""
        return self.rows(self.signals == signal.value)

    @classmethod
    def from_rows(cls, rows: Iterable[Reading]) -> "Readings":
        """Build the columns from single readings."""
        table = list(rows)
        return cls(
            signals=as_texts([row.signal.value for row in table]),
            clusters=as_texts([row.cluster for row in table]),
            subjects=as_texts([row.subject for row in table]),
            values=np.array([row.value for row in table], dtype=np.float64),
            ages_seconds=np.array([row.age_seconds for row in table], dtype=np.float64),
        )
