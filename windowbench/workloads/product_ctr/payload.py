"""Impressions and clicks as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The Kafka key is the product, so an event is named by its first field, ``event_id``.
"""

from __future__ import annotations

import numpy as np

from config import Config
from windowbench.load.events import event_keys
from windowbench.load.payload import TIME_DIGITS, PayloadRows, quoted, texts_of, write_times
from windowbench.load.schedule import Schedule
from windowbench.workloads.product_ctr.events import ProductBlock, user_ids
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings

_HEAD = b'{"event_id":"'
_NAME_WIDTH = len("99:999999999999")


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
        own, seed = ProductCtrSettings.of(config.workload), config.run.seed
        self._users = user_ids(seed)
        self._kinds = quoted([kind.encode() for kind in KINDS], max(map(len, KINDS)))
        self._keys = [b"%d" % product for product in range(own.num_products)]
        width = len(self._keys[-1])
        self._products = np.array([key.rjust(width) for key in self._keys], dtype=f"S{width}")
        self._rows = PayloadRows(
            config,
            _HEAD,
            ("event_id", _NAME_WIDTH + len('",')),
            b'"event_type":"',
            ("event_type", self._kinds.itemsize),
            b'"product_id":',
            ("product_id", self._products.itemsize),
            b',"user_id":"',
            ("user_id", self._users.itemsize),
            b'","event_time_ns":',
            ("event_time_ns", TIME_DIGITS),
        )

    def encode(self, block: ProductBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``.

        Parameters
        ----------
        block : ProductBlock
            Events of one producer.
        schedule : Schedule
            Its epoch gives the event times.
        """
        rows = self._rows.of(block)
        rows["event_id"] = quoted(event_keys(block), _NAME_WIDTH)
        rows["event_type"] = self._kinds[block.event_kind]
        rows["product_id"] = self._products[block.product_id]
        rows["user_id"] = self._users[block.user]
        write_times(rows, block.event_offset_ns + schedule.epoch_ns)
        return texts_of(rows)

    def keys(self, block: ProductBlock) -> list[bytes]:
        """Return the Kafka key of each event: its product."""
        return [self._keys[product] for product in block.product_id.tolist()]

    @staticmethod
    def name_of(key: bytes | None, value: bytes | None) -> bytes | None:
        """Return the name of an event, which its value begins with; the key of what is no event."""
        if value is None or not value.startswith(_HEAD):
            return key
        return value[len(_HEAD) : value.find(b'"', len(_HEAD))]
