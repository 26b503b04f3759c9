"""Freshness of every row that brought something new, and how latency went on over time. Pure.

In append mode these are the rows that count, in update mode the final rows and every intermediate one before them: a
reader of the results sees each of them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_generation_mmpp import MmppPath
from windowbench.judge.measured import ChosenRows, MeasuredRows, append_ns
from windowbench.judge.measures.backlog import implied_wait_s
from windowbench.judge.measures.quantiles import window_maxima, window_medians
from windowbench.judge.measures.steady_state import theil_sen
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How the latency that stands for an engine went on over time; arrays of equal length.

    Attributes
    ----------
    due_ns : int64[n]
        When what each point answers was due.
    at_s : float64[n]
        Where the point lies, from the base on.
    ms : float64[n]
    """

    due_ns: NDArray[np.int64]
    at_s: NDArray[np.float64]
    ms: NDArray[np.float64]

    @property
    def slope(self) -> Slope | None:
        """Its slope in ms per s."""
        return theil_sen(self.at_s, self.ms)

    def beyond(self, path: MmppPath, rate: float, epoch_ns: int) -> Course:
        """Return what is left of it without what the bursts of a load bring about, whoever serves its mean rate."""
        return dataclasses.replace(self, ms=self.ms - implied_wait_s(path, rate, self.due_ns - epoch_ns) * 1000)


def course_of_freshness(updates: Updates, base_ns: int) -> Course:
    """Return the median freshness of the updates of measured windows, by the second in which they were appended."""
    chosen = updates.is_measured
    second, freshness = window_medians(updates.freshness[chosen], (updates.append_ns[chosen] - base_ns) // NS_PER_S)
    middle_ns = base_ns + second * NS_PER_S + NS_PER_S // 2
    return Course(due_ns=middle_ns - freshness, at_s=second.astype(np.float64), ms=freshness / NS_PER_MS)


def course_of_excess(measured: MeasuredRows, ids: NDArray[np.int64], base_ns: int) -> Course:
    """Return the median excess of each measured window by C(w); `ids` is that of the window of each row."""
    chosen = measured.is_measured
    _, excess = window_medians(measured.latencies.excess[chosen], ids[chosen])
    _, closing_ns = window_maxima(measured.times.closing_ns[chosen], ids[chosen])
    return Course(due_ns=closing_ns, at_s=(closing_ns - base_ns) / NS_PER_S, ms=excess / NS_PER_MS)
