"""Which round trips are as usual, so that nobody moves anything because of their noise."""

import numpy as np

from services.orient.core.series.rows import Aligned
from services.orient.core.series.scoring import Scores
from shared.messages.readings import Readings, Signal

FAR_SPREADS = 4.0
"""A measurement so far from what was expected is believed as it is. What lasts and is nearer
becomes usual as the level of its series follows, in some 25 minutes."""


def usual_round_trips(aligned: Aligned, scores: Scores) -> Readings:
    """Return the round trips that are as usual, with what is usual for values."""
    readings = aligned.readings
    is_usual = readings.signals == Signal.LINK_RTT_MS.value
    is_usual &= np.abs(scores.deviation) <= FAR_SPREADS
    found = readings.rows(is_usual)
    return Readings(
        signals=found.signals,
        clusters=found.clusters,
        subjects=found.subjects,
        values=scores.expected[is_usual].astype(np.float64),
        ages_seconds=found.ages_seconds,
    )
