"""When rows became visible: the observer's samples beside the rows of the results topic. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.measured import MeasuredRows
from windowbench.judge.measures.latency import LATENCIES, RowLatencies, row_latencies
from windowbench.judge.measures.quantiles import percentiles
from windowbench.judge.truth.rows import ResultRows
from windowbench.judge.verdict.host import ClockOffset
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.runs.files.figures import VisibleFigures

VISIBLE_LATENCIES = (*(f"visible_{name}" for name in LATENCIES), "visible_delay")
"""Each latency of a row with its visible time in place of its append time, and the difference between the two."""
NEVER = np.iinfo(np.int64).max
_PARTITION_BITS = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleSamples:
    """What the observer left: columns of its two files."""

    rows: Mapping[str, NDArray[Any]]
    calibration: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleRows:
    """Visible latencies of the rows that count; arrays as long as those of :class:`MeasuredRows`.

    Attributes
    ----------
    seen : bool[n]
        Whether the observer was given the row; without that its latencies mean nothing.
    latencies : RowLatencies
        With the visible time in place of the append time.
    delay : int64[n]
        Visible time - append time, in ns.
    """

    seen: NDArray[np.bool_]
    latencies: RowLatencies
    delay: NDArray[np.int64]
    figures: VisibleFigures

    def of(self, name: str) -> NDArray[np.int64]:
        """Return the values of one of :data:`VISIBLE_LATENCIES`."""
        return self.delay if name == "visible_delay" else getattr(self.latencies, name.removeprefix("visible_"))


def first_seen_ns(rows: ResultRows, samples: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return when each result row was first seen, by partition and offset; :data:`NEVER` where it was not."""
    places = (samples["partition"].astype(np.int64) << _PARTITION_BITS) | samples["offset"].astype(np.int64)
    order = np.lexsort((samples["visible_ns"], places))
    known, first = np.unique(places[order], return_index=True)
    times = samples["visible_ns"][order][first].astype(np.int64)
    wanted = (rows.partition.astype(np.int64) << _PARTITION_BITS) | rows.offset
    if not len(known):
        return np.full(len(wanted), NEVER, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, times[at], NEVER)


def overhead_ns(samples: Mapping[str, NDArray[Any]], schedule: Schedule, clock: ClockOffset) -> NDArray[np.int64]:
    """Return visible time - append time of the calibration records of the measured phase."""
    appended = samples["append_ms"].astype(np.int64) * NS_PER_MS - clock.offset_ns
    measured = (appended >= schedule.base_time_ns) & (appended < schedule.measure_end_ns)
    return np.asarray((samples["visible_ns"].astype(np.int64) - appended)[measured])


def visible_rows(
    rows: ResultRows,
    measured: MeasuredRows,
    samples: VisibleSamples | None,
    schedule: Schedule,
    clock: ClockOffset,
    *,
    ranks: bool,
) -> VisibleRows | None:
    """Return when the rows that count became visible; None where nobody looked."""
    if samples is None:
        return None
    visible = first_seen_ns(rows, samples.rows)[measured.row]
    seen = visible != NEVER
    visible = np.where(seen, visible, measured.times.append_ns)
    delay = visible - measured.times.append_ns
    took_ns = overhead_ns(samples.calibration, schedule, clock)
    overhead = percentiles(took_ns)
    counted = measured.is_measured
    return VisibleRows(
        seen=seen,
        latencies=row_latencies(dataclasses.replace(measured.times, append_ns=visible)),
        delay=delay,
        figures=VisibleFigures(
            ranks=ranks,
            rows_seen=int(np.count_nonzero(seen & counted)),
            rows_not_seen=int(np.count_nonzero(~seen & counted)),
            before_append=int(np.count_nonzero(delay < -clock.bound_ns)),
            calibration=len(took_ns),
            overhead_p50_ms=overhead.p50,
            overhead_p90_ms=overhead.p90,
            overhead_max_ms=overhead.max,
        ),
    )
