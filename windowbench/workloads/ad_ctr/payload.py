"""Ad events as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure."""

from __future__ import annotations

from config import Config
from data_generation import ad_ids
from windowbench.load.draws import user_ids
from windowbench.load.events import EventBlock
from windowbench.load.payload import (
    TIME,
    WINDOW_WIDTH,
    Encoding,
    PayloadRows,
    column,
    number,
    quoted,
    texts_of,
    word,
    write_window_ids,
)
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_ctr.events import AD_TYPES, AdBlock, ip_addresses, page_ids
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings
from windowbench.workloads.kit.encoding import NamedByKey, numbers, words

_MAX_ADDRESS = len("255.255.255.255")


class PayloadEncoder(NamedByKey):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        own, seed = AdCtrSettings.of(config.workload), config.run.seed
        self._slide_ns = config.windows.slide_ms * NS_PER_MS
        self._rows = PayloadRows(
            config,
            column("user_id", user_ids(seed), "user"),
            column("page_id", page_ids(seed), "page"),
            column("ad_id", ad_ids(own.num_campaigns, own.ads_per_campaign, seed), "ad"),
            word("ad_type", words(AD_TYPES), "ad_type"),
            word("event_type", words(EVENT_TYPES), "event_type"),
            TIME,
            number("window_id", WINDOW_WIDTH),
            word("ip_address", quoted(ip_addresses(seed), _MAX_ADDRESS), "ip"),
            number("campaign_id", numbers(range(own.num_campaigns)), "campaign_id"),
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        rows = self._rows.of(AdBlock.of(block), schedule)
        since_base_ns = block.event_offset_ns + (schedule.epoch_ns - schedule.base_time_ns)
        write_window_ids(rows, since_base_ns // self._slide_ns)
        return texts_of(rows)


ENCODING = Encoding(encoder=PayloadEncoder)
