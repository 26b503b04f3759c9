"""How result rows are read: strictly, and without ever failing; docs/workloads.md says what their fields mean. Pure."""

from __future__ import annotations

from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, RowFields
from windowbench.workloads.kit.result_table import ResultTable, by_window

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
    query=by_window("""\
       count(*) AS products,
       count(*) FILTER (WHERE revision > 0) AS revised,
       sum(impressions) AS impressions,
       sum(clicks) AS clicks,
       sum(clicks)::double precision / nullif(sum(impressions), 0)::double precision AS ctr"""),
)
