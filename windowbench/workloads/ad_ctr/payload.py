"""Ad events as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure."""

from __future__ import annotations

from config import Config
from data_generation import ad_ids
from windowbench.load.events import EventBlock
from windowbench.load.payload import (
    TIME_DIGITS,
    WINDOW_WIDTH,
    Encoding,
    PayloadRows,
    quoted,
    texts_of,
    write_times,
    write_window_ids,
)
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_ctr.events import AD_TYPES, AdBlock, ip_addresses, page_ids, user_ids
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings
from windowbench.workloads.kit.encoding import NamedByKey, numbers, words

_MAX_ADDRESS = len("255.255.255.255")


class PayloadEncoder(NamedByKey):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        """Make the tables of ready-made text."""
        own, seed = AdCtrSettings.of(config.workload), config.run.seed
        self._slide_ns = config.windows.slide_ms * NS_PER_MS
        self._users = user_ids(seed)
        self._pages = page_ids(seed)
        self._ads = ad_ids(own.num_campaigns, own.ads_per_campaign, seed)
        self._ad_types = words(AD_TYPES)
        self._event_types = words(EVENT_TYPES)
        self._addresses = quoted(ip_addresses(seed), _MAX_ADDRESS)
        self._campaigns = numbers(range(own.num_campaigns))
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

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        block = AdBlock.of(block)
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


ENCODING = Encoding(encoder=PayloadEncoder)
