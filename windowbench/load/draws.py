"""What generators of events draw with: users, choices by weight, and the partitions events go to. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import BLOCK
from windowbench.load.streams import stream_rng, uuid_texts

NUM_USERS = 16_384


def user_ids(seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs that users are drawn from."""
    return uuid_texts(stream_rng(seed, "users"), NUM_USERS)


class Choice:
    """Draws indices by weight, from uniform numbers in [0, 1)."""

    def __init__(self, weights: list[float]) -> None:
        shares = np.cumsum(weights)
        self._total = float(shares[-1])
        # The last index with any weight takes what rounding leaves of the total.
        self._bounds = np.where(shares == shares[-1], np.inf, shares)

    def __call__(self, uniform: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return an index for each number."""
        return np.searchsorted(self._bounds, uniform * self._total, side="right")


def zipf_weights(count: int, exponent: float) -> list[float]:
    """Return the weights of a Zipf law over so many ranks; equal ones for exponent 0."""
    return [(rank + 1) ** -exponent for rank in range(count)]


class DealtPartitions:
    """Deals events out to the partitions of a topic: in turn, or by a Zipf law where skew is configured."""

    def __init__(self, config: Config, producer: int) -> None:
        self._in_use = config.kafka.partitions - config.kafka.idle_partitions
        self._rng = stream_rng(config.run.seed, "partitions", producer)
        self._choice = Choice(zipf_weights(self._in_use, config.kafka.partition_skew))
        self._skewed = config.kafka.partition_skew > 0

    def __call__(self, first: int, n: int) -> NDArray[np.int32]:
        """Return the partitions of `n` events, of which `first` is the number of the first; blocks in their order."""
        if self._skewed:
            return self._choice(self._rng.random(BLOCK)[:n]).astype(np.int32)
        return (np.arange(first, first + n) % self._in_use).astype(np.int32)
