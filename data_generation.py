"""The load as data: which ads there are, which events come when under uniform load, what ends it.

What an event holds is drawn and rendered by the workload in use, in its folder.

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
from windowbench.load.events import BLOCK, EventBlock, EventSource
from windowbench.load.payload import Encoder, Encoding
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, NS_PER_S
from windowbench.load.streams import CHUNK, stream_rng, uuid_texts

_PIECE_BYTES = 4_000_000


def ad_ids(num_campaigns: int, ads_per_campaign: int, seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs of all ads; those of campaign c are at ``c * ads_per_campaign`` and the following."""
    return uuid_texts(stream_rng(seed, "ads"), num_campaigns * ads_per_campaign)


def create_ad_campaign_mappings(num_campaigns: int = 10, ads_per_campaign: int = 100, seed: int = 42) -> dict[str, int]:
    """Return the campaign of every ad, numbered from 0, by the ad's UUID; equal arguments give equal mappings."""
    ids = ad_ids(num_campaigns, ads_per_campaign, seed).tolist()
    return {ad.decode(): number // ads_per_campaign for number, ad in enumerate(ids)}


def uniform_offsets(rate: Fraction, producer: int, producers: int) -> Iterator[NDArray[np.int64]]:
    """Yield the due offsets of one producer under uniform load, without end.

    They are ns since the run's epoch; `rate` is the number of events per second of all producers together. Merged event
    k is due at floor(k * 10^9 / rate) ns and belongs to producer k mod N. The arithmetic is exact at any k: products
    with k stay Python integers, and arrays hold only what a chunk adds to them.
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

    Their due offsets come non-decreasing, in chunks of any size (:func:`windowbench.load.arrivals.arrival_offsets`).
    A block has at most :data:`BLOCK` events, fewer where their payloads would take more than some megabytes.
    """
    draw = EventSource.of(config.engine.workload).draw(config, producer)
    piece = max(1, min(BLOCK, _PIECE_BYTES // max(1, config.events.payload_bytes)))
    first = 0
    for due in _due_blocks(offsets, until_ns):
        block = draw(first, due)
        for start in range(0, len(block), piece):
            yield block.part(start, start + piece)
        first += due.size


def encoder_of(config: Config) -> Encoder:
    """Return what renders the events of a configuration as payloads."""
    return Encoding.of(config.engine.workload).encoder(config)


def cut_off(offsets: Iterator[NDArray[np.int64]], until_ns: int) -> Iterator[NDArray[np.int64]]:
    """Yield chunks of offsets, and end them before `until_ns`."""
    for chunk in offsets:
        within = chunk[: np.searchsorted(chunk, until_ns)]
        yield within
        if within.size < chunk.size:
            return


def _due_blocks(offsets: Iterator[NDArray[np.int64]], until_ns: int) -> Iterator[NDArray[np.int64]]:
    """Cut offsets into blocks of :data:`BLOCK` and end them before `until_ns`."""
    ready = np.empty(0, dtype=np.int64)
    for chunk in cut_off(offsets, until_ns):
        ready = np.concatenate((ready, chunk))
        while ready.size >= BLOCK:
            yield ready[:BLOCK]
            ready = ready[BLOCK:]
    if ready.size:
        yield ready


def end_record(run_id: str, produce_ms: int) -> bytes:
    """Return the record that ends a run: its event time lies beyond every window a run can open."""
    fields = {
        "event_type": END_EVENT_TYPE,
        "run_id": run_id,
        "event_time_ns": END_EVENT_TIME_NS,
        "produce_time": produce_ms,
    }
    return json.dumps(fields, separators=(",", ":")).encode()
