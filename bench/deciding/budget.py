"""A search within a budget of time: the clock is here, the engine only counts iterations."""

from collections.abc import Callable
from time import perf_counter
from types import SimpleNamespace

from services.decide.core.placing.arrays import Arrays
from services.decide.core.placing.engine import Search, start

FIRST = 1000
"""Iterations of the first slice, which tells how fast the machine is."""
SLICES = 25
SHORTEST = 250
Progress = Callable[[float], None]
"""Told the part of the budget that is over."""


def search_within(
    arrays: Arrays,
    kernels: SimpleNamespace,
    *,
    seconds: float,
    seed: int = 1,
    progress: Progress | None = None,
) -> tuple[Search, int]:
    """Return the search after so much time, its start included, and its iterations."""
    begun = perf_counter()
    search = start(arrays, kernels, seed=seed)
    started = perf_counter()
    done, over, count = 0, (started - begun) / seconds, FIRST
    rate = None
    while over < 1.0:
        if rate is not None:
            slice_seconds = min(seconds / SLICES, seconds * (1.0 - over))
            count = max(SHORTEST, int(rate * slice_seconds))
        pace = rate or FIRST / seconds
        after = min(1.0, over + count / pace / seconds) if rate else over
        search.run(count, effort=done + int(pace * seconds * (1.0 - over)), begin=over, end=after)
        done += count
        now = perf_counter()
        rate, over = done / (now - started), (now - begun) / seconds
        if progress is not None:
            progress(min(1.0, over))
        if (1.0 - over) * seconds * rate < SHORTEST:
            break
    return search, done
