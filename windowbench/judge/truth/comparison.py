"""Exact two-way comparison of result rows and truth. Pure.

Every row gets one class, and every expected (window, key) without a row is missing:

===================  =================================================================================
class                meaning
===================  =================================================================================
exact                holds the right value, and no other row of its key came before it with that value
intermediate         an update on the way to that value (update mode only)
backwards            counts fewer events than an update before it (update mode only)
undecidable          the truth is a set here (late events in between), and the value lies in it
wrong value          the first row of a key that has no right row; in update mode every row that no update can be
duplicate            a further row of a key with values equal to the row that counts
conflicting          a further row of a key with other values
unexpected           a row of a key that the truth does not know
malformed            names this run and cannot be read: not JSON, or without its key
foreign              anything else, such as a row of another run
===================  =================================================================================

The row that counts for a key is the first with the right value, in the order of appending. In append
mode that is the only row of its key; in update mode, whose rules are in ``updates``, it is the first that holds the
final value.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.closing import Windows
from windowbench.judge.truth.rows import ParsedRows, ResultRows, RowKind

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
NO_CELL = -1
"""Stands for the cell of a row whose key the truth does not know."""
NO_ROW = -1
"""Stands for the row of a cell that has none."""


class RowClass(enum.IntEnum):
    """What a result row turned out to be."""

    EXACT = 0
    UNDECIDABLE = 1
    WRONG_VALUE = 2
    DUPLICATE = 3
    CONFLICTING = 4
    UNEXPECTED = 5
    FOREIGN = 6
    INTERMEDIATE = 7
    BACKWARDS = 8
    MALFORMED = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueJudgement:
    """How the values of some rows relate to the truth of their cells; arrays of equal length.

    Attributes
    ----------
    right : bool[n]
        The value is the truth, or lies in it where it is a set.
    partial : bool[n]
        The value is consistent in itself, lacks events and holds nothing above the truth.
    events : int64[n]
        How many events it counts.
    undecidable : bool[n]
        The truth is a set.
    explained : bool[n]
        Not right, but what the generator did late or not at all would make it right.
    first : bool[n], optional
        Where late events revise a result: the value may be the first of its cell.
    """

    right: Flags
    partial: Flags
    events: Index
    undecidable: Flags
    explained: Flags
    first: Flags | None = None


class CellTable(Protocol):
    """How a workload numbers its cells, a cell being a (window, key)."""

    @property
    def closing(self) -> Windows:
        """The windows."""

    @property
    def count(self) -> int:
        """How many cells there are."""

    def cells_of(self, rows: ParsedRows) -> Index:
        """Return the cell of every row, :data:`NO_CELL` where there is none."""

    def window_index(self, cells: Index) -> Index:
        """Return the index of each cell's window."""

    def keys_of(self, cells: Index) -> Index:
        """Return the key of each cell."""

    def live_keys(self, cells: Index) -> list[tuple[int | str, ...]]:
        """Return the key of each cell as a :class:`~windowbench.judge.truth.rows.LiveRow` has it."""


class Truth(Protocol):
    """Expected values of every cell."""

    @property
    def cells(self) -> CellTable:
        """The cells."""

    @property
    def greatest_produce_ms(self) -> Index:
        """Greatest produce time of each cell's events that must count, as the producers recorded it."""

    @property
    def earliest_ns(self) -> Index:
        """Earliest possible emission of each cell's final value."""

    @property
    def first_earliest_ns(self) -> Index:
        """Earliest possible emission of each cell's first value, where late events revise it; else as above."""

    @property
    def last_due_ns(self) -> Index:
        """Due time of the last event that must count; the least int64 where there is none."""

    @property
    def last_sent_ns(self) -> Index:
        """Send time of that event."""

    @property
    def required(self) -> Flags:
        """Cells that must have a row."""

    @property
    def possible(self) -> Flags:
        """Cells that may have a row; holds all required ones."""

    @property
    def absence_explained(self) -> Flags:
        """Required cells whose absence the generator explains."""

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""

    def least_events(self, cells: Index) -> Index:
        """Return how many events the final row of each cell counts at least."""

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Judge the rows at `index`, which belong to `cells`."""

    def remarks(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, float]:
        """Return further numbers for the report, by their names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Outcome of the comparison.

    Attributes
    ----------
    classes : uint8[rows]
        :class:`RowClass` of every row.
    cells : int64[rows]
        Cell of every row, :data:`NO_CELL` for none.
    explained : bool[rows]
        Rows in error whose error the generator explains.
    row_of_cell : int64[cells]
        The row that counts, :data:`NO_ROW` where no row is right.
    missing : int64[m]
        Required cells without any row; in update mode, those without a row that counts.
    missing_explained : bool[m]
        Which of them the generator explains.
    """

    classes: NDArray[np.uint8]
    cells: Index
    explained: Flags
    row_of_cell: Index
    missing: Index
    missing_explained: Flags

    def count(self, row_class: RowClass) -> int:
        """Return how many rows are of a class."""
        return int(np.count_nonzero(self.classes == row_class))


def append_order(rows: ResultRows, cells: Index) -> Index:
    """Return the rows that have a cell, by cell and within a cell in the order of appending."""
    mapped = np.flatnonzero(cells != NO_CELL)
    order = np.lexsort((rows.offset[mapped], rows.partition[mapped], rows.append_ms[mapped], cells[mapped]))
    return mapped[order]


def within_one_ulp(left: NDArray[np.float64], right: NDArray[np.float64]) -> Flags:
    """Whether doubles are equal, both null (NaN), or neighbours."""
    with np.errstate(invalid="ignore", over="ignore"):  # infinities are near nothing and equal themselves
        spacing = np.spacing(np.maximum(np.abs(left), np.abs(right)))
        near = np.abs(left - right) <= spacing
    equal: Flags = near | (left == right) | (np.isnan(left) & np.isnan(right))
    return equal


def equal_values(rows: ParsedRows, left: Index, right: Index) -> Flags:
    """Whether two rows hold the same in every field, pair by pair."""
    same = np.ones(len(left), dtype=np.bool_)
    for integers in rows.integers.values():
        same &= integers[left] == integers[right]
    for doubles in rows.doubles.values():
        same &= within_one_ulp(doubles[left], doubles[right])
    same &= rows.kind[left] == rows.kind[right]
    return same


@dataclass(frozen=True, kw_only=True, slots=True)
class Classified:
    """What the rows of all cells are; arrays in the order in which the rows were given."""

    classes: NDArray[np.uint8]
    """:class:`RowClass` of each."""
    counts: Flags
    """Rows that count for their cell, at most one each."""
    answers: Flags
    """Rows for which their cell is not missing."""
    explained: Flags
    """Rows in error that the generator explains."""
    explains_absence: Flags
    """Rows that show that the generator explains why their cell is missing."""


_OTHERWISE = np.zeros(len(RowKind), dtype=np.uint8)
_OTHERWISE[RowKind.SOUND], _OTHERWISE[RowKind.MALFORMED] = RowClass.UNEXPECTED, RowClass.MALFORMED
_OTHERWISE[RowKind.FOREIGN] = RowClass.FOREIGN
"""What a row is that has no cell, by its kind."""

Rules = Callable[[ParsedRows, Index, Index, ValueJudgement], Classified]
"""Classifies rows that have a cell: gets all rows, positions by cell and append order, their cells, their values."""


def compare(rows: ResultRows, truth: Truth, rules: Rules | None = None) -> Comparison:
    """Classify every row, and name every required cell without an answer.

    Parameters
    ----------
    rules : callable, optional
        What the rows of one key mean together; :func:`single_rows` when None.
    """
    parsed = rows.parsed
    cells = np.where(parsed.kind == RowKind.FOREIGN, NO_CELL, truth.cells.cells_of(parsed))
    possible = truth.possible
    cells[cells != NO_CELL] = np.where(possible[cells[cells != NO_CELL]], cells[cells != NO_CELL], NO_CELL)
    classes = _OTHERWISE[parsed.kind]
    explained = np.zeros(len(rows), dtype=np.bool_)
    row_of_cell = np.full(len(possible), NO_ROW, dtype=np.int64)
    answered = np.zeros(len(possible), dtype=np.bool_)
    absence_explained = truth.absence_explained.copy()

    order = append_order(rows, cells)
    if len(order):
        ordered_cells = cells[order]
        sound = parsed.kind[order] == RowKind.SOUND
        judged = _of_sound(truth.judge(parsed, order, ordered_cells), sound)
        found = (rules or single_rows)(parsed, order, ordered_cells, judged)
        classes[order], explained[order] = found.classes, found.explained
        row_of_cell[ordered_cells[found.counts]] = order[found.counts]
        answered[ordered_cells[found.answers]] = True
        absence_explained[ordered_cells[found.explains_absence]] = True
    missing = np.flatnonzero(truth.required & ~answered)
    return Comparison(
        classes=classes,
        cells=cells,
        explained=explained,
        row_of_cell=row_of_cell,
        missing=missing,
        missing_explained=absence_explained[missing],
    )


def _of_sound(judged: ValueJudgement, sound: Flags) -> ValueJudgement:
    """Return the judgement with nothing to be said for rows that are not sound."""
    return dataclasses.replace(
        judged, right=judged.right & sound, partial=judged.partial & sound, explained=judged.explained & sound
    )


def single_rows(parsed: ParsedRows, order: Index, cells: Index, judged: ValueJudgement) -> Classified:
    """Classify rows of which each key has one: the rules of append mode."""
    counting = _counting_positions(cells, judged.right)
    is_counting = counting == np.arange(len(order))
    classes = np.where(judged.undecidable, RowClass.UNDECIDABLE, RowClass.EXACT)
    classes = np.where(judged.right, classes, RowClass.WRONG_VALUE).astype(np.uint8)
    extra = np.flatnonzero(~is_counting)
    same = equal_values(parsed, order[extra], order[counting[extra]])
    classes[extra] = np.where(same, RowClass.DUPLICATE, RowClass.CONFLICTING)
    return Classified(
        classes=classes,
        counts=is_counting & judged.right,
        answers=np.ones(len(order), dtype=np.bool_),
        explained=judged.explained,
        explains_absence=np.zeros(len(order), dtype=np.bool_),
    )


def _counting_positions(ordered_cells: Index, right: Flags) -> Index:
    """Return for each row, sorted by cell, where its cell's row that counts is: the first right one, or the first."""
    positions = np.arange(len(ordered_cells))
    group, starts = groups_of(ordered_cells)
    beyond = len(ordered_cells)
    first_right = np.minimum.reduceat(np.where(right, positions, beyond), starts)
    return np.asarray(np.where(first_right == beyond, starts, first_right)[group])


def groups_of(ordered_cells: Index) -> tuple[Index, Index]:
    """Return for each row, sorted by cell, the number of its group, and where each group begins."""
    first = np.concatenate(([True], ordered_cells[1:] != ordered_cells[:-1]))
    return np.cumsum(first) - 1, np.flatnonzero(first)
