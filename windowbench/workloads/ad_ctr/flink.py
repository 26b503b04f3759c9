"""The ad click-through workload in Flink SQL: built-in functions only. Text in, text out; nothing here talks to Flink.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. The way of a record: :data:`EVENTS` (read and guard) -> :func:`result_query` -> a sink of
:data:`RESULT_COLUMNS`; what is easy to break on it stands in :mod:`windowbench.engines.flink.sql`.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import JobConfig, WindowSettings
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.flink.sql import ACCEPTED, KEY_COLUMN, Events, epoch_ms, ratio, text, windowed
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, campaign_id BIGINT, window_start BIGINT, window_end BIGINT,
`views` BIGINT, clicks BIGINT, purchases BIGINT, events BIGINT, max_produce_time BIGINT, max_event_time_ns BIGINT,
ctr DOUBLE, ctr_smoothed DOUBLE"""
"""Columns of the sink: the record's key, then the result row of docs/measurement.md. ``views`` is a reserved word."""


def statements(config: JobConfig, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it."""
    return [
        EVENTS.table("events", sources[0], run_id, config.windows.delay_ms),
        f"CREATE TEMPORARY TABLE results ({RESULT_COLUMNS}) WITH ({sinks[0]})",
        f"INSERT INTO results {result_query('events', config.windows, run_id)}",
    ]


_TYPES = ", ".join(map(text, EVENT_TYPES))
EVENTS = Events("campaign_id BIGINT", f"event_type IN ({_TYPES}) AND campaign_id IS NOT NULL")


def result_query(events: str, windows: WindowSettings, run_id: str) -> str:
    """Return the query over a table of :data:`EVENTS`; its columns are :data:`RESULT_COLUMNS`."""
    accepted = f"SELECT event_type, campaign_id, event_time_ns, produce_time, ts FROM {events} WHERE {ACCEPTED}"
    counts = ", ".join(f"COUNT(*) FILTER (WHERE event_type = {text(kind)}) AS `{kind}s`" for kind in EVENT_TYPES)
    return f"""\
WITH accepted AS ({accepted}),
tally AS (
  SELECT campaign_id, window_start, window_end, {counts}, COUNT(*) AS events,
         MAX(produce_time) AS max_produce_time, MAX(event_time_ns) AS max_event_time_ns
  FROM {windowed("accepted", windows.size_ms, windows.slide_ms)} GROUP BY campaign_id, window_start, window_end),
dated AS (SELECT *, {epoch_ms("window_start")} AS start_ms, {epoch_ms("window_end")} AS end_ms FROM tally)
SELECT CAST(campaign_id AS STRING) || ':' || CAST(start_ms AS STRING), {text(run_id)}, campaign_id, start_ms, end_ms,
       `views`, clicks, purchases, events, max_produce_time, max_event_time_ns,
       {ratio("clicks", "`views`")},
       CAST(clicks AS DOUBLE) / CAST(`views` + 1 AS DOUBLE)
FROM dated"""


QUERY = FlinkQuery(statements=statements)
