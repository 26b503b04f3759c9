"""Impressions and clicks as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The ids of impressions and clicks are a producer and a number, mixed so that they look like nothing and are all
different. An event is named by its Kafka key, for a ``click_id`` may come twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import EventBlock
from windowbench.load.payload import TIME, TIME_DIGITS, Encoding, PayloadRows, column, number, texts_of, word
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
        own, seed = AdClicksSettings.of(config.workload), config.run.seed
        self._impression_ids, self._click_ids = (Ids(seed, kind) for kind in KINDS)
        self._costs = numbers(range(LEAST_COST, LEAST_COST + COSTS))
        ads = uuid_texts(stream_rng(seed, "ad ids"), own.num_campaigns * ADS_PER_CAMPAIGN)
        user = column("user_id", uuid_texts(stream_rng(seed, "users"), own.num_users), "viewer")
        impression, times = column("impression_id", ID_DIGITS), (number("event_timestamp", _TIMESTAMP_DIGITS), TIME)
        self._impressions = PayloadRows(
            config,
            b'"event_type":"impression",',
            impression,
            number("campaign_id", numbers(range(own.num_campaigns)), "campaign_id"),
            word("device_type", words(DEVICES), "device_type"),
            word("browser", words(BROWSERS), "browser"),
            number("cost", self._costs.itemsize),
            column("ad_id", ads, "ad"),
            user,
            *times,
        )
        self._clicks = PayloadRows(
            config,
            b'"event_type":"click",',
            column("click_id", ID_DIGITS),
            impression,
            user,
            *times,
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        block = AdBlock.of(block)
        shows = block.event_kind == IMPRESSION
        impressions, clicks = block.at(shows), block.at(~shows)
        shown, clicked = self._impressions.of(impressions, schedule), self._clicks.of(clicks, schedule)
        shown["cost"] = self._costs[impressions.cost - LEAST_COST]
        clicked["click_id"] = self._click_ids(block.producer, clicks.clicked)
        payloads = np.empty(len(block), dtype=object)
        for which, rows, part in ((shows, shown, impressions), (~shows, clicked, clicks)):
            rows["impression_id"] = self._impression_ids(block.producer, part.shown)
            _write_timestamps(rows, part.event_offset_ns + schedule.epoch_ns)
            payloads[which] = texts_of(rows)
        texts: list[bytes] = payloads.tolist()
        return texts


def _write_timestamps(rows: NDArray[np.void], times: NDArray[np.int64]) -> None:
    """Write times in ms, which are the first digits of those in ns."""
    if times.size and times.min() >= 10 ** (TIME_DIGITS - 1):
        rows["event_timestamp"] = rows["event_time_ns"]
    else:
        rows["event_timestamp"] = numbers((times // NS_PER_MS).tolist())


ENCODING = Encoding(encoder=PayloadEncoder)
