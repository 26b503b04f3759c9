"""Truths of several row types side by side: their windows, cells and values numbered through. Pure.

A row belongs to the part whose number is in its column ``metric`` (:mod:`windowbench.workloads.kit.typed_rows`).
Windows of the parts differ in kind and length. Where windows are counted or compared, a window goes by the id of the
run's own window in whose last slide it ends: rows that become due at the same time are no independent samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.closing import Windows
from windowbench.judge.truth.comparison import (
    NO_CELL,
    CellTable,
    Comparison,
    ErrorFigures,
    Index,
    Truth,
    ValueJudgement,
)
from windowbench.judge.truth.oracle import Evidence
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, METRIC_COLUMN

_ARRAY = TypeVar("_ARRAY", bound=NDArray[Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedWindows:
    """Windows that are listed one by one; see :class:`windowbench.judge.truth.closing.Windows`."""

    ids: NDArray[np.int64]
    starts_ms: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    closing_ns: NDArray[np.int64]
    by_end: NDArray[np.bool_]
    partition_wait_ns: NDArray[np.int64]


def joined_windows(assigner: WindowAssigner, parts: Sequence[Windows]) -> ListedWindows:
    """Return windows of several parts, one part after the other; `assigner` has the run's own, which give the ids."""
    names = ("starts_ms", "ends_ms", "closing_ns", "by_end", "partition_wait_ns")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    # The own window in whose last slide each ends, its end included.
    ids = -((assigner.base_ms + assigner.size_ms - joined["ends_ms"]) // assigner.slide_ms)
    return ListedWindows(ids=ids, **joined)


@dataclass(frozen=True, kw_only=True)
class ListedCells:
    """Cells that each have a window of their own.

    Window i is that of cell i; with its start the entry of `keys`, which rows have in their column ``key``, tells it
    from others.
    """

    closing: ListedWindows
    keys: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.keys)

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        pairs = zip(self.closing.starts_ms.tolist(), self.keys.tolist(), strict=True)
        return {pair: cell for cell, pair in enumerate(pairs)}

    def cells_of(self, rows: ParsedRows) -> Index:
        """Return the cell of every row, ``NO_CELL`` where its window or key is none of the run's."""
        starts, keys = rows.integers["window_start"].tolist(), rows.integers[KEY_COLUMN].tolist()
        found = (self._places.get(pair, NO_CELL) for pair in zip(starts, keys, strict=True))
        return np.fromiter(found, dtype=np.int64, count=len(starts))

    def window_index(self, cells: Index) -> Index:
        """Return the index of each cell's window, which is the cell's own number."""
        return cells

    def keys_of(self, cells: Index) -> Index:
        """Return each cell's key."""
        return self.keys[cells] if self.count else np.zeros(len(cells), dtype=np.int64)

    def live_keys(self, cells: Index) -> list[tuple[int | str, ...]]:
        """Return each cell's window start (ms) and key."""
        return list(zip(self.closing.starts_ms[cells].tolist(), self.keys[cells].tolist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class JoinedCells:
    """Cells of several parts, in the order of the numbers in the column ``metric``, numbered through.

    `assigner` has the run's own windows.
    """

    assigner: WindowAssigner
    parts: tuple[CellTable, ...]

    @cached_property
    def closing(self) -> ListedWindows:
        """The windows."""
        return joined_windows(self.assigner, [part.closing for part in self.parts])

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Number of the first cell of each part, and behind them how many cells there are."""
        return np.cumsum([0, *(part.count for part in self.parts)], dtype=np.int64)

    @cached_property
    def _first_window(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(len(part.closing.closing_ns) for part in self.parts)], dtype=np.int64)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.bounds[-1])

    def window_metrics(self, names: Sequence[str]) -> list[str]:
        """Return the name of each window's part, of names of the parts in their order."""
        return [n for n, part in zip(names, self.parts, strict=True) for _ in range(len(part.closing.closing_ns))]

    def split(self, array: _ARRAY) -> list[_ARRAY]:
        """Return the entries of each part of an array of one entry a cell."""
        return np.split(array, self.bounds[1:-1])  # type: ignore[return-value]  # of the same kind

    def evidence_of_parts(self, evidence: Evidence) -> list[Evidence]:
        """Return what was seen of the cells of each part."""
        if evidence.answered_ms is None:
            return [evidence] * len(self.parts)
        return [replace(evidence, answered_ms=own) for own in self.split(evidence.answered_ms)]

    def part_of(self, cells: Index) -> Index:
        """Return the number of each cell's part, -1 for no cell."""
        return np.searchsorted(self.bounds, cells, side="right") - 1

    def cells_of(self, rows: ParsedRows) -> Index:
        """Return the cell of every row, ``NO_CELL`` where its window or key is none of the run's."""
        metric = rows.integers[METRIC_COLUMN]
        found: NDArray[np.int64] = np.full(len(metric), NO_CELL, dtype=np.int64)
        for number, part in enumerate(self.parts):
            at = np.flatnonzero(metric == number)
            cells = part.cells_of(rows_at(rows, at))
            found[at] = np.where(cells == NO_CELL, NO_CELL, cells + self.bounds[number])
        return found

    def by_part(self, cells: Index) -> Iterator[tuple[int, Index, Index]]:
        """Yield for each part its number, where in `cells` those of it are, and the numbers that they have in it."""
        owner = self.part_of(cells)
        for number in range(len(self.parts)):
            at = np.flatnonzero(owner == number)
            yield number, at, cells[at] - self.bounds[number]

    def window_index(self, cells: Index) -> Index:
        """Return the index of each cell's window."""
        found = np.full(len(cells), NO_CELL, dtype=np.int64)
        for number, at, own in self.by_part(cells):
            found[at] = self.parts[number].window_index(own) + self._first_window[number]
        return found

    def keys_of(self, cells: Index) -> Index:
        """Return each cell's key."""
        found = np.full(len(cells), NO_CELL, dtype=np.int64)
        for number, at, own in self.by_part(cells):
            found[at] = self.parts[number].keys_of(own)
        return found

    def live_keys(self, cells: Index) -> list[tuple[int | str, ...]]:
        """Return number of the type, window start (ms) and key of each cell, as a live row names them."""
        found: list[tuple[int | str, ...]] = [()] * len(cells)
        for number, at, own in self.by_part(cells):
            for place, key in zip(at.tolist(), self.parts[number].live_keys(own), strict=True):
                found[place] = (number, *key)
        return found


def rows_at(rows: ParsedRows, places: Index) -> ParsedRows:
    """Return some of the rows."""
    return replace(
        rows,
        kind=rows.kind[places],
        integers={name: column[places] for name, column in rows.integers.items()},
        doubles={name: column[places] for name, column in rows.doubles.items()},
    )


def _joined(name: str) -> cached_property[NDArray[Any]]:
    """Return what joins an array of all parts, of one entry a cell."""
    return cached_property(lambda self: np.concatenate([getattr(part, name) for part in self.parts]))


@dataclass(frozen=True, kw_only=True)
class JoinedTruth:
    """Truths of several parts as one; each cell has one row, which holds its final value."""

    cells: JoinedCells
    parts: tuple[Truth, ...]

    greatest_produce_ms = _joined("greatest_produce_ms")
    earliest_ns = _joined("earliest_ns")
    first_earliest_ns = _joined("earliest_ns")
    last_due_ns = _joined("last_due_ns")
    last_sent_ns = _joined("last_sent_ns")
    required = _joined("required")
    possible = _joined("possible")
    absence_explained = _joined("absence_explained")

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return all(part.settled for part in self.parts)

    def least_events(self, cells: Index) -> Index:
        """Return 1 for each cell: its first row is its final one."""
        return np.ones(len(cells), dtype=np.int64)

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Judge the rows at `index`, which belong to `cells`, each by the truth of its part."""
        count = len(cells)
        flags = {name: np.zeros(count, dtype=np.bool_) for name in ("right", "partial", "undecidable", "explained")}
        events = np.zeros(count, dtype=np.int64)
        for number, at, own in self.cells.by_part(cells):
            judged = self.parts[number].judge(rows, index[at], own)
            events[at] = judged.events
            for name, column in flags.items():
                column[at] = getattr(judged, name)
        return ValueJudgement(events=events, **flags)

    def _of_parts(self, comparison: Comparison) -> Iterator[tuple[Truth, Comparison]]:
        """Yield each part with what of the comparison is about its own cells."""
        for part, of_cell in zip(self.parts, self.cells.split(comparison.row_of_cell), strict=True):
            yield part, replace(comparison, row_of_cell=of_cell)

    def errors(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, ErrorFigures]:
        """Return those of all parts."""
        return {name: of for part, own in self._of_parts(comparison) for name, of in part.errors(own, rows).items()}

    def remarks(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, float]:
        """Return those of all parts."""
        return {name: of for part, own in self._of_parts(comparison) for name, of in part.remarks(own, rows).items()}


def joined_truth(assigner: WindowAssigner, parts: Sequence[Truth]) -> JoinedTruth:
    """Return truths as one, in the order of the numbers of their row types."""
    cells = JoinedCells(assigner=assigner, parts=tuple(part.cells for part in parts))
    return JoinedTruth(cells=cells, parts=tuple(parts))
