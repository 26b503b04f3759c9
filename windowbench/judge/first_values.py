"""First values of results that late events revise: when each came, and how often it was revised. Pure.

Where late events revise a result, the latencies of :mod:`windowbench.judge.measures.latency` are those of the
row that holds the final value. Beside them stand those of the first row of its cell: what a reader waits who does not
wait for late events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.measured import ChosenRows, append_ns
from windowbench.judge.measures.latency import EXCESS_TOLERANCE_NS
from windowbench.judge.truth.comparison import NO_CELL, Comparison, Truth, append_order, groups_of
from windowbench.judge.truth.rows import ResultRows
from windowbench.judge.updates import Updates
from windowbench.judge.verdict.host import ClockOffset
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.figures import Revisions

FIRST_LATENCIES = ("first_since_window_end", "first_excess")


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstValues(ChosenRows):
    """First values and their latencies; arrays of one entry a cell that has one.

    Attributes
    ----------
    revisions : int64[n]
        How many rows revised it.
    since_window_end : int64[n]
        Append time - end of the window, in ns.
    excess : int64[n]
        Append time - earliest possible emission of the first value, in ns.
    """

    revisions: NDArray[np.int64]
    since_window_end: NDArray[np.int64]
    excess: NDArray[np.int64]

    def of(self, name: str) -> NDArray[np.int64]:
        """Return the values of one of :data:`FIRST_LATENCIES`."""
        found: NDArray[np.int64] = getattr(self, name.removeprefix("first_"))
        return found

    def too_early(self, clock_bound_ns: int) -> int:
        """Return how many of those that were revised came before it was possible."""
        early = self.excess < -EXCESS_TOLERANCE_NS - clock_bound_ns
        return int(np.count_nonzero(early & (self.revisions > 0)))

    def figures(self) -> Revisions:
        """Return how much was revised in measured windows."""
        counts = self.revisions[self.is_measured]
        return Revisions(
            results=len(counts),
            revised=int(np.count_nonzero(counts)),
            revisions=int(counts.sum()),
            most=int(counts.max(initial=0)),
        )


def find_first_values(
    rows: ResultRows, truth: Truth, comparison: Comparison, updates: Updates, clock: ClockOffset
) -> FirstValues:
    """Return the first value of every cell that has one, among the rows that brought something new."""
    cells = np.full(len(rows), NO_CELL, dtype=np.int64)
    cells[updates.row] = comparison.cells[updates.row]
    phases = np.zeros(len(rows), dtype=np.int8)
    phases[updates.row] = updates.phase
    order = append_order(rows, cells)
    starts: NDArray[np.int64] = groups_of(cells[order])[1] if len(order) else np.empty(0, dtype=np.int64)
    row = order[starts]
    window = truth.cells.window_index(cells[row])
    appended = append_ns(rows, clock)[row]
    return FirstValues(
        row=row,
        window=window,
        phase=phases[row],
        revisions=np.diff(np.append(starts, len(order))) - 1,
        since_window_end=appended - truth.cells.closing.ends_ms[window] * NS_PER_MS,
        excess=appended - truth.first_earliest_ns[cells[row]],
    )
