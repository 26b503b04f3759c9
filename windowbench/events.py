"""What an ad event is made of: its fields, the pools its values come from, and a block of events. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.streams import stream_rng, uuid_texts

FIELDS = (
    "user_id",
    "page_id",
    "ad_id",
    "ad_type",
    "event_type",
    "event_time_ns",
    "window_id",
    "ip_address",
    "campaign_id",
    "produce_time",
)
"""Fields of an event in the order of its JSON; ``padding`` stands before ``produce_time`` where there is one."""
AD_TYPES = ("image", "video", "carousel", "text", "story", "shopping", "collection")

NUM_USERS = 16_384
NUM_PAGES = 4_096
NUM_ADDRESSES = 16_384


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EventBlock:
    """Consecutive events of one producer: every field but ``window_id`` and the produce time.

    Times are ns since the run's epoch; ``user``, ``page``, ``ad`` and ``ip`` are indices into the pools.
    """

    producer: int
    first: int
    """Number of the first event among its producer's."""
    due_offset_ns: NDArray[np.int64]
    event_offset_ns: NDArray[np.int64]
    event_type: NDArray[np.uint8]
    """Index into ``EVENT_TYPES``."""
    campaign_id: NDArray[np.int32]
    partition: NDArray[np.int32]
    ad: NDArray[np.int32]
    ad_type: NDArray[np.uint8]
    """Index into :data:`AD_TYPES`."""
    user: NDArray[np.uint16]
    page: NDArray[np.uint16]
    ip: NDArray[np.uint16]

    def __len__(self) -> int:
        return self.due_offset_ns.size

    def part(self, start: int, stop: int) -> EventBlock:
        """Return events `start` to before `stop` of this block, without copying."""
        arrays = {
            field.name: getattr(self, field.name)[start:stop]
            for field in dataclasses.fields(self)
            if field.name not in ("producer", "first")
        }
        return EventBlock(producer=self.producer, first=self.first + start, **arrays)


def ad_ids(num_campaigns: int, ads_per_campaign: int, seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs of all ads; those of campaign c are at ``c * ads_per_campaign`` and the following."""
    return uuid_texts(stream_rng(seed, "ads"), num_campaigns * ads_per_campaign)


def ad_types(num_campaigns: int, ads_per_campaign: int, seed: int) -> NDArray[np.uint8]:
    """Return the type of each ad as an index into :data:`AD_TYPES`."""
    return stream_rng(seed, "ad types").integers(
        0, len(AD_TYPES), size=num_campaigns * ads_per_campaign, dtype=np.uint8
    )


def user_ids(seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs that users are drawn from."""
    return uuid_texts(stream_rng(seed, "users"), NUM_USERS)


def page_ids(seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs that pages are drawn from."""
    return uuid_texts(stream_rng(seed, "pages"), NUM_PAGES)


def ip_addresses(seed: int) -> list[bytes]:
    """Return the IPv4 addresses that clients are drawn from."""
    octets = stream_rng(seed, "addresses").integers(1, 255, size=(NUM_ADDRESSES, 4), dtype=np.uint8)
    return [b"%d.%d.%d.%d" % tuple(row) for row in octets.tolist()]
