"""When each window may first be emitted: C(w), and how much longer the slowest partition takes.

C(w) is the due time of the first scheduled event whose event time, floored to a millisecond, is at
or beyond end(w) + watermark delay - 1 ms. It follows from the schedule alone, so it is the same for
every engine. A window that no event of the load closes is closed by END, which nobody can send
before the end of the load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.load.numbering import input_partitions
from windowbench.load.schedule import NS_PER_MS, Schedule

_NEVER = np.iinfo(np.int64).max


class Windows(Protocol):
    """What the judge knows of windows, whatever their kind: arrays of one entry a window."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """Id of each, as ``windows.csv`` has it."""

    @property
    def starts_ms(self) -> NDArray[np.int64]:
        """First ms of each."""

    @property
    def ends_ms(self) -> NDArray[np.int64]:
        """First ms after each."""

    @property
    def closing_ns(self) -> NDArray[np.int64]:
        """Earliest possible emission of each; the end of load where only END closes it."""

    @property
    def by_end(self) -> NDArray[np.bool_]:
        """Whether only END closes it."""

    @property
    def partition_wait_ns(self) -> NDArray[np.int64]:
        """How much later the last partition closes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosingTimes:
    """The windows of a run, from the first that holds an event to the last, and when each closes.

    Attributes
    ----------
    first_id : int
        Id of the first window; entry i of the arrays is window ``first_id + i``.
    closing_ns : int64[windows]
        C(w); the end of load where only END closes the window.
    by_end : bool[windows]
        Whether only END closes the window.
    partition_wait_ns : int64[windows]
        How much later than C(w) the last partition shows such an event; partitions without events take no part.
    """

    assigner: WindowAssigner
    first_id: int
    closing_ns: NDArray[np.int64]
    by_end: NDArray[np.bool_]
    partition_wait_ns: NDArray[np.int64]

    @property
    def ids(self) -> NDArray[np.int64]:
        """Id of every window."""
        return np.arange(self.first_id, self.first_id + len(self.closing_ns), dtype=np.int64)

    @property
    def starts_ms(self) -> NDArray[np.int64]:
        """First ms of every window."""
        return self.assigner.starts_ms(self.ids)

    @property
    def ends_ms(self) -> NDArray[np.int64]:
        """First ms after every window."""
        return self.starts_ms + self.assigner.size_ms

    def windows_of(self, event_time_ns: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Yield the index of a window of each instant, until every window that holds it was there."""
        last = self.assigner.last_ids(event_time_ns) - self.first_id
        for back in range(self.assigner.windows_per_instant):
            yield last - back


def ahead_ns(windows: Windows, margin_ns: int) -> NDArray[np.int64]:
    """Return the instant so far ahead of the closing of each window; never, where only END closes it."""
    return np.where(windows.by_end, _NEVER, windows.closing_ns - margin_ns)


class _FirstDue:
    """Least due time per partition and last window that an event closes; grows as windows appear."""

    def __init__(self, partitions: int) -> None:
        self.first_id = 0
        self.due_ns: NDArray[np.int64] = np.empty((partitions, 0), dtype=np.int64)

    def add(self, closes: NDArray[np.int64], partition: NDArray[np.int32], due_ns: NDArray[np.int64]) -> None:
        self._cover(int(closes.min()), int(closes.max()))
        flat = partition.astype(np.int64) * self.due_ns.shape[1] + (closes - self.first_id)
        np.minimum.at(self.due_ns.reshape(-1), flat, due_ns)

    def _cover(self, low: int, high: int) -> None:
        width = self.due_ns.shape[1]
        if width == 0:
            self.first_id = low
        left = max(self.first_id - low, 0)
        right = max(high - (self.first_id + width - 1), 0)
        if left or right:
            right += 64 if right else 0  # room, so that growing stays rare
            self.due_ns = np.ascontiguousarray(np.pad(self.due_ns, ((0, 0), (left, right)), constant_values=_NEVER))
            self.first_id -= left

    def from_window(self, first_id: int, windows: int) -> NDArray[np.int64]:
        """Return per partition and window the least due time of an event that closes it."""
        self._cover(first_id, first_id + windows - 1)
        backwards = np.minimum.accumulate(self.due_ns[:, ::-1], axis=1)[:, ::-1]
        start = first_id - self.first_id
        return backwards[:, start : start + windows]


class ClosingBuilder:
    """Finds C(w) of every window that holds an event.

    Parameters
    ----------
    wait_ms : int
        How far the watermark must be beyond a window's end.
    """

    def __init__(self, config: Config, schedule: Schedule, *, wait_ms: int = 0) -> None:
        self._assigner = assigner = WindowAssigner.of(config, schedule)
        self._load_end_ns = schedule.load_end_ns
        self._beyond_ms = assigner.base_ms + assigner.size_ms + config.windows.delay_ms + wait_ms - 1
        partitions = input_partitions(config).count
        self._first_due = _FirstDue(partitions)
        self._in_use: NDArray[np.bool_] = np.zeros(partitions, dtype=np.bool_)
        self._low, self._high = 0, -1

    def add(self, events: ScheduledEvents) -> None:
        """Take note of events; the order of the producers does not matter."""
        if len(events.due_ns) == 0:
            return
        assigner = self._assigner
        closes = (events.event_time_ns // NS_PER_MS - self._beyond_ms) // assigner.slide_ms
        self._first_due.add(closes, events.partition, events.due_ns)
        self._in_use[events.partition] = True
        ids = assigner.last_ids(events.event_time_ns)
        lowest, highest = int(ids.min()) - assigner.windows_per_instant + 1, int(ids.max())
        none_yet = self._high < self._low
        self._low = lowest if none_yet else min(self._low, lowest)
        self._high = highest if none_yet else max(self._high, highest)

    def finish(self) -> ClosingTimes:
        """Return what all events say."""
        low, windows = self._low, self._high - self._low + 1
        nothing: NDArray[np.int64] = np.empty((1, 0), dtype=np.int64)
        per_partition = self._first_due.from_window(low, windows)[self._in_use] if windows else nothing
        earliest = per_partition.min(axis=0)
        by_end = earliest == _NEVER
        closing = np.where(by_end, self._load_end_ns, earliest)
        slowest = np.where(per_partition == _NEVER, self._load_end_ns, per_partition).max(axis=0)
        return ClosingTimes(
            assigner=self._assigner,
            first_id=low,
            closing_ns=closing,
            by_end=by_end,
            partition_wait_ns=np.maximum(slowest - closing, 0),
        )


def closing_times(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> ClosingTimes:
    """Find C(w) of every window that holds an event, of the whole load."""
    builder = ClosingBuilder(config, schedule)
    for block in events:
        builder.add(block)
    return builder.finish()
