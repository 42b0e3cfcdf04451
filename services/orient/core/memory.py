"""What Orient carries from one observation to the next, as a value."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from services.orient.core.entities.watch import Entities
from services.orient.core.forecasts.forecast import Forecasts
from services.orient.core.incidents.changes import Changes
from services.orient.core.incidents.control import Control
from services.orient.core.incidents.watched import Watched
from services.orient.core.series.rows import Rows, Tally
from services.orient.core.series.state import State, empty


def _none() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Whether one user group was within its budget, per cycle of the last hour."""

    key: tuple[str, str]
    """Application, group."""
    history: tuple[tuple[datetime, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All of it. Empty after a start without an earlier insight."""

    learnt_at: datetime | None = None
    """The instant of the newest observation in it."""
    rows: Rows = field(default_factory=Rows)
    series: State = field(default_factory=empty)
    steady_rows: npt.NDArray[np.int64] = field(
        default_factory=_none, metadata={"saved": False}, compare=False
    )
    """Of the round trips that did not drift in the newest observation."""
    control: Control = field(default_factory=Control)
    changes: Changes = field(default_factory=Changes)
    entities: Entities = field(default_factory=Entities)
    forecasts: Forecasts = field(default_factory=Forecasts)
    watched: tuple[Watched, ...] = ()
    verdicts: tuple[Verdicts, ...] = ()
    tally: Tally = field(default_factory=Tally, metadata={"saved": False})
    """Of the newest observation."""
