"""How far approximate counts may be from the truth, and how far they are. Pure.

Who asks an engine for an approximation takes a count that is near the true one for right: within a share of it, or off
by one, as two of a handful may well share a place in a sketch. How good all of them are together is said by figures,
over the rows that count for their cells and whose true number is one value; their median has a bound of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.measures.quantiles import rank_of
from windowbench.judge.truth.comparison import NO_ROW, Comparison, ErrorFigures, Index
from windowbench.judge.truth.rows import ParsedRows

_WORDS = {
    "p50": "error P50, %",
    "p90": "error P90, %",
    "max": "error max, %",
    "bias": "bias (mean signed error), %",
}


def nearest_counts(low: Index, high: Index, share: float) -> tuple[Index, Index]:
    """Return the least and the greatest count that are near a true number of these bounds; a row counts something."""
    below, above = (np.maximum(np.floor(share * of), 1).astype(np.int64) for of in (low, high))
    return np.maximum(low - below, 1), high + above


def count_error(
    field: str, rows: ParsedRows, comparison: Comparison, *, first: int, low: Index, high: Index
) -> ErrorFigures:
    """Return how far a field of the rows of some cells is from the truth.

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
    return error_of(rows.integers[field][of_cell[known]], low[known])


def error_of(found: NDArray[np.int64], true: NDArray[np.int64]) -> ErrorFigures:
    """Return the relative error of counts in per cent: how large, and which way on average.

    True counts, int64[n] as those found, are above 0.
    """
    count = len(found)
    if count == 0:
        return ErrorFigures(rows=0)
    signed = 100.0 * (found - true) / true
    error = np.sort(np.abs(signed))
    p50, p90 = (float(error[rank_of(percent, count)]) for percent in (50, 90))
    return ErrorFigures(rows=count, p50=p50, p90=p90, max=float(error[-1]), bias=float(signed.mean()))


def error_remarks(errors: Mapping[str, ErrorFigures]) -> dict[str, float]:
    """Return the errors of fields as the report words them."""
    found: dict[str, float] = {}
    for field, error in errors.items():
        found[f"approximate {field}: rows"] = error.rows
        known = {words: getattr(error, name) for name, words in _WORDS.items()}
        found |= {f"approximate {field}: {words}": value for words, value in known.items() if value is not None}
    return found
