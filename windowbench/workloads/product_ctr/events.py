"""Impressions of products and clicks on them: what such an event holds, and how it is drawn. Pure.

Both kinds come from one stream of arrivals. An event goes to the topic of its kind, and there to the partition of its
product, so that all events of a product are in one partition of each topic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.disorder import EventTimes
from windowbench.load.draws import NUM_USERS, Choice, zipf_weights
from windowbench.load.events import BLOCK, EventBlock, EventSource
from windowbench.load.schedule import NS_PER_MS
from windowbench.load.streams import stream_rng
from windowbench.workloads.product_ctr.settings import ProductCtrSettings


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProductBlock(EventBlock):
    """Consecutive events of one producer."""

    event_kind: NDArray[np.uint8]
    """Index into ``KINDS``."""
    product_id: NDArray[np.int32]
    user: NDArray[np.uint16]
    """Index into :func:`windowbench.load.draws.user_ids`."""


class BlockDraw:
    """Draws what the events of one producer hold, block after block."""

    def __init__(self, config: Config, producer: int) -> None:
        """Make a stream for each purpose: what is late changes nothing else."""
        seed, own = config.run.seed, ProductCtrSettings.of(config.workload)
        self._producer = producer
        self._rng = stream_rng(seed, "products", producer)
        self._kind = Choice([1.0, own.click_ratio])
        self._product = Choice(zipf_weights(own.num_products, own.product_skew))
        self._each = config.kafka.partitions
        self._in_use = config.kafka.partitions - config.kafka.idle_partitions
        self._times = LateTimes(config, producer)

    def __call__(self, first: int, due: NDArray[np.int64]) -> ProductBlock:
        """Return the next block, trimmed to the due times given."""
        n = due.size
        by_kind, by_product = self._rng.random((2, BLOCK))[:, :n]
        user = self._rng.integers(0, NUM_USERS, size=BLOCK, dtype=np.uint16)[:n]
        kind = self._kind(by_kind).astype(np.uint8)
        product = self._product(by_product).astype(np.int32)
        return ProductBlock(
            producer=self._producer,
            first=first,
            due_offset_ns=due,
            event_offset_ns=self._times(due),
            partition=(kind * np.int32(self._each) + product % self._in_use).astype(np.int32),
            event_kind=kind,
            product_id=product,
            user=user,
        )


class LateTimes:
    """Says when events claim to have happened: on time, behind the watermark but within the lateness, or too late.

    Notes
    -----
    A *revising* event lies behind its due time by the watermark delay and up to the configured extent more. No window
    that holds it is beyond the allowed lateness when it is due: the end of such a window is after the event's time, and
    the first event that could make it final is due no earlier than that end, delay and lateness. So it must count.
    Whether the first value of its window has been emitted by then depends on where the window's end lies: where it has,
    the event revises it.
    """

    def __init__(self, config: Config, producer: int) -> None:
        own = ProductCtrSettings.of(config.workload)
        self._rng = stream_rng(config.run.seed, "revising", producer)
        self._share = own.revising_share
        self._extent_ns = own.revising_extent_ms * NS_PER_MS
        self._delay_ns = config.windows.delay_ms * NS_PER_MS
        self._others = EventTimes(config, producer, wait_ms=own.lateness_ms)

    def __call__(self, due: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the event offsets of the next block; none is after its due offset or before the epoch."""
        if self._share == 0:
            return self._others(due)
        chosen, distance = self._rng.random((2, BLOCK))[:, : due.size]
        back = due - 1 - self._delay_ns - (distance * self._extent_ns).astype(np.int64)
        revising = (chosen < self._share) & (back >= 0)
        return np.where(revising, back, self._others(due, revising))


SOURCE = EventSource(draw=BlockDraw, contents=("event_kind", "product_id"))
