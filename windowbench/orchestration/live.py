"""What is known of a run while it lasts: a bounded picture of the results, and the numbers shown live.

None of it is judged. The live percentiles are over the most recent rows only and say so; where rows are updates, over
the newest ones of their keys.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

import orjson

from config import OutputMode

_RECENT_ROWS = 2_000


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
    """The rows seen so far: the last ``events`` count of each (window, campaign), and recent latencies.

    Parameters
    ----------
    run_id : str
        Rows of other runs are left out.
    delay_ms : int
        Watermark delay.
    mode : str
        Output mode of the engine; decides which latency is shown.
    """

    def __init__(self, run_id: str, delay_ms: int, mode: OutputMode = "append") -> None:
        """Start with nothing seen."""
        self._mode = mode
        self._run_id = run_id
        self._delay_ms = delay_ms
        self._lock = threading.Lock()
        self._events: dict[tuple[int, int], int] = {}
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
            row = orjson.loads(value or b"")
            start, end = row["window_start"], row["window_end"]
            key, events, run_id = (start, row["campaign_id"]), row["events"], row["run_id"]
            since = row["max_produce_time"] if self._mode == "update" else end + self._delay_ms
        except (ValueError, KeyError, TypeError):
            return
        numbers = (start, end, key[1], events, since)
        if run_id != self._run_id or not all(isinstance(number, int) for number in numbers):
            return
        with self._lock:
            self._rows += 1
            self._events[key] = events
            self._windows.add(start)
            if self._measured and self._measured[0] <= start and end <= self._measured[1]:
                latency = timestamp_ms - since
                self._recent.append(latency)
                self._max_ms = latency if self._max_ms is None else max(self._max_ms, latency)

    def pass_over(self, rows: int) -> None:
        """Take note of rows that were not handed on, because newer ones of their keys were."""
        with self._lock:
            self._rows += rows

    def missing(self, expected: dict[tuple[int, int], tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the (window start ms, campaign) of `expected` whose row has not shown a right ``events`` count.

        Parameters
        ----------
        expected : dict
            Least and greatest right count of every (window start in ms, campaign).
        """
        with self._lock:
            return [key for key, (low, high) in expected.items() if not low <= self._events.get(key, -1) <= high]

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
