"""The product click-through workload in Flink SQL: built-in functions only. Text in, text out.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. Flink's window functions (``TUMBLE`` over a table) drop what comes late. Its older grouped windows
(``GROUP BY TUMBLE(...)``) know an allowed lateness, and with it emit a window anew for every late event of it:
:func:`settings` switches that on. Their result is a table that changes; ``TO_CHANGELOG`` makes rows of its changes,
which are then numbered by key: :func:`result_query`.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import Config, WindowSettings
from windowbench.engines.flink.sql import (
    ACCEPTED,
    KAFKA_RECORD_TIME,
    KEY_COLUMN,
    epoch_ms,
    interval,
    text,
    timed_columns,
)
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings

PYTHON_WORKER = False
"""Whether rows pass a Python worker on their way."""
COUNTER_RETENTION = "1 h"
"""How long the number of the last row of a key is kept; nothing revises a window for so long."""
RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, product_id BIGINT, window_start BIGINT, window_end BIGINT,
impressions BIGINT, clicks BIGINT, revision BIGINT, max_produce_time BIGINT, ctr DOUBLE"""
"""Columns of the sink: the record's key, then the result row."""


def settings(config: Config) -> dict[str, str]:
    """Return the settings of the job without which late events would be dropped."""
    return {
        "table.exec.emit.allow-lateness": f"{ProductCtrSettings.of(config.workload).lateness_ms} ms",
        "table.exec.emit.late-fire.enabled": "true",
        "table.exec.emit.late-fire.delay": "0 ms",  # with every late event
        "table.exec.state.ttl": COUNTER_RETENTION,
    }


def statements(config: Config, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it.

    Parameters
    ----------
    config : Config
    run_id : str
    sources, sinks : sequence of str
        Options of the tables of each topic of events and of results, as SQL.
    """
    tables = [f"{kind}s" for kind in KINDS]
    return [
        *(
            f"CREATE TEMPORARY TABLE {table} ({event_columns([kind], run_id, config.windows.delay_ms)}) WITH ({source})"
            for table, kind, source in zip(tables, KINDS, sources, strict=True)
        ),
        f"CREATE TEMPORARY TABLE results ({RESULT_COLUMNS}) WITH ({sinks[0]})",
        *views(tables, config.windows),
        f"INSERT INTO results {result_query(config.windows, run_id)}",
    ]


def event_columns(kinds: Sequence[str], run_id: str, delay_ms: int, record_time: str = KAFKA_RECORD_TIME) -> str:
    """Return the columns of the table of events of some kinds, with its guard and its watermark.

    A good event is of one of them, has integers for product, event time and produce time, and an event time from an
    hour before to 5 s after its own Kafka timestamp, both included.

    Parameters
    ----------
    kinds : sequence of str
        Those of the topic, of ``KINDS``.
    run_id : str
        The END of another run is a rejected record like any other.
    delay_ms : int
        How far the watermark stays behind.
    record_time : str
        Definition of the column ``record_time``, the record's own Kafka timestamp, and of further columns, if any.
    """
    good = f"event_type IN ({', '.join(map(text, kinds))}) AND product_id IS NOT NULL"
    return timed_columns("product_id BIGINT", good, run_id, delay_ms, record_time)


def views(tables: Sequence[str], windows: WindowSettings) -> list[str]:
    """Return the statements that define the window results, a table that late events change.

    Windows start at multiples of the slide since the Unix epoch, for sessions whose time zone is UTC.

    Parameters
    ----------
    tables : sequence of str
        Names of the tables of :func:`event_columns`.
    windows : WindowSettings
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
       CASE WHEN impressions > 0 THEN CAST(clicks AS DOUBLE) / CAST(impressions AS DOUBLE) END
FROM numbered"""
