"""`causes`: which pod is to blame, by the ranking that runs in Orient.

Of each metric the shift is the distance of the median after the onset from the one before it, in
robust standard deviations of the time before. A pod counts by the metric that shifted most; a
caller suffers from what it calls, so the callee explains it.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer

from bench.assessing.pods import (
    BadInputError,
    Floats,
    PodData,
    read_calls,
    read_onset,
    read_pods,
)
from services.orient.core.incidents.ranking import Evidence, rank

BEFORE_SECONDS, AFTER_SECONDS = 3600.0, 600.0
"""What is looked at: an hour has no rhythm of the day in it yet; effects come within minutes."""
FEWEST_BEFORE, FEWEST_AFTER = 5, 2
BAD_SHIFT = 4.0
"""Standard deviations from which a pod is bad: chance hardly ever does that for long."""
FALLING_WEIGHT = 0.5
"""Less traffic and less work are mostly what others suffer; what breaks rises."""
MAD_TO_SIGMA = 1.4826
LEAST_SPREAD, USUAL = 0.02, 90.0
"""Share of the level, or of this percentile: what hardly moved is not judged finer than that."""
COUNTER_STEPS = 0.9
"""Share of the steps before the onset in which a counter grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How one pod differs from before."""

    pod: str
    metric: str
    """The one that shifted most. Empty: none did."""
    size: float
    onset_seconds: float | None


def print_causes(folder: Path, graph: Path | None, onset: str | None) -> None:
    """Print `rank,pod,score,metric`, the likeliest cause first. Exit: 2 where input is missing."""
    try:
        pods = read_pods(folder, graph)
        calls = read_calls(folder, graph)
        onset_seconds = read_onset(folder, onset)
        shifts = shifts_of(pods, onset_seconds)
    except BadInputError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    for pod in sorted({p.name for p in pods} - {s.pod for s in shifts}):
        print(f"{pod} has too few rows on one side of the onset; left out", file=sys.stderr)
    if not calls:
        print(f"{folder}: no call graph; ranked by shift and onset alone", file=sys.stderr)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("rank", "pod", "score", "metric"))
    for place, (shift, score) in enumerate(rank_pods(shifts, calls), 1):
        table.writerow((place, shift.pod, f"{score:.4f}", shift.metric))


def rank_pods(
    shifts: Iterable[Shift], calls: Iterable[tuple[str, str]]
) -> list[tuple[Shift, float]]:
    """Return the pods with their scores, the likeliest cause first."""
    of_pod = {shift.pod: shift for shift in shifts}
    callers = _all_callers(of_pod, calls)
    bad = {pod for pod, shift in of_pod.items() if shift.size >= BAD_SHIFT}
    evidence = [
        Evidence(
            key=("pod", pod),
            shift=shift.size,
            onset_seconds=shift.onset_seconds,
            explained_ratio=len(bad & {pod, *callers[pod]}) / len(bad) if pod in bad else 0.0,
        )
        for pod, shift in of_pod.items()
    ]
    return [(of_pod[e.key[1]], score) for e, score in rank(evidence)]


def _all_callers(pods: Iterable[str], calls: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return for each pod those that call it, at first or second hand."""
    names = sorted(pods)
    direct: dict[str, set[str]] = defaultdict(set)
    for source, target in calls:
        for callee in _pods_named(target, names):
            direct[callee] |= set(_pods_named(source, names))
    found = {}
    for name in names:
        reached, ahead = set[str](), [name]
        while ahead:
            new = direct[ahead.pop()] - reached
            reached |= new
            ahead += new
        found[name] = reached
    return found


def _pods_named(service: str, names: list[str]) -> list[str]:
    """Return the pod of that name, or those whose names begin with it."""
    if service in names:
        return [service]
    return [n for n in names if n.startswith((f"{service}-", f"{service}_", f"{service}."))]


def shifts_of(pods: Iterable[PodData], onset_seconds: float) -> list[Shift]:
    """Return the shifts of all pods that have rows on both sides of the onset.

    BadInputError: there is none.
    """
    found = [s for pod in pods if (s := shift_of(pod, onset_seconds)) is not None]
    if not found:
        raise BadInputError(
            f"no pod has {FEWEST_BEFORE} rows in the hour before the onset and {FEWEST_AFTER} in"
            " the ten minutes after it; check that the onset is in the time of the data"
        )
    return found


def shift_of(pod: PodData, onset_seconds: float) -> Shift | None:
    """Return how the pod differs after the onset. None: too few rows on one side of it."""
    since = pod.times - onset_seconds
    before = (since < 0) & (since >= -BEFORE_SECONDS)
    after = (since >= 0) & (since <= AFTER_SECONDS)
    if before.sum() < FEWEST_BEFORE or after.sum() < FEWEST_AFTER:
        return None
    best = Shift(pod=pod.name, metric="", size=0.0, onset_seconds=None)
    for metric, values in sorted(pod.metrics.items()):
        deviation = _deviation(pod.times, values, before)
        later = deviation[after & np.isfinite(deviation)]
        size = float(np.median(later)) if len(later) else 0.0
        if size > best.size:
            beyond = pod.times[after & (deviation >= BAD_SHIFT)]
            first = float(beyond[0]) if len(beyond) else None
            best = Shift(pod=pod.name, metric=metric, size=size, onset_seconds=first)
    return best


def _deviation(times: Floats, values: Floats, before: npt.NDArray[np.bool_]) -> Floats:
    """Return the distance from before in robust standard deviations; falling counts for less."""
    values = _rates(times, values, before)
    normal = values[before & np.isfinite(values)]
    if not len(normal):
        return np.full(len(values), np.nan)
    level = np.median(normal)
    spread = MAD_TO_SIGMA * np.median(np.abs(normal - level))
    typical = max(abs(level), float(np.nanpercentile(np.abs(values), USUAL)), 1e-9)
    distance = (values - level) / max(spread, LEAST_SPREAD * typical)
    weighted: Floats = np.where(distance < 0, -FALLING_WEIGHT * distance, distance)
    return weighted


def _rates(times: Floats, values: Floats, before: npt.NDArray[np.bool_]) -> Floats:
    """Return what a counter counts per second; anything else as it is."""
    steps = np.diff(values)
    known = steps[before[1:] & np.isfinite(steps)]
    if not len(known) or np.nanmin(values) < 0 or np.mean(known > 0) < COUNTER_STEPS:
        return values
    rates: Floats = np.where(steps >= 0, steps, np.nan) / np.maximum(np.diff(times), 1e-9)
    return np.concatenate([[np.nan], rates])
