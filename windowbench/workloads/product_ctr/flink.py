"""The product click-through workload in Flink SQL: built-in functions only. Text in, text out.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. Flink's window functions (``TUMBLE`` over a table) drop what comes late. Its older grouped windows
(``GROUP BY TUMBLE(...)``) know an allowed lateness, and with it emit a window anew for every late event of it:
:func:`settings` switches that on. Their result is a table that changes; ``TO_CHANGELOG`` makes rows of its changes,
which are then numbered by key: :func:`result_query`.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import JobConfig, WindowSettings
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.flink.sql import ACCEPTED, KEY_COLUMN, Events, epoch_ms, interval, ratio, text
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrQuery

COUNTER_RETENTION = "1 h"
"""How long the number of the last row of a key is kept; nothing revises a window for so long."""
RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, product_id BIGINT, window_start BIGINT, window_end BIGINT,
impressions BIGINT, clicks BIGINT, revision BIGINT, max_produce_time BIGINT, ctr DOUBLE"""
"""Columns of the sink: the record's key, then the result row."""


def settings(config: JobConfig) -> dict[str, str]:
    """Return the settings of the job without which late events would be dropped."""
    return {
        "table.exec.emit.allow-lateness": f"{ProductCtrQuery.of(config.workload).lateness_ms} ms",
        "table.exec.emit.late-fire.enabled": "true",
        "table.exec.emit.late-fire.delay": "0 ms",  # with every late event
        "table.exec.state.ttl": COUNTER_RETENTION,
    }


def statements(config: JobConfig, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it."""
    tables = [f"{kind}s" for kind in KINDS]
    return [
        *(
            events_of(kind).table(table, source, run_id, config.windows.delay_ms)
            for table, kind, source in zip(tables, KINDS, sources, strict=True)
        ),
        f"CREATE TEMPORARY TABLE results ({RESULT_COLUMNS}) WITH ({sinks[0]})",
        *views(tables, config.windows),
        f"INSERT INTO results {result_query(config.windows, run_id)}",
    ]


def events_of(*kinds: str) -> Events:
    """Return the events of some kinds."""
    return Events("product_id BIGINT", f"event_type IN ({', '.join(map(text, kinds))}) AND product_id IS NOT NULL")


def views(tables: Sequence[str], windows: WindowSettings) -> list[str]:
    """Return the statements that define the window results, which late events change, over tables of :func:`events_of`.

    Windows start at multiples of the slide since the Unix epoch, for sessions whose time zone is UTC.
    """
    size, slide = interval(windows.size_ms), interval(windows.slide_ms)
    group = f"TUMBLE(ts, {size})" if windows.size_ms == windows.slide_ms else f"HOP(ts, {slide}, {size})"
    start = group.replace("(", "_START(", 1)
    accepted = [f"SELECT event_type, product_id, produce_time, ts FROM {table} WHERE {ACCEPTED}" for table in tables]
    counts = ", ".join(f"COUNT(*) FILTER (WHERE event_type = {text(kind)}) AS {kind}s" for kind in KINDS)
    revised = (
        f"SELECT product_id, CAST({start} AS TIMESTAMP(3)) AS window_start, {counts},"
        f" MAX(produce_time) AS max_produce_time FROM events GROUP BY product_id, {group}"
    )
    return [
        f"CREATE TEMPORARY VIEW events AS {' UNION ALL '.join(accepted)}",
        f"CREATE TEMPORARY VIEW revised AS {revised}",
    ]


def result_query(windows: WindowSettings, run_id: str) -> str:
    """Return the query over the view of results; its columns are :data:`RESULT_COLUMNS`.

    A change takes the row before it back and puts another in its place; what is taken back is left out.
    """
    return f"""\
WITH changes AS (
  SELECT product_id, {epoch_ms("window_start")} AS start_ms, impressions, clicks, max_produce_time, PROCTIME() AS seen
  FROM TO_CHANGELOG(input => TABLE revised) WHERE op IN ('INSERT', 'UPDATE_AFTER')),
numbered AS (
  SELECT *, COUNT(*) OVER before_it - 1 AS revision FROM changes
  WINDOW before_it AS (PARTITION BY product_id, start_ms ORDER BY seen ROWS UNBOUNDED PRECEDING))
SELECT CAST(product_id AS STRING) || ':' || CAST(start_ms AS STRING), {text(run_id)}, product_id, start_ms,
       start_ms + {windows.size_ms}, impressions, clicks, revision, max_produce_time,
       {ratio("clicks", "impressions")}
FROM numbered"""


QUERY = FlinkQuery(statements=statements, settings=settings)
