"""How the rows of :mod:`.rows` are read: strictly, and without ever failing; and the table that takes them. Pure."""

from __future__ import annotations

from windowbench.workloads.kit.result_table import ResultTable
from windowbench.workloads.kit.typed_rows import TABLE_KEY, TypedRows
from windowbench.workloads.web_analytics.rows import TYPES

ROWS = TypedRows(TYPES)
MODEL = ROWS.model
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
