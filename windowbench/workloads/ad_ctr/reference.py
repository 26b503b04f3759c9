"""The ad click-through workload in plain Python, without any framework: reading, counting, rows. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py`` and is not made of NumPy arrays,
but of dictionaries and integers, one event after the other.

The way of an event: :data:`EventReader` -> :class:`PartialCounts` of one consumer -> :class:`OpenWindows` of the
aggregator, which adds up what consumers counted and hands a window's rows out once the watermark has reached its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from windowbench.engines.reference import records
from windowbench.engines.reference.counts import PartialCounts
from windowbench.engines.reference.query import ReferenceQuery, Row
from windowbench.engines.reference.records import Intake
from windowbench.engines.reference.windows import OpenWindows, record_of
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

KEY = "campaign_id"
EventReader = partial(records.EventReader, kinds=(EVENT_TYPES,), kind="event_type", key=KEY)


def fields(counts: Sequence[int], produce_ms: int, event_ns: int, revision: int) -> Row:
    """Return what a row says of a campaign in a window, which has one."""
    del revision
    views, clicks, purchases = counts
    return {
        "views": views,
        "clicks": clicks,
        "purchases": purchases,
        "events": views + clicks + purchases,
        "max_produce_time": produce_ms,
        "max_event_time_ns": event_ns,
        "ctr": clicks / views if views else None,
        "ctr_smoothed": clicks / (views + 1),
    }


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), PartialCounts(config.windows, len(EVENT_TYPES))),
    windows=lambda config: OpenWindows(config, KEY, fields),
    record=partial(record_of, KEY),
)
