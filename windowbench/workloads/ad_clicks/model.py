"""How result rows are read: strictly, and without ever failing; docs/workloads.md says what their fields mean. Pure."""

from __future__ import annotations

from windowbench.workloads.ad_clicks.settings import METRICS
from windowbench.workloads.kit.result_table import ResultTable, by_window
from windowbench.workloads.kit.row_types import RowType
from windowbench.workloads.kit.typed_rows import TABLE_KEY, TypedRows

_CAMPAIGN, _DEVICE, _ANOMALY = METRICS
_COUNTS = ("impressions", "clicks")
ROWS = TypedRows(
    (
        RowType(
            name=_CAMPAIGN,
            key="campaign_id",
            integers=("campaign_id", *_COUNTS, "cost"),
            doubles=("ctr", "cost_per_click"),
        ),
        RowType(
            name=_DEVICE,
            key="device_type",
            integers=(*_COUNTS, "users"),
            texts=("device_type",),
            doubles=("ctr",),
        ),
        RowType(
            name=_ANOMALY,
            key="campaign_id",
            integers=("campaign_id", *_COUNTS),
            doubles=("ctr", "expected_ctr", "deviation", "standard_deviation", "score"),
        ),
    )
)
MODEL = ROWS.model
RESULT_TABLE = ResultTable(
    name="windowbench_ad_clicks",
    view="windowbench_ad_clicks_windows",
    columns=ROWS.table_columns,
    key=TABLE_KEY,
    rows_of="type, window and campaign or device type",
    lines_of="window: impressions, clicks and cost over all campaigns, and how many of them had an anomaly",
    note="results of the workload ad_clicks; times are ms since the Unix epoch, costs millionths",
    query=by_window("""\
       count(*) FILTER (WHERE metric = 'campaign') AS campaigns,
       count(*) FILTER (WHERE metric = 'anomaly') AS anomalies,
       sum(impressions) FILTER (WHERE metric = 'campaign') AS impressions,
       sum(clicks) FILTER (WHERE metric = 'campaign') AS clicks,
       sum(cost) AS cost,
       sum(clicks) FILTER (WHERE metric = 'campaign')::double precision
         / nullif(sum(impressions) FILTER (WHERE metric = 'campaign'), 0)::double precision AS ctr"""),
)
