"""The load second by second: what was scheduled, what was sent, how late. Pure; memory grows with seconds alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule


class LoadSeries:
    """Counts events in seconds since the epoch of the load.

    Notes
    -----
    An event is scheduled in the second it was due in and sent in the second it was handed over in. What was sent
    after the end of load counts in the last second, so that no event is lost from the sum.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._epoch_ns = schedule.epoch_ns
        self._base_ns = schedule.base_time_ns
        self._seconds = max(-(-schedule.load_length_ns // NS_PER_S), 1)
        self._scheduled: NDArray[np.int64] = np.zeros(self._seconds, dtype=np.int64)
        self._sent: NDArray[np.int64] = np.zeros(self._seconds, dtype=np.int64)
        self._lateness_sum: NDArray[np.float64] = np.zeros(self._seconds)
        self._lateness_max: NDArray[np.int64] = np.full(self._seconds, np.iinfo(np.int64).min)
        self._sent_of_due: NDArray[np.int64] = np.zeros(self._seconds, dtype=np.int64)

    def _second_of(self, instants_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.clip((instants_ns - self._epoch_ns) // NS_PER_S, 0, self._seconds - 1)

    def add(self, events: ScheduledEvents) -> None:
        """Count scheduled events and what became of them."""
        second = self._second_of(events.due_ns)
        self._scheduled += np.bincount(second, minlength=self._seconds)
        was_sent = events.sent_ns != UNSENT
        second, lateness = second[was_sent], (events.sent_ns - events.due_ns)[was_sent]
        self._sent += np.bincount(self._second_of(events.sent_ns[was_sent]), minlength=self._seconds)
        self._sent_of_due += np.bincount(second, minlength=self._seconds)
        self._lateness_sum += np.bincount(second, weights=lateness, minlength=self._seconds)
        np.maximum.at(self._lateness_max, second, lateness)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return equally long columns, one entry a second.

        Returns
        -------
        dict of str to array
            ``start_s`` from the base of the measured phase, ``scheduled`` and ``sent`` (events), ``lateness_mean_ms``
            and ``lateness_max_ms`` (NaN in a second of which no event was sent).
        """
        some = self._sent_of_due > 0
        mean = np.divide(self._lateness_sum, self._sent_of_due, out=np.full(self._seconds, np.nan), where=some)
        return {
            "start_s": np.arange(self._seconds) + (self._epoch_ns - self._base_ns) / NS_PER_S,
            "scheduled": self._scheduled,
            "sent": self._sent,
            "lateness_mean_ms": mean / NS_PER_MS,
            "lateness_max_ms": np.where(some, self._lateness_max / NS_PER_MS, np.nan),
        }
