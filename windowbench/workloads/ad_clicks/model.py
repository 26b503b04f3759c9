"""What a result row is, and how its JSON is read: strictly, and without ever failing. Pure.

Fields of all rows (JSON): ``run_id`` text, ``metric`` text, integers ``window_start`` and ``window_end`` (first ms of
the window and first ms after it, since the Unix epoch), ``impressions``, ``clicks`` (attributed ones, each once),
``max_produce_time`` (greatest ``produce_time`` in ms among them), double ``ctr`` = clicks / impressions. Beside them:

==============  ======================  ===============================================================================
``metric``      field                   meaning
==============  ======================  ===============================================================================
``campaign``    ``campaign_id``         integer, row key with ``window_start``
..              ``cost``                integer, of all impressions, in millionths
..              ``cost_per_click``      double, cost / clicks in millionths, null where clicks = 0
``device``      ``device_type``         text, row key with ``window_start``
..              ``users``               integer, distinct users of the impressions
``anomaly``     ``campaign_id``         integer, row key with ``window_start``
..              ``expected_ctr``        double, mean rate of the last windows of the campaign before this one
..              ``deviation``           double, ctr - expected_ctr
..              ``standard_deviation``  double, of the sample of those rates; 0 where they are all alike
..              ``score``               double, deviation / standard_deviation; null where that is 0
==============  ======================  ===============================================================================
"""

from __future__ import annotations

from windowbench.workloads.ad_clicks.settings import METRICS
from windowbench.workloads.kit.result_table import ResultTable
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
    query="""\
SELECT run_id,
       to_timestamp(window_start / 1000.0) AS window_start,
       to_timestamp(window_end / 1000.0) AS window_end,
       count(*) FILTER (WHERE metric = 'campaign') AS campaigns,
       count(*) FILTER (WHERE metric = 'anomaly') AS anomalies,
       sum(impressions) FILTER (WHERE metric = 'campaign') AS impressions,
       sum(clicks) FILTER (WHERE metric = 'campaign') AS clicks,
       sum(cost) AS cost,
       sum(clicks) FILTER (WHERE metric = 'campaign')::double precision
         / nullif(sum(impressions) FILTER (WHERE metric = 'campaign'), 0)::double precision AS ctr,
       max(append_time) - window_end AS since_window_end_ms
FROM {table} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start""",
)
