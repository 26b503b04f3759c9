"""Windows of what consumers counted by one integer: added up, emitted, revised, forgotten. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from config import JobConfig
from windowbench.engines.reference.query import ResultRecord, Row
from windowbench.load.schedule import NS_PER_MS

Fields = Callable[[Sequence[int], int, int, int], Row]
"""Returns what a workload says of a window: of its events by kind, greatest produce time in ms, greatest event time in
ns, and how many rows it had before."""


class OpenWindows:
    """Adds up partial counts of all consumers, emits rows and revisions, and forgets final windows.

    A window's row is emitted once the watermark has reached its end, a revision whenever late counts have come in
    since; it is final when the watermark is the allowed lateness beyond it.

    Parameters
    ----------
    config : JobConfig
    key : str
        Name of the integer in a row.
    fields : callable
        Gives a row's fields behind key and window.
    lateness_ms : int
        The allowed lateness.

    Attributes
    ----------
    late : int
        Events dropped because their window was final, counted once for each such window.
    """

    def __init__(self, config: JobConfig, key: str, fields: Fields, lateness_ms: int = 0) -> None:
        self._run_id, self._size_ms = config.run.run_id or "", config.windows.size_ms
        self._key, self._fields, self._lateness_ms = key, fields, lateness_ms
        self._watermark_ns = -(2**63)
        self._open: dict[int, dict[int, list[int]]] = {}
        self._changed: dict[int, dict[int, None]] = {}
        self._emitted: dict[tuple[int, int], int] = {}
        self.late = 0

    def __len__(self) -> int:
        """Return how many windows of keys are kept."""
        return sum(map(len, self._open.values()))

    def _passed(self, start_ms: int, wait_ms: int) -> bool:
        return (start_ms + self._size_ms + wait_ms) * NS_PER_MS <= self._watermark_ns

    def add(self, partials: Iterable[Sequence[Any]]) -> None:
        """Add partial counts; those of windows that are final are dropped."""
        for start, key, *counts, produce_ms, event_ns in partials:
            if self._passed(start, self._lateness_ms):
                self.late += sum(counts)
                continue
            cells = self._open.setdefault(start, {})
            *before, newest_ms, last_ns = cells.get(key, [0] * len(counts) + [produce_ms, event_ns])
            cells[key] = [*map(operator.add, before, counts), max(newest_ms, produce_ms), max(last_ns, event_ns)]
            self._changed.setdefault(start, {})[key] = None

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield every value that is new behind the watermark, the oldest window first; forget what is final."""
        self._watermark_ns = max(self._watermark_ns, watermark_ns)
        for start in sorted(start for start in self._changed if self._passed(start, 0)):
            for key in self._changed.pop(start):
                revision = self._emitted.get((start, key), 0)
                self._emitted[start, key] = revision + 1
                *counts, produce_ms, event_ns = self._open[start][key]
                yield {
                    "run_id": self._run_id,
                    self._key: key,
                    "window_start": start,
                    "window_end": start + self._size_ms,
                    **self._fields(counts, produce_ms, event_ns, revision),
                }
        for start in [start for start in self._open if self._passed(start, self._lateness_ms)]:
            for key in self._open.pop(start):
                del self._emitted[start, key]


def record_of(key: str, row: Mapping[str, object]) -> ResultRecord:
    """Return a row's result record, by the name of its key."""
    return ResultRecord(f"{row[key]}:{row['window_start']}".encode(), orjson.dumps(row))
