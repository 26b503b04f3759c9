"""Parts of Flink SQL that the queries of workloads share. Text in, text out; nothing here talks to Flink. Pure.

Rules that are easy to break:

* Flink has no place for a filter before the watermark, and a null event time fails the job. So a record that the
  guard rejects gets the event time 1970, which never moves a watermark, and is removed after it.
* END must reach the watermark and then vanish: it keeps its event time, and the same filter removes it.
* The watermark is the least over the partitions, and ``ts - delay``; a window fires at its end less 1 ms.
* Nanoseconds since 1970 do not fit a double: integers all the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS

KAFKA_RECORD_TIME = "record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL"
KEY_COLUMN = "record_key"
"""Column of a sink that becomes the key of a record."""
ACCEPTED = f"ts > TO_TIMESTAMP_LTZ(0, 3) AND ts < TO_TIMESTAMP_LTZ({END_EVENT_TIME_NS // NS_PER_MS}, 3)"
"""What is true of good events alone; only to be used after the watermark."""


def interval(ms: int) -> str:
    """Return an SQL interval of `ms`, at most 99 days; an interval of seconds alone could hold 99 s."""
    seconds, rest = divmod(ms, 1000)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
    return f"INTERVAL '{days} {clock}' DAY TO SECOND(3)"


def text(value: str) -> str:
    """Return a string as SQL."""
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def epoch_ms(column: str) -> str:
    """Return the ms since 1970 of a TIMESTAMP(3); there is no function for it, only one for whole seconds."""
    return f"UNIX_TIMESTAMP(CAST({column} AS STRING)) * 1000 + EXTRACT(MILLISECOND FROM {column})"


def windowed(table: str, size_ms: int, slide_ms: int) -> str:
    """Return a table with the windows that each of its rows is in, by its column ``ts``.

    Windows start at multiples of the slide since the Unix epoch, for sessions whose time zone is UTC.
    """
    rows = f"TABLE {table}, DESCRIPTOR(ts)"
    if size_ms == slide_ms:
        return f"TABLE(TUMBLE({rows}, {interval(size_ms)}))"
    return f"TABLE(HOP({rows}, {interval(slide_ms)}, {interval(size_ms)}))"


def ratio(above: str, below: str) -> str:
    """Return a quotient as a double, null where there is nothing to divide by."""
    return f"CASE WHEN {below} > 0 THEN CAST({above} AS DOUBLE) / CAST({below} AS DOUBLE) END"


@dataclass(frozen=True, slots=True)
class Events:
    """Events of a topic, as a table reads them.

    Attributes
    ----------
    fields : str
        Columns to be read, beside those of all events: ``event_type``, ``event_time_ns``, ``produce_time`` and
        ``run_id``.
    good : str
        What is true of a good event, its time aside.
    """

    fields: str
    good: str

    def table(self, name: str, options: str, run_id: str, delay_ms: int) -> str:
        """Return the statement that makes the table of a topic; `options` are its own, as SQL."""
        return f"CREATE TEMPORARY TABLE {name} ({self.columns(run_id, delay_ms)}) WITH ({options})"

    def columns(self, run_id: str, delay_ms: int, record_time: str = KAFKA_RECORD_TIME) -> str:
        """Return the columns of a table, with its guard and its watermark.

        Parameters
        ----------
        run_id : str
            The END of another run is a rejected record like any other.
        delay_ms : int
            How far the watermark stays behind.
        record_time : str
            Definition of the column ``record_time``, the record's own Kafka timestamp, and of further columns, if any.
            An event time is believed from an hour before to 5 s after it, both included.
        """
        return _timed_columns(self.fields, self.good, run_id, delay_ms, record_time)


def _timed_columns(fields: str, good: str, run_id: str, delay_ms: int, record_time: str) -> str:
    end = f"event_type = {text(END_EVENT_TYPE)} AND run_id = {text(run_id)} AND event_time_ns = {END_EVENT_TIME_NS}"
    floor = f"TO_TIMESTAMP_LTZ(event_time_ns / {NS_PER_MS}, 3)"
    ceiling = f"TO_TIMESTAMP_LTZ((event_time_ns + {NS_PER_MS - 1}) / {NS_PER_MS}, 3)"
    believed = (
        f"{good} AND produce_time IS NOT NULL"
        f" AND event_time_ns >= 0 AND event_time_ns < {END_EVENT_TIME_NS}"
        f" AND {floor} + {interval(GUARD_PAST_MS)} >= record_time"
        f" AND {ceiling} - {interval(GUARD_FUTURE_MS)} <= record_time"
    )
    return f"""\
event_type STRING, {fields}, event_time_ns BIGINT, produce_time BIGINT, run_id STRING,
{record_time},
ts AS CASE WHEN {believed} THEN {floor}
           WHEN {end} THEN {floor}
           ELSE TO_TIMESTAMP_LTZ(0, 3) END,
WATERMARK FOR ts AS ts - {interval(delay_ms)}"""
