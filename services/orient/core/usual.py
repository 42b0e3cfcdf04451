"""Which round trips are as usual, so that nobody moves anything because of their noise."""

import numpy as np

from services.orient.core.series.rows import Aligned
from services.orient.core.series.scoring import Scores
from services.orient.core.series.state import State
from shared.messages.readings import Readings, Signal

FAR_SPREADS = 4.0
"""A measurement so far from what was expected is believed as it is."""
DRIFT_SPREADS = 2.6
"""So are all while their mean of the last minutes is so far off: what lasts is no noise. These are
four deviations of that mean where noise is remembered for a minute."""


def usual_round_trips(aligned: Aligned, scores: Scores, series: State) -> Readings:
    """Return the round trips that are as usual, with what is usual for values."""
    readings = aligned.readings
    is_usual = (readings.signals == Signal.LINK_RTT_MS.value) & (
        np.abs(scores.deviation) <= FAR_SPREADS
    )
    is_usual &= np.abs(series.drift[aligned.rows]) <= DRIFT_SPREADS * scores.spread
    found = readings.rows(is_usual)
    return Readings(
        signals=found.signals,
        clusters=found.clusters,
        subjects=found.subjects,
        values=scores.expected[is_usual].astype(np.float64),
        ages_seconds=found.ages_seconds,
    )
