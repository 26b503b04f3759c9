"""What a run cost: CPU time of each process tree by phase and per million events, and its memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.load.schedule import NS_PER_S
from windowbench.runs.files.figures import Resources

TREES = ("engine", "broker", "producers", "harness", "consumer")
"""The process trees that are sampled, each with everything below its first process."""
_PER_MILLION = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A phase of a run by the wall clock, in ns."""

    name: str
    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / NS_PER_S


def resources(
    host: Mapping[str, NDArray[Any]], phases: Sequence[Span], measured: Span, events: int
) -> Resources | None:
    """Return what a run cost, None where nothing was sampled.

    Parameters
    ----------
    host : mapping of str to array
        Columns of ``samples/host.parquet``, in the order of time.
    measured : Span
        The measured phase of the schedule.
    events : int
        Events sent in the measured phase.

    Notes
    -----
    A sample says how many cores were used on average since the sample before. Where a phase ends between two
    samples, the CPU time between them is shared out by time.
    """
    if len(host["wall_ns"]) < 2:
        return None
    trees = sampled_trees(host)
    sampled = [span for span in phases if _overlap_s(host, span).any()]
    spent = {
        tree: {span.name: float(np.dot(host[f"cpu_{tree}"], _overlap_s(host, span))) for span in sampled}
        for tree in trees
    }
    while_measured = _overlap_s(host, measured)
    return Resources(
        cpu_seconds=spent,
        cpu_seconds_per_million_events={
            tree: float(np.dot(host[f"cpu_{tree}"], while_measured)) / events * _PER_MILLION if events else None
            for tree in trees
        },
        memory_bytes={tree: int(host[f"rss_{tree}"].max()) for tree in trees if f"rss_{tree}" in host},
    )


def sampled_trees(host: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the process trees that host samples tell of; of the result consumer they often tell that there is none."""
    known = [tree for tree in TREES if len(host.get(f"cpu_{tree}", ()))]
    return [tree for tree in known if tree != "consumer" or np.any(host.get("rss_consumer", 0))]


def _overlap_s(host: Mapping[str, NDArray[Any]], span: Span) -> NDArray[np.float64]:
    """Return how many seconds of each sample's time lie within a span; the first sample has none to speak for."""
    ends = host["wall_ns"].astype(np.int64)
    lengths = np.diff(host["mono_ns"].astype(np.int64), prepend=host["mono_ns"][:1])
    inside = np.minimum(ends, span.end_ns) - np.maximum(ends - lengths, span.start_ns)
    return np.asarray(np.clip(inside, 0, None) / NS_PER_S)
