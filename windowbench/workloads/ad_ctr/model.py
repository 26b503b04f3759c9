"""What a result row is, and how its JSON is read: strictly, and without ever failing. Pure.

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

from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, RowFields
from windowbench.workloads.kit.result_table import ResultTable

ROW = RowFields(
    key=("window_start", "campaign_id"),
    integers=(
        "campaign_id",
        "window_start",
        "window_end",
        "views",
        "clicks",
        "purchases",
        "events",
        NEWEST_PRODUCE,
        "max_event_time_ns",
    ),
    doubles=("ctr", "ctr_smoothed"),
    counts=("events",),
)
MODEL = ROW.model
RESULT_TABLE = ResultTable(
    name="windowbench_results",
    view="windowbench_windows",
    columns=ROW.table_columns,
    key=ROW.table_key,
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
