"""What an ad event is made of: its fields, the pools its values come from, and how they are drawn. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.disorder import EventTimes
from windowbench.load.draws import NUM_USERS, Choice, DealtPartitions, zipf_weights
from windowbench.load.events import BLOCK, EventBlock, EventSource
from windowbench.load.streams import stream_rng, uuid_texts
from windowbench.workloads.ad_ctr.settings import AdCtrSettings

AD_TYPES = ("image", "video", "carousel", "text", "story", "shopping", "collection")

NUM_PAGES = 4_096
NUM_ADDRESSES = 16_384


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AdBlock(EventBlock):
    """Consecutive ad events of one producer: every field but ``window_id`` and the produce time.

    ``user``, ``page``, ``ad`` and ``ip`` are indices into the pools.
    """

    event_type: NDArray[np.uint8]
    """Index into ``EVENT_TYPES``."""
    campaign_id: NDArray[np.int32]
    ad: NDArray[np.int32]
    ad_type: NDArray[np.uint8]
    """Index into :data:`AD_TYPES`."""
    user: NDArray[np.uint16]
    page: NDArray[np.uint16]
    ip: NDArray[np.uint16]


def ad_types(num_campaigns: int, ads_per_campaign: int, seed: int) -> NDArray[np.uint8]:
    """Return the type of each ad as an index into :data:`AD_TYPES`."""
    return stream_rng(seed, "ad types").integers(
        0, len(AD_TYPES), size=num_campaigns * ads_per_campaign, dtype=np.uint8
    )


def page_ids(seed: int) -> NDArray[np.bytes_]:
    """Return the UUIDs that pages are drawn from."""
    return uuid_texts(stream_rng(seed, "pages"), NUM_PAGES)


def ip_addresses(seed: int) -> list[bytes]:
    """Return the IPv4 addresses that clients are drawn from."""
    octets = stream_rng(seed, "addresses").integers(1, 255, size=(NUM_ADDRESSES, 4), dtype=np.uint8)
    return [b"%d.%d.%d.%d" % tuple(row) for row in octets.tolist()]


class BlockDraw:
    """Draws what the events of one producer hold, block after block."""

    def __init__(self, config: Config, producer: int) -> None:
        """Make a stream for each purpose: switching disorder or skew on leaves everything else as it was."""
        seed, own = config.run.seed, AdCtrSettings.of(config.workload)
        self._producer = producer
        self._rng = stream_rng(seed, "events", producer)
        self._event_type = Choice(list(own.event_type_weights))
        self._campaign = Choice(zipf_weights(own.num_campaigns, own.campaign_skew))
        self._ads_per_campaign = own.ads_per_campaign
        self._ad_types = ad_types(own.num_campaigns, own.ads_per_campaign, seed)
        self._partition = DealtPartitions(config, producer)
        self._placement = EventTimes(config, producer)

    def __call__(self, first: int, due: NDArray[np.int64]) -> AdBlock:
        """Return the next block, trimmed to the due times given."""
        rng, n = self._rng, due.size
        by_type, by_campaign = rng.random((2, BLOCK))[:, :n]
        of_campaign = rng.integers(0, self._ads_per_campaign, size=BLOCK, dtype=np.int32)[:n]
        user = rng.integers(0, NUM_USERS, size=BLOCK, dtype=np.uint16)[:n]
        page = rng.integers(0, NUM_PAGES, size=BLOCK, dtype=np.uint16)[:n]
        address = rng.integers(0, NUM_ADDRESSES, size=BLOCK, dtype=np.uint16)[:n]
        campaign = self._campaign(by_campaign).astype(np.int32)
        ad = campaign * self._ads_per_campaign + of_campaign
        return AdBlock(
            producer=self._producer,
            first=first,
            due_offset_ns=due,
            event_offset_ns=self._placement(due),
            event_type=self._event_type(by_type).astype(np.uint8),
            campaign_id=campaign,
            partition=self._partition(first, n),
            ad=ad,
            ad_type=self._ad_types[ad],
            user=user,
            page=page,
            ip=address,
        )


SOURCE = EventSource(draw=BlockDraw, contents=("event_type", "campaign_id"))
