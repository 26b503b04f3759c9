"""The cells of a run: each pair of a window and a key, numbered through; and the last event of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.comparison import NO_CELL, Index
from windowbench.judge.truth.rows import ParsedRows

_NONE = np.iinfo(np.int64).min


def places_in(known: Index, values: Index) -> Index:
    """Return the place of each value among different ones, -1 for one that is not there."""
    if len(known) == 0:
        return np.full(len(values), -1, dtype=np.int64)
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known, values, sorter=order), len(known) - 1)]
    return np.where(known[place] == values, place, -1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """Numbers the (window, key) pairs of a run: window index times keys plus key.

    Keys are numbered from 0. Rows have them in the field `column`: the number itself, or of `names` the one in its
    place, such as codes of texts.
    """

    closing: ClosingTimes
    keys: int
    column: str
    names: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.closing.closing_ns) * self.keys

    def at(self, windows: Index, keys: Index) -> Index:
        """Return the cell of each window index and key."""
        return windows * self.keys + keys

    def window_index(self, cells: Index) -> Index:
        """Return the index of each cell's window within ``closing``."""
        return cells // self.keys

    def keys_of(self, cells: Index) -> Index:
        """Return each cell's key, as rows have it."""
        numbers = cells % self.keys
        return numbers if self.names is None else self.names[numbers]

    def live_keys(self, cells: Index) -> list[tuple[int | str, ...]]:
        """Return each cell's window start (ms) and key, as a live row names them."""
        starts = self.closing.starts_ms[self.window_index(cells)]
        return list(zip(starts.tolist(), self.keys_of(cells).tolist(), strict=True))

    def cells_of(self, rows: ParsedRows) -> Index:
        """Return the cell of every row, ``NO_CELL`` where its window or key is none of the run's."""
        start, key = rows.integers["window_start"], rows.integers[self.column]
        key = key if self.names is None else places_in(self.names, key)
        starts = self.closing.starts_ms
        if len(starts) == 0:
            return np.full(len(start), NO_CELL, dtype=np.int64)
        slide = self.closing.assigner.slide_ms
        inside = (start >= starts[0]) & (start <= starts[-1]) & (key >= 0) & (key < self.keys)
        since_first = np.where(inside, start - starts[0], 0)
        inside &= since_first % slide == 0
        return np.where(inside, self.at(since_first // slide, key), NO_CELL)


class LastEvents:
    """Due and send time of the last event of each cell; the least int64 where there is none.

    Of events due at the same time the one that was sent last counts.
    """

    def __init__(self, cells: int) -> None:
        self.due_ns: NDArray[np.int64] = np.full(cells, _NONE, dtype=np.int64)
        self.sent_ns: NDArray[np.int64] = np.full(cells, _NONE, dtype=np.int64)

    def add(self, cells: Index, due_ns: Index, sent_ns: Index) -> None:
        """Take note of events that were sent."""
        before = self.due_ns[cells]
        np.maximum.at(self.due_ns, cells, due_ns)
        after = self.due_ns[cells]
        self.sent_ns[cells[after != before]] = _NONE
        last = due_ns == after
        np.maximum.at(self.sent_ns, cells[last], sent_ns[last])
