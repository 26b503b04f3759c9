"""The ad click-through workload in Flink SQL: built-in functions only. Text in, text out; nothing here talks to Flink.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. The way of a record: :func:`event_columns` (read and guard) -> :func:`result_query` -> a sink of
:data:`RESULT_COLUMNS`; what is easy to break on it stands in :mod:`windowbench.engines.flink.sql`.
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
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

PYTHON_WORKER = False
"""Whether rows pass a Python worker on their way."""
RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, campaign_id BIGINT, window_start BIGINT, window_end BIGINT,
`views` BIGINT, clicks BIGINT, purchases BIGINT, events BIGINT, max_produce_time BIGINT, max_event_time_ns BIGINT,
ctr DOUBLE, ctr_smoothed DOUBLE"""
"""Columns of the sink: the record's key, then the result row of docs/measurement.md. ``views`` is a reserved word."""


def settings(config: Config) -> dict[str, str]:
    """Return the settings of the job without which the query does not mean what it says: none."""
    del config
    return {}


def statements(config: Config, run_id: str, sources: Sequence[str], sinks: Sequence[str]) -> list[str]:
    """Return the statements of the job, of which the last starts it.

    Parameters
    ----------
    config : Config
    run_id : str
    sources, sinks : sequence of str
        Options of the tables of each topic of events and of results, as SQL.
    """
    return [
        f"CREATE TEMPORARY TABLE events ({event_columns(run_id, config.windows.delay_ms)}) WITH ({sources[0]})",
        f"CREATE TEMPORARY TABLE results ({RESULT_COLUMNS}) WITH ({sinks[0]})",
        f"INSERT INTO results {result_query('events', config.windows, run_id)}",
    ]


def event_columns(run_id: str, delay_ms: int, record_time: str = KAFKA_RECORD_TIME) -> str:
    """Return the columns of the table of events, with its guard and its watermark.

    A good event has one of the known types, integers for campaign, event time and produce time, and an event time
    from an hour before to 5 s after its own Kafka timestamp, both included.

    Parameters
    ----------
    run_id : str
        The END of another run is a rejected record like any other.
    delay_ms : int
        How far the watermark stays behind.
    record_time : str
        Definition of the column ``record_time``, the record's own Kafka timestamp, and of further columns, if any.
    """
    types = ", ".join(text(kind) for kind in EVENT_TYPES)
    good = f"event_type IN ({types}) AND campaign_id IS NOT NULL"
    return timed_columns("campaign_id BIGINT", good, run_id, delay_ms, record_time)


def result_query(events: str, windows: WindowSettings, run_id: str) -> str:
    """Return the query over a table of :func:`event_columns`; its columns are :data:`RESULT_COLUMNS`.

    Windows start at multiples of the slide since the Unix epoch, for sessions whose time zone is UTC.
    """
    size, slide = interval(windows.size_ms), interval(windows.slide_ms)
    accepted = f"SELECT event_type, campaign_id, event_time_ns, produce_time, ts FROM {events} WHERE {ACCEPTED}"
    table = "TABLE accepted, DESCRIPTOR(ts)"
    windowed = f"TUMBLE({table}, {size})" if windows.size_ms == windows.slide_ms else f"HOP({table}, {slide}, {size})"
    counts = ", ".join(f"COUNT(*) FILTER (WHERE event_type = {text(kind)}) AS `{kind}s`" for kind in EVENT_TYPES)
    return f"""\
WITH accepted AS ({accepted}),
tally AS (
  SELECT campaign_id, window_start, window_end, {counts}, COUNT(*) AS events,
         MAX(produce_time) AS max_produce_time, MAX(event_time_ns) AS max_event_time_ns
  FROM TABLE({windowed}) GROUP BY campaign_id, window_start, window_end),
dated AS (SELECT *, {epoch_ms("window_start")} AS start_ms, {epoch_ms("window_end")} AS end_ms FROM tally)
SELECT CAST(campaign_id AS STRING) || ':' || CAST(start_ms AS STRING), {text(run_id)}, campaign_id, start_ms, end_ms,
       `views`, clicks, purchases, events, max_produce_time, max_event_time_ns,
       CASE WHEN `views` > 0 THEN CAST(clicks AS DOUBLE) / CAST(`views` AS DOUBLE) END,
       CAST(clicks AS DOUBLE) / CAST(`views` + 1 AS DOUBLE)
FROM dated"""
