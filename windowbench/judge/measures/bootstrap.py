"""How sure a percentile is: a bootstrap that resamples whole windows. Pure and seeded.

Rows of one window share one trigger, and neighbouring windows share the state of the engine, so rows
are no independent samples. Blocks of consecutive windows are drawn with replacement until a run has
as many windows as it had (moving-block bootstrap, Kuensch 1989). The percentile of each replicate is the
nearest-rank percentile of all rows of its windows. What several runs say together is
:mod:`windowbench.judge.measures.difference`.

Resampled windows are a weight per window. The percentile of a replicate is the first row, in the
order of values, at which the running sum of weights reaches its rank. To find it without visiting every row
for every replicate, the sorted rows are cut into bins and one matrix product gives the weight of every
bin in every replicate; the bin that holds the rank is cut into bins again, until few rows are left to
be searched one by one. The result is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_WINDOWS = 30
"""Fewer windows give no interval worth the name."""
REPLICATES = 1000
_SEED = 20_240_229
_BINS = 32
_FEW_ROWS = 1024
_WEIGHTS_AT_A_TIME = 1_000_000
"""Weights computed together; bounds the memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSample:
    """Values of one run's rows, by name, and the window of each row; arrays of equal length."""

    values: Mapping[str, NDArray[np.int64]]
    windows: NDArray[np.int64]


def too_few(windows: int) -> str:
    """Return the words that stand in for an interval."""
    return f"{windows} windows, too few for an interval"


def block_length(windows: int) -> int:
    """Return how many consecutive windows are drawn together: the cube root of their number, at least 1."""
    return max(round(math.cbrt(windows)), 1)


def percentile_intervals(
    run: RunSample, percent: int, *, replicates: int = REPLICATES, seed: int = _SEED
) -> dict[str, tuple[int, int] | None]:
    """Return the 95 % interval of a percentile of each of the named values of a run.

    It is (low, high) in the unit of the values, None below :data:`LEAST_WINDOWS` windows. Those are drawn `replicates`
    times, for all values together; equal arguments give equal intervals.
    """
    if len(np.unique(run.windows)) < LEAST_WINDOWS:
        return dict.fromkeys(run.values)
    drawn = percentile_replicates(run, (percent,), replicates=replicates, seed=seed)
    bounds = {name: bounds_95(of_name[percent]) for name, of_name in drawn.items()}
    return {name: (int(low), int(high)) for name, (low, high) in bounds.items()}


def percentile_replicates(
    run: RunSample, percents: Sequence[int], *, replicates: int = REPLICATES, seed: int = _SEED
) -> dict[str, dict[int, NDArray[np.int64]]]:
    """Return what the percentiles of each of the named values were each time the run's windows were drawn anew.

    The run has at least one row; the arrays, int64[replicates], are by name and percentile. Equal arguments give equal
    draws.
    """
    ids, window = np.unique(run.windows, return_inverse=True)
    ordered: dict[str, NDArray[np.int64]] = {}
    searches: dict[str, _WeightedSearch] = {}
    for name, values in run.values.items():
        order = np.argsort(values)
        ordered[name] = values[order]
        searches[name] = _WeightedSearch(window[order], len(ids))
    rng = np.random.Generator(np.random.PCG64(seed))
    found: dict[str, dict[int, list[NDArray[np.int64]]]] = {name: {p: [] for p in percents} for name in searches}
    at_a_time = max(_WEIGHTS_AT_A_TIME // len(ids), 1)
    for start in range(0, replicates, at_a_time):
        weights = _block_weights(rng, min(at_a_time, replicates - start), len(ids))
        for name, search in searches.items():
            for percent in percents:
                found[name][percent].append(ordered[name][search.positions(weights, percent)])
    return {name: {p: np.concatenate(parts) for p, parts in of_name.items()} for name, of_name in found.items()}


def bounds_95(estimates: NDArray[np.int64] | NDArray[np.float64]) -> tuple[float, float]:
    """Return what holds 95 % of the estimates, both bounds by nearest rank."""
    ordered = np.sort(estimates)
    low, high = (-(-per_mille * len(ordered) // 1000) - 1 for per_mille in (25, 975))
    return ordered[low], ordered[high]


def _block_weights(rng: np.random.Generator, replicates: int, size: int) -> NDArray[np.float32]:
    """Return how often each of `size` windows occurs when blocks of them are drawn until there are `size`.

    Notes
    -----
    A block adds 1 where it begins and takes 1 where it has ended; the running sum is the weight. The last
    block is cut to what is still lacking.
    """
    length = block_length(size)
    blocks = -(-size // length)
    begins = rng.integers(0, size - length + 1, size=(replicates, blocks))
    ends = begins + length
    ends[:, -1] -= blocks * length - size
    row = np.arange(replicates)[:, None] * (size + 1)
    cells = replicates * (size + 1)
    change = np.bincount((row + begins).ravel(), minlength=cells) - np.bincount((row + ends).ravel(), minlength=cells)
    running: NDArray[np.float32] = np.cumsum(change.reshape(replicates, size + 1)[:, :size], axis=1, dtype=np.float32)
    return running


class _WeightedSearch:
    """Finds, for weights per window, the row at which the running weight reaches a rank.

    It is given the window (of `total`) of every row, the rows in the order of their values.
    """

    def __init__(self, windows: NDArray[np.int64], total: int) -> None:
        self._windows = windows
        self._total = total
        self._rows_of_window = np.bincount(windows, minlength=total).astype(np.float32)
        self._rows_in_bin: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.float32]]] = {}

    def positions(self, weights: NDArray[np.float32], percent: int) -> NDArray[np.int64]:
        """Return the position, in the order of values, of each replicate's percentile."""
        rows = weights @ self._rows_of_window  # whole numbers below 2^24, which float32 holds exactly
        wanted = -(-percent * np.rint(rows).astype(np.int64) // 100)
        found = np.empty(len(weights), dtype=np.int64)
        self._search(weights, wanted, np.arange(len(weights)), (0, len(self._windows)), found)
        return found

    def _search(
        self,
        weights: NDArray[np.float32],
        wanted: NDArray[np.int64],
        replicates: NDArray[np.int64],
        span: tuple[int, int],
        found: NDArray[np.int64],
    ) -> None:
        """Find the rank `wanted`, counted within rows `span`, of the given replicates."""
        low, high = span
        if high - low <= _FEW_ROWS:
            running = np.cumsum(weights[np.ix_(replicates, self._windows[low:high])], axis=1, dtype=np.float64)
            found[replicates] = low + (running < wanted[:, None]).sum(axis=1)
            return
        edges, rows_in_bin = self._bins(span)
        in_bin = np.rint(weights[replicates] @ rows_in_bin).astype(np.int64)
        reached = np.cumsum(in_bin, axis=1)
        bins = (reached < wanted[:, None]).sum(axis=1)
        every = np.arange(len(replicates))
        before = (reached - in_bin)[every, bins]
        for chosen in np.unique(bins):
            here = np.flatnonzero(bins == chosen)
            inner = (int(edges[chosen]), int(edges[chosen + 1]))
            self._search(weights, (wanted - before)[here], replicates[here], inner, found)

    def _bins(self, span: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the edges of the bins within rows `span`, and the rows of each window in each bin."""
        if span not in self._rows_in_bin:
            low, high = span
            edges = np.linspace(low, high, _BINS + 1).astype(np.int64)
            bin_of_row = np.repeat(np.arange(_BINS), np.diff(edges))
            counted = np.bincount(self._windows[low:high] * _BINS + bin_of_row, minlength=self._total * _BINS)
            self._rows_in_bin[span] = edges, counted.reshape(self._total, _BINS).astype(np.float32)
        return self._rows_in_bin[span]
