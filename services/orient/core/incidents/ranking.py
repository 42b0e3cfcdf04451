"""Which of several things is the likely cause: by how far it shifted, how early, what it explains.

The three signs that root-cause work on services agrees on: robust shift (median against what was
normal), onset (a cause comes before its effects), and reach (what depends on it is bad too).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

SHIFT_WEIGHT, ONSET_WEIGHT, REACH_WEIGHT = 0.4, 0.2, 0.4
"""Each sign alone is weak; reach and shift weigh alike, onset less, as it is read off a raster."""
ONSET_SECONDS = 60.0
"""A later onset counts for less: e-fold per minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for one thing."""

    key: tuple[str, str]
    """Kind and name; ties go to the first by name."""
    shift: float
    """Median distance from normal, in robust standard deviations."""
    onset_seconds: float | None
    """When it began to be bad, on any clock common to all. None: not known."""
    explained_ratio: float
    """Share of what is bad that depends on it, itself included (0 to 1)."""


def rank(evidence: Iterable[Evidence]) -> tuple[tuple[Evidence, float], ...]:
    """Return the things with their scores, 0 to 1, the likeliest cause first."""
    things = sorted(evidence, key=lambda e: e.key)
    most = max((abs(e.shift) for e in things), default=0.0)
    onsets = [e.onset_seconds for e in things if e.onset_seconds is not None]
    first = min(onsets, default=0.0)
    scored = [(e, _score(e, most=most, first=first)) for e in things]
    return tuple(sorted(scored, key=lambda pair: (-pair[1], pair[0].key)))


def _score(evidence: Evidence, *, most: float, first: float) -> float:
    shift = math.log1p(abs(evidence.shift)) / math.log1p(most) if most > 0 else 0.0
    onset = 0.0
    if evidence.onset_seconds is not None:
        onset = math.exp(-(evidence.onset_seconds - first) / ONSET_SECONDS)
    return SHIFT_WEIGHT * shift + ONSET_WEIGHT * onset + REACH_WEIGHT * evidence.explained_ratio
