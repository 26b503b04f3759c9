"""What the machine did to a run: clock steps, drift, stolen CPU, and what the harness itself took. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.measures.resources import TREES
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule
from windowbench.runs.files.figures import HostFigures


def host_figures(columns: Mapping[str, NDArray[Any]], schedule: Schedule) -> HostFigures:
    """Return the figures of a run from its host samples.

    Parameters
    ----------
    columns : mapping of str to array
        Columns of ``samples/host.parquet``, in the order of time.

    Notes
    -----
    Shares and cores of a sample are means since the sample before, so they are weighted by that time.
    The monotonic clock decides when samples were taken: a step of the wall clock must not hide itself, or what comes
    after it. The clock as it was last seen before the load was planned places the schedule on it.
    """
    wall, mono = columns["wall_ns"].astype(np.int64), columns["mono_ns"].astype(np.int64)
    since = np.diff(mono, prepend=mono[:1])
    moved = np.diff(wall - mono, prepend=(wall - mono)[:1])
    planned = int(np.argmax(wall >= schedule.planned_ns)) if len(wall) else 0
    ahead = int((wall - mono)[max(planned - 1, 0)]) if len(wall) else 0
    begin, end = schedule.base_time_ns - ahead, schedule.measure_end_ns - ahead
    measured = (mono > begin) & (mono <= end) & (since > 0)
    steps = moved[planned:]
    greatest = float(steps[np.argmax(np.abs(steps))]) if len(steps) else 0.0
    elapsed = int(mono[-1] - mono[0]) if len(mono) > 1 else 0

    def mean(name: str) -> float:
        weights = since[measured]
        known = name in columns and len(weights)  # a run recorded before there were consumers lacks theirs
        return float(np.average(columns[name][measured], weights=weights)) if known else 0.0

    def peak(name: str) -> int:
        return int(columns[name].max()) if len(columns.get(name, ())) else 0

    by_tree: dict[str, Any] = {f"cpu_{tree}": mean(f"cpu_{tree}") for tree in TREES}
    by_tree |= {f"rss_{tree}_bytes": peak(f"rss_{tree}") for tree in TREES if tree != "harness"}
    return HostFigures(
        samples=int(np.count_nonzero(measured)),
        longest_gap_s=_longest_gap_ns(mono, begin, end) / NS_PER_S,
        greatest_step_ms=greatest / NS_PER_MS,
        drift_ppm=float((wall - mono)[-1] - (wall - mono)[0]) / elapsed * 1e6 if elapsed else 0.0,
        steal=mean("steal"),
        throttled=mean("throttled"),
        **by_tree,
    )


def _longest_gap_ns(instants: NDArray[np.int64], begin: int, end: int) -> int:
    """Return the longest time without a sample that reaches into a phase, whatever of it lies outside."""
    before, after = instants[instants <= begin][-1:], instants[instants >= end][:1]
    within = instants[(instants > begin) & (instants < end)]
    edges = np.concatenate([before if len(before) else [begin], within, after if len(after) else [end]])
    return int(np.diff(edges).max())


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockOffset:
    """How far an external broker's clock is ahead of ours, and how well that is known.

    Attributes
    ----------
    offset_ns : int
        Broker's clock - our clock; latencies are corrected by it.
    bound_ns : int
        How far the true offset may be from it at any time between the two measurements.
    """

    offset_ns: int = 0
    bound_ns: int = 0

    @classmethod
    def measured(cls, before: Mapping[str, float], after: Mapping[str, float]) -> ClockOffset:
        """Combine the probes before and after a run, each with ``offset_ms`` and ``bound_ms``."""
        first, second = before["offset_ms"], after["offset_ms"]
        bound = max(before["bound_ms"], after["bound_ms"]) + abs(second - first) / 2
        return cls(offset_ns=round((first + second) / 2 * NS_PER_MS), bound_ns=round(bound * NS_PER_MS))
