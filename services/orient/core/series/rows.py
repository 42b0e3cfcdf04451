"""Which series has which row: the one place where names become numbers.

Most ticks tell the same series in the same order as the one before: then the rows are the same
too, after one comparison. Otherwise only what the last tick did not tell is looked up by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orient.core.series.layout import Layout, Numbers, layout_of
from shared.messages.readings import Readings

SeriesKey = tuple[str, str, str]
"""Signal, cluster, subject."""
NOBODY: SeriesKey = ("", "", "")

MAX_ROWS = 2**18
"""More than twice the series of the largest fleet thought of; some 350 MB of state."""
FORGET_AFTER_SECONDS = 25 * 3600.0
"""What comes once a day, and an hour late, is still known."""
MAX_NAME_CHARACTERS = 512
"""The longest subject Kubernetes allows is a namespaced name with two names of components."""


@dataclass(slots=True, kw_only=True, eq=False)
class Rows:
    """The row of each series. Changed in place by `align`."""

    of: dict[SeriesKey, int] = field(default_factory=dict)
    keys: list[SeriesKey] = field(default_factory=list)
    """By row; NOBODY where no series is."""
    seen_at: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Shape (capacity,), Unix seconds; infinite where no series is."""
    free: list[int] = field(default_factory=list)
    """Rows below `len(keys)` that wait for a series."""
    last: Layout | None = None
    """How the last tick was told."""
    bound: int = MAX_ROWS

    @property
    def capacity(self) -> int:
        """How many rows the arrays of the series must have."""
        return len(self.seen_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was odd in the readings of one tick, in numbers of readings or series."""

    readings: int = 0
    duplicates: int = 0
    """Told twice in one tick: the last one counts."""
    not_finite: int = 0
    refused: int = 0
    """Left out: a name longer than any that Kubernetes allows, or no row for it."""
    new: int = 0
    evicted: int = 0
    """Series forgotten: not seen for long, or to make room."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """Where the readings of one tick belong."""

    rows: Numbers
    """Shape (n,): the row of each reading; no row twice."""
    readings: Readings
    """The n readings: of a series told twice the last."""
    new: Numbers
    """Rows that begin anew with this tick."""
    new_keys: tuple[SeriesKey, ...]
    """The series of these rows, in the same order."""
    gone: Numbers
    """Rows whose series was forgotten with this tick; some may be in `new` again."""
    tally: Tally


def align(
    rows: Rows,
    readings: Readings,
    *,
    at_seconds: float,
    is_hidden: Callable[[SeriesKey], bool] = lambda _: False,
) -> Aligned:
    """Give every reading its row, and every new series a row of its own; change `rows` in place.

    `is_hidden`: whether a series may be there and is just not told; such a one is not forgotten.
    """
    layout = rows.last
    if layout is None or not layout.is_of(readings):
        layout, keys, unknown = _looked_up(rows, readings)
        rows.seen_at[layout.rows[layout.rows >= 0]] = at_seconds
        gone = _forget(rows, at_seconds, is_hidden, room_for=len(keys))
        new = _begin(rows, keys, at_seconds)
        layout = rows.last = layout.with_rows(unknown, new)
    else:
        rows.seen_at[layout.rows] = at_seconds
        gone, new, keys = _forget(rows, at_seconds, is_hidden), np.empty(0, np.int64), []
    told = readings if layout.is_whole else readings.rows(layout.kept)
    return Aligned(
        rows=layout.rows,
        readings=told,
        new=new,
        new_keys=tuple(keys[: len(new)]),
        gone=gone,
        tally=Tally(
            readings=len(readings),
            duplicates=layout.duplicates,
            not_finite=len(told) - int(np.count_nonzero(np.isfinite(told.values))),
            refused=len(readings) - layout.duplicates - len(told),
            new=len(new),
            evicted=len(gone),
        ),
    )


def _looked_up(rows: Rows, readings: Readings) -> tuple[Layout, list[SeriesKey], Numbers]:
    """Return the layout, and the series in it that have no row, with where they stand in it."""
    layout = layout_of(readings, MAX_NAME_CHARACTERS)
    if rows.last is not None:
        layout = layout.known_from(rows.last)
    unsure = np.flatnonzero(layout.rows < 0)
    keys = list(zip(*(c[layout.kept[unsure]].tolist() for c in layout.columns), strict=True))
    layout.rows[unsure] = [rows.of.get(key, -1) for key in keys]
    new = [i for i, row in enumerate(layout.rows[unsure].tolist()) if row < 0]
    return layout, [keys[i] for i in new], unsure[new]


def _forget(
    rows: Rows, at_seconds: float, is_hidden: Callable[[SeriesKey], bool], *, room_for: int = 0
) -> Numbers:
    """Give up rows not seen for long, and then those unseen the longest, as many as needed."""
    old = np.flatnonzero(rows.seen_at < at_seconds - FORGET_AFTER_SECONDS)
    if len(old):
        hidden = np.array([is_hidden(rows.keys[row]) for row in old.tolist()], dtype=np.bool_)
        rows.seen_at[old[hidden]] = at_seconds  # its time begins anew
        old = old[~hidden]
    missing = len(rows.of) - len(old) + room_for - rows.bound
    if missing > 0:
        unseen = np.flatnonzero(rows.seen_at < at_seconds)
        longest = np.argsort(rows.seen_at[unseen], kind="stable")
        old = unseen[longest[: len(old) + missing]]
    for row in old.tolist():
        del rows.of[rows.keys[row]]
        rows.keys[row] = NOBODY
    rows.free += old.tolist()
    rows.seen_at[old] = np.inf
    return old


def _begin(rows: Rows, keys: list[SeriesKey], at_seconds: float) -> Numbers:
    """Return a row for each of the first of these series, as many as there is room for."""
    count = min(len(keys), rows.bound - len(rows.of))
    reused = [rows.free.pop() for _ in range(min(count, len(rows.free)))]
    start = len(rows.keys)
    more = count - len(reused)
    new = np.array([*reused, *range(start, start + more)], dtype=np.int64)
    rows.keys += [NOBODY] * more
    _grow(rows, len(rows.keys))
    for key, row in zip(keys[:count], new.tolist(), strict=True):
        rows.keys[row] = key
        rows.of[key] = row
    rows.seen_at[new] = at_seconds
    return new


def _grow(rows: Rows, needed: int) -> None:
    """Make room by doubling, so that growing series by series stays cheap."""
    room = len(rows.seen_at)
    if needed > room:
        more = max(needed, min(2 * room, rows.bound)) - room
        rows.seen_at = np.concatenate([rows.seen_at, np.full(more, np.inf)])
