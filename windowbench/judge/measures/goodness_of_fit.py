"""Does a realised schedule look like the arrival process it claims to be? Pure.

The figures, by process:

* uniform: the counts of equal bins differ by at most 1;
* Poisson: the gaps of the merged schedule are exponential (Kolmogorov-Smirnov), and the index of
  dispersion of counts is 1;
* MMPP: along the stored path, the increments of the integrated rate are Exp(1) (time rescaling); the
  sojourns of the path are exponential with the configured means; the index of dispersion is its closed form.

They describe. Whether a run is valid is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from config import Config
from data_generation_mmpp import MmppModel, MmppPath, mmpp_model
from windowbench.judge.measures.dispersion import (
    MIN_BATCHES,
    bin_counts,
    mmpp_dispersion,
    poisson_dispersion,
)
from windowbench.load.arrivals import modulating_path, scheduled_offsets
from windowbench.load.schedule import NS_PER_S, Schedule
from windowbench.runs.files.load import Dispersion, GoodnessOfFit, KsTest, SojournMean

FEW_STATE_CHANGES = 10
"""Below this many state changes the rate of one path says little about the nominal rate."""
MIN_EVENTS = 100
MIN_SOJOURNS = 30
_TESTED_EVENTS = 1_000_000
_MOST_EVENTS = 1_000_000
"""Offsets of a run are held in memory, and this many say all there is to say."""
_LEAST_BINS = 30
_LONGEST_BIN_NS = NS_PER_S


def ks_exponential(values: NDArray[np.float64], mean: float = 1.0) -> KsTest:
    """Test values against the exponential distribution of the given mean.

    Notes
    -----
    The p-value is that of the limiting distribution with the correction of Stephens (Journal of the
    Royal Statistical Society B 32, 1970), good to a few per cent from some ten values on.
    """
    n = values.size
    expected = -np.expm1(-np.sort(values) / mean)
    ranks = np.arange(n + 1) / n
    statistic = float(max(np.max(ranks[1:] - expected), np.max(expected - ranks[:-1])))
    root = math.sqrt(n)
    return KsTest(n=n, statistic=statistic, p_value=float(kolmogorov((root + 0.12 + 0.11 / root) * statistic)))


def spread_within_ns(offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sorted offsets with the part of a ns put back that rounding down took.

    Notes
    -----
    Given how many events of a Poisson process fall into one ns, each lies anywhere in it with equal
    chance. So this restores the process exactly, and ties at a high rate do not look like bunching.
    """
    return np.sort(offsets + np.random.default_rng(0).random(offsets.size))


def rescaled(times_ns: NDArray[np.float64], path: MmppPath) -> NDArray[np.float64]:
    """Return the rate of all producers integrated along the path up to each time: a unit Poisson process."""
    bounds = np.append(path.starts_ns, path.until_ns)
    integral = np.concatenate(([0.0], np.cumsum(path.rates * path.lengths_ns / NS_PER_S)))
    return np.interp(times_ns, bounds, integral)


def sojourn_means(path: MmppPath, model: MmppModel) -> tuple[SojournMean, ...]:
    """Return the mean sojourn of each state along a path.

    Notes
    -----
    The last sojourn is cut off by the end of the load. Dividing *all* time in a state by the exits from it
    is unbiased by that; leaving the last one out would prefer short ones. The exits have mean and variance
    (time in the state) / (mean sojourn).
    """
    lengths = path.lengths_ns / NS_PER_S
    found = []
    for state, mean in enumerate(model.sojourns_s):
        inside = float(lengths[path.states == state].sum())
        exits = int(np.count_nonzero(path.states[:-1] == state))
        expected = inside / mean
        found.append(
            SojournMean(
                state=state,
                exits=exits,
                mean_s=inside / exits if exits else None,
                expected_s=mean,
                z=(exits - expected) / math.sqrt(expected) if expected else None,
            )
        )
    return tuple(found)


def sojourn_shape(path: MmppPath, model: MmppModel) -> KsTest:
    """Test completed sojourns, each divided by the mean of its state, against Exp(1)."""
    means_ns = np.array(model.sojourns_s)[path.states[:-1]] * NS_PER_S
    return ks_exponential(path.lengths_ns[:-1] / means_ns)


def describe_arrivals(
    config: Config,
    offsets: NDArray[np.int64] | Sequence[NDArray[np.int64]],
    path: MmppPath | None,
    until_ns: int,
) -> GoodnessOfFit:
    """Describe how the realised schedule of a run fits its arrival process.

    Parameters
    ----------
    config : Config
        Names the process.
    offsets : NDArray[np.int64] or sequence of them
        Due offsets in ns since the epoch: of all producers together, or an array for each.
    path : MmppPath or None
        The run's state path up to `until_ns`; None for other processes.
    until_ns : int
        Length of the load; all offsets lie before it.

    Notes
    -----
    Gaps are tested over the first million events at most; bins of at most a second cover the whole load.
    """
    merged = np.sort(offsets if isinstance(offsets, np.ndarray) else np.concatenate(offsets))
    process, rate = config.load.data_generator, float(config.load.total_rate)
    bin_ns = max(1, min(_LONGEST_BIN_NS, until_ns // _LEAST_BINS))
    counts = bin_counts(merged, bin_ns, until_ns)
    reasons: dict[str, str] = {}
    gaps = dispersion = None
    if process != "uniform" and merged.size < MIN_EVENTS:
        reasons["gaps"] = reasons["dispersion"] = f"{merged.size} events, fewer than {MIN_EVENTS}"
    elif process != "uniform":
        gaps = _gaps(merged, rate, path)
        dispersion = _dispersion(config, counts, bin_ns, reasons)
    return GoodnessOfFit(
        process=process,
        events=merged.size,
        nominal_rate=rate,
        realised_rate=merged.size * NS_PER_S / until_ns,
        path_rate=None if path is None else path.mean_rate,
        state_changes=None if path is None else path.state_changes,
        few_state_changes=path is not None and path.state_changes < FEW_STATE_CHANGES,
        gaps=gaps,
        dispersion=dispersion,
        sojourns=() if path is None else sojourn_means(path, mmpp_model(config.load)),
        sojourn_shape=None if path is None else _shape(config, path, reasons),
        bin_spread=int(counts.max() - counts.min()) if process == "uniform" else None,
        reasons=reasons,
    )


def _gaps(merged: NDArray[np.int64], rate: float, path: MmppPath | None) -> KsTest:
    """Test the gaps between merged events, the first from the epoch on."""
    times = spread_within_ns(merged[:_TESTED_EVENTS])
    if path is not None:
        return ks_exponential(np.diff(rescaled(times, path), prepend=0.0))
    return ks_exponential(np.diff(times, prepend=0.0), NS_PER_S / rate)


def _dispersion(config: Config, counts: NDArray[np.int64], bin_ns: int, reasons: dict[str, str]) -> Dispersion | None:
    if config.load.data_generator != "mmpp":
        return poisson_dispersion(counts, float(config.load.total_rate) * bin_ns / NS_PER_S, bin_ns)
    dispersion = mmpp_dispersion(counts, mmpp_model(config.load), bin_ns)
    if dispersion is None:
        reasons["dispersion"] = f"the load holds fewer than {2 * MIN_BATCHES} mean cycles of the states"
    return dispersion


def _shape(config: Config, path: MmppPath, reasons: dict[str, str]) -> KsTest | None:
    if path.state_changes >= MIN_SOJOURNS:
        return sojourn_shape(path, mmpp_model(config.load))
    reasons["sojourn_shape"] = f"{path.state_changes} state changes, fewer than {MIN_SOJOURNS}"
    return None


def goodness_of_fit(config: Config, schedule: Schedule) -> GoodnessOfFit:
    """Describe how the schedule of a run, or the beginning of a very long one, fits its arrival process."""
    until_ns = min(schedule.load_length_ns, int(_MOST_EVENTS / config.load.total_rate * NS_PER_S))
    offsets = [scheduled_offsets(config, producer, until_ns) for producer in range(config.load.num_producers)]
    return describe_arrivals(config, offsets, modulating_path(config, until_ns), until_ns)
