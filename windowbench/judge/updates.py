"""Freshness of every row that brought something new, and whether latency grows. Pure.

In append mode these are the rows that count, in update mode the final rows and every intermediate one before them: a
reader of the results sees each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import OutputMode
from windowbench.judge.measured import ChosenRows, MeasuredRows, append_ns
from windowbench.judge.measures.quantiles import window_maxima, window_medians
from windowbench.judge.measures.steady_state import theil_sen
from windowbench.judge.truth.closing import Windows
from windowbench.judge.truth.comparison import NO_ROW, Comparison, RowClass, Truth
from windowbench.judge.truth.rows import ResultRows
from windowbench.judge.verdict.host import ClockOffset
from windowbench.load.schedule import NS_PER_MS, NS_PER_S
from windowbench.runs.files.figures import Slope

_UPDATES = (RowClass.EXACT, RowClass.UNDECIDABLE, RowClass.INTERMEDIATE)
_NONE = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True, slots=True)
class Updates(ChosenRows):
    """Rows that brought something new.

    When each was appended, and when the newest event counted in it was produced, as the row itself says.
    """

    append_ns: NDArray[np.int64]
    newest_produce_ns: NDArray[np.int64]

    @property
    def freshness(self) -> NDArray[np.int64]:
        """Append time less produce time of the newest event counted, in ns."""
        return self.append_ns - self.newest_produce_ns


def find_updates(
    rows: ResultRows,
    truth: Truth,
    comparison: Comparison,
    phases: NDArray[np.int8],
    clock: ClockOffset,
    *,
    newest_produce: str,
    several: bool,
) -> Updates:
    """Return every row that brought something new; those of late events alone have no latency, and take no part.

    Parameters are as in :func:`windowbench.judge.measured.measure_rows`; `several` says that a key may have several
    rows, which replace each other.
    """
    if not several:
        row = comparison.row_of_cell[comparison.row_of_cell != NO_ROW]
    else:
        row = np.flatnonzero(np.isin(comparison.classes, _UPDATES))
    row = row[truth.last_due_ns[comparison.cells[row]] != _NONE]
    window = truth.cells.window_index(comparison.cells[row])
    return Updates(
        row=row,
        window=window,
        phase=phases[window],
        append_ns=append_ns(rows, clock)[row],
        newest_produce_ns=rows.parsed.integers[newest_produce][row] * NS_PER_MS,
    )


def freshness_slope(updates: Updates, base_ns: int) -> Slope | None:
    """Return the slope of the per-second median freshness of measured windows, in ms per s of append time."""
    chosen = updates.is_measured
    second, freshness = window_medians(updates.freshness[chosen], (updates.append_ns[chosen] - base_ns) // NS_PER_S)
    return theil_sen(second.astype(np.float64), freshness / NS_PER_MS)


def latency_slope(
    measured: MeasuredRows, updates: Updates, closing: Windows, mode: OutputMode, *, base_ns: int
) -> Slope | None:
    """Return the slope by which an engine in an output mode is judged to keep up or not.

    In append mode it is that of the median excess per measured window, in ms per s of window end.
    """
    if mode != "append":
        return freshness_slope(updates, base_ns)
    window = measured.window[measured.is_measured]
    ids = closing.ids[window]
    _, excess = window_medians(measured.latencies.excess[measured.is_measured], ids)
    _, ends_ms = window_maxima(closing.ends_ms[window], ids)
    return theil_sen((ends_ms - base_ns // NS_PER_MS) / 1000, excess / NS_PER_MS)
