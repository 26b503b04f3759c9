"""How sure a percentile is: a bootstrap that resamples whole windows. Pure and seeded.

Rows of one window share one trigger, and neighbouring windows share the state of the engine, so rows
are no independent samples. Blocks of consecutive windows are drawn with replacement until a run has
as many windows as it had (moving-block bootstrap, Kuensch 1989); with several repeats of a run the
repeats are drawn with replacement first. The percentile of each replicate is the nearest-rank percentile of
all rows of its windows.

Resampled windows are a weight per window. The percentile of a replicate is the first row, in the
order of values, at which the running sum of weights reaches its rank. To find it without visiting every row
for every replicate, the sorted rows are cut into bins, one matrix product gives the weight of every
bin in every replicate, and only the bin that holds the rank is searched row by row. The result is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_WINDOWS = 30
"""Fewer windows give no interval worth the name."""
REPLICATES = 1000
_SEED = 20_240_229
_BINS = 512
_AT_A_TIME = 100
"""Replicates computed together; bounds the memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A 95 % interval of a percentile, in the unit of the values."""

    low: int
    high: int
    windows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSample:
    """Values of one run's rows and the window of each; arrays of equal length."""

    values: NDArray[np.int64]
    windows: NDArray[np.int64]


def too_few(windows: int) -> str:
    """Return the words that stand in for an interval."""
    return f"{windows} windows, too few for an interval"


def block_length(windows: int) -> int:
    """Return how many consecutive windows are drawn together: the cube root of their number, at least 1."""
    return max(round(math.cbrt(windows)), 1)


def percentile_interval(
    runs: Sequence[RunSample], percent: int, *, replicates: int = REPLICATES, seed: int = _SEED
) -> Interval | None:
    """Return the 95 % interval of a percentile of rows, None below :data:`LEAST_WINDOWS` windows.

    Parameters
    ----------
    runs : sequence of RunSample
        One run, or repeats of it.
    percent : int
        Which percentile.
    replicates : int
        How many times the windows are drawn.
    seed : int
        Equal arguments give equal intervals.
    """
    sizes, window_of_row = _numbered_windows(runs)
    total = sum(sizes)
    if total < LEAST_WINDOWS:
        return None
    values = np.concatenate([run.values for run in runs])
    order = np.argsort(values, kind="stable")
    search = _WeightedSearch(window_of_row[order], total)
    rng = np.random.Generator(np.random.PCG64(seed))
    found: list[NDArray[np.int64]] = []
    for start in range(0, replicates, _AT_A_TIME):
        weights = _window_weights(rng, sizes, min(_AT_A_TIME, replicates - start))
        found.append(search.positions(weights, percent))
    estimates = np.sort(values[order[np.concatenate(found)]])
    low, high = (-(-per_mille * replicates // 1000) - 1 for per_mille in (25, 975))  # nearest rank again
    return Interval(low=int(estimates[low]), high=int(estimates[high]), windows=total)


def _numbered_windows(runs: Sequence[RunSample]) -> tuple[list[int], NDArray[np.int64]]:
    """Return how many windows each run has, and the window of every row, numbered through all runs in time order."""
    sizes: list[int] = []
    numbers: list[NDArray[np.int64]] = []
    for run in runs:
        ids, position = np.unique(run.windows, return_inverse=True)
        numbers.append(position + sum(sizes))
        sizes.append(len(ids))
    return sizes, np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64)


def _window_weights(rng: np.random.Generator, sizes: list[int], replicates: int) -> NDArray[np.float32]:
    """Return how often each window occurs in each replicate; float32[replicates, windows] of whole numbers."""
    total, firsts = sum(sizes), np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    weights = np.zeros((replicates, total), dtype=np.float32)
    drawn = rng.integers(0, len(sizes), size=(replicates, len(sizes))) if len(sizes) > 1 else None
    for slot, own_size in enumerate(sizes):
        for run, size in enumerate(sizes):
            chosen = np.arange(replicates) if drawn is None else np.flatnonzero(drawn[:, slot] == run)
            if len(chosen) == 0 or size == 0 or own_size == 0:
                continue
            length = block_length(size)
            blocks = -(-size // length)
            starts = rng.integers(0, size - length + 1, size=(len(chosen), blocks))
            picked = (starts[:, :, None] + np.arange(length)).reshape(len(chosen), -1)[:, :size]
            np.add.at(weights, (chosen[:, None], firsts[run] + picked), np.float32(1))
    return weights


class _WeightedSearch:
    """Finds, for weights per window, the row at which the running weight reaches a rank.

    Parameters
    ----------
    windows : int64[rows]
        Window of every row, the rows in the order of their values.
    total : int
        How many windows there are.
    """

    def __init__(self, windows: NDArray[np.int64], total: int) -> None:
        self._windows = windows
        bins = min(_BINS, len(windows))
        self._edges = np.linspace(0, len(windows), bins + 1).astype(np.int64)
        bin_of_row = np.repeat(np.arange(bins), np.diff(self._edges))
        rows_in_bin = np.bincount(windows * bins + bin_of_row, minlength=total * bins)
        self._rows_in_bin = rows_in_bin.reshape(total, bins).astype(np.float32)

    def positions(self, weights: NDArray[np.float32], percent: int) -> NDArray[np.int64]:
        """Return the position, in the order of values, of each replicate's percentile."""
        per_bin = (weights @ self._rows_in_bin).astype(np.int64)  # whole numbers below 2^24: exact in float32
        reached = np.cumsum(per_bin, axis=1)
        wanted = -(-percent * reached[:, -1] // 100)
        bins = (reached < wanted[:, None]).sum(axis=1)
        before = reached[np.arange(len(bins)), bins] - per_bin[np.arange(len(bins)), bins]
        found = np.empty(len(bins), dtype=np.int64)
        for chosen in np.unique(bins):
            here = np.flatnonzero(bins == chosen)
            low, high = self._edges[chosen], self._edges[chosen + 1]
            running = np.cumsum(weights[here][:, self._windows[low:high]], axis=1, dtype=np.float64)
            missing = (wanted - before)[here]
            found[here] = low + (running < missing[:, None]).sum(axis=1)
        return found
