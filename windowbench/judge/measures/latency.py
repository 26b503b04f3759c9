"""Latencies of result rows, and where each came from. Pure; all values are integers of ns, so that sums are exact.

=======================  ==========================================================================
name                     definition
=======================  ==========================================================================
``e2e``                  append time - greatest produce time of the counted events, as recorded by the producers
``since_window_end``     append time - end of the window
``excess``               append time - C(w), the earliest possible emission
``freshness``            append time - produce time of the newest event counted in the row
=======================  ==========================================================================

The newest event counted in a row is the one with the greatest produce time. In append mode only rows with the right
value are measured, and so the row's own ``max_produce_time`` says which it is. In update mode freshness is that of
every update, and an intermediate one is believed what it says, as long as it says nothing that cannot be.

Decomposition: append time - due time of the last counted event
= send lateness + wait for the window's end + watermark delay + gap to the closing event + excess.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import OutputMode
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.figures import Impossible

LATENCIES = ("e2e", "since_window_end", "excess", "freshness")
PARTS = ("send_lateness", "wait_for_window_end", "watermark_delay", "gap_to_closing_event", "excess")
"""Parts of the decomposition, in the order in which they pass."""
EXCESS_TOLERANCE_NS = 2 * NS_PER_MS
"""A row may seem this much too early, because the broker's time stamps are whole ms."""

Ns = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowTimes:
    """What the latencies of rows derive from; arrays of equal length, ns since the Unix epoch.

    Attributes
    ----------
    append_ns : int64[n]
        When the broker stored each row, on the producers' clock.
    window_end_ns, closing_ns : int64[n]
        End of the row's window, and when it could first be emitted: C(w).
    greatest_produce_ns : int64[n]
        Greatest produce time of the row's events as the producers recorded it.
    newest_produce_ns : int64[n]
        Produce time of the newest event counted in the row.
    last_due_ns, last_sent_ns : int64[n]
        Due and send time of the last event counted in the row.
    delay_ns : int
        Watermark delay.
    """

    append_ns: Ns
    window_end_ns: Ns
    closing_ns: Ns
    greatest_produce_ns: Ns
    newest_produce_ns: Ns
    last_due_ns: Ns
    last_sent_ns: Ns
    delay_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RowLatencies:
    """Latencies of rows and the parts of their decomposition; int64[n] of ns each."""

    e2e: Ns
    since_window_end: Ns
    excess: Ns
    freshness: Ns
    send_lateness: Ns
    wait_for_window_end: Ns
    watermark_delay: Ns
    gap_to_closing_event: Ns
    total: Ns
    """Append time - due time of the last counted event: what the parts add up to."""

    def __len__(self) -> int:
        return len(self.total)

    def of(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> RowLatencies:
        """Return the latencies of some rows, by flags or positions."""
        return RowLatencies(**{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)})


def row_latencies(times: RowTimes) -> RowLatencies:
    """Return every latency of rows and its decomposition."""
    return RowLatencies(
        e2e=times.append_ns - times.greatest_produce_ns,
        since_window_end=times.append_ns - times.window_end_ns,
        excess=times.append_ns - times.closing_ns,
        freshness=times.append_ns - times.newest_produce_ns,
        send_lateness=times.last_sent_ns - times.last_due_ns,
        wait_for_window_end=times.window_end_ns - times.last_sent_ns,
        watermark_delay=np.full_like(times.append_ns, times.delay_ns),
        gap_to_closing_event=times.closing_ns - times.window_end_ns - times.delay_ns,
        total=times.append_ns - times.last_due_ns,
    )


def impossible(
    latencies: RowLatencies, freshness: Ns, clock_bound_ns: int = 0, *, mode: OutputMode = "append"
) -> Impossible:
    """Count latencies that cannot be: of the rows that count, and the freshness (ns) of every update.

    `clock_bound_ns` is how well the broker's clock is known, 0 where it is the producers' own. In update mode no excess
    is too low: a final row needs no window to close.
    """
    too_low = latencies.excess < -EXCESS_TOLERANCE_NS - clock_bound_ns
    return Impossible(
        e2e_negative=int(np.count_nonzero(latencies.e2e < -clock_bound_ns)),
        freshness_negative=int(np.count_nonzero(freshness < -clock_bound_ns)),
        excess_too_low=int(np.count_nonzero(too_low)) if mode == "append" else 0,
    )
