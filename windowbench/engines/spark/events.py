"""Kafka records in Spark: JSON read strictly, and the guard that keeps good events and END and counts all others.

Built-in expressions only, alike on a stream and on a static frame. Nothing here fails on a record, whatever its bytes:
parsing yields nulls, the guard counts and drops.

Rules that are easy to break:

* The guard stands before ``withWatermark``: Spark's watermark is the maximum over all records, so one record from the
  future would make every later one late.
* An END record must pass ``withWatermark`` to move the watermark, and must then vanish. The optimiser moves a predicate
  below ``withWatermark`` unless it is over the event-time column, so END is removed by its event time.
* Nanoseconds since 1970 do not fit a double, so ``floor(a / b)`` is wrong by up to 256 ns; ``div`` is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from windowbench.engines.spark.query import OBSERVATION
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_FUTURE_MS, GUARD_PAST_MS

_STRICT = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "malformed", "allowSingleQuotes": "false"}


def parse(raw: DataFrame, fields: str, *, keep: Sequence[str] = ()) -> DataFrame:
    """Read the JSON of Kafka records into typed columns, all null where a record is not a well-formed event.

    Parameters
    ----------
    raw : DataFrame
        Kafka records: ``value`` binary, ``timestamp``; further columns are ignored.
    fields : str
        The columns to read with their types; ``event_type``, ``event_time_ns`` and ``run_id`` must be among them.
    keep : sequence of str, optional
        Columns of `raw` to carry along, such as ``offset``.

    Returns
    -------
    DataFrame
        The columns named, and ``record_ms`` long, the record's own Kafka timestamp.

    Notes
    -----
    ``from_json`` reads the first JSON value of a text and ignores what follows, so each value is read as the
    only member of an object around it: text after the event is then an error like any other. A number in
    quotes, with a fraction or beyond 64 bits is no integer, and one field that cannot be read makes the whole
    record malformed. Bytes that are not UTF-8 would be replaced silently, hence the check before.
    """
    text = F.col("value").cast("string")
    wrapped = F.concat(F.lit('{"event":'), text, F.lit("}"))
    envelope = F.when(F.is_valid_utf8(text), F.from_json(wrapped, f"event struct<{fields}>, malformed string", _STRICT))
    read = raw.select(envelope.alias("read"), F.unix_millis("timestamp").alias("record_ms"), *keep)
    event = F.when(F.col("read.malformed").isNull(), F.col("read.event"))
    return read.select(event.alias("event"), "record_ms", *keep).select("event.*", "record_ms", *keep)


def in_time() -> Column:
    """Whether the event time is from an hour before to 5 s after the record's own Kafka timestamp, both included.

    The current time would be the wrong yardstick: it is fixed at the start of a batch and would judge a replayed record
    anew.
    """
    time_ns, record_ms = F.col("event_time_ns"), F.col("record_ms")
    floor_ms = F.expr("event_time_ns div 1000000")
    ceil_ms = F.expr("try_add(event_time_ns, 999999) div 1000000")  # null, not an error, at the end of 64 bits
    return (time_ns >= 0) & (floor_ms + GUARD_PAST_MS >= record_ms) & (ceil_ms - GUARD_FUTURE_MS <= record_ms)


def _is_end(run_id: str) -> Column:
    mark = (
        (F.col("event_type") == END_EVENT_TYPE)
        & (F.col("run_id") == run_id)
        & (F.col("event_time_ns") == END_EVENT_TIME_NS)
    )
    return F.coalesce(mark, F.lit(False))


def guard(parsed: DataFrame, run_id: str, good: Column, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Keep good events and this run's END records; count all others.

    Parameters
    ----------
    parsed : DataFrame
        What :func:`parse` returns.
    run_id : str
        The END of another run is a rejected record like any other.
    good : Column
        What is true of a good event; null counts as false.
    observation : Observation or str, optional
        Receives ``rejected`` and ``ends``, numbers of records: an Observation for a static frame, a name for a stream.
    """
    marked = parsed.select("*", _is_end(run_id).alias("is_end"), F.coalesce(good, F.lit(False)).alias("is_event"))
    kept = F.col("is_end") | F.col("is_event")
    counted = marked.observe(
        observation,
        F.count_if(~kept).alias("rejected"),
        F.count_if("is_end").alias("ends"),
    )
    return counted.where(kept)


def timed(kept: DataFrame, delay_ms: int) -> DataFrame:
    """Give good events their time and the stream its watermark; remove END once it has moved that.

    Parameters
    ----------
    kept : DataFrame
        What :func:`guard` returns.
    delay_ms : int
        How far the watermark stays behind the greatest event time.

    Returns
    -------
    DataFrame
        The same columns and ``event_time``.
    """
    end_time = F.timestamp_micros(F.lit(END_EVENT_TIME_NS // 1000))
    return (
        kept.withColumn("event_time", F.timestamp_micros(F.expr("event_time_ns div 1000")))
        .withWatermark("event_time", f"{delay_ms} milliseconds")
        .where(F.col("event_time") < end_time)
    )


def run_id_of(run_id: str | None) -> str:
    """Return the run id that result rows carry.

    Raises
    ------
    ValueError
        When there is none.
    """
    if run_id is None:
        msg = "result rows need a run id"
        raise ValueError(msg)
    return run_id


def records(rows: DataFrame, *key: str) -> DataFrame:
    """Return result rows as Kafka records: ``key`` the values of some columns, ``value`` the row as JSON."""
    return rows.select(
        F.concat_ws(":", *key).alias("key"),
        F.to_json(F.struct(*rows.columns), {"ignoreNullFields": "false"}).alias("value"),
    )
