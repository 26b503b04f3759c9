"""What the truths of all workloads say alike of their cells; what a right value is they say themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.approximation import count_error, error_remarks
from windowbench.judge.truth.comparison import CellTable, Comparison, ErrorFigures, Flags, Index, ValueJudgement
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.kit.tally import Approximated, Bounds, Tallied


def ratio(above: Index, below: Index) -> NDArray[np.float64]:
    """Return quotients, NaN where there is nothing to divide by; rubbish counts of a row fail elsewhere."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


@dataclass(frozen=True, kw_only=True)
class TalliedTruth:
    """A truth of events added up; see :class:`windowbench.judge.truth.comparison.Truth`.

    As it is here, a cell has one row, which holds its final value.

    Attributes
    ----------
    cells : CellTable
    tallied : Tallied
        What events add up to in each.
    approximated : mapping of str to Approximated
        Integers of which an approximation was asked for.
    """

    cells: CellTable
    tallied: Tallied
    approximated: Mapping[str, Approximated] = field(default_factory=dict)

    @property
    def greatest_produce_ms(self) -> Index:
        """Greatest produce time of the events that must count."""
        return self.tallied.produce_ms.low

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window: nothing comes after it."""
        return self.cells.closing.closing_ns[self.cells.window_index(np.arange(self.cells.count))]

    @property
    def first_earliest_ns(self) -> Index:
        """The same: nothing revises a row."""
        return self.earliest_ns

    @property
    def last_due_ns(self) -> Index:
        """Due time of the last event that must count."""
        return self.tallied.last_due_ns

    @property
    def last_sent_ns(self) -> Index:
        """Send time of that event."""
        return self.tallied.last_sent_ns

    @property
    def required(self) -> Flags:
        """Cells that must have a row: at least one event must count."""
        return np.asarray(self.tallied.must.any(axis=0))

    @property
    def possible(self) -> Flags:
        """Cells that may have a row."""
        return np.asarray(self.required | self.tallied.maybe.any(axis=0))

    @property
    def undecidable(self) -> Flags:
        """Cells whose truth is a set."""
        return np.asarray(self.tallied.maybe.any(axis=0))

    @property
    def absence_explained(self) -> Flags:
        """Cells of which the generator withheld every event."""
        excused = self.tallied.excused.sum(axis=0)
        return np.asarray((excused >= self.tallied.must.sum(axis=0)) & (excused > 0))

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return not self.undecidable.any()

    def least_events(self, cells: Index) -> Index:
        """Return 1 for each cell: its first row is its final one."""
        return np.ones(len(cells), dtype=np.int64)

    def ends_fit(self, rows: ParsedRows, index: Index, cells: Index) -> Flags:
        """Whether the window of each row at `index` ends where that of its cell does."""
        ends = self.cells.closing.ends_ms[self.cells.window_index(cells)]
        return np.asarray(rows.integers["window_end"][index] == ends)

    def errors(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, ErrorFigures]:
        """Return how far approximate counts are from the truth; nothing where none was asked for."""
        return {
            name: count_error(name, rows, comparison, first=0, low=allowed.true.low, high=allowed.true.high)
            for name, allowed in self.approximated.items()
        }

    def remarks(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, float]:
        """Return the same in words."""
        return error_remarks(self.errors(comparison, rows))


def judged_once(right: Flags, *, undecidable: Flags, explained: Flags) -> ValueJudgement:
    """Return what was found of rows of which each is the only one of its cell."""
    nothing = np.zeros(len(right), dtype=np.bool_)
    events = np.ones(len(right), dtype=np.int64)
    return ValueJudgement(right=right, partial=nothing, events=events, undecidable=undecidable, explained=explained)


@dataclass(frozen=True, kw_only=True)
class UpdatedTruth(TalliedTruth):
    """A truth of events counted by kind: a cell may have several rows, which count more and more of them."""

    def least_events(self, cells: Index) -> Index:
        """Return how many events the final row of each cell counts at least."""
        least: Index = self.tallied.must[:, cells].sum(axis=0, dtype=np.int64)
        return least

    def judge_counts(
        self, counted: Index, events: Index, cells: Index, consistent: Flags, *greatest: tuple[Index, Bounds]
    ) -> ValueJudgement:
        """Judge rows that count events by kind.

        Parameters
        ----------
        counted : int64[kinds, n]
            What each row says; `events` is all that it says to count.
        consistent : bool[n]
            Whether its other fields follow from these.
        *greatest : tuple of int64[n] and Bounds
            Greatest values that it says, and those of its cell. Of the events that must count they are the least, of
            all that may the greatest ones; a row that lacks events may have any smaller ones.
        """
        low, excused = self.tallied.must[:, cells], self.tallied.excused[:, cells]
        high = low + self.tallied.maybe[:, cells]
        at_floor = np.logical_and.reduce([found == bounds.low[cells] for found, bounds in greatest])
        at_ceiling = np.logical_and.reduce([found == bounds.high[cells] for found, bounds in greatest])
        inside = np.logical_and.reduce([bounds.hold(found, cells) for found, bounds in greatest])
        below = np.logical_and.reduce([found <= bounds.high[cells] for found, bounds in greatest])
        fits = np.where(events == low.sum(axis=0), at_floor, np.where(events == high.sum(axis=0), at_ceiling, inside))
        right = consistent & fits & ((counted >= low) & (counted <= high)).all(axis=0)
        below &= consistent & ((counted >= 0) & (counted <= high)).all(axis=0)
        excusable = (counted >= low - excused).all(axis=0) & excused.any(axis=0)
        return ValueJudgement(
            right=right,
            partial=below & (counted < low).any(axis=0) & (events > 0),
            events=events,
            undecidable=(high != low).any(axis=0),
            explained=below & excusable & ~right,
        )
