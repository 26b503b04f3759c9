"""The ad click-through workload in plain Python, without any framework: reading, counting, rows. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py`` and is not made of NumPy arrays,
but of dictionaries and integers, one event after the other.

The way of an event: :class:`EventReader` -> :class:`PartialCounts` of one consumer -> :class:`OpenWindows` of the
aggregator, which adds up what consumers counted and hands a window's rows out once the watermark has reached its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from config import WindowSettings
from windowbench.engines.reference import records
from windowbench.engines.reference.counts import Partial, PartialCounts
from windowbench.engines.reference.query import ReferenceQuery, ResultRecord, Row
from windowbench.engines.reference.records import Intake
from windowbench.load.schedule import NS_PER_MS
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES


class EventReader(records.EventReader):
    """Reads records of the events topic."""

    def __init__(self, run_id: str) -> None:
        """Take the workload's kinds of event and its key."""
        super().__init__(run_id, kinds=(EVENT_TYPES,), kind="event_type", key="campaign_id")


class OpenWindows:
    """Adds up partial counts of all consumers and closes windows.

    Attributes
    ----------
    late : int
        Events dropped because their window had closed, counted once for each such window.
    """

    def __init__(self, windows: WindowSettings, run_id: str) -> None:
        """Begin without any window."""
        self._size_ms = windows.size_ms
        self._run_id = run_id
        self._closed_ns: int | None = None
        self._open: dict[int, dict[int, Partial]] = {}
        self.late = 0

    def __len__(self) -> int:
        """Return how many windows of campaigns are open."""
        return sum(map(len, self._open.values()))

    def _is_closed(self, start_ms: int) -> bool:
        return self._closed_ns is not None and (start_ms + self._size_ms) * NS_PER_MS <= self._closed_ns

    def add(self, partials: Iterable[Sequence[Any]]) -> None:
        """Add partial counts; those of windows that have closed are dropped."""
        for partial in partials:
            start, campaign, views, clicks, purchases, produce_ms, event_ns = partial
            if self._is_closed(start):
                self.late += views + clicks + purchases
                continue
            cells = self._open.setdefault(start, {})
            cell = cells.get(campaign)
            if cell is None:
                cells[campaign] = list(partial)
                continue
            cell[2] += views
            cell[3] += clicks
            cell[4] += purchases
            cell[5] = max(cell[5], produce_ms)
            cell[6] = max(cell[6], event_ns)

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield the rows of every window whose end the watermark has reached, the oldest window first."""
        if self._closed_ns is not None and watermark_ns <= self._closed_ns:
            return
        self._closed_ns = watermark_ns
        for start in sorted(start for start in self._open if self._is_closed(start)):
            for cell in self._open.pop(start).values():
                yield self._row(cell)

    def _row(self, cell: Partial) -> Row:
        start, campaign, views, clicks, purchases, produce_ms, event_ns = cell
        return {
            "run_id": self._run_id,
            "campaign_id": campaign,
            "window_start": start,
            "window_end": start + self._size_ms,
            "views": views,
            "clicks": clicks,
            "purchases": purchases,
            "events": views + clicks + purchases,
            "max_produce_time": produce_ms,
            "max_event_time_ns": event_ns,
            "ctr": clicks / views if views else None,
            "ctr_smoothed": clicks / (views + 1),
        }


def record(row: Mapping[str, object]) -> ResultRecord:
    """Return a row's result record."""
    return ResultRecord(f"{row['campaign_id']}:{row['window_start']}".encode(), orjson.dumps(row))


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), PartialCounts(config.windows, len(EVENT_TYPES))),
    windows=lambda config: OpenWindows(config.windows, config.run.run_id or ""),
    record=record,
)
