"""A mixed-integer programme, written block by block as arrays and handed to HiGHS at once."""

import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.decide.core.placing.arrays import NOWHERE, Flags, Longs

Term = tuple[NDArray[np.integer], Longs, ArrayLike]
"""Rows, columns and values that are broadcast together; columns NOWHERE are left out."""


class Programme:
    """Columns with their price, and rows between a lower and an upper value."""

    def __init__(self) -> None:
        """Start without columns and rows."""
        self.columns = 0
        self.rows = 0
        self._columns: list[NDArray[np.float64]] = []
        self._rows: list[NDArray[np.float64]] = []
        self._terms: list[NDArray[np.float64]] = []

    def add_columns(
        self,
        mask: Flags,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = 1.0,
        usd: ArrayLike = 0.0,
        is_whole: bool = False,
    ) -> Longs:
        """Add one column where the mask is set; return their numbers in its shape, else NOWHERE."""
        numbers = np.full(mask.shape, NOWHERE, np.int64)
        count = int(mask.sum())
        numbers[mask] = self.columns + np.arange(count)
        given = [np.broadcast_to(part, mask.shape)[mask] for part in (lower, upper, usd)]
        self._columns.append(np.array([*given, np.full(count, float(is_whole))], np.float64))
        self.columns += count
        return numbers

    def add_rows(
        self, count: int, *terms: Term, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf
    ) -> int:
        """Add rows, which the terms number from 0; return the number of the first."""
        for row, column, value in terms:
            rows, columns, values = np.broadcast_arrays(row, column, value)
            kept = (columns != NOWHERE) & (values != 0.0)
            self._terms.append(
                np.array([rows[kept] + self.rows, columns[kept], values[kept]], np.float64)
            )
        self._rows.append(np.array([np.broadcast_to(part, count) for part in (lower, upper)]))
        self.rows += count
        return self.rows - count

    def linear(self) -> highspy.HighsLp:
        """Return what HiGHS takes: minimise the price. Terms of one row and column are added."""
        lower, upper, usd, whole = np.concatenate(self._columns, axis=1)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, self.rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = usd, lower, upper
        lp.row_lower_, lp.row_upper_ = np.concatenate(self._rows, axis=1)
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[is_whole] for is_whole in whole.astype(int).tolist()]
        rows, columns, values = np.concatenate(self._terms, axis=1)
        cells, at = np.unique(rows * self.columns + columns, return_inverse=True)
        row, column = np.divmod(cells.astype(np.int64), self.columns)
        matrix = lp.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.num_col_, matrix.num_row_ = self.columns, self.rows
        matrix.start_ = np.searchsorted(row, np.arange(self.rows + 1)).astype(np.int32)
        matrix.index_ = column.astype(np.int32)
        matrix.value_ = np.bincount(at, values).astype(np.float64)
        return lp
