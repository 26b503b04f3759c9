"""The ad click-through workload in Flink SQL: built-in functions only. Text in, text out; nothing here talks to Flink.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Flink
says it. The way of a record: :func:`event_columns` (read and guard) -> :func:`result_query` -> a sink of
:data:`RESULT_COLUMNS`.

Rules that are easy to break:

* Flink has no place for a filter before the watermark, and a null event time fails the job. So a record that the
  guard rejects gets the event time 1970, which never moves a watermark, and is removed after it.
* END must reach the watermark and then vanish: it keeps its event time, and the same filter removes it.
* The watermark is the least over the partitions, and ``ts - delay``; a window fires at its end less 1 ms.
* Nanoseconds since 1970 do not fit a double: integers all the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from config import Config, WindowSettings
from windowbench.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

KAFKA_RECORD_TIME = "record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL"
KEY_COLUMN = "record_key"
RESULT_COLUMNS = f"""\
{KEY_COLUMN} STRING, run_id STRING, campaign_id BIGINT, window_start BIGINT, window_end BIGINT,
`views` BIGINT, clicks BIGINT, purchases BIGINT, events BIGINT, max_produce_time BIGINT, max_event_time_ns BIGINT,
ctr DOUBLE, ctr_smoothed DOUBLE"""
"""Columns of the sink: the record's key, then the result row of docs/measurement.md. ``views`` is a reserved word."""


ACCEPTED = f"ts > TO_TIMESTAMP_LTZ(0, 3) AND ts < TO_TIMESTAMP_LTZ({END_EVENT_TIME_NS // NS_PER_MS}, 3)"
"""What is true of good events alone; only to be used after the watermark."""


def interval(ms: int) -> str:
    """Return an SQL interval of `ms`, at most 99 days; an interval of seconds alone could hold 99 s."""
    seconds, rest = divmod(ms, 1000)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
    return f"INTERVAL '{days} {clock}' DAY TO SECOND(3)"


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


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
    end = f"event_type = {_text(END_EVENT_TYPE)} AND run_id = {_text(run_id)} AND event_time_ns = {END_EVENT_TIME_NS}"
    types = ", ".join(_text(kind) for kind in EVENT_TYPES)
    floor = f"TO_TIMESTAMP_LTZ(event_time_ns / {NS_PER_MS}, 3)"
    ceiling = f"TO_TIMESTAMP_LTZ((event_time_ns + {NS_PER_MS - 1}) / {NS_PER_MS}, 3)"
    good = (
        f"event_type IN ({types}) AND campaign_id IS NOT NULL AND produce_time IS NOT NULL"
        f" AND event_time_ns >= 0 AND event_time_ns < {END_EVENT_TIME_NS}"
        f" AND {floor} + {interval(GUARD_PAST_MS)} >= record_time"
        f" AND {ceiling} - {interval(GUARD_FUTURE_MS)} <= record_time"
    )
    return f"""\
event_type STRING, campaign_id BIGINT, event_time_ns BIGINT, produce_time BIGINT, run_id STRING,
{record_time},
ts AS CASE WHEN {good} THEN {floor}
           WHEN {end} THEN {floor}
           ELSE TO_TIMESTAMP_LTZ(0, 3) END,
WATERMARK FOR ts AS ts - {interval(delay_ms)}"""


def result_query(events: str, windows: WindowSettings, run_id: str) -> str:
    """Return the query over a table of :func:`event_columns`; its columns are :data:`RESULT_COLUMNS`.

    Windows start at multiples of the slide since the Unix epoch, for sessions whose time zone is UTC.
    """
    size, slide = interval(windows.size_ms), interval(windows.slide_ms)
    accepted = f"SELECT event_type, campaign_id, event_time_ns, produce_time, ts FROM {events} WHERE {ACCEPTED}"
    table = "TABLE accepted, DESCRIPTOR(ts)"
    windowed = f"TUMBLE({table}, {size})" if windows.size_ms == windows.slide_ms else f"HOP({table}, {slide}, {size})"
    counts = ", ".join(f"COUNT(*) FILTER (WHERE event_type = {_text(kind)}) AS `{kind}s`" for kind in EVENT_TYPES)
    return f"""\
WITH accepted AS ({accepted}),
tally AS (
  SELECT campaign_id, window_start, window_end, {counts}, COUNT(*) AS events,
         MAX(produce_time) AS max_produce_time, MAX(event_time_ns) AS max_event_time_ns
  FROM TABLE({windowed}) GROUP BY campaign_id, window_start, window_end),
dated AS (SELECT *, {_epoch_ms("window_start")} AS start_ms, {_epoch_ms("window_end")} AS end_ms FROM tally)
SELECT CAST(campaign_id AS STRING) || ':' || CAST(start_ms AS STRING), {_text(run_id)}, campaign_id, start_ms, end_ms,
       `views`, clicks, purchases, events, max_produce_time, max_event_time_ns,
       CASE WHEN `views` > 0 THEN CAST(clicks AS DOUBLE) / CAST(`views` AS DOUBLE) END,
       CAST(clicks AS DOUBLE) / CAST(`views` + 1 AS DOUBLE)
FROM dated"""


def _epoch_ms(column: str) -> str:
    """Return the ms since 1970 of a TIMESTAMP(3); there is no function for it, only one for whole seconds."""
    return f"UNIX_TIMESTAMP(CAST({column} AS STRING)) * 1000 + EXTRACT(MILLISECOND FROM {column})"
