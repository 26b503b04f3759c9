"""The website workload in Flink SQL: built-in functions only. Text in, text out; nothing here talks to Flink.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. One table of events, a view of the good ones, and a view for each type of row, over window functions
(:func:`views`). Two sinks, one for each topic, take rows with the columns of all types, null where a type has no such
field, so that a topic has one writer: :func:`rows_query`.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import JobConfig
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.flink.sql import ACCEPTED, KEY_COLUMN, Events, epoch_ms, interval, ratio, text, windowed
from windowbench.workloads.kit.row_types import RowType
from windowbench.workloads.web_analytics.rows import ALERTS, LONGEST, TYPES
from windowbench.workloads.web_analytics.settings import (
    CART_URL,
    EVENT_TYPES,
    LONGEST_PATH,
    PRODUCT_PREFIX,
    TOP_PAGES,
    WebAnalyticsQuery,
)

_KINDS = {"BIGINT": "integers", "STRING": "texts", "DOUBLE": "doubles"}
FIELDS = {name: sql for sql, kind in _KINDS.items() for row_type in TYPES for name in getattr(row_type, kind)}
"""Columns of the sinks beside those that all rows have, with their types."""
_VIEW, _START, _STOP, _CONVERSION = (f"event_type = {text(kind)}" for kind in EVENT_TYPES)
_AT_MS = "event_time_ns / 1000000"
_OMIT_NULLS = "'value.json.encode.ignore-null-fields' = 'true'"


def statements(config: JobConfig, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it."""
    columns = ", ".join(f"`{name}` {kind}" for name, kind in FIELDS.items())
    common = f"{KEY_COLUMN} STRING, run_id STRING, metric STRING, window_start BIGINT, window_end BIGINT"
    sink = f"({common}, {columns}, max_produce_time BIGINT)"
    alerts = [row_type for row_type in TYPES if row_type.name in ALERTS]
    queries = [rows_query(own, run_id) for own in ([one for one in TYPES if one not in alerts], alerts)]
    return [
        EVENTS.table("events", sources[0], run_id, config.windows.delay_ms),
        f"CREATE TEMPORARY TABLE metrics {sink} WITH ({sinks[0]}, {_OMIT_NULLS})",
        f"CREATE TEMPORARY TABLE alerts {sink} WITH ({sinks[1]}, {_OMIT_NULLS})",
        *views("events", config),
        f"EXECUTE STATEMENT SET BEGIN INSERT INTO metrics {queries[0]}; INSERT INTO alerts {queries[1]}; END",
    ]


_GOOD = [
    f"event_type IN ({', '.join(map(text, EVENT_TYPES))})",
    *(f"CHAR_LENGTH({name}) BETWEEN 1 AND {longest}" for name, longest in LONGEST.items()),
    "POSITION('>' IN url) = 0 AND revenue_cents >= 0 AND session_start IS NOT NULL AND page_views >= 0",
]
EVENTS = Events(
    "user_id STRING, url STRING, country STRING, revenue_cents BIGINT, session_start BIGINT, page_views BIGINT",
    " AND ".join(_GOOD),
)
"""Texts are of moderate length, and no address has the ">" that joins addresses to a path."""


def views(events: str, config: JobConfig) -> list[str]:
    """Return the statements that define a view for each type of row, over a table of :data:`EVENTS`."""
    own, windows = WebAnalyticsQuery.of(config.workload), config.windows
    found = {
        "accepted": (
            "SELECT event_type, user_id, url, country, revenue_cents, session_start, page_views, event_time_ns,"
            f" produce_time, ts FROM {events} WHERE {ACCEPTED}"
        ),
        "viewed": f"SELECT user_id, url, produce_time, ts FROM accepted WHERE {_VIEW}",
        **_traffic(windows.size_ms, windows.slide_ms),
        **_behaviour(own.behaviour_ms, own.behaviour_slide_ms),
        **_sessions(own.gap_ms, own.cart_timeout_ms),
        "high_bounce_rate": (
            "SELECT user_id, window_start, window_end, COUNT(*) AS page_views, MAX(url) AS url,"
            f" MAX(produce_time) AS max_produce_time FROM {windowed('viewed', own.bounce_ms, own.bounce_ms)}"
            " GROUP BY user_id, window_start, window_end HAVING COUNT(*) = 1"
        ),
    }
    return [f"CREATE TEMPORARY VIEW {name} AS {query}" for name, query in found.items()]


def _traffic(size_ms: int, slide_ms: int) -> dict[str, str]:
    tally = f"""\
SELECT window_start, window_end, COUNT(*) AS events, COUNT(*) FILTER (WHERE {_VIEW}) AS page_views,
       COUNT(DISTINCT user_id) AS active_users, COUNT(*) FILTER (WHERE {_STOP}) AS sessions_ended,
       COUNT(*) FILTER (WHERE {_STOP} AND page_views = 1) AS bounces,
       COALESCE(SUM({_AT_MS} - session_start) FILTER (WHERE {_STOP}), 0) AS duration_ms,
       MAX(produce_time) AS max_produce_time
FROM {windowed("accepted", size_ms, slide_ms)} GROUP BY window_start, window_end"""
    return {
        "traffic": f"""\
SELECT *, CAST(page_views * 1000 AS DOUBLE) / CAST({size_ms} AS DOUBLE) AS page_views_per_second,
       {ratio("bounces", "sessions_ended")} AS bounce_rate,
       {ratio("duration_ms", "sessions_ended")} AS mean_duration_ms FROM ({tally})"""
    }


def _behaviour(size_ms: int, slide_ms: int) -> dict[str, str]:
    summed = f"""\
COUNT(*) AS events, COUNT(*) FILTER (WHERE {_START}) AS sessions, SUM(revenue_cents) AS revenue_cents,
       MAX(produce_time) AS max_produce_time"""
    accepted, viewed = (windowed(view, size_ms, slide_ms) for view in ("accepted", "viewed"))
    tally = f"""\
SELECT window_start, window_end, {summed}, COUNT(DISTINCT user_id) AS active_users,
       COUNT(*) FILTER (WHERE {_CONVERSION}) AS conversions
FROM {accepted} GROUP BY window_start, window_end"""
    pages = f"""\
SELECT window_start, window_end, url, COUNT(*) AS page_views, MAX(produce_time) AS max_produce_time
FROM {viewed} GROUP BY window_start, window_end, url"""
    return {
        "conversion": f"""\
SELECT *, {ratio("conversions", "sessions")} AS conversion_rate,
       {ratio("revenue_cents", "(active_users * 100)")} AS revenue_per_user FROM ({tally})""",
        "country": f"""\
SELECT window_start, window_end, country, {summed} FROM {accepted} GROUP BY window_start, window_end, country""",
        "top_page": f"""\
SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY window_start, window_end ORDER BY page_views DESC, url ASC) AS `rank` FROM ({pages}))
WHERE `rank` <= {TOP_PAGES}""",
    }


def _sessions(gap_ms: int, timeout_ms: int) -> dict[str, str]:
    """Return the views of sessions and of those without a conversion up to the time-out after their first cart.

    An array of a group has no order. So the address of a view has its event time before it, of a fixed width, by which
    an array can be sorted.
    """
    cart, product = f"url = {text(CART_URL)}", f"url LIKE {text(PRODUCT_PREFIX + '%')}"
    step = f"CASE WHEN {_CONVERSION} THEN 4 WHEN NOT {_VIEW} THEN 0 WHEN {cart} THEN 3 WHEN {product} THEN 2 ELSE 1 END"
    path = f"ARRAY_JOIN(ARRAY_SLICE(ARRAY_SORT(seen), 1, {LONGEST_PATH}), '>')"
    return {
        "ended": f"""\
SELECT user_id, window_start, window_end, COUNT(*) AS events, COUNT(*) FILTER (WHERE {_VIEW}) AS page_views,
       MAX({_AT_MS}) - MIN({_AT_MS}) AS duration_ms, SUM(revenue_cents) AS revenue_cents, MAX({step}) AS funnel_step,
       ARRAY_AGG(LPAD(CAST(event_time_ns AS STRING), 19, '0') || url) FILTER (WHERE {_VIEW}) AS seen,
       MIN({_AT_MS}) FILTER (WHERE {_VIEW} AND {cart}) AS cart_time,
       MIN({_AT_MS}) FILTER (WHERE {_CONVERSION}) AS converted_at, MAX(produce_time) AS max_produce_time
FROM TABLE(SESSION(TABLE accepted PARTITION BY user_id, DESCRIPTOR(ts), {interval(gap_ms)}))
GROUP BY user_id, window_start, window_end""",
        "session": f"""\
SELECT *, COALESCE(REGEXP_REPLACE({path}, '(?<=^|>)[0-9]{{19}}', ''), '') AS path,
       CASE WHEN converted_at IS NULL THEN 'abandoned' ELSE 'converted' END AS outcome FROM ended""",
        "abandoned_cart": f"""\
SELECT * FROM ended
WHERE cart_time IS NOT NULL AND (converted_at IS NULL OR converted_at > cart_time + {timeout_ms})""",
    }


def rows_query(types: Sequence[RowType], run_id: str) -> str:
    """Return the query of the rows of some types: record key, run, type, window, all of :data:`FIELDS`, newest event.

    A type has a view of its name.
    """
    return " UNION ALL ".join(_rows_of(row_type, run_id) for row_type in types)


def _rows_of(row_type: RowType, run_id: str) -> str:
    metric, fields = row_type.name, row_type.fields
    key = f"CAST(`{row_type.key}` AS STRING)" if row_type.key else "''"
    columns = ", ".join(
        f"CAST(`{name}` AS {kind})" if name in fields else f"CAST(NULL AS {kind})" for name, kind in FIELDS.items()
    )
    return f"""\
SELECT {text(metric + ":")} || CAST(start_ms AS STRING) || ':' || {key}, {text(run_id)}, {text(metric)},
       start_ms, end_ms, {columns}, max_produce_time
FROM (SELECT *, {epoch_ms("window_start")} AS start_ms, {epoch_ms("window_end")} AS end_ms FROM {metric})"""


QUERY = FlinkQuery(statements=statements)
