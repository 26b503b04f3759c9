"""The ad click-through workload in Spark: DataFrame in, DataFrame out, built-in expressions only.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Spark
says it. The functions work alike on a stream and on a static frame, know neither broker nor session, and never
fail on a record, whatever its bytes: parsing yields nulls, the guard counts and drops.

The way of a record: :func:`parse` -> :func:`guard` -> :func:`windowed` -> :func:`records`.

Rules that are easy to break:

* An END record must pass ``withWatermark`` to move the watermark, and must then vanish. The optimiser moves a predicate
  below ``withWatermark`` unless it is over the event-time column, so END is removed by its event time.
* The guard stands before ``withWatermark``: Spark's watermark is the maximum over all records, so one record from the
  future would make every later one late.
* Nanoseconds since 1970 do not fit a double, so ``floor(a / b)`` is wrong by up to 256 ns; ``div`` is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from config import Config, WindowSettings
from windowbench.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_FUTURE_MS, GUARD_PAST_MS
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

OBSERVATION = "guard"
"""Name under which a streaming query's progress carries the counts of :func:`guard`."""

_EVENT = "event_type string, campaign_id bigint, event_time_ns bigint, produce_time bigint, run_id string"
_ENVELOPE = f"event struct<{_EVENT}>, malformed string"
_STRICT = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "malformed", "allowSingleQuotes": "false"}


def parse(raw: DataFrame, *, keep: Sequence[str] = ()) -> DataFrame:
    """Read the JSON of Kafka records into typed columns, all null where a record is not a well-formed event.

    Parameters
    ----------
    raw : DataFrame
        Kafka records: ``value`` binary, ``timestamp``; further columns are ignored.
    keep : sequence of str, optional
        Columns of `raw` to carry along, such as ``offset``.

    Returns
    -------
    DataFrame
        ``event_type`` and ``run_id`` string; ``campaign_id``, ``event_time_ns``, ``produce_time`` (ms) long;
        ``record_ms`` long, the record's own Kafka timestamp.

    Notes
    -----
    ``from_json`` reads the first JSON value of a text and ignores what follows, so each value is read as the
    only member of an object around it: text after the event is then an error like any other. A number in
    quotes, with a fraction or beyond 64 bits is no integer, and one field that cannot be read makes the whole
    record malformed. Bytes that are not UTF-8 would be replaced silently, hence the check before.
    """
    text = F.col("value").cast("string")
    wrapped = F.concat(F.lit('{"event":'), text, F.lit("}"))
    envelope = F.when(F.is_valid_utf8(text), F.from_json(wrapped, _ENVELOPE, _STRICT))
    read = raw.select(envelope.alias("read"), F.unix_millis("timestamp").alias("record_ms"), *keep)
    event = F.when(F.col("read.malformed").isNull(), F.col("read.event"))
    return read.select(event.alias("event"), "record_ms", *keep).select("event.*", "record_ms", *keep)


def _is_end(run_id: str) -> Column:
    mark = (
        (F.col("event_type") == END_EVENT_TYPE)
        & (F.col("run_id") == run_id)
        & (F.col("event_time_ns") == END_EVENT_TIME_NS)
    )
    return F.coalesce(mark, F.lit(False))


def _is_event() -> Column:
    time_ns, record_ms = F.col("event_time_ns"), F.col("record_ms")
    floor_ms = F.expr("event_time_ns div 1000000")
    ceil_ms = F.expr("try_add(event_time_ns, 999999) div 1000000")  # null, not an error, at the end of 64 bits
    good = (
        F.col("event_type").isin(*EVENT_TYPES)
        & F.col("campaign_id").isNotNull()
        & F.col("produce_time").isNotNull()
        & (time_ns >= 0)
        & (floor_ms + GUARD_PAST_MS >= record_ms)
        & (ceil_ms - GUARD_FUTURE_MS <= record_ms)
    )
    return F.coalesce(good, F.lit(False))


def guard(parsed: DataFrame, run_id: str, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Keep good events and this run's END records; count all others.

    A good event has one of the known types, integers for campaign, event time and produce time, and an event time
    from an hour before to 5 s after its own Kafka timestamp, both included. The current time would be the wrong
    yardstick: it is fixed at the start of a batch and would judge a replayed record anew.

    Parameters
    ----------
    parsed : DataFrame
        What :func:`parse` returns.
    run_id : str
        The END of another run is a rejected record like any other.
    observation : Observation or str, optional
        Receives ``rejected`` and ``ends``, numbers of records: an Observation for a static frame, a name for a stream.
    """
    marked = parsed.select("*", _is_end(run_id).alias("is_end"), _is_event().alias("is_event"))
    kept = F.col("is_end") | F.col("is_event")
    counted = marked.observe(
        observation,
        F.count_if(~kept).alias("rejected"),
        F.count_if("is_end").alias("ends"),
    )
    return counted.where(kept)


def windowed(kept: DataFrame, windows: WindowSettings, run_id: str) -> DataFrame:
    """Aggregate good events to one row per window and campaign.

    Windows start at multiples of the slide since the Unix epoch. On a stream in append mode a row appears
    when the watermark, the greatest event time less the delay, has reached the window's end.

    Returns
    -------
    DataFrame
        The result row of docs/measurement.md.
    """
    size, slide, delay = (f"{ms} milliseconds" for ms in (windows.size_ms, windows.slide_ms, windows.delay_ms))
    end_time = F.timestamp_micros(F.lit(END_EVENT_TIME_NS // 1000))
    events = (
        kept.withColumn("event_time", F.timestamp_micros(F.expr("event_time_ns div 1000")))
        .withWatermark("event_time", delay)
        .where(F.col("event_time") < end_time)
    )
    tally = events.groupBy(F.window("event_time", size, slide), "campaign_id").agg(
        *(F.count_if(F.col("event_type") == kind).alias(f"{kind}s") for kind in EVENT_TYPES),
        F.count(F.lit(1)).alias("events"),
        F.max("produce_time").alias("max_produce_time"),
        F.max("event_time_ns").alias("max_event_time_ns"),
    )
    return tally.select(
        F.lit(run_id).alias("run_id"),
        "campaign_id",
        F.unix_millis("window.start").alias("window_start"),
        F.unix_millis("window.end").alias("window_end"),
        *(f"{kind}s" for kind in EVENT_TYPES),
        "events",
        "max_produce_time",
        "max_event_time_ns",
        F.try_divide("clicks", "views").alias("ctr"),
        (F.col("clicks") / (F.col("views") + 1)).alias("ctr_smoothed"),
    )


def results(raw: DataFrame, config: Config, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Return the result rows of Kafka records `raw`.

    Raises
    ------
    ValueError
        When the configuration has no run id.
    """
    if config.run.run_id is None:
        msg = "result rows need a run id"
        raise ValueError(msg)
    kept = guard(parse(raw), config.run.run_id, observation)
    return windowed(kept, config.windows, config.run.run_id)


def records(rows: DataFrame) -> DataFrame:
    """Return result rows as Kafka records: ``key`` "<campaign_id>:<window_start>", ``value`` the row as JSON."""
    key = F.concat_ws(":", "campaign_id", "window_start")
    return rows.select(
        key.alias("key"),
        F.to_json(F.struct(*rows.columns), {"ignoreNullFields": "false"}).alias("value"),
    )
