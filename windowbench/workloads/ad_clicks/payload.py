"""Impressions and clicks as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The ids of impressions and clicks are a producer and a number, mixed so that they look like nothing and are all
different. An event is named by its Kafka key, for a ``click_id`` may come twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import EventBlock
from windowbench.load.payload import TIME_DIGITS, Encoding, PayloadRows, texts_of, write_times
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.load.streams import stream_rng, uuid_texts
from windowbench.workloads.ad_clicks.events import ADS_PER_CAMPAIGN, COSTS, IMPRESSION, LEAST_COST, AdBlock
from windowbench.workloads.ad_clicks.settings import BROWSERS, DEVICES, KINDS, AdClicksSettings
from windowbench.workloads.kit.encoding import NamedByKey, numbers, words

ID_DIGITS = 16
_TIMESTAMP_DIGITS = 13
_PRODUCER_SHIFT = 48
_FOUR_HEX = np.array([b"%04x" % i for i in range(1 << 16)], dtype="S4")


class Ids:
    """Ids of one kind of event, as texts of 16 hexadecimal digits."""

    def __init__(self, seed: int, kind: str) -> None:
        """Draw what all ids of the kind are mixed with."""
        self._key = stream_rng(seed, f"{kind} ids").integers(0, 1 << 63, dtype=np.uint64)

    def __call__(self, producer: int, numbers: NDArray[np.int64]) -> NDArray[np.bytes_]:
        """Return the ids of events of a producer; each step can be undone, so no two are alike."""
        mixed = (numbers.astype(np.uint64) | np.uint64(producer << _PRODUCER_SHIFT)) ^ self._key
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the finaliser of SplitMix64
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
        quarters = np.ascontiguousarray(mixed.astype(">u8")).view(">u2").reshape(-1, 4)
        ids: NDArray[np.bytes_] = _FOUR_HEX[quarters].view(f"S{ID_DIGITS}").ravel()
        return ids


class PayloadEncoder(NamedByKey):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        """Make the tables of ready-made text."""
        own, seed = AdClicksSettings.of(config.workload), config.run.seed
        self._impression_ids, self._click_ids = (Ids(seed, kind) for kind in KINDS)
        self._users = uuid_texts(stream_rng(seed, "users"), own.num_users)
        self._ads = uuid_texts(stream_rng(seed, "ad ids"), own.num_campaigns * ADS_PER_CAMPAIGN)
        self._campaigns = numbers(range(own.num_campaigns))
        self._devices = words(DEVICES)
        self._browsers = words(BROWSERS)
        self._costs = numbers(range(LEAST_COST, LEAST_COST + COSTS))
        times: tuple[Any, ...] = (
            b'","event_timestamp":',
            ("event_timestamp", _TIMESTAMP_DIGITS),
            b',"event_time_ns":',
            ("event_time_ns", TIME_DIGITS),
        )
        self._impressions = PayloadRows(
            config,
            b'{"event_type":"impression","impression_id":"',
            ("impression_id", ID_DIGITS),
            b'","campaign_id":',
            ("campaign_id", self._campaigns.itemsize),
            b',"device_type":"',
            ("device_type", self._devices.itemsize),
            b'"browser":"',
            ("browser", self._browsers.itemsize),
            b'"cost":',
            ("cost", self._costs.itemsize),
            b',"ad_id":"',
            ("ad_id", self._ads.itemsize),
            b'","user_id":"',
            ("user_id", self._users.itemsize),
            *times,
        )
        self._clicks = PayloadRows(
            config,
            b'{"event_type":"click","click_id":"',
            ("click_id", ID_DIGITS),
            b'","impression_id":"',
            ("impression_id", ID_DIGITS),
            b'","user_id":"',
            ("user_id", self._users.itemsize),
            *times,
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        block = AdBlock.of(block)
        times = block.event_offset_ns + schedule.epoch_ns
        shows = block.event_kind == IMPRESSION
        payloads = np.empty(len(block), dtype=object)
        payloads[shows] = self._of_impressions(block, np.flatnonzero(shows), times)
        payloads[~shows] = self._of_clicks(block, np.flatnonzero(~shows), times)
        texts: list[bytes] = payloads.tolist()
        return texts

    def _of_impressions(self, block: AdBlock, which: NDArray[np.intp], times: NDArray[np.int64]) -> list[bytes]:
        rows = self._impressions.of(block.part(0, which.size))
        rows["impression_id"] = self._impression_ids(block.producer, block.shown[which])
        rows["campaign_id"] = self._campaigns[block.campaign_id[which]]
        rows["device_type"] = self._devices[block.device_type[which]]
        rows["browser"] = self._browsers[block.browser[which]]
        rows["cost"] = self._costs[block.cost[which] - LEAST_COST]
        rows["ad_id"] = self._ads[block.ad[which]]
        return self._finished(rows, block, which, times)

    def _of_clicks(self, block: AdBlock, which: NDArray[np.intp], times: NDArray[np.int64]) -> list[bytes]:
        rows = self._clicks.of(block.part(0, which.size))
        rows["click_id"] = self._click_ids(block.producer, block.clicked[which])
        rows["impression_id"] = self._impression_ids(block.producer, block.shown[which])
        return self._finished(rows, block, which, times)

    def _finished(
        self, rows: NDArray[np.void], block: AdBlock, which: NDArray[np.intp], times: NDArray[np.int64]
    ) -> list[bytes]:
        """Write what both kinds hold; the ms of an event are the first digits of its ns."""
        rows["user_id"] = self._users[block.viewer[which]]
        write_times(rows, times[which])
        if which.size and times[which].min() >= 10 ** (TIME_DIGITS - 1):
            rows["event_timestamp"] = rows["event_time_ns"]
        else:
            rows["event_timestamp"] = numbers((times[which] // NS_PER_MS).tolist())
        return texts_of(rows)


ENCODING = Encoding(encoder=PayloadEncoder)
