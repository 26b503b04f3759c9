"""The ad click-through workload in Spark: DataFrame in, DataFrame out, built-in expressions only.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Spark
says it. The functions work alike on a stream and on a static frame, know neither broker nor session, and never
fail on a record, whatever its bytes.

The way of a record: :func:`parse` -> :func:`guard` -> :func:`windowed` -> records; what is easy to break on it
stands in :mod:`windowbench.engines.spark.events`.
"""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from config import JobConfig, WindowSettings
from windowbench.engines.spark import events
from windowbench.engines.spark.query import OBSERVATION, SparkQuery, of_one_source
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

_EVENT = "event_type string, campaign_id bigint, event_time_ns bigint, produce_time bigint, run_id string"


parse = partial(events.parse, fields=_EVENT)
"""Reads the JSON of Kafka records into the columns of an event."""


def guard(parsed: DataFrame, run_id: str, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Keep good events and END, by :func:`windowbench.engines.spark.events.guard`; count all others.

    A good event has one of the known types, integers for campaign, event time and produce time, and an event time
    from an hour before to 5 s after its own Kafka timestamp, both included.
    """
    good = F.col("event_type").isin(*EVENT_TYPES) & events.in_time()
    good &= F.col("campaign_id").isNotNull() & F.col("produce_time").isNotNull()
    return events.guard(parsed, run_id, good, observation)


def windowed(kept: DataFrame, windows: WindowSettings, run_id: str) -> DataFrame:
    """Aggregate good events to one row per window and campaign.

    Windows start at multiples of the slide since the Unix epoch. On a stream in append mode a row appears
    when the watermark, the greatest event time less the delay, has reached the window's end.
    """
    size, slide = (f"{ms} milliseconds" for ms in (windows.size_ms, windows.slide_ms))
    timed = events.timed(kept, windows.delay_ms)
    tally = timed.groupBy(F.window("event_time", size, slide), "campaign_id").agg(
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


def results(raw: DataFrame, config: JobConfig, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Return the result rows of Kafka records `raw`."""
    run_id = events.run_id_of(config.run.run_id)
    return windowed(guard(parse(raw), run_id, observation), config.windows, run_id)


QUERY = SparkQuery(
    results=of_one_source(results), records=lambda rows: events.records(rows, "campaign_id", "window_start")
)
