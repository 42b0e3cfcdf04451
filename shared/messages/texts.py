"""A column of texts of which few are different: each is kept once, and rows are numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """Behaves like an object array of str, shape (n,), and costs 4 bytes a row.

    `codes`: int32, shape (n,), each an index into `words`. `words`: texts, none twice; some may
    stand in no row.
    """

    codes: Codes
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        self.codes.setflags(write=False)

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    @overload
    def __getitem__(self, which: int | np.integer[Any]) -> str: ...

    @overload
    def __getitem__(self, which: slice | npt.NDArray[Any]) -> "Texts": ...

    def __getitem__(self, which: Any) -> "str | Texts":
        codes = self.codes[which]
        return self.words[codes] if codes.ndim == 0 else Texts(codes=codes, words=self.words)

    def __eq__(self, other: object) -> Mask:  # type: ignore[override]  # as an array does
        """Tell of each row whether it is that text, or the text of that row in an array."""
        if isinstance(other, str):
            code = self.words.index(other) if other in self.words else -1
            return np.asarray(self.codes == code)
        return np.asarray(np.asarray(self) == np.asarray(other))

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[np.object_]:  # noqa: FBT001 - numpy's
        del copy
        words = np.array([*self.words, None], dtype=object)[:-1]
        texts: npt.NDArray[np.object_] = words[self.codes].astype(dtype or object, copy=False)
        return texts

    def tolist(self) -> list[str]:
        """Return the text of each row."""
        texts: list[str] = np.asarray(self).tolist()
        return texts

    def same_as(self, other: "Texts") -> bool:
        """Tell whether the texts of all rows are equal."""
        if self.words == other.words:
            return bool(np.array_equal(self.codes, other.codes))
        return self.tolist() == other.tolist()


def as_texts(texts: Texts | Sequence[str] | npt.NDArray[np.object_]) -> Texts:
    """Return texts as such a column; words in the order in which they come first."""
    if isinstance(texts, Texts):
        return texts
    codes: dict[str, int] = {}
    rows = texts.tolist() if isinstance(texts, np.ndarray) else texts
    numbers = [codes.setdefault(text, len(codes)) for text in rows]
    return Texts(codes=np.array(numbers, dtype=np.int32), words=tuple(codes))
