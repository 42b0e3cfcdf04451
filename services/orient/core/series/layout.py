"""In which order a tick tells its series, and where they were in the tick before."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shared.messages.readings import Readings
from shared.messages.texts import Texts

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """The series of one tick by position, each once, and their rows."""

    columns: tuple[Texts, Texts, Texts]
    """Signal, cluster, subject of all readings."""
    kept: Numbers
    """Shape (n,): positions of the readings that count, growing."""
    rows: Numbers
    """Shape (n,): the row of each; -1 where it is not known yet."""
    duplicates: int

    @property
    def is_whole(self) -> bool:
        """Tell whether every reading counts."""
        return len(self.kept) == len(self.columns[0])

    def is_of(self, readings: Readings) -> bool:
        """Tell whether these readings are of the same series in the same order."""
        now = (readings.signals, readings.clusters, readings.subjects)
        return all(
            len(a.codes) == len(b.codes) and bool((a.codes == b.codes).all()) and a.words == b.words
            for a, b in zip(self.columns, now, strict=True)
        )

    def known_from(self, last: "Layout") -> "Layout":
        """Return it with the rows of all series that the last tick told."""
        there = _numbered(last.columns, last.columns)[last.kept]
        here = _numbered(self.columns, last.columns)[self.kept]
        order = np.argsort(there)
        there, rows = there[order], last.rows[order]
        if not len(there):
            return self
        place = np.minimum(np.searchsorted(there, here), len(there) - 1)
        return replace(self, rows=np.where(there[place] == here, rows[place], -1))

    def with_rows(self, which: Numbers, rows: Numbers) -> "Layout":
        """Return it with rows for the first of those without; the others are left out."""
        self.rows[which[: len(rows)]] = rows
        counts = self.rows >= 0
        if counts.all():
            return self
        return replace(self, kept=self.kept[counts], rows=self.rows[counts])


def layout_of(readings: Readings, max_name_characters: int) -> Layout:
    """Return the layout of a tick, of a series told twice the last; rows are not known yet.

    Readings with a longer name are left out.
    """
    columns = (readings.signals, readings.clusters, readings.subjects)
    kept = np.flatnonzero(
        _are_short(readings.clusters, max_name_characters)
        & _are_short(readings.subjects, max_name_characters)
    )
    numbers = _numbered(columns, columns)[kept]
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    again = np.flatnonzero(ordered[:-1] == ordered[1:])
    if len(again):
        kept = np.delete(kept, order[again])
    return Layout(
        columns=columns,
        kept=kept,
        rows=np.full(len(kept), -1, dtype=np.int64),
        duplicates=len(again),
    )


def _are_short(texts: Texts, most: int) -> npt.NDArray[np.bool_]:
    lengths = np.fromiter(map(len, texts.words), np.int64, len(texts.words))
    short: npt.NDArray[np.bool_] = (lengths <= most)[texts.codes]
    return short


def _numbered(columns: tuple[Texts, Texts, Texts], by: tuple[Texts, Texts, Texts]) -> Numbers:
    """Return one number per reading, equal for equal series: the codes that `by` has for its texts.

    Negative where `by` has no such text.
    """
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    strange = np.zeros(len(columns[0]), dtype=np.bool_)
    for texts, known in zip(columns, by, strict=True):
        codes = _translated(texts, known)
        strange |= codes < 0
        numbers = numbers * len(known.words) + codes
    return np.where(strange, -1, numbers)


def _translated(texts: Texts, known: Texts) -> Numbers:
    if texts is known or texts.words == known.words:
        return texts.codes.astype(np.int64)
    code_of = {word: code for code, word in enumerate(known.words)}
    codes = [code_of.get(word, -1) for word in texts.words]
    return np.array(codes, dtype=np.int64)[texts.codes]
