"""How result rows are read: strictly, and without ever failing; docs/workloads.md says what their fields mean. Pure."""

from __future__ import annotations

from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, RowFields
from windowbench.workloads.kit.result_table import ResultTable, by_window

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
    query=by_window("""\
       count(*) AS campaigns,
       sum(events) AS events,
       sum(views) AS views,
       sum(clicks) AS clicks,
       sum(purchases) AS purchases,
       sum(clicks)::double precision / nullif(sum(views), 0)::double precision AS ctr"""),
)
