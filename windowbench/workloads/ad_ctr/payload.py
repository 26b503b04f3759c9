"""Ad events as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure."""

from __future__ import annotations

import numpy as np

from config import Config
from data_generation import ad_ids
from windowbench.load.events import event_keys
from windowbench.load.payload import (
    TIME_DIGITS,
    WINDOW_WIDTH,
    PayloadRows,
    quoted,
    texts_of,
    write_times,
    write_window_ids,
)
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_ctr.events import AD_TYPES, AdBlock, ip_addresses, page_ids, user_ids
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings

_MAX_ADDRESS = len("255.255.255.255")


class PayloadEncoder:
    """Renders blocks of events as JSON payloads that lack only their produce time.

    Parameters
    ----------
    config : Config
        Gives the pools that values come from, the width of the columns and the least payload size.

    Notes
    -----
    An encoder keeps one buffer of rows and belongs to one thread.
    """

    def __init__(self, config: Config) -> None:
        """Make the tables of ready-made text."""
        own, seed = AdCtrSettings.of(config.workload), config.run.seed
        self._slide_ns = config.windows.slide_ms * NS_PER_MS
        self._users = user_ids(seed)
        self._pages = page_ids(seed)
        self._ads = ad_ids(own.num_campaigns, own.ads_per_campaign, seed)
        self._ad_types = quoted([name.encode() for name in AD_TYPES], max(map(len, AD_TYPES)))
        self._event_types = quoted([name.encode() for name in EVENT_TYPES], max(map(len, EVENT_TYPES)))
        self._addresses = quoted(ip_addresses(seed), _MAX_ADDRESS)
        width = len(str(own.num_campaigns - 1))
        self._campaigns = np.array([b"%*d" % (width, c) for c in range(own.num_campaigns)], dtype=f"S{width}")
        self._rows = PayloadRows(
            config,
            b'{"user_id":"',
            ("user_id", self._users.itemsize),
            b'","page_id":"',
            ("page_id", self._pages.itemsize),
            b'","ad_id":"',
            ("ad_id", self._ads.itemsize),
            b'","ad_type":"',
            ("ad_type", self._ad_types.itemsize),
            b'"event_type":"',
            ("event_type", self._event_types.itemsize),
            b'"event_time_ns":',
            ("event_time_ns", TIME_DIGITS),
            b',"window_id":',
            ("window_id", WINDOW_WIDTH),
            b',"ip_address":"',
            ("ip_address", self._addresses.itemsize),
            b'"campaign_id":',
            ("campaign_id", self._campaigns.itemsize),
        )

    def encode(self, block: AdBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``.

        Parameters
        ----------
        block : AdBlock
            Events of one producer.
        schedule : Schedule
            Places them in time: its epoch gives the event times, its base time the window ids.
        """
        rows = self._rows.of(block)
        rows["user_id"] = self._users[block.user]
        rows["page_id"] = self._pages[block.page]
        rows["ad_id"] = self._ads[block.ad]
        rows["ad_type"] = self._ad_types[block.ad_type]
        rows["event_type"] = self._event_types[block.event_type]
        rows["ip_address"] = self._addresses[block.ip]
        rows["campaign_id"] = self._campaigns[block.campaign_id]
        event_time_ns = block.event_offset_ns + schedule.epoch_ns
        write_times(rows, event_time_ns)
        write_window_ids(rows, (event_time_ns - schedule.base_time_ns) // self._slide_ns)
        return texts_of(rows)

    def keys(self, block: AdBlock) -> list[bytes]:
        """Return the Kafka key of each event: its name."""
        return event_keys(block)

    @staticmethod
    def name_of(key: bytes | None, _value: bytes | None) -> bytes | None:
        """Return the name of an event."""
        return key
