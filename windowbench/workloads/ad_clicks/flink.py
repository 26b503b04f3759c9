"""The click attribution workload in Flink SQL: built-in functions only. Text in, text out.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it: an interval join, which keeps the watermark of its result back by the attribution; two window aggregations of
what comes out of it, in which a click that comes again is counted once; and an ``OVER`` window of the rows of a
campaign.

Rules that are easy to break:

* Impressions to be counted must not meet attributed clicks in a union behind the join. Their watermark is ahead of that
  of the join by the attribution; and an input that was idle, as all are before the load begins, holds no watermark back
  until it has caught up with the others. This one never would, and windows would close without their clicks. So an
  impression passes the join as well, as a click on itself without an id.
* Two aggregations share a join only if they use the same columns of it; else Flink makes two joins, each without the
  columns that its aggregation has no use for. Hence the conditions behind ``HAVING``, which always hold.
* ``OVER`` windows end with the current row, so what it adds is taken out again. Rates are therefore integers, in
  units of 1e-15, and their squares decimals of 38 digits without a fraction: all of it is exact, and a variance of
  zero is zero.
* Ids are counted as ``DISTINCT`` in a window, whose state goes with it. A ``ROW_NUMBER() = 1`` would keep every id.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import JobConfig
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.flink.sql import ACCEPTED, KEY_COLUMN, Events, epoch_ms, interval, ratio, text, windowed
from windowbench.workloads.ad_clicks.settings import (
    KINDS,
    LONGEST_ID,
    METRICS,
    ZERO_VARIANCE_TOLERANCE,
    AdClicksQuery,
)

RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, metric STRING, campaign_id BIGINT, device_type STRING, window_start BIGINT,
window_end BIGINT, impressions BIGINT, clicks BIGINT, ctr DOUBLE, cost BIGINT, cost_per_click DOUBLE, users BIGINT,
expected_ctr DOUBLE, deviation DOUBLE, standard_deviation DOUBLE, score DOUBLE, max_produce_time BIGINT"""
"""Columns of the sink: the record's key, then the fields of all types of row."""
_FIELDS = {
    "impression": "impression_id STRING, user_id STRING, campaign_id BIGINT, device_type STRING, cost BIGINT",
    "click": "click_id STRING, impression_id STRING, user_id STRING",
}
_IDS = {"impression": ("impression_id", "user_id", "device_type"), "click": ("click_id", "impression_id", "user_id")}
_UNIT = "1e15"
"""So many units are a rate of 1."""


def statements(config: JobConfig, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it."""
    tables = [f"{kind}s" for kind in KINDS]
    return [
        *(
            events_of(kind).table(table, source, run_id, config.windows.delay_ms)
            for table, kind, source in zip(tables, KINDS, sources, strict=True)
        ),
        f"CREATE TEMPORARY TABLE results ({RESULT_COLUMNS}) WITH ({sinks[0]})",
        *views(config, *tables),
        f"INSERT INTO results {result_query(config, run_id)}",
    ]


def events_of(kind: str) -> Events:
    """Return the events of a kind, with ids of moderate length and no negative cost."""
    ids = " AND ".join(f"{name} IS NOT NULL AND CHAR_LENGTH({name}) <= {LONGEST_ID}" for name in _IDS[kind])
    numbers = " AND campaign_id IS NOT NULL AND cost >= 0" if kind == KINDS[0] else ""
    return Events(_FIELDS[kind], f"event_type = {text(kind)} AND {ids}{numbers}")


def views(config: JobConfig, impressions: str, clicks: str) -> list[str]:
    """Return the statements that define the counts of campaigns and devices, over two tables of :func:`events_of`."""
    attribution = interval(AdClicksQuery.of(config.workload).attribution_ms)
    rows = windowed("counted", config.windows.size_ms, config.windows.slide_ms)
    counts = (
        "COUNT(*) FILTER (WHERE click_id IS NULL) AS impressions, COUNT(DISTINCT click_id) AS clicks,"
        " MAX(produce_time) AS max_produce_time"
    )
    window = "window_start, window_end, window_time"
    return [
        f"""\
CREATE TEMPORARY VIEW shown AS
SELECT impression_id, user_id, campaign_id, device_type, cost, produce_time, ts FROM {impressions} WHERE {ACCEPTED}""",
        f"""\
CREATE TEMPORARY VIEW touched AS
SELECT impression_id AS shown_id, click_id, produce_time AS touch_produce_time, ts AS touch_ts
FROM {clicks} WHERE {ACCEPTED}
UNION ALL
SELECT impression_id, CAST(NULL AS STRING), produce_time, ts FROM shown""",
        f"""\
CREATE TEMPORARY VIEW counted AS
SELECT campaign_id, device_type, user_id, click_id, CASE WHEN click_id IS NULL THEN cost ELSE 0 END AS cost,
       touch_produce_time AS produce_time, ts
FROM shown JOIN touched ON shown_id = impression_id AND touch_ts BETWEEN ts AND ts + {attribution}""",
        f"""\
CREATE TEMPORARY VIEW campaigns AS
SELECT campaign_id, {window}, {counts}, SUM(cost) AS cost
FROM {rows} GROUP BY campaign_id, {window} HAVING COUNT(device_type) > 0 AND COUNT(user_id) > 0""",
        f"""\
CREATE TEMPORARY VIEW devices AS
SELECT device_type, {window}, {counts}, COUNT(DISTINCT user_id) AS users
FROM {rows} GROUP BY device_type, {window} HAVING COUNT(campaign_id) > 0 AND COUNT(cost) > 0""",
    ]


def result_query(config: JobConfig, run_id: str) -> str:
    """Return the query over the views; its columns are :data:`RESULT_COLUMNS`."""
    own = AdClicksQuery.of(config.workload)
    campaign, device, anomaly = METRICS
    rate = "CAST(clicks AS DOUBLE) / CAST(impressions AS DOUBLE)"
    per_click = ratio("cost", "clicks")
    start = epoch_ms("window_start")

    def rows(metric: str, source: str, key: str, **values: str) -> str:
        common = {
            "window_start": "start_ms",
            "window_end": f"start_ms + {config.windows.size_ms}",
            "impressions": "impressions",
            "clicks": "clicks",
            "ctr": rate,
            "max_produce_time": "max_produce_time",
        }
        fields = {**common, key: key, **values}
        listed = ", ".join(fields.get(name, f"CAST(NULL AS {kind}) AS {name}") for name, kind in _COLUMNS.items())
        name = f"{text(metric + ':')} || CAST({key} AS STRING) || ':' || CAST(start_ms AS STRING)"
        return f"SELECT {name}, {text(run_id)}, {text(metric)}, {listed}\nFROM {source}"

    of_campaigns = rows(campaign, f"(SELECT *, {start} AS start_ms FROM campaigns)", "campaign_id", cost="cost",
                        cost_per_click=per_click)  # fmt: skip
    of_devices = rows(device, f"(SELECT *, {start} AS start_ms FROM devices)", "device_type", users="users")
    of_anomalies = rows(
        anomaly,
        "judged",
        "campaign_id",
        expected_ctr="expected_ctr",
        deviation="deviation",
        standard_deviation="standard_deviation",
        score="deviation / NULLIF(standard_deviation, CAST(0 AS DOUBLE))",
    )
    return f"""\
WITH rated AS (
  SELECT *, {rate} AS ctr, CAST(CAST(ROUND({rate} * {_UNIT}) AS BIGINT) AS DECIMAL(18, 0)) AS x FROM campaigns),
summed AS (
  SELECT *, COUNT(*) OVER past AS n_all, SUM(x) OVER past AS s_all, SUM(x * x) OVER past AS q_all FROM rated
  WINDOW past AS (PARTITION BY campaign_id ORDER BY window_time
                  ROWS BETWEEN {own.history_windows} PRECEDING AND CURRENT ROW)),
earlier AS (
  SELECT *, {start} AS start_ms, CAST(n_all - 1 AS DECIMAL(9, 0)) AS n, s_all - x AS s, q_all - x * x AS q FROM summed
  WHERE n_all > {own.least_history_windows}),
measured AS (
  SELECT *, ctr - CAST(s AS DOUBLE) / CAST(n AS DOUBLE) / {_UNIT} AS deviation,
         CAST(s AS DOUBLE) / CAST(n AS DOUBLE) / {_UNIT} AS expected_ctr,
         SQRT(CAST(n * q - s * s AS DOUBLE) / CAST(n * (n - 1) AS DOUBLE)) / {_UNIT} AS standard_deviation
  FROM earlier),
judged AS (
  SELECT * FROM measured
  WHERE ABS(deviation) > CASE WHEN standard_deviation > 0 THEN {own.anomaly_deviations!r} * standard_deviation
                              ELSE {ZERO_VARIANCE_TOLERANCE!r} END)
{of_campaigns}
UNION ALL
{of_devices}
UNION ALL
{of_anomalies}"""


_COLUMNS = {
    name: kind
    for name, kind in (column.split() for column in RESULT_COLUMNS.replace("\n", " ").split(", "))
    if name not in (KEY_COLUMN, "run_id", "metric")
}


QUERY = FlinkQuery(statements=statements)
