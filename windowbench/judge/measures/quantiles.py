"""Percentiles by nearest rank, exact and from raw samples; per-window maxima; a counting histogram. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.figures import Percentiles

PERCENTS = (50, 90, 95, 99)
LEAST_FOR_P99_9 = 1_000
"""Of fewer values the P99.9 is the greatest one."""


def rank_of(percent: int, count: int, *, of: int = 100) -> int:
    """Return the nearest rank (from 0) of a percentile, or of so many parts `of` more, among `count` sorted values.

    Notes
    -----
    The least value with at least `percent` % of the values at or below it: rank ceil(percent * n / 100),
    counted from 1, which NumPy calls ``inverted_cdf``. Integer arithmetic, because 0.95 * 20 need not be 19.
    """
    if count <= 0:
        raise ValueError("no values have no percentile")
    return max(-(-percent * count // of), 1) - 1


def nearest_rank(values: NDArray[np.int64], percent: int) -> int:
    """Return a percentile of unsorted integers by nearest rank."""
    rank = rank_of(percent, len(values))
    return int(np.partition(values, rank)[rank])


def percentiles(values_ns: NDArray[np.int64]) -> Percentiles:
    """Return the percentiles of unsorted durations, in ms; None each of none."""
    count = len(values_ns)
    if count == 0:
        return Percentiles(p50=None, p90=None, p95=None, p99=None, max=None)
    ranks = {f"p{percent}": rank_of(percent, count) for percent in PERCENTS} | {"max": count - 1}
    if count >= LEAST_FOR_P99_9:
        ranks["p99_9"] = rank_of(999, count, of=1_000)
    ordered = np.partition(values_ns, list(ranks.values()))
    return Percentiles(**{name: int(ordered[rank]) / NS_PER_MS for name, rank in ranks.items()})


def window_maxima(values: NDArray[np.int64], windows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids of the windows that occur, ascending, and the greatest value of each."""
    ids, position = np.unique(windows, return_inverse=True)
    greatest = np.full(len(ids), np.iinfo(np.int64).min, dtype=np.int64)
    np.maximum.at(greatest, position, values)
    return ids, greatest


def window_medians(
    values: NDArray[np.int64], windows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids of the windows that occur, ascending, and the nearest-rank median of each."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    by_value = np.argsort(values)
    order = by_value[np.argsort(_narrow(windows)[by_value], kind="stable")]
    ids, starts, counts = np.unique(windows[order], return_index=True, return_counts=True)
    ranks = np.maximum(-(-counts // 2), 1) - 1
    return ids, values[order][starts + ranks]


def _narrow(windows: NDArray[np.int64]) -> NDArray[np.integer[Any]]:
    """Return window ids as 16-bit numbers where they fit: NumPy sorts those in linear time."""
    first = windows.min()
    return (windows - first).astype(np.uint16) if windows.max() - first < 1 << 16 else windows


class DurationHistogram:
    """Counts durations of any number in fixed memory: percentiles to 1 us below 1 s, to 1 ms beyond; greatest exact.

    Negative durations are counted as they are in the extremes and as 0 in percentiles.
    """

    _FINE = 1_000_000
    """Bins of 1 us."""
    _COARSE = 1_000_000
    """Bins of 1 ms; the last also holds all that is longer."""

    def __init__(self) -> None:
        self._fine: NDArray[np.int64] = np.zeros(self._FINE, dtype=np.int64)
        self._coarse: NDArray[np.int64] = np.zeros(self._COARSE, dtype=np.int64)
        self.count = 0
        self.least_ns: int | None = None
        self.greatest_ns: int | None = None

    def add(self, durations_ns: NDArray[np.int64]) -> None:
        """Count durations."""
        if len(durations_ns) == 0:
            return
        self.count += len(durations_ns)
        least, greatest = int(durations_ns.min()), int(durations_ns.max())
        self.least_ns = least if self.least_ns is None else min(self.least_ns, least)
        self.greatest_ns = greatest if self.greatest_ns is None else max(self.greatest_ns, greatest)
        microseconds = np.maximum(durations_ns, 0) // 1_000
        is_fine = microseconds < self._FINE
        np.add.at(self._fine, microseconds[is_fine], 1)
        milliseconds = np.minimum(microseconds[~is_fine] // 1_000, self._COARSE - 1)
        np.add.at(self._coarse, milliseconds, 1)

    def percentile_ns(self, percent: int) -> int | None:
        """Return the nearest-rank percentile, rounded up to its bin's upper edge; None of none."""
        if self.count == 0 or self.greatest_ns is None:
            return None
        wanted = rank_of(percent, self.count) + 1
        fine = np.cumsum(self._fine)
        if wanted <= fine[-1]:
            edge = (int(np.searchsorted(fine, wanted)) + 1) * 1_000
        else:
            edge = (int(np.searchsorted(fine[-1] + np.cumsum(self._coarse), wanted)) + 1) * 1_000_000
        return min(edge, self.greatest_ns)
