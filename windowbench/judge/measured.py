"""From compared rows to figures: latencies of the rows that count, by phase, window and state. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_generation_mmpp import MmppPath
from windowbench.judge.measures.latency import RowLatencies, RowTimes, row_latencies
from windowbench.judge.truth.closing import Windows
from windowbench.judge.truth.comparison import NO_ROW, CellTable, Comparison, RowClass, Truth
from windowbench.judge.truth.rows import LOG_APPEND_TIME, ResultRows, RowKind
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.verdict import RowFigures
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule
from windowbench.runs.files.figures import Impossible

_NONE = np.iinfo(np.int64).min
_NEVER = np.iinfo(np.int64).max


class Phase(enum.IntEnum):
    """Which phase a window belongs to, by its event time."""

    WARM_UP = 0
    MEASURED = 1
    COOL_DOWN = 2

    @property
    def label(self) -> str:
        """The phase's name in reports."""
        return ("warm-up", "measured", "cool-down")[self]


def window_phases(closing: Windows, schedule: Schedule) -> NDArray[np.int8]:
    """Return the phase of every window: measured ones lie wholly in the measured phase."""
    early = closing.starts_ms * NS_PER_MS < schedule.base_time_ns
    late = closing.ends_ms * NS_PER_MS > schedule.measure_end_ns
    return np.where(early, Phase.WARM_UP, np.where(late, Phase.COOL_DOWN, Phase.MEASURED)).astype(np.int8)


def append_ns(rows: ResultRows, clock: ClockOffset) -> NDArray[np.int64]:
    """Return when each row was appended, on the producers' clock."""
    return rows.append_ms * NS_PER_MS - clock.offset_ns


def answered_ms(rows: ResultRows, cells: CellTable, clock: ClockOffset, *, several: bool) -> NDArray[np.int64]:
    """Return when each cell was answered at the latest, in ms; the greatest int64 for cells without a row.

    An event produced later cannot be in the answer: the first row of the cell, or the last where it may have `several`.
    """
    cell = cells.cells_of(rows.parsed)
    known = (cell >= 0) & (rows.parsed.kind != RowKind.FOREIGN)
    latest_ms = -(-(append_ns(rows, clock)[known] + clock.bound_ns) // NS_PER_MS)
    if not several:
        first = np.full(cells.count, _NEVER, dtype=np.int64)
        np.minimum.at(first, cell[known], latest_ms)
        return first
    last = np.full(cells.count, _NONE, dtype=np.int64)
    np.maximum.at(last, cell[known], latest_ms)
    return np.where(last == _NONE, _NEVER, last)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenRows:
    """Some of the result rows; arrays of equal length.

    Attributes
    ----------
    row, window : int64[n]
        Position of each among the result rows, and the index of its window.
    phase : int8[n]
        :class:`Phase` of its window.
    """

    row: NDArray[np.int64]
    window: NDArray[np.int64]
    phase: NDArray[np.int8]

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Which rows belong to measured windows."""
        return np.asarray(self.phase == Phase.MEASURED)

    def valued(self, ns: NDArray[np.int64], which: NDArray[np.bool_] | slice = slice(None)) -> RowValues:
        """Return the rows, or `which` of them, with a value of each."""
        return RowValues(row=self.row[which], window=self.window[which], phase=self.phase[which], ns=ns[which])


@dataclass(frozen=True, kw_only=True, slots=True)
class RowValues(ChosenRows):
    """A latency of some of the result rows, in ns."""

    ns: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRows(ChosenRows):
    """The rows that count for their cells, with their latencies and what these derive from."""

    cell: NDArray[np.int64]
    times: RowTimes
    latencies: RowLatencies


def measure_rows(
    rows: ResultRows,
    truth: Truth,
    comparison: Comparison,
    phases: NDArray[np.int8],
    clock: ClockOffset,
    *,
    delay_ms: int,
    newest_produce: str,
) -> MeasuredRows:
    """Return the latencies of every row that counts.

    A row of late events alone has no event that must count, and so no latency. `phases` is that of every window,
    `newest_produce` the row column that holds the produce time (ms) of the newest event counted.
    """
    cell = np.flatnonzero((comparison.row_of_cell != NO_ROW) & (truth.last_due_ns != _NONE))
    row = comparison.row_of_cell[cell]
    window = truth.cells.window_index(cell)
    closing = truth.cells.closing
    times = RowTimes(
        append_ns=append_ns(rows, clock)[row],
        window_end_ns=closing.ends_ms[window] * NS_PER_MS,
        closing_ns=truth.earliest_ns[cell],
        greatest_produce_ns=truth.greatest_produce_ms[cell] * NS_PER_MS,
        newest_produce_ns=rows.parsed.integers[newest_produce][row] * NS_PER_MS,
        last_due_ns=truth.last_due_ns[cell],
        last_sent_ns=truth.last_sent_ns[cell],
        delay_ns=delay_ms * NS_PER_MS,
    )
    return MeasuredRows(
        row=row, cell=cell, window=window, phase=phases[window], times=times, latencies=row_latencies(times)
    )


def row_figures(rows: ResultRows, comparison: Comparison, impossible: Impossible) -> RowFigures:
    """Count the rows by class, over all windows from warm-up to cool-down."""
    ours = rows.parsed.kind != RowKind.FOREIGN
    in_error = comparison.classes[comparison.explained]
    return RowFigures(
        counts=Counter({row_class: comparison.count(row_class) for row_class in RowClass}),
        explained=Counter(
            {wrong: int(np.count_nonzero(in_error == wrong)) for wrong in (RowClass.WRONG_VALUE, RowClass.CONFLICTING)}
        ),
        missing=len(comparison.missing),
        missing_explained=int(np.count_nonzero(comparison.missing_explained)),
        not_log_append_time=int(np.count_nonzero(ours & (rows.timestamp_type != LOG_APPEND_TIME))),
        impossible=impossible,
    )


def results_lag_s(
    measured: MeasuredRows,
    append: NDArray[np.int64],
    load_end_ns: int,
    *,
    waits: NDArray[np.bool_],
    end_written_ns: int | None = None,
) -> float | None:
    """Return how long after the end of load the last row came that the load can close; 0 where it came before.

    The load ends when its last event was due, or sent where that was later. `append` (ns) is that of each result row,
    `waits` says of which windows the rows wait for END. That is written when the engine has read everything, or was
    waited for long enough: so an engine that takes longer to read than to write is behind by that. `end_written_ns` is
    None where it is not known, or no row waits for it.
    """
    last = append[measured.row[~waits[measured.window]]].tolist()
    last += [] if end_written_ns is None else [end_written_ns]
    return max(max(last) - load_end_ns, 0) / NS_PER_S if last else None


def states_at(path: MmppPath, instants_ns: NDArray[np.int64], epoch_ns: int) -> NDArray[np.int64]:
    """Return the state of the modulating chain at each instant."""
    segment = np.searchsorted(path.starts_ns, instants_ns - epoch_ns, side="right") - 1
    return np.asarray(path.states[np.clip(segment, 0, len(path.states) - 1)])
