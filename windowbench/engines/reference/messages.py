"""The records of the topic ``local-watermarks``. Pure.

Each consumer writes, in this order, to the topic's one partition:

* ``{"engine": ..., "consumer": 0, "partials": [[...], ...]}``: what it counted since the last report, in pieces;
* ``{"engine": ..., "consumer": 0, "watermarks": {"1": [watermark_ns, position, idle]}, "events": n, "rejected": n}``:
  how far its partitions are. Every event that the watermarks and positions cover is in partial counts before it.

``engine`` names one start of the engine: what an earlier start left on the topic is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from windowbench.engines.reference.watermarks import PartitionClock

PARTIALS_IN_A_RECORD = 2_000
"""At most about 200 kB, well below what brokers accept."""


def partial_records(engine: str, consumer: int, partials: Sequence[Sequence[object]]) -> Iterator[bytes]:
    """Yield the records that carry partial counts."""
    for first in range(0, len(partials), PARTIALS_IN_A_RECORD):
        piece = partials[first : first + PARTIALS_IN_A_RECORD]
        yield orjson.dumps({"engine": engine, "consumer": consumer, "partials": piece})


def watermark_record(
    engine: str, consumer: int, clocks: Mapping[int, PartitionClock], *, events: int, rejected: int
) -> bytes:
    """Return the record that says how far a consumer is; `events` and `rejected` are cumulative."""
    local = {str(n): [clock.watermark_ns, clock.position, clock.idle] for n, clock in clocks.items()}
    fields = {"engine": engine, "consumer": consumer, "watermarks": local, "events": events, "rejected": rejected}
    return orjson.dumps(fields)


def read_message(engine: str, value: bytes | None) -> dict[str, Any] | None:
    """Return a record of this start of the engine, None for any other."""
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None raises like other rubbish
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) and message.get("engine") == engine else None
