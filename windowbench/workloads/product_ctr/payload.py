"""Impressions and clicks as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The Kafka key is the product, so an event is named by its first field, ``event_id``.
"""

from __future__ import annotations

from config import Config
from windowbench.load.events import EventBlock
from windowbench.load.payload import TIME_DIGITS, Encoding, PayloadRows, texts_of, write_times
from windowbench.load.schedule import Schedule
from windowbench.workloads.kit.encoding import NamedByField, numbers, words
from windowbench.workloads.product_ctr.events import ProductBlock, user_ids
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings


class PayloadEncoder(NamedByField):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        """Make the tables of ready-made text."""
        own, seed = ProductCtrSettings.of(config.workload), config.run.seed
        self._users = user_ids(seed)
        self._kinds = words(KINDS)
        self._keys = [b"%d" % product for product in range(own.num_products)]
        self._products = numbers(range(own.num_products))
        self._rows = PayloadRows(
            config,
            self.HEAD,
            self.COLUMN,
            b'"event_type":"',
            ("event_type", self._kinds.itemsize),
            b'"product_id":',
            ("product_id", self._products.itemsize),
            b',"user_id":"',
            ("user_id", self._users.itemsize),
            b'","event_time_ns":',
            ("event_time_ns", TIME_DIGITS),
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        block = ProductBlock.of(block)
        rows = self._rows.of(block)
        rows["event_id"] = self.names(block)
        rows["event_type"] = self._kinds[block.event_kind]
        rows["product_id"] = self._products[block.product_id]
        rows["user_id"] = self._users[block.user]
        write_times(rows, block.event_offset_ns + schedule.epoch_ns)
        return texts_of(rows)

    def keys(self, block: EventBlock) -> list[bytes]:
        """Return the Kafka key of each event: its product."""
        return [self._keys[product] for product in ProductBlock.of(block).product_id.tolist()]


ENCODING = Encoding(encoder=PayloadEncoder)
