"""What Orient carries from one observation to the next, as a value."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from shared.messages.insight import Incident

SeriesKey = tuple[str, str, str]
"""Signal, cluster, subject."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baselines:
    """What is normal for each series: one row per series in every array, float64, shape (n,).

    `level` and `spread` are in the signal's unit; `spread` estimates a standard deviation.
    `count` is how many readings made them.
    """

    rows: dict[SeriesKey, int] = field(default_factory=dict)
    level: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    spread: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    count: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An incident under watch: seen bad, not yet open or not yet closed."""

    incident: Incident
    bad_cycles: int
    """In a row up to now, or when it opened."""
    good_cycles: int = 0
    """In a row up to now."""
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Whether one user group was within its budget, per cycle of the last hour."""

    key: tuple[str, str]
    """Application, group."""
    history: tuple[tuple[datetime, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All of it. Empty after a start without an earlier insight."""

    baselines: Baselines = field(default_factory=Baselines)
    watched: tuple[Watched, ...] = ()
    verdicts: tuple[Verdicts, ...] = ()
