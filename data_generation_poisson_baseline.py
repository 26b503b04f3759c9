"""Poisson arrivals: exponential gaps, the baseline of random load. Pure.

N producers, each an independent Poisson process of rate r/N, are together a Poisson process of rate r.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from windowbench.load.schedule import NS_PER_S
from windowbench.load.streams import exponential_chunks, stream_rng


def poisson_offsets(rate: Fraction, producer: int, producers: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the due offsets of one producer, non-decreasing ns since the run's epoch, without end.

    `rate` is the mean number of events per second of all producers together. The whole part of the running total is
    carried from chunk to chunk as an integer and only its fraction as a float, so hours into a load a gap keeps as many
    digits as in its first second.
    """
    mean_gap_ns = float(NS_PER_S * producers / rate)
    start, fraction = 0, 0.0
    for gaps in exponential_chunks(stream_rng(seed, "arrivals", producer)):
        totals = fraction + np.cumsum(gaps * mean_gap_ns)
        floors = np.floor(totals)
        offsets = start + floors.astype(np.int64)
        yield offsets
        start, fraction = int(offsets[-1]), float(totals[-1] - floors[-1])
