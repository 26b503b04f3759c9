"""The schedule of a run made again, with the send times that were recorded beside it.

Due times, event times and contents are a pure function of configuration and seed; only the moment
of sending was measured. Memory is flat in the length of a run.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from data_generation import event_blocks
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.events import EventSource
from windowbench.load.schedule import Schedule

UNSENT = -1
"""Stands for the send time of a scheduled event that was never sent."""

_BLOCKS_AT_A_TIME = 32
"""Blocks are gathered, because adding up a large array costs hardly more than a small one."""

_MOST_REMEMBERED = 1 << 22
"""Events kept in memory (some 30 bytes each) for a second look; a longer load is made again instead."""

SentSource = Callable[[int], Iterator[NDArray[np.int64]]]
"""Gives the recorded send times (ns) of a producer in pieces of any size; entry n is event n."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledEvents:
    """Consecutive events of one producer; arrays of equal length.

    Attributes
    ----------
    producer, first : int
        Whose events, and the number of the first.
    due_ns, event_time_ns, sent_ns : int64[n]
        When each was due, what time it carries, when it was handed to the client (:data:`UNSENT` when never).
    partition : int32[n]
        Number of the partition, over all input topics.
    contents : mapping of str to array
        What else of an event decides which rows are right; the workload says what that is.
    """

    producer: int
    first: int
    due_ns: NDArray[np.int64]
    event_time_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    partition: NDArray[np.int32]
    contents: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def unseen(self, withheld: Mapping[int, NDArray[np.int64]]) -> NDArray[np.bool_]:
        """Whether each was never sent, or is among those `withheld` from the topics: numbers of events by producer."""
        missing: NDArray[np.bool_] = self.sent_ns == UNSENT
        if self.producer in withheld:
            numbers = np.arange(self.first, self.first + len(missing))
            missing |= np.isin(numbers, withheld[self.producer])
        return missing


class _Rechunked:
    """Pieces of any size, taken in the sizes asked for and filled up with :data:`UNSENT` at the end."""

    def __init__(self, pieces: Iterator[NDArray[np.int64]]) -> None:
        self._pieces = pieces
        self._rest: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def take(self, count: int) -> NDArray[np.int64]:
        got, have = [self._rest], len(self._rest)
        while have < count:
            got.append(next(self._pieces, np.full(count - have, UNSENT, dtype=np.int64)))
            have += len(got[-1])
        joined = np.concatenate(got) if len(got) > 1 else got[0]
        self._rest = joined[count:]
        return joined[:count]


def nothing_sent(_producer: int) -> Iterator[NDArray[np.int64]]:
    """Stand in for the recorded send times where only the schedule matters."""
    return iter(())


def scheduled_events(config: Config, schedule: Schedule, sent: SentSource = nothing_sent) -> Iterator[ScheduledEvents]:
    """Yield every event of a run's load, producer after producer, each in due order.

    Parameters
    ----------
    sent : callable, optional
        Where the recorded send times come from.
    """
    names = EventSource.of(config.engine.workload).contents
    for producer in range(config.load.num_producers):
        recorded = _Rechunked(sent(producer))
        offsets = arrival_offsets(config, producer)
        blocks = event_blocks(config, producer, offsets, schedule.load_length_ns)
        while gathered := list(itertools.islice(blocks, _BLOCKS_AT_A_TIME)):
            due_offset_ns = np.concatenate([block.due_offset_ns for block in gathered])
            event_offset_ns = np.concatenate([block.event_offset_ns for block in gathered])
            yield ScheduledEvents(
                producer=producer,
                first=gathered[0].first,
                due_ns=due_offset_ns + schedule.epoch_ns,
                event_time_ns=event_offset_ns + schedule.epoch_ns,
                sent_ns=recorded.take(len(due_offset_ns)),
                partition=np.concatenate([block.partition for block in gathered]),
                contents={n: np.concatenate([getattr(block, n) for block in gathered]) for n in names},
            )


class TwoLooks:
    """A load that is looked at twice: at its schedule alone, then beside what was sent.

    Notes
    -----
    A load of moderate size is made once and remembered, a longer one is made twice: memory stays bounded.
    """

    def __init__(self, config: Config, schedule: Schedule) -> None:
        self._config = config
        self._schedule = schedule
        self._remembered: list[ScheduledEvents] | None = []

    def at_schedule(self) -> Iterator[ScheduledEvents]:
        """Yield the events without send times; to be read to its end before the other look."""
        count = 0
        for events in scheduled_events(self._config, self._schedule):
            count += len(events.due_ns)
            if count > _MOST_REMEMBERED:
                self._remembered = None
            if self._remembered is not None:
                self._remembered.append(events)
            yield events

    def beside(self, sent: SentSource) -> Iterator[ScheduledEvents]:
        """Yield the events with their recorded send times."""
        if self._remembered is None:
            yield from scheduled_events(self._config, self._schedule, sent)
            return
        recorded = _Rechunked(iter(()))
        for i, events in enumerate(self._remembered):
            if i == 0 or events.producer != self._remembered[i - 1].producer:
                recorded = _Rechunked(sent(events.producer))
            yield dataclasses.replace(events, sent_ns=recorded.take(len(events.due_ns)))
