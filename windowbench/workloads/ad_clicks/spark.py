"""The click attribution workload in Spark: a join of two streams, one aggregation, and history by campaign.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Spark
says it. The way of a record:

* Each topic is a source of its own, with its guard and its watermark. :data:`SETTINGS` lets the greatest of the two
  hold for all of the query, so that a silent topic holds nothing back.
* :func:`joined`: an outer join in which a click meets its impression. Impressions that nobody clicks leave it when the
  watermark is the attribution beyond them, and it keeps the watermark of all that leaves it back by so much.
* :func:`tallied`: one aggregation, in which everything is counted for its campaign and for its device type. A query
  that branches would do the work before the branch twice.
* The rows of campaigns, few as they are, pass a function in plain Python that keeps their last rates:
  :func:`comparing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from config import JobConfig, WindowSettings
from windowbench.engines.spark import events
from windowbench.engines.spark.keyed import Compare, Kept, with_past
from windowbench.engines.spark.query import OBSERVATION, SparkQuery
from windowbench.workloads.ad_clicks.settings import (
    KINDS,
    LONGEST_ID,
    METRICS,
    ZERO_VARIANCE_TOLERANCE,
    AdClicksQuery,
)

SETTINGS = {
    # The watermark is that of both topics together: its greatest event time less the delay.
    "spark.sql.streaming.multipleWatermarkPolicy": "max",
    # Spark knows state by key before an aggregation alone. What stands behind one here keeps no time: it gets each row
    # once, when its window is final, and needs neither a watermark nor a time-out.
    "spark.sql.streaming.unsupportedOperationCheck": "false",
}
"""Settings of Spark without which there is no such query."""
CAMPAIGN, DEVICE, ANOMALY = METRICS
PLACE = ("metric", "campaign_id", "device_type")
"""What counts are kept by, beside the window: for a campaign without a device type, and the other way round."""
_COMMON = "event_type string, impression_id string, user_id string, event_time_ns bigint, produce_time bigint,"
_IMPRESSION = f"{_COMMON} campaign_id bigint, device_type string, cost bigint, run_id string"
_CLICK = f"{_COMMON} click_id string, run_id string"


def settings(config: JobConfig) -> dict[str, str]:
    """Return what makes this query faster: a plan of its size is made anew for every batch, and code for it.

    Without that code a batch at 500 events/s took 0.7 s, with it 1 s.
    """
    del config
    return {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def guard(raw: DataFrame, config: JobConfig, kind: str, observation: Any = None) -> DataFrame:  # noqa: ANN401 - any of them
    """Keep the good events of one kind and END, by :func:`windowbench.engines.spark.events.guard`; count all others.

    A good event is of the kind that its topic holds, has ids of at most :data:`LONGEST_ID` characters, integers for
    its other fields, no negative cost, and an event time from an hour before to 5 s after its own Kafka timestamp, both
    included.
    """
    good = (F.col("event_type") == kind) & _is_id("impression_id") & _is_id("user_id")
    good &= F.col("produce_time").isNotNull() & events.in_time()
    if kind == KINDS[0]:
        good &= F.col("campaign_id").isNotNull() & _is_id("device_type") & (F.col("cost") >= 0)
    else:
        good &= _is_id("click_id")
    parsed = events.parse(raw, _IMPRESSION if kind == KINDS[0] else _CLICK)
    run_id = events.run_id_of(config.run.run_id)
    return events.guard(parsed, run_id, good, observation or f"{OBSERVATION} of {kind}s")


def in_ms(kept: DataFrame) -> DataFrame:
    """Cut event times to ms, in which the attribution is measured."""
    return kept.withColumn("event_time_ns", F.expr("event_time_ns div 1000000 * 1000000"))


def _is_id(name: str) -> Column:
    return F.col(name).isNotNull() & (F.length(name) <= LONGEST_ID)


def joined(impressions: DataFrame, clicks: DataFrame, attribution_ms: int) -> DataFrame:
    """Return a row for each click with its impression, and one for each impression that nobody clicked.

    The latter leave the join when the watermark is the attribution beyond them.
    """
    shown = impressions.select(
        "impression_id", "user_id", "campaign_id", "device_type", "cost", "produce_time", "event_time"
    )
    clicked = clicks.select(
        F.col("impression_id").alias("shown_id"),
        "click_id",
        F.col("event_time").alias("click_time"),
        F.col("produce_time").alias("click_produce_time"),
    )
    within = (
        (F.col("shown_id") == F.col("impression_id"))
        & (F.col("click_time") >= F.col("event_time"))
        & (F.col("click_time") <= F.col("event_time") + F.expr(f"interval {attribution_ms} milliseconds"))
    )
    return shown.join(clicked, within, "left_outer")


def tallied(rows: DataFrame, windows: WindowSettings, *, approximate: bool = False) -> DataFrame:
    """Return counts by window and campaign, and by window and device type, of the rows of :func:`joined`.

    An impression with two clicks comes twice, and so does a click that was sent again: impressions that were clicked,
    and clicks, are counted by their ids. So are users, or by a sketch of fixed size where an approximation will do.
    """
    as_campaign = F.struct(
        F.lit(CAMPAIGN).alias("metric"),
        F.col("campaign_id"),
        F.lit("").alias("device_type"),
        F.lit(None).cast("string").alias("user_id"),
    )
    as_device = F.struct(
        F.lit(DEVICE).alias("metric"),
        F.lit(0).cast("bigint").alias("campaign_id"),
        F.col("device_type"),
        F.col("user_id"),
    )
    is_clicked = F.col("click_id").isNotNull()
    each = rows.select(
        "event_time",
        "click_id",
        F.when(is_clicked, F.struct("impression_id", "cost")).alias("clicked"),
        F.when(~is_clicked, F.col("cost")).alias("cost"),
        F.greatest("produce_time", "click_produce_time").alias("produce_time"),
        F.explode(F.array(as_campaign, as_device)).alias("counted_as"),
    ).select("event_time", "click_id", "clicked", "cost", "produce_time", "counted_as.*")
    size, slide = (f"{ms} milliseconds" for ms in (windows.size_ms, windows.slide_ms))
    users = F.approx_count_distinct("user_id") if approximate else F.collect_set("user_id")
    sets = each.groupBy(F.window("event_time", size, slide), *PLACE).agg(
        F.count("cost").alias("not_clicked"),
        F.sum("cost").alias("cost"),
        F.collect_set("clicked").alias("clicked"),
        F.collect_set("click_id").alias("clicks"),
        users.alias("users"),
        F.max("produce_time").alias("max_produce_time"),
    )
    no_cost = F.lit(0).cast("bigint")
    of_clicked = F.aggregate("clicked", no_cost, lambda total, one: total + one["cost"])
    return sets.select(
        *PLACE,
        F.unix_millis("window.start").alias("window_start"),
        (F.col("not_clicked") + F.size("clicked")).alias("impressions"),
        F.size("clicks").cast("bigint").alias("clicks"),
        (F.coalesce("cost", no_cost) + of_clicked).alias("cost"),
        (F.col("users") if approximate else F.size("users").cast("bigint")).alias("users"),
        "max_produce_time",
    )


def comparing(history: int, least: int, deviations: float) -> Compare:
    """Return the function that compares the rate of each window of a campaign with those of the windows before it.

    What is kept of a campaign is clicks and impressions of its last windows.
    """

    def verdict(rate: float, past: list[float]) -> tuple[Any, ...]:
        if len(past) < least:
            return False, None, None, None
        if min(past) == max(past):
            return abs(rate - past[0]) > ZERO_VARIANCE_TOLERANCE, past[0], 0.0, None
        mean = math.fsum(past) / len(past)
        deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in past) / (len(past) - 1))
        score = (rate - mean) / deviation
        return abs(score) > deviations, mean, deviation, score

    def compare(rows: list[tuple[Any, ...]], kept: Kept) -> tuple[list[tuple[Any, ...]], Kept]:
        found = []
        for metric, impressions, clicks in rows:
            if metric != CAMPAIGN:
                found.append((False, None, None, None))
                continue
            rate = clicks / impressions
            found.append(verdict(rate, [c / i for c, i in kept]))
            kept = [*kept, [clicks, impressions]][-history:]
        return found, kept

    return compare


def results(raw: Sequence[DataFrame], config: JobConfig) -> DataFrame:
    """Return the result rows of Kafka records, a stream for each topic."""
    own = AdClicksQuery.of(config.workload)
    impressions, clicks = (
        events.timed(in_ms(guard(one, config, kind)), config.windows.delay_ms)
        for one, kind in zip(raw, KINDS, strict=True)
    )
    rows = joined(impressions, clicks, own.attribution_ms)
    tally = tallied(rows, config.windows, approximate=bool(own.approximate))
    compared = with_past(
        tally,
        PLACE,
        order="window_start",
        reads=("metric", "impressions", "clicks"),
        adds="is_anomaly boolean, expected_ctr double, standard_deviation double, score double",
        advance=comparing(own.history_windows, own.least_history_windows, own.anomaly_deviations),
    )
    return typed(compared, config)


def typed(compared: DataFrame, config: JobConfig) -> DataFrame:
    """Return a row for each campaign and device type, and one more for each anomaly; fields of other types are null."""
    metrics = F.when(F.col("is_anomaly"), F.array(F.lit(CAMPAIGN), F.lit(ANOMALY))).otherwise(F.array("metric"))
    rows = compared.withColumn("metric", F.explode(metrics))
    of_campaign, of_device, of_anomaly = (F.col("metric") == metric for metric in (CAMPAIGN, DEVICE, ANOMALY))
    ctr = F.try_divide("clicks", "impressions")
    return rows.select(
        F.lit(config.run.run_id).alias("run_id"),
        "metric",
        F.when(~of_device, F.col("campaign_id")).alias("campaign_id"),
        F.when(of_device, F.col("device_type")).alias("device_type"),
        "window_start",
        (F.col("window_start") + config.windows.size_ms).alias("window_end"),
        "impressions",
        "clicks",
        ctr.alias("ctr"),
        F.when(of_campaign, F.col("cost")).alias("cost"),
        F.when(of_campaign, F.try_divide("cost", "clicks")).alias("cost_per_click"),
        F.when(of_device, F.col("users")).alias("users"),
        *(
            F.when(of_anomaly, column).alias(name)
            for name, column in (
                ("expected_ctr", F.col("expected_ctr")),
                ("deviation", ctr - F.col("expected_ctr")),
                ("standard_deviation", F.col("standard_deviation")),
                ("score", F.col("score")),
            )
        ),
        "max_produce_time",
    )


def records(rows: DataFrame) -> DataFrame:
    """Return result rows as Kafka records: ``key`` "<metric>:<campaign or device type>:<window_start>", ``value`` JSON.

    The JSON of a row lacks the fields of other types.
    """
    place = F.coalesce(F.col("campaign_id").cast("string"), "device_type")
    return rows.select(
        F.concat_ws(":", "metric", place, "window_start").alias("key"),
        F.to_json(F.struct(*rows.columns)).alias("value"),
    )


QUERY = SparkQuery(results=results, records=records, apart=True, python_worker=True, settings=SETTINGS, tuned=settings)
