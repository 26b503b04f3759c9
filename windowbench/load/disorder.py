"""When events claim to have happened: when they were due, out of order, or too late to count. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import BLOCK
from windowbench.load.schedule import GUARD_PAST_MS, NS_PER_MS, NS_PER_S
from windowbench.load.streams import stream_rng

FURTHEST_BACK_NS = (GUARD_PAST_MS - 60_000) * NS_PER_MS
"""Engines reject older events as damaged, which would not show how they treat late ones."""


class EventTimes:
    """Says when events claim to have happened: when they were due, or earlier where disorder is configured.

    Notes
    -----
    An out-of-order event lies up to the configured extent before its due time. A *too-late* event must
    lie in windows that closed at least the late guard before it is due. A window closes when the first event
    whose time reaches its end plus the watermark delay is due, and any producer's event is such a witness. So
    each producer looks for its own latest on-time event that was due at least the guard earlier, and goes
    back from that one's due time by extent (it may itself be out of order), delay and window size. The gap to
    the closing event is thereby covered at any rate, also through silent MMPP states. Where this would be before
    the epoch, or too far back to be accepted by an engine, the event stays where it was.

    Parameters
    ----------
    config : Config
    producer : int
    wait_ms : int
        How far the watermark must be beyond a window's end before an event of it is too late.
    """

    def __init__(self, config: Config, producer: int, *, wait_ms: int = 0) -> None:
        events, windows = config.events, config.windows
        self._rng = stream_rng(config.run.seed, "disorder", producer)
        self._out_of_order_share = events.out_of_order_share
        self._extent_ns = events.out_of_order_extent_ms * NS_PER_MS
        self._too_late_share = events.too_late_share
        self._guard_ns = round(events.late_guard_seconds * NS_PER_S)
        self._size_ns = windows.size_ms * NS_PER_MS
        self._back_ns = self._extent_ns + (windows.delay_ms + wait_ms) * NS_PER_MS + self._size_ns
        # Witnesses are remembered at this spacing, so that memory does not grow with the rate.
        self._spacing_ns = max(NS_PER_MS, self._guard_ns // 10_000)
        self._witnesses = np.empty(0, dtype=np.int64)

    def __call__(self, due: NDArray[np.int64], apart: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the event offsets of the next block; none is after its due offset or before the epoch.

        Events `apart` the caller places itself: they are no witnesses.
        """
        if self._out_of_order_share == 0 and self._too_late_share == 0:
            return due
        disordered, distance, late, jitter = self._rng.random((4, BLOCK))[:, : due.size]
        earlier = due - 1 - (distance * self._extent_ns).astype(np.int64)
        chosen = (disordered < self._out_of_order_share) & (earlier >= 0)
        event = np.where(chosen, earlier, due)
        if self._too_late_share == 0:
            return event
        is_late = late < self._too_late_share
        witness = ~is_late if apart is None else ~(is_late | apart)
        placed = self._witness_before(due, witness) - self._back_ns - (jitter * self._size_ns).astype(np.int64)
        possible = is_late & (placed >= 0) & (due - placed <= FURTHEST_BACK_NS)
        return np.where(possible, placed, event)

    def _witness_before(self, due: NDArray[np.int64], on_time: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the latest remembered due offset at least the guard before each event, -1 where there is none."""
        if self._witnesses.size == 0:
            self._witnesses = np.array([-1], dtype=np.int64)
        fresh = due[on_time]
        # The first of each spacing: that choice depends on earlier events only, not on where the load is cut.
        spacings = np.concatenate((self._witnesses[-1:], fresh)) // self._spacing_ns
        known = np.concatenate((self._witnesses, fresh[spacings[1:] != spacings[:-1]]))
        latest = np.maximum(np.searchsorted(known, due - self._guard_ns, side="right") - 1, 0)
        self._witnesses = known[latest[-1] :]
        return known[latest]
