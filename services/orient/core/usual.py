"""Which round trips are as usual, so that nobody moves anything because of their noise."""

import numpy as np
import numpy.typing as npt

from services.orient.core.series.rows import Aligned
from services.orient.core.series.scoring import Scores
from services.orient.core.series.state import State
from shared.messages.readings import Readings, Signal

Numbers = npt.NDArray[np.int64]

KNOWN_READINGS = 240
"""An hour. The spread of a younger series grows too fast while it is shifted."""
FAR_SPREADS = 4.0
"""A measurement so far from what was expected is believed as it is."""
DRIFT_SPREADS = 3.0
"""So are all while their mean of the last minutes is so far off: four and a half deviations of that
mean where noise is remembered for a minute. What lasts and is nearer becomes usual as the level
follows, in some 25 minutes."""
SETTLED_SPREADS = 0.5
"""Then they are until that mean is as near again: a level that only follows, with a spread that
grew meanwhile, is not what is usual."""


def usual_round_trips(
    aligned: Aligned, scores: Scores, series: State, before: Numbers
) -> tuple[Readings, Numbers]:
    """Return the round trips that are as usual, with what is usual for values.

    Also returns the rows of those that do not drift; `before` are those of the last cycle. Of what
    little is known nothing is usual.
    """
    rows = aligned.rows
    allowed = np.where(np.isin(rows, before), DRIFT_SPREADS, SETTLED_SPREADS)
    is_steady = aligned.readings.signals == Signal.LINK_RTT_MS.value
    is_steady &= series.count[rows] >= KNOWN_READINGS
    is_steady &= np.abs(series.drift[rows]) <= allowed * scores.spread
    is_usual = is_steady & (np.abs(scores.deviation) <= FAR_SPREADS)
    found = aligned.readings.rows(is_usual)
    told = Readings(
        signals=found.signals,
        clusters=found.clusters,
        subjects=found.subjects,
        values=scores.expected[is_usual].astype(np.float64),
        ages_seconds=found.ages_seconds,
    )
    return told, rows[is_steady]
