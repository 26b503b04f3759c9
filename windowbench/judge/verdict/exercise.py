"""What a load did not ask of an engine: exact rows say nothing about late events where there are none. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.load.numbering import input_partitions
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.runs.files.load import Hardship


class Exercise:
    """Looks at the events of a load, not at what was asked for: a share of a short load may be no event.

    Notes
    -----
    An event is out of order that carries an earlier time than it was due. It is late if it was due when the watermark
    delay was over since its last window ended.
    """

    def __init__(self, config: Config, schedule: Schedule) -> None:
        self._windows = WindowAssigner.of(config, schedule)
        self._delay_ms = config.windows.delay_ms
        self._idle: NDArray[np.bool_] = np.ones(input_partitions(config).count, dtype=np.bool_)
        self._had = {Hardship.BURSTS} if config.load.data_generator == "mmpp" else set()

    def add(self, events: ScheduledEvents) -> None:
        """Take note of events."""
        self._idle[events.partition] = False
        early = events.event_time_ns < events.due_ns
        if not early.any():
            return
        self._had.add(Hardship.DISORDER)
        windows = self._windows
        ends_ms = windows.starts_ms(windows.last_ids(events.event_time_ns[early])) + windows.size_ms
        if np.any(events.due_ns[early] >= (ends_ms + self._delay_ms) * NS_PER_MS):
            self._had.add(Hardship.LATE_EVENTS)

    def lacking(self) -> tuple[Hardship, ...]:
        """Return what the load had none of."""
        had = self._had | ({Hardship.IDLE_PARTITION} if self._idle.any() else set())
        return tuple(one for one in Hardship if one not in had)
