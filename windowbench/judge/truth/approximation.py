"""How far approximate counts are from the truth. Pure.

Who asks an engine for an approximation takes any count of something that is there for right. How good it is is not said
by the class of a row but by figures: the relative error, over the rows that count for their cells and whose true number
is one value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.measures.quantiles import rank_of
from windowbench.judge.truth.comparison import NO_ROW, Comparison, Flags, Index
from windowbench.judge.truth.rows import ParsedRows


def counts_something(values: Index) -> Flags:
    """Whether each may be an approximation of a number that is not 0."""
    return np.asarray(values >= 1)


def approximation_remarks(
    field: str, rows: ParsedRows, comparison: Comparison, *, first: int, low: Index, high: Index
) -> dict[str, float]:
    """Return how far a field of the rows of some cells is from the truth, for the report.

    Parameters
    ----------
    field : str
        The integer that was counted approximately.
    comparison : Comparison
        Says which row counts for each cell.
    first : int
        Number of the first of these cells, which follow each other.
    low, high : int64[cells]
        Bounds of the true number; rows of cells where they differ are left out.
    """
    of_cell = comparison.row_of_cell[first : first + len(low)]
    known = (of_cell != NO_ROW) & (low == high) & (low > 0)
    figures = error_figures(rows.integers[field][of_cell[known]], low[known])
    return {f"approximate {field}: {name}": figure for name, figure in figures.items()}


def error_figures(found: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, float]:
    """Return how many counts there are and their relative error in per cent: how large, and which way on average.

    True counts, int64[n] as those found, are above 0. Of no counts it is their number alone.
    """
    count = len(found)
    if count == 0:
        return {"rows": 0}
    signed = 100.0 * (found - true) / true
    error = np.sort(np.abs(signed))
    return {
        "rows": count,
        **{f"error P{percent}, %": float(error[rank_of(percent, count)]) for percent in (50, 90)},
        "error max, %": float(error[-1]),
        "bias (mean signed error), %": float(signed.mean()),
    }
