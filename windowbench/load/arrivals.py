"""The arrival processes by name: where a configuration says which, this module knows whose offsets those are. Pure.

To add a process: write its generator of offsets, name it here and in ``config.LoadSettings``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from config import Config
from data_generation import cut_off, uniform_offsets
from data_generation_mmpp import MmppPath, mmpp_offsets, mmpp_path
from data_generation_poisson_baseline import poisson_offsets


def arrival_offsets(config: Config, producer: int) -> Iterator[NDArray[np.int64]]:
    """Yield the due offsets of one producer in ns since the run's epoch, non-decreasing, without end."""
    load, seed = config.load, config.run.seed
    if load.data_generator == "uniform":
        return uniform_offsets(load.total_rate, producer, load.num_producers)
    if load.data_generator == "poisson":
        return poisson_offsets(load.total_rate, producer, load.num_producers, seed)
    if load.data_generator == "mmpp":
        return mmpp_offsets(load, producer, seed)
    raise ValueError(f"no arrival process is called {load.data_generator!r}")


def scheduled_offsets(config: Config, producer: int, until_ns: int) -> NDArray[np.int64]:
    """Return all due offsets of one producer before `until_ns`: 8 bytes an event."""
    return np.concatenate(list(cut_off(arrival_offsets(config, producer), until_ns)))


def modulating_path(config: Config, until_ns: int) -> MmppPath | None:
    """Return the state path shared by all producers up to `until_ns`; None where the load has no states."""
    if config.load.data_generator != "mmpp":
        return None
    return mmpp_path(config.load, until_ns, config.run.seed)
