"""What result rows are, and how their JSON is read: strictly, and without ever failing. Pure.

All rows have ``run_id``, ``metric``, ``window_start``, ``window_end`` (ms since the Unix epoch) and
``max_produce_time``, the greatest ``produce_time`` (ms) of the events counted. Beside them each type has the fields
below; revenue is in cents, durations are in ms.
"""

from __future__ import annotations

from windowbench.workloads.kit.result_table import ResultTable
from windowbench.workloads.kit.typed_rows import TABLE_KEY, RowType, TypedRows

ROWS = TypedRows(
    (
        RowType(
            name="traffic",
            integers=("events", "page_views", "active_users", "sessions_ended", "bounces", "duration_ms"),
            doubles=("page_views_per_second", "bounce_rate", "mean_duration_ms"),
        ),
        RowType(
            name="conversion",
            integers=("events", "active_users", "sessions", "conversions", "revenue_cents"),
            doubles=("conversion_rate", "revenue_per_user"),
        ),
        RowType(name="country", key="country", integers=("events", "sessions", "revenue_cents"), texts=("country",)),
        RowType(name="top_page", key="rank", integers=("rank", "page_views"), texts=("url",)),
        RowType(
            name="session",
            key="user_id",
            integers=("events", "page_views", "duration_ms", "revenue_cents", "funnel_step"),
            texts=("user_id", "path", "outcome"),
        ),
        RowType(name="high_bounce_rate", key="user_id", integers=("page_views",), texts=("user_id", "url")),
        RowType(name="abandoned_cart", key="user_id", integers=("events", "cart_time"), texts=("user_id",)),
    )
)
MODEL = ROWS.model
ALERTS = ("high_bounce_rate", "abandoned_cart")
"""Rows that go to the topic of alerts; all others go to that of results."""
RESULT_TABLE = ResultTable(
    name="windowbench_web_analytics",
    view="windowbench_web_conversion",
    columns=ROWS.table_columns,
    key=TABLE_KEY,
    rows_of="metric, window and key",
    lines_of="sliding window: conversion rate, revenue and the page viewed most",
    note="results of the workload web_analytics; times are ms since the Unix epoch",
    query="""\
SELECT result.run_id,
       to_timestamp(result.window_start / 1000.0) AS window_start,
       to_timestamp(result.window_end / 1000.0) AS window_end,
       active_users,
       sessions,
       conversions,
       conversion_rate,
       revenue_cents / 100.0 AS revenue,
       (SELECT url FROM {table} AS page
        WHERE page.run_id = result.run_id AND page.metric = 'top_page' AND page.row_key = '1'
              AND page.window_start = result.window_start) AS top_page,
       append_time - window_end AS since_window_end_ms
FROM {table} AS result
WHERE metric = 'conversion'
ORDER BY result.run_id, result.window_start""",
)
