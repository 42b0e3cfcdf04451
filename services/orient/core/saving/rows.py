"""The form in which rows are saved: columns of texts, each text once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.orient.core.series.rows import NOBODY, Rows, SeriesKey
from shared.errors import PermanentError
from shared.messages.readings import Signal
from shared.messages.texts import Texts, as_texts

_SIGNALS = frozenset(signal.value for signal in Signal)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedRows:
    """The series of each row; empty texts where none is."""

    signals: Texts
    clusters: Texts
    subjects: Texts
    seen_at: npt.NDArray[np.float64]


def as_columns(rows: Rows) -> SavedRows:
    """Return the rows as columns."""
    signals, clusters, subjects = zip(*rows.keys, strict=True) if rows.keys else ((), (), ())
    return SavedRows(
        signals=as_texts(signals),
        clusters=as_texts(clusters),
        subjects=as_texts(subjects),
        seen_at=rows.seen_at,
    )


def as_rows(saved: SavedRows, path: str, *, bound: int) -> Rows:
    """Return the rows; a series of a signal that is no more gives up its row.

    PermanentError: they contradict themselves.
    """
    columns = (saved.signals, saved.clusters, saved.subjects)
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or max(lengths) > len(saved.seen_at):
        raise PermanentError(f"{path} is of unequal lengths")
    if not all(_is_within(column) for column in columns):
        raise PermanentError(f"{path} names texts that it does not hold")
    keys: list[SeriesKey] = [
        key if key[0] in _SIGNALS else NOBODY
        for key in zip(*(column.tolist() for column in columns), strict=True)
    ]
    of = {key: row for row, key in enumerate(keys) if key != NOBODY}
    free = [row for row, key in enumerate(keys) if key == NOBODY]
    if len(of) + len(free) != len(keys):
        raise PermanentError(f"{path} has a series twice")
    seen_at = saved.seen_at.copy()
    seen_at[[*free, *range(len(keys), len(seen_at))]] = np.inf
    return Rows(of=of, keys=keys, seen_at=seen_at, free=free, bound=bound)


def _is_within(column: Texts) -> bool:
    codes = column.codes
    return not len(codes) or (int(codes.min()) >= 0 and int(codes.max()) < len(column.words))
