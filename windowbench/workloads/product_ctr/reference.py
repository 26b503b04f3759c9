"""The product click-through workload in plain Python, without any framework: reading, counting, rows, revisions. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py``, and counts one event after the
other in dictionaries.

The way of an event: :class:`EventReader` -> :class:`PartialCounts` of one consumer -> :class:`OpenWindows` of the
aggregator. That emits the first value of a window once the watermark has reached its end, a revision whenever late
counts have come in since, and forgets the window when the watermark is the allowed lateness beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from config import JobConfig
from windowbench.engines.reference import records
from windowbench.engines.reference.counts import Partial, PartialCounts
from windowbench.engines.reference.query import ReferenceQuery, ResultRecord, Row
from windowbench.engines.reference.records import Intake
from windowbench.load.schedule import NS_PER_MS
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrQuery


class EventReader(records.EventReader):
    """Reads records of the two topics."""

    def __init__(self, run_id: str) -> None:
        """Take the workload's kinds of event and its key."""
        super().__init__(run_id, kinds=[(kind,) for kind in KINDS], kind="event_type", key="product_id")


class OpenWindows:
    """Adds up partial counts of all consumers, emits first values and revisions, and forgets final windows.

    Attributes
    ----------
    late : int
        Events dropped because their window was final, counted once for each such window.
    """

    def __init__(self, config: JobConfig) -> None:
        """Begin without any window."""
        self._size_ms = config.windows.size_ms
        self._lateness_ms = ProductCtrQuery.of(config.workload).lateness_ms
        self._run_id = config.run.run_id or ""
        self._watermark_ns: int | None = None
        self._open: dict[int, dict[int, Partial]] = {}
        self._emitted: dict[tuple[int, int], int] = {}
        self._changed: set[tuple[int, int]] = set()
        self.late = 0

    def __len__(self) -> int:
        """Return how many windows of products are kept."""
        return sum(map(len, self._open.values()))

    def _passed(self, start_ms: int, wait_ms: int) -> bool:
        end_ns = (start_ms + self._size_ms + wait_ms) * NS_PER_MS
        return self._watermark_ns is not None and end_ns <= self._watermark_ns

    def add(self, partials: Iterable[Sequence[Any]]) -> None:
        """Add partial counts; those of windows that are final are dropped."""
        for partial in partials:
            start, product, impressions, clicks, produce_ms, event_ns = partial
            if self._passed(start, self._lateness_ms):
                self.late += impressions + clicks
                continue
            cell = self._open.setdefault(start, {}).setdefault(product, [start, product, 0, 0, produce_ms, event_ns])
            cell[2] += impressions
            cell[3] += clicks
            cell[4] = max(cell[4], produce_ms)
            self._changed.add((start, product))

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield every value that is new behind the watermark, the oldest window first; forget what is final."""
        if self._watermark_ns is None or watermark_ns > self._watermark_ns:
            self._watermark_ns = watermark_ns
        due = sorted(key for key in self._changed if self._passed(key[0], 0))
        self._changed.difference_update(due)
        for key in due:
            revision = self._emitted.get(key, -1) + 1
            self._emitted[key] = revision
            yield self._row(self._open[key[0]][key[1]], revision)
        for start in [start for start in self._open if self._passed(start, self._lateness_ms)]:
            for product in self._open.pop(start):
                del self._emitted[start, product]

    def _row(self, cell: Partial, revision: int) -> Row:
        start, product, impressions, clicks, produce_ms, _ = cell
        return {
            "run_id": self._run_id,
            "product_id": product,
            "window_start": start,
            "window_end": start + self._size_ms,
            "impressions": impressions,
            "clicks": clicks,
            "revision": revision,
            "max_produce_time": produce_ms,
            "ctr": clicks / impressions if impressions else None,
        }


def record(row: Mapping[str, object]) -> ResultRecord:
    """Return a row's result record."""
    return ResultRecord(f"{row['product_id']}:{row['window_start']}".encode(), orjson.dumps(row))


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), PartialCounts(config.windows, len(KINDS))),
    windows=OpenWindows,
    record=record,
)
