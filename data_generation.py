"""The load as data: which ads there are, which events come when under uniform load, what each event holds.

Pure: configuration and seed in, arrays and bytes out. The stream of a producer is a function of
(configuration, seed, number of the producer) alone. It does not depend on the machine, on how the
consumer cuts it up, or on how far the load goes: random numbers are drawn for whole blocks of
:data:`BLOCK` events, and the end of the load only trims the last one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.events import NUM_ADDRESSES, NUM_PAGES, NUM_USERS, EventBlock, ad_ids, ad_types
from windowbench.payload import PayloadEncoder
from windowbench.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_PAST_MS, NS_PER_MS, NS_PER_S
from windowbench.streams import CHUNK, stream_rng
from windowbench.workloads.ad_ctr.settings import AdCtrSettings

__all__ = [
    "BLOCK",
    "EventBlock",
    "PayloadEncoder",
    "create_ad_campaign_mappings",
    "end_record",
    "event_blocks",
    "event_key",
    "stream_rng",
    "uniform_offsets",
]

BLOCK = 1024
"""Events whose attributes are drawn together. Part of what a seed means: another value gives other events."""
_PIECE_BYTES = 4_000_000
_FURTHEST_BACK_NS = (GUARD_PAST_MS - 60_000) * NS_PER_MS
"""Engines reject older events as damaged, which would not show how they treat late ones."""


def create_ad_campaign_mappings(num_campaigns: int = 10, ads_per_campaign: int = 100, seed: int = 42) -> dict[str, int]:
    """Return the campaign of every ad, by the ad's UUID.

    Parameters
    ----------
    num_campaigns, ads_per_campaign : int
        Campaigns are numbered from 0.
    seed : int
        Master seed; equal arguments give equal mappings.
    """
    ids = ad_ids(num_campaigns, ads_per_campaign, seed).tolist()
    return {ad.decode(): number // ads_per_campaign for number, ad in enumerate(ids)}


def uniform_offsets(rate: Fraction, producer: int, producers: int) -> Iterator[NDArray[np.int64]]:
    """Yield the due offsets of one producer under uniform load, without end.

    Parameters
    ----------
    rate : Fraction
        Events per second of all producers together.
    producer, producers : int
        Which producer of how many.

    Yields
    ------
    NDArray[np.int64]
        Non-decreasing ns since the run's epoch.

    Notes
    -----
    Merged event k is due at floor(k * 10^9 / rate) ns and belongs to producer k mod N. The arithmetic is
    exact at any k: products with k stay Python integers, and arrays hold only what a chunk adds to them.
    """
    step, scale = (NS_PER_S / rate).as_integer_ratio()  # merged event k is due at floor(k * step / scale)
    whole_step, rest_step = divmod(producers * step, scale)
    size = max(1, min(CHUNK, 2**62 // scale))
    within = np.arange(size, dtype=np.int64)
    start = producer
    while True:
        whole, rest = divmod(start * step, scale)
        yield whole + within * whole_step + (rest + within * rest_step) // scale
        start += size * producers


def event_blocks(
    config: Config, producer: int, offsets: Iterator[NDArray[np.int64]], until_ns: int
) -> Iterator[EventBlock]:
    """Yield the events of one producer that are due before `until_ns`.

    Parameters
    ----------
    config : Config
        What is in an event and when it claims to have happened.
    producer : int
        Number of the producer.
    offsets : iterator of NDArray[np.int64]
        Due offsets, non-decreasing, in chunks of any size; see :func:`windowbench.arrivals.arrival_offsets`.
    until_ns : int
        Length of the load.

    Yields
    ------
    EventBlock
        At most :data:`BLOCK` events, fewer where their payloads would take more than some megabytes.
    """
    draw = _BlockDraw(config, producer)
    piece = max(1, min(BLOCK, _PIECE_BYTES // max(1, config.events.payload_bytes)))
    first = 0
    for due in _due_blocks(offsets, until_ns):
        block = draw(first, due)
        for start in range(0, len(block), piece):
            yield block.part(start, start + piece)
        first += due.size


def _due_blocks(offsets: Iterator[NDArray[np.int64]], until_ns: int) -> Iterator[NDArray[np.int64]]:
    """Cut offsets into blocks of :data:`BLOCK` and end them before `until_ns`."""
    ready = np.empty(0, dtype=np.int64)
    for chunk in offsets:
        within = chunk[: np.searchsorted(chunk, until_ns)]
        ready = np.concatenate((ready, within))
        while ready.size >= BLOCK:
            yield ready[:BLOCK]
            ready = ready[BLOCK:]
        if within.size < chunk.size:
            break
    if ready.size:
        yield ready


class _Choice:
    """Draws indices by weight, from uniform numbers in [0, 1)."""

    def __init__(self, weights: list[float]) -> None:
        shares = np.cumsum(weights)
        self._total = float(shares[-1])
        # The last index with any weight takes what rounding leaves of the total.
        self._bounds = np.where(shares == shares[-1], np.inf, shares)

    def __call__(self, uniform: NDArray[np.float64]) -> NDArray[np.intp]:
        return np.searchsorted(self._bounds, uniform * self._total, side="right")


def _zipf_weights(count: int, exponent: float) -> list[float]:
    return [(rank + 1) ** -exponent for rank in range(count)]


class _BlockDraw:
    """Draws what the events of one producer hold, block after block."""

    def __init__(self, config: Config, producer: int) -> None:
        own, kafka, seed = AdCtrSettings.of(config.workload), config.kafka, config.run.seed
        self._producer = producer
        # A stream for each purpose: switching disorder or skew on leaves everything else as it was.
        self._rng = stream_rng(seed, "events", producer)
        self._event_type = _Choice(list(own.event_type_weights))
        self._campaign = _Choice(_zipf_weights(own.num_campaigns, own.campaign_skew))
        self._ads_per_campaign = own.ads_per_campaign
        self._ad_types = ad_types(own.num_campaigns, own.ads_per_campaign, seed)
        self._partitions = kafka.partitions - kafka.idle_partitions
        self._partition_rng = stream_rng(seed, "partitions", producer)
        self._partition = _Choice(_zipf_weights(self._partitions, kafka.partition_skew))
        self._partition_skewed = kafka.partition_skew > 0
        self._placement = _EventTimes(config, producer)

    def __call__(self, first: int, due: NDArray[np.int64]) -> EventBlock:
        """Return the next block, trimmed to the due times given."""
        rng, n = self._rng, due.size
        by_type, by_campaign = rng.random((2, BLOCK))[:, :n]
        of_campaign = rng.integers(0, self._ads_per_campaign, size=BLOCK, dtype=np.int32)[:n]
        user = rng.integers(0, NUM_USERS, size=BLOCK, dtype=np.uint16)[:n]
        page = rng.integers(0, NUM_PAGES, size=BLOCK, dtype=np.uint16)[:n]
        address = rng.integers(0, NUM_ADDRESSES, size=BLOCK, dtype=np.uint16)[:n]
        campaign = self._campaign(by_campaign).astype(np.int32)
        ad = campaign * self._ads_per_campaign + of_campaign
        return EventBlock(
            producer=self._producer,
            first=first,
            due_offset_ns=due,
            event_offset_ns=self._placement(due),
            event_type=self._event_type(by_type).astype(np.uint8),
            campaign_id=campaign,
            partition=self._partitions_of(first, n),
            ad=ad,
            ad_type=self._ad_types[ad],
            user=user,
            page=page,
            ip=address,
        )

    def _partitions_of(self, first: int, n: int) -> NDArray[np.int32]:
        if self._partition_skewed:
            return self._partition(self._partition_rng.random(BLOCK)[:n]).astype(np.int32)
        return (np.arange(first, first + n) % self._partitions).astype(np.int32)


class _EventTimes:
    """Says when events claim to have happened: when they were due, or earlier where disorder is configured.

    Notes
    -----
    An out-of-order event lies up to the configured extent before its due time. A *too-late* event must
    lie in windows that closed at least the late guard before it is due. A window closes when the first event
    whose time reaches its end plus the watermark delay is due, and any producer's event is such a witness. So
    each producer looks for its own latest on-time event that was due at least the guard earlier, and goes
    back from that one's due time by extent (it may itself be out of order), delay and window size. The gap to
    the closing event is thereby covered at any rate, also through silent MMPP states. Where this would be before
    the epoch, or too far back to be accepted by an engine, the event stays where it was.
    """

    def __init__(self, config: Config, producer: int) -> None:
        events, windows = config.events, config.windows
        self._rng = stream_rng(config.run.seed, "disorder", producer)
        self._out_of_order_share = events.out_of_order_share
        self._extent_ns = events.out_of_order_extent_ms * NS_PER_MS
        self._too_late_share = events.too_late_share
        self._guard_ns = round(events.late_guard_seconds * NS_PER_S)
        self._size_ns = windows.size_ms * NS_PER_MS
        self._back_ns = self._extent_ns + windows.delay_ms * NS_PER_MS + self._size_ns
        # Witnesses are remembered at this spacing, so that memory does not grow with the rate.
        self._spacing_ns = max(NS_PER_MS, self._guard_ns // 10_000)
        self._witnesses = np.empty(0, dtype=np.int64)

    def __call__(self, due: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the event offsets of the next block; none is after its due offset or before the epoch."""
        if self._out_of_order_share == 0 and self._too_late_share == 0:
            return due
        disordered, distance, late, jitter = self._rng.random((4, BLOCK))[:, : due.size]
        earlier = due - 1 - (distance * self._extent_ns).astype(np.int64)
        chosen = (disordered < self._out_of_order_share) & (earlier >= 0)
        event = np.where(chosen, earlier, due)
        if self._too_late_share == 0:
            return event
        is_late = late < self._too_late_share
        placed = self._witness_before(due, ~is_late) - self._back_ns - (jitter * self._size_ns).astype(np.int64)
        possible = is_late & (placed >= 0) & (due - placed <= _FURTHEST_BACK_NS)
        return np.where(possible, placed, event)

    def _witness_before(self, due: NDArray[np.int64], on_time: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the latest remembered due offset at least the guard before each event, -1 where there is none."""
        if self._witnesses.size == 0:
            self._witnesses = np.array([-1], dtype=np.int64)
        fresh = due[on_time]
        # The first of each spacing: that choice depends on earlier events only, not on where the load is cut.
        spacings = np.concatenate((self._witnesses[-1:], fresh)) // self._spacing_ns
        known = np.concatenate((self._witnesses, fresh[spacings[1:] != spacings[:-1]]))
        latest = np.maximum(np.searchsorted(known, due - self._guard_ns, side="right") - 1, 0)
        self._witnesses = known[latest[-1] :]
        return known[latest]


def event_key(producer: int, number: int) -> bytes:
    """Return the Kafka key of an event: it says which event of the load a record is."""
    return b"%d:%d" % (producer, number)


def end_record(run_id: str, produce_ms: int) -> bytes:
    """Return the record that ends a run: its event time lies beyond every window a run can open."""
    fields = {
        "event_type": END_EVENT_TYPE,
        "run_id": run_id,
        "event_time_ns": END_EVENT_TIME_NS,
        "produce_time": produce_ms,
    }
    return json.dumps(fields, separators=(",", ":")).encode()
