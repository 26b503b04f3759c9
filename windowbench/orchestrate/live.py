"""What is known of a run while it lasts: a bounded picture of the results, and the numbers shown live.

None of it is judged. The live percentiles are over the most recent rows only and say so; where rows are updates, over
the newest ones of their keys.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from config import OutputMode
from windowbench.judge.truth.rows import LiveRow

_RECENT_ROWS = 2_000

LiveKey = tuple[int | str, ...]
"""Tells the rows of one cell from those of others; the workload says of what it is made."""
Expected = dict[LiveKey, tuple[int, int]]
"""Least and greatest right ``events`` count of the final row of every key."""
ReadsRow = Callable[[Mapping[str, Any]], LiveRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultFigures:
    """What is known of the results; latencies are over the most recent rows of measured windows.

    In append mode a latency is append time minus window end minus watermark delay, close to the excess of
    docs/measurement.md; in update mode it is the freshness.
    """

    windows: int = 0
    rows: int = 0
    p50_ms: int | None = None
    p90_ms: int | None = None
    max_ms: int | None = None
    mode: OutputMode = "append"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Numbers for the live view; None where nothing is known yet."""

    phase: str
    results: ResultFigures = ResultFigures()
    seconds_left: float | None = None
    target_rate: float | None = None
    achieved_rate: float | None = None
    sent: int = 0
    failed: int = 0
    lateness_p99_ms: float | None = None
    batch_ms: float | None = None
    unread: int | None = None
    engine_page: str | None = None


class LiveResults:
    """The rows seen so far: the last ``events`` count of each key, and recent latencies.

    Rows of other runs are left out. `read` is the workload's: what is looked at of a row; it raises for an object that
    is none. The output mode decides which latency is shown.
    """

    def __init__(self, run_id: str, read: ReadsRow, *, delay_ms: int, mode: OutputMode = "append") -> None:
        """Start with nothing seen."""
        self._read = read
        self._mode = mode
        self._run_id = run_id
        self._delay_ms = delay_ms
        self._lock = threading.Lock()
        self._events: dict[LiveKey, int] = {}
        self._recent: deque[int] = deque(maxlen=_RECENT_ROWS)
        self._windows: set[int] = set()
        self._rows = 0
        self._max_ms: int | None = None
        self._measured: tuple[int, int] | None = None

    def measure(self, base_ms: int, end_ms: int) -> None:
        """Show latencies of windows within [base, end) only."""
        self._measured = (base_ms, end_ms)

    def __call__(self, timestamp_ms: int, value: bytes | None) -> None:
        """Take one record of the results topic; what is not a row of this run is left out here, and judged later."""
        try:
            fields = orjson.loads(value or b"")
            run_id, row = fields["run_id"], self._read(fields)
            since = row.newest_produce_ms if self._mode == "update" else row.window_end + self._delay_ms
        except (ValueError, KeyError, TypeError):
            return
        start, end = row.window_start, row.window_end
        if run_id != self._run_id or not all(isinstance(part, int | str) for part in row.key):
            return
        if since is None or not all(isinstance(number, int) for number in (start, end, row.events, since)):
            return
        with self._lock:
            self._rows += 1
            self._events[row.key] = row.events
            self._windows.add(start)
            if self._measured and self._measured[0] <= start and end <= self._measured[1]:
                latency = timestamp_ms - since
                self._recent.append(latency)
                self._max_ms = latency if self._max_ms is None else max(self._max_ms, latency)

    def pass_over(self, rows: int) -> None:
        """Take note of rows that were not handed on, because newer ones of their keys were."""
        with self._lock:
            self._rows += rows

    def missing(self, expected: Expected) -> list[LiveKey]:
        """Return the keys of `expected` whose row has not shown a right ``events`` count."""
        with self._lock:
            return [key for key, (low, high) in expected.items() if not low <= self._events.get(key, -1) <= high]

    @property
    def rows(self) -> int:
        """How many rows have been seen."""
        with self._lock:
            return self._rows

    def figures(self) -> ResultFigures:
        """Return what the live view shows of the results."""
        with self._lock:
            ordered = sorted(self._recent)
            windows, rows, greatest = len(self._windows), self._rows, self._max_ms

        def at(share: float) -> int | None:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

        return ResultFigures(
            windows=windows, rows=rows, p50_ms=at(0.5), p90_ms=at(0.9), max_ms=greatest, mode=self._mode
        )
