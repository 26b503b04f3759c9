"""Window assigners: which windows an instant falls into. They know nothing of watermarks or lateness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.schedule import NS_PER_MS, Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowAssigner:
    """Sliding windows of event time; tumbling ones when slide and size are equal.

    Parameters
    ----------
    size_ms : int
        Length of a window.
    slide_ms : int
        Distance between window starts; divides `size_ms`.
    base_ms : int
        Start of window 0, in ms since the Unix epoch.

    Notes
    -----
    Window k covers [base + k * slide, base + k * slide + size): its start belongs to it, its end does not.
    """

    size_ms: int
    slide_ms: int
    base_ms: int = 0

    def __post_init__(self) -> None:
        """Check the lengths."""
        if self.slide_ms <= 0 or self.size_ms <= 0 or self.size_ms % self.slide_ms:
            raise ValueError(f"a window of {self.size_ms} ms is not a multiple of its slide of {self.slide_ms} ms")

    @classmethod
    def of(cls, config: Config, schedule: Schedule) -> WindowAssigner:
        """Return the windows of a run; window 0 is the first measured one."""
        return cls(
            size_ms=config.windows.size_ms,
            slide_ms=config.windows.slide_ms,
            base_ms=schedule.base_time_ns // NS_PER_MS,
        )

    @property
    def windows_per_instant(self) -> int:
        """How many windows an instant falls into."""
        return self.size_ms // self.slide_ms

    def last_ids(self, event_time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each instant the id of the last window that holds it (its ``window_id``)."""
        ids: NDArray[np.int64] = (event_time_ns - self.base_ms * NS_PER_MS) // (self.slide_ms * NS_PER_MS)
        return ids

    def starts_ms(self, window_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first ms of each window."""
        return self.base_ms + window_ids * self.slide_ms
