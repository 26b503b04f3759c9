"""What the records of all workloads have in common, for the reference engine: END, integers, times to believe. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.schedule import END_EVENT_TIME_NS, GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS

_LEAST, _GREATEST = -(2**63), 2**63 - 1


def is_int64(value: object) -> bool:
    """Whether a value read from JSON is an integer of 64 bits."""
    return type(value) is int and _LEAST <= value <= _GREATEST


def is_own_end(event: Mapping[str, Any], run_id: str) -> bool:
    """Whether an END record is that of this run.

    Raises
    ------
    KeyError
        When a field is missing.
    """
    return bool(event["run_id"] == run_id and event["event_time_ns"] == END_EVENT_TIME_NS)


def is_believed(event_ns: int, record_ms: int) -> bool:
    """Whether an event time is from an hour before to 5 s after the record's own Kafka timestamp, both included."""
    too_old = event_ns < 0 or event_ns // NS_PER_MS + GUARD_PAST_MS < record_ms
    too_new = -(-event_ns // NS_PER_MS) - GUARD_FUTURE_MS > record_ms
    return not (too_old or too_new)
