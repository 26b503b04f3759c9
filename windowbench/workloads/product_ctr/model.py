"""What a result row is, and how its JSON is read: strictly, and without ever failing. Pure.

Result row (JSON; an absent field is null):

====================  =======  ==================================================================
field                 type     meaning
====================  =======  ==================================================================
``run_id``            string   run that made the row
``product_id``        integer  row key, with ``window_start``
``window_start``      integer  first ms of the window since the Unix epoch
``window_end``        integer  first ms after it
``impressions``       integer  events of each kind
``clicks``            integer
``revision``          integer  0 for the first value, one higher in each row after it
``max_produce_time``  integer  greatest ``produce_time`` in ms
``ctr``               double   clicks / impressions, null where impressions = 0
====================  =======  ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.judge.truth.rows import LiveRow
from windowbench.workloads.kit.json_rows import RowFields, usual_run_id
from windowbench.workloads.kit.result_table import ResultTable, row_columns

__all__ = [
    "NEWEST_PRODUCE_COLUMN",
    "RESULT_TABLE",
    "REVISION_COLUMN",
    "ROW_DOUBLES",
    "ROW_INTEGERS",
    "live_row",
    "parse_rows",
    "sound_row",
    "usual_run_id",
]

ROW_KEY = ("window_start", "product_id")
ROW_INTEGERS = (
    "product_id",
    "window_start",
    "window_end",
    "impressions",
    "clicks",
    "revision",
    "max_produce_time",
)
ROW_DOUBLES = ("ctr",)
REVISION_COLUMN = "revision"
NEWEST_PRODUCE_COLUMN = "max_produce_time"
"""In ms, of the newest event counted in a row."""
RESULT_TABLE = ResultTable(
    name="windowbench_product_ctr",
    view="windowbench_product_windows",
    columns=row_columns(ROW_INTEGERS, ROW_DOUBLES),
    key=("run_id", *ROW_KEY),
    rows_of="window and product, the newest revision",
    lines_of="window: click-through rate over all products, how many of them were revised",
    note="newest values of the workload product_ctr; times are ms since the Unix epoch",
    query="""\
SELECT run_id,
       to_timestamp(window_start / 1000.0) AS window_start,
       to_timestamp(window_end / 1000.0) AS window_end,
       count(*) AS products,
       count(*) FILTER (WHERE revision > 0) AS revised,
       sum(impressions) AS impressions,
       sum(clicks) AS clicks,
       sum(clicks)::double precision / nullif(sum(impressions), 0)::double precision AS ctr,
       max(append_time) - window_end AS since_window_end_ms
FROM {table} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start""",
)

_ROW = RowFields(key=ROW_KEY, integers=ROW_INTEGERS, doubles=ROW_DOUBLES)
parse_rows = _ROW.parse
sound_row = _ROW.sound


def live_row(row: Mapping[str, Any]) -> LiveRow:
    """Return what is looked at of a row while a run lasts.

    Raises
    ------
    KeyError
        When a field is missing.
    """
    return LiveRow(
        key=(row["window_start"], row["product_id"]),
        window_start=row["window_start"],
        window_end=row["window_end"],
        events=row["impressions"] + row["clicks"],
        newest_produce_ms=row.get(NEWEST_PRODUCE_COLUMN),
    )
