"""The product click-through workload in plain Python, without any framework: reading, counting, rows, revisions. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py``, and counts one event after the
other in dictionaries.

The way of an event: :data:`EventReader` -> :class:`PartialCounts` of one consumer -> :class:`OpenWindows` of the
aggregator. That emits the first value of a window once the watermark has reached its end, a revision whenever late
counts have come in since, and forgets the window when the watermark is the allowed lateness beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from windowbench.engines.reference import records
from windowbench.engines.reference.counts import PartialCounts
from windowbench.engines.reference.query import ReferenceQuery, Row
from windowbench.engines.reference.records import Intake
from windowbench.engines.reference.windows import OpenWindows, record_of
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrQuery

KEY = "product_id"
EventReader = partial(records.EventReader, kinds=[(kind,) for kind in KINDS], kind="event_type", key=KEY)


def fields(counts: Sequence[int], produce_ms: int, event_ns: int, revision: int) -> Row:
    """Return what a row says of a product in a window."""
    del event_ns
    impressions, clicks = counts
    return {
        "impressions": impressions,
        "clicks": clicks,
        "revision": revision,
        "max_produce_time": produce_ms,
        "ctr": clicks / impressions if impressions else None,
    }


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), PartialCounts(config.windows, len(KINDS))),
    windows=lambda config: OpenWindows(config, KEY, fields, ProductCtrQuery.of(config.workload).lateness_ms),
    record=partial(record_of, KEY),
)
