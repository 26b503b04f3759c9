"""What an ad event and a result row are, and how their JSON is read: strictly, and without ever failing.

Result row (JSON; an absent field is null):

=====================  =======  ==================================================================
field                  type     meaning
=====================  =======  ==================================================================
``run_id``             string   run that made the row
``campaign_id``        integer  row key, with ``window_start``
``window_start``       integer  first ms of the window since the Unix epoch
``window_end``         integer  first ms after it
``views``              integer  events by type
``clicks``             integer
``purchases``          integer
``events``             integer  all events
``max_produce_time``   integer  greatest ``produce_time`` in ms
``max_event_time_ns``  integer  greatest event time in ns
``ctr``                double   clicks / views, null where views = 0
``ctr_smoothed``       double   clicks / (views + 1)
=====================  =======  ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.rows import LiveRow
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES
from windowbench.workloads.kit.json_rows import RowFields, json_object, usual_run_id
from windowbench.workloads.kit.result_table import ResultTable, row_columns

__all__ = [
    "NEWEST_PRODUCE_COLUMN",
    "RESULT_TABLE",
    "ROW_DOUBLES",
    "ROW_INTEGERS",
    "live_row",
    "parse_events",
    "parse_rows",
    "sound_row",
    "usual_run_id",
]

ROW_KEY = ("window_start", "campaign_id")
ROW_INTEGERS = (
    "campaign_id",
    "window_start",
    "window_end",
    "views",
    "clicks",
    "purchases",
    "events",
    "max_produce_time",
    "max_event_time_ns",
)
KEY_COLUMN = "campaign_id"
NEWEST_PRODUCE_COLUMN = "max_produce_time"
"""In ms, of the newest event counted in a row."""
ROW_DOUBLES = ("ctr", "ctr_smoothed")

RESULT_TABLE = ResultTable(
    name="windowbench_results",
    view="windowbench_windows",
    columns=row_columns(ROW_INTEGERS, ROW_DOUBLES),
    key=("run_id", *ROW_KEY),
    rows_of="window and campaign",
    lines_of="window: click-through rate over all campaigns, how late the last row was",
    note="results of windowbench; times are ms since the Unix epoch, but for max_event_time_ns",
    query="""\
SELECT run_id,
       to_timestamp(window_start / 1000.0) AS window_start,
       to_timestamp(window_end / 1000.0) AS window_end,
       count(*) AS campaigns,
       sum(events) AS events,
       sum(views) AS views,
       sum(clicks) AS clicks,
       sum(purchases) AS purchases,
       sum(clicks)::double precision / nullif(sum(views), 0)::double precision AS ctr,
       max(append_time) - window_end AS since_window_end_ms
FROM {table} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start""",
)

_ROW = RowFields(key=ROW_KEY, integers=ROW_INTEGERS, doubles=ROW_DOUBLES)
parse_rows = _ROW.parse
sound_row = _ROW.sound

_EVENT_INTEGERS = ("campaign_id", "event_time_ns", "produce_time", "window_id")
_EVENT_CODES = {name: code for code, name in enumerate(EVENT_TYPES)}
_INT64 = range(-(2**63), 2**63)


def live_row(row: Mapping[str, Any]) -> LiveRow:
    """Return what is looked at of a row while a run lasts.

    Raises
    ------
    KeyError
        When a field is missing.
    """
    return LiveRow(
        key=(row["window_start"], row["campaign_id"]),
        window_start=row["window_start"],
        window_end=row["window_end"],
        events=row["events"],
        newest_produce_ms=row.get(NEWEST_PRODUCE_COLUMN),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedEvents:
    """Ad events read from a topic; arrays of equal length.

    Attributes
    ----------
    position : int64[n]
        Which of the values given each was.
    event_type : uint8[n]
        Index into ``settings.EVENT_TYPES``.
    campaign_id, event_time_ns, produce_ms, window_id : int64[n]
    """

    position: NDArray[np.int64]
    event_type: NDArray[np.uint8]
    campaign_id: NDArray[np.int64]
    event_time_ns: NDArray[np.int64]
    produce_ms: NDArray[np.int64]
    window_id: NDArray[np.int64]


def parse_events(values: Sequence[bytes | None]) -> ParsedEvents:
    """Read the payloads of events; END and what is no ad event are left out."""
    position: list[int] = []
    columns: list[tuple[int, ...]] = []
    for i, value in enumerate(values):
        event = json_object(value)
        if event is None:
            continue
        numbers = tuple(event.get(name) for name in _EVENT_INTEGERS)
        kind = event.get("event_type")
        code = _EVENT_CODES.get(kind) if isinstance(kind, str) else None
        if code is None or not all(type(number) is int and number in _INT64 for number in numbers):
            continue
        position.append(i)
        columns.append((code, *numbers))  # type: ignore[arg-type]  # checked to be integers
    table = np.array(columns, dtype=np.int64).reshape(-1, 1 + len(_EVENT_INTEGERS))
    return ParsedEvents(
        position=np.array(position, dtype=np.int64),
        event_type=table[:, 0].astype(np.uint8),
        campaign_id=table[:, 1],
        event_time_ns=table[:, 2],
        produce_ms=table[:, 3],
        window_id=table[:, 4],
    )
