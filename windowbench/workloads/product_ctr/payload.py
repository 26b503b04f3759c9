"""Impressions and clicks as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The Kafka key is the product, so an event is named by its first field, ``event_id``.
"""

from __future__ import annotations

from config import Config
from windowbench.load.draws import user_ids
from windowbench.load.events import EventBlock
from windowbench.load.payload import TIME, Encoding, PayloadRows, column, number, texts_of, word
from windowbench.load.schedule import Schedule
from windowbench.workloads.kit.encoding import NamedByField, numbers, words
from windowbench.workloads.product_ctr.events import ProductBlock
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings


class PayloadEncoder(NamedByField):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        own = ProductCtrSettings.of(config.workload)
        self._keys = [b"%d" % product for product in range(own.num_products)]
        self._rows = PayloadRows(
            config,
            self.COLUMN,
            word("event_type", words(KINDS), "event_kind"),
            number("product_id", numbers(range(own.num_products)), "product_id"),
            column("user_id", user_ids(config.run.seed), "user"),
            TIME,
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        rows = self._rows.of(ProductBlock.of(block), schedule)
        rows["event_id"] = self.names(block)
        return texts_of(rows)

    def keys(self, block: EventBlock) -> list[bytes]:
        """Return the Kafka key of each event: its product."""
        return [self._keys[product] for product in ProductBlock.of(block).product_id.tolist()]


ENCODING = Encoding(encoder=PayloadEncoder)
