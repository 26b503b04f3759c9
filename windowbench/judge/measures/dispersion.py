"""The index of dispersion of counts: how much burstier than Poisson load a schedule is. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from data_generation_mmpp import MmppModel
from windowbench.load.schedule import NS_PER_S
from windowbench.runs.files.load import Dispersion

MIN_BATCHES = 10
_MAX_BATCHES = 50


def bin_counts(offsets: NDArray[np.int64], bin_ns: int, until_ns: int) -> NDArray[np.int64]:
    """Return how many of the sorted offsets lie in each whole bin before `until_ns`."""
    edges = np.arange(until_ns // bin_ns + 1, dtype=np.int64) * bin_ns
    return np.diff(np.searchsorted(offsets, edges))


def poisson_dispersion(counts: NDArray[np.int64], mean: float, bin_ns: int) -> Dispersion:
    """Return the index of dispersion about the known mean count, with its sampling error under Poisson counts."""
    return Dispersion(
        bin_ns=bin_ns,
        bins=counts.size,
        index=float(np.mean((counts - mean) ** 2) / mean),
        standard_error=math.sqrt((2 + 1 / mean) / counts.size),
        expected=1.0,
    )


def mmpp_dispersion(counts: NDArray[np.int64], model: MmppModel, bin_ns: int) -> Dispersion | None:
    """Return the index of dispersion about the known mean count, with its sampling error from batch means.

    Returns
    -------
    Dispersion or None
        None where the load does not hold ten batches of two mean cycles of the chain each: counts that
        near to each other depend on each other, and their scatter would understate the error.
    """
    mean = model.mean_rate * bin_ns / NS_PER_S
    squares = (counts - mean) ** 2 / mean
    least = math.ceil(2 * sum(model.sojourns_s) * NS_PER_S / bin_ns)
    batches = min(_MAX_BATCHES, counts.size // least)
    if batches < MIN_BATCHES:
        return None
    used = squares[: counts.size // batches * batches]
    means = used.reshape(batches, -1).mean(axis=1)
    return Dispersion(
        bin_ns=bin_ns,
        bins=used.size,
        index=float(used.mean()),
        standard_error=float(means.std(ddof=1) / math.sqrt(batches)),
        expected=mmpp_index_of_dispersion(model, bin_ns / NS_PER_S),
    )


def mmpp_index_of_dispersion(model: MmppModel, bin_s: float) -> float:
    """Return variance over mean of the count of a stationary MMPP in `bin_s` seconds.

    Notes
    -----
    With generator Q, stationary row pi, rates L on a diagonal and D = (1 pi - Q)^-1 - 1 pi, the
    variance is m t + 2 pi L [t D - D^2 (I - e^(Qt))] L 1, m = pi L 1. For two states with exit rates s1, s2
    and s = s1 + s2, the index is 1 + 2 pi1 pi2 (l1 - l2)^2 / (s m) * [1 - (1 - e^(-st)) / (st)].
    See Fischer and Meier-Hellstern, Performance Evaluation 18 (1993).
    """
    n = len(model.rates)
    generator = (np.array(model.jumps) - np.eye(n)) / np.array(model.sojourns_s)[:, None]
    stationary, rates = np.array(model.stationary), np.array(model.rates)
    limit = np.tile(stationary, (n, 1))
    deviation = np.linalg.inv(limit - generator) - limit
    memory = bin_s * deviation - deviation @ deviation @ (np.eye(n) - expm(generator * bin_s))
    covariance = (stationary * rates) @ memory @ rates
    return float(1 + 2 * covariance / (model.mean_rate * bin_s))
