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

from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, RowFields
from windowbench.workloads.kit.result_table import ResultTable

REVISION_COLUMN = "revision"
ROW = RowFields(
    key=("window_start", "product_id"),
    integers=(
        "product_id",
        "window_start",
        "window_end",
        "impressions",
        "clicks",
        REVISION_COLUMN,
        NEWEST_PRODUCE,
    ),
    doubles=("ctr",),
    counts=("impressions", "clicks"),
)
MODEL = ROW.model
RESULT_TABLE = ResultTable(
    name="windowbench_product_ctr",
    view="windowbench_product_windows",
    columns=ROW.table_columns,
    key=ROW.table_key,
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
