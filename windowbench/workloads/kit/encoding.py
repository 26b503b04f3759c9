"""What the payload encoders of workloads share: text of fixed width, and how events are named. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from windowbench.load.events import EventBlock, event_keys
from windowbench.load.payload import column, quoted


def words(values: Sequence[str]) -> NDArray[np.bytes_]:
    """Return strings with their closing quote and the comma, of one width."""
    return quoted([value.encode() for value in values], max(map(len, values)))


def numbers(values: Sequence[int]) -> NDArray[np.bytes_]:
    """Return numbers as texts of one width, spaces before them."""
    texts = [b"%d" % value for value in values]
    width = max(map(len, texts), default=1)
    return np.array([text.rjust(width) for text in texts], dtype=f"S{width}")


def padded(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """Return texts of one width, spaces behind them: between the tokens of JSON they mean nothing."""
    ready = np.array([text.encode() for text in texts])
    return np.char.ljust(ready, ready.itemsize)


class NamedByKey:
    """An encoder whose events are named by their Kafka key."""

    def keys(self, block: EventBlock) -> list[bytes]:
        """Return the name of each event."""
        return event_keys(block)

    def name_of(self, key: bytes | None, value: bytes | None) -> bytes | None:
        """Return the key."""
        del value
        return key


class NamedByField:
    """An encoder whose events have another Kafka key, and are named by their first field, ``event_id``."""

    HEAD = b'{"event_id":"'
    NAME_WIDTH = len("99:999999999999")
    COLUMN = column("event_id", NAME_WIDTH + len('",'), after=b"")
    """The first of a row; filled with :meth:`names`."""

    def names(self, block: EventBlock) -> NDArray[np.bytes_]:
        """Return the name of each event, as text of one width."""
        return quoted(event_keys(block), self.NAME_WIDTH)

    def name_of(self, key: bytes | None, value: bytes | None) -> bytes | None:
        """Return what a value says; the key of what is no event."""
        if value is None or not value.startswith(self.HEAD):
            return key
        return value[len(self.HEAD) : value.find(b'"', len(self.HEAD))]
