"""The product click-through workload in Spark: windows that late events revise, as history by key in plain Python.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Spark
says it. Its window aggregation writes a window once, when the watermark has passed it, or with every batch; neither is
a first value and its revisions. So reading, guard and row are built-in expressions, and the windows of a product are
kept by a function: :func:`revising`, by way of :mod:`windowbench.engines.spark.keyed`.

Spark drops what is behind the watermark before that function sees it. Its watermark is therefore so far behind that
whatever it drops has no window left: by the delay, the allowed lateness and the length of a window. The function adds
the latter two, and decides itself by the watermark of the configured delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from config import JobConfig
from windowbench.engines.spark import events
from windowbench.engines.spark.keyed import Advance, Kept, with_history
from windowbench.engines.spark.query import OBSERVATION, SparkQuery, of_one_source
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrQuery

_EVENT = "event_type string, product_id bigint, event_time_ns bigint, produce_time bigint, run_id string"
_EMITTED = ("product_id", "window_start", "impressions", "clicks", "revision", "max_produce_time")


def guard(raw: DataFrame, config: JobConfig, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Keep good events and this run's END records; count all others, by :func:`windowbench.engines.spark.events.guard`.

    A good event is of the kind that its topic holds, has integers for product, event time and produce time, and an
    event time from an hour before to 5 s after its own Kafka timestamp, both included.
    """
    kinds = zip(config.input_topics, KINDS, strict=True)
    of_topic = F.lit(False)
    for topic, kind in kinds:
        of_topic |= (F.col("topic") == topic) & (F.col("event_type") == kind)
    good = of_topic & F.col("product_id").isNotNull() & F.col("produce_time").isNotNull() & events.in_time()
    parsed = events.parse(raw, _EVENT, keep=["topic"])
    return events.guard(parsed, events.run_id_of(config.run.run_id), good, observation)


def revising(size_ms: int, slide_ms: int, lateness_ms: int) -> Advance:
    """Return the function that keeps the windows of a product and emits their first values and revisions.

    It is told a watermark that is behind the configured one by `lateness_ms` and `size_ms`. What is kept of a window is
    its start, impressions, clicks, greatest produce time, the number of the next row, and the events in the last one.
    """
    behind_ms = lateness_ms + size_ms

    def advance(
        product: int, rows: Iterator[tuple[Any, ...]], kept: Kept, watermark_ms: int
    ) -> tuple[list[tuple[int, ...]], Kept, int]:
        now_ms = watermark_ms + behind_ms
        windows = {line[0]: line for line in kept}
        for event_ms, is_click, produce_ms in rows:
            for start in range(event_ms - event_ms % slide_ms, event_ms - size_ms, -slide_ms):
                if start + behind_ms > now_ms:  # else the window is final, and the event too late for it
                    line = windows.setdefault(start, [start, 0, 0, produce_ms, 0, 0])
                    line[1 + is_click] += 1
                    line[3] = max(line[3], produce_ms)
        emitted: list[tuple[int, ...]] = []
        for start, line in sorted(windows.items()):
            counted = line[1] + line[2]
            if start + size_ms <= now_ms and counted > line[5]:
                emitted.append((product, start, line[1], line[2], line[4], line[3]))
                line[4:] = line[4] + 1, counted
        kept = [line for start, line in sorted(windows.items()) if start + behind_ms > now_ms]
        ends = [line[0] + (size_ms if line[0] + size_ms > now_ms else behind_ms) for line in kept]
        return emitted, kept, min(ends, default=0) - behind_ms

    return advance


def results(raw: DataFrame, config: JobConfig, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Return the result rows of Kafka records `raw`, a stream."""
    windows, lateness_ms = config.windows, ProductCtrQuery.of(config.workload).lateness_ms
    timed = events.timed(guard(raw, config, observation), windows.delay_ms + lateness_ms + windows.size_ms)
    counted = timed.select(
        "product_id",
        "event_time",
        F.expr("event_time_ns div 1000000").alias("event_ms"),
        (F.col("event_type") == KINDS[1]).cast("int").alias("is_click"),
        "produce_time",
    )
    rows = with_history(
        counted,
        "product_id",
        reads=("event_ms", "is_click", "produce_time"),
        emits=_EMITTED,
        advance=revising(windows.size_ms, windows.slide_ms, lateness_ms),
    )
    return rows.select(
        F.lit(config.run.run_id).alias("run_id"),
        "product_id",
        "window_start",
        (F.col("window_start") + windows.size_ms).alias("window_end"),
        "impressions",
        "clicks",
        "revision",
        "max_produce_time",
        F.try_divide("clicks", "impressions").alias("ctr"),
    )


QUERY = SparkQuery(
    results=of_one_source(results),
    records=lambda rows: events.records(rows, "product_id", "window_start"),
    python_worker=True,
)
