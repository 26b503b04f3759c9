"""The wait that bursts alone bring about: how far behind one is who serves just the mean rate of a load. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_generation_mmpp import MmppPath
from windowbench.load.schedule import NS_PER_S


def implied_wait_s(path: MmppPath, rate: float, at_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how long what comes at an instant waits for a server of so many events/s that began without a backlog.

    Parameters
    ----------
    path : MmppPath
        When how many events per second come.
    at_ns : int64[n]
        Since the epoch of the load.

    Notes
    -----
    The backlog is what came less what could be served, and never below 0: the path's own sum less its least value so
    far. Within a segment of the path both are straight lines, so its ends are all that has to be known.
    """
    bounds = np.append(path.starts_ns, path.until_ns)
    surplus = np.concatenate(([0.0], np.cumsum((path.rates - rate) * path.lengths_ns / NS_PER_S)))
    least = np.minimum.accumulate(surplus)
    at = np.clip(at_ns, 0, path.until_ns)
    here = np.interp(at, bounds, surplus)
    before = least[np.searchsorted(bounds, at, side="right") - 1]
    return np.asarray((here - np.minimum(before, here)) / rate)
