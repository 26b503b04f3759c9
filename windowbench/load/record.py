"""One record of a topic, by whichever client it was read."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One record as the broker holds it; a tuple, because there are millions.

    ``timestamp_type`` is 0 for CreateTime and 1 for LogAppendTime, as in Kafka's own record batches.
    """

    partition: int
    offset: int
    timestamp_type: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
