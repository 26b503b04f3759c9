"""The website workload in Spark: DataFrame in, DataFrame out, built-in expressions only.

What an event and a right answer are is said by ``model.py`` and ``oracle.py`` beside this file; here is only how Spark
says it. One source and one guard, then four branches, each with state of its own: :func:`traffic`, :func:`behaviour`,
:func:`sessions` and :func:`bounces`; their rows are united.

A stream has no exact count of distinct users within one aggregation. So events are added up by window and user first,
and those rows by window: an aggregation over an aggregation, which append mode allows. An approximate count needs one
aggregation, with a sketch of fixed size in place of a row of state for each user.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from config import JobConfig
from windowbench.engines.spark import events
from windowbench.engines.spark.query import OBSERVATION, SparkQuery, of_one_source
from windowbench.workloads.web_analytics.rows import ALERTS, LONGEST, TYPES
from windowbench.workloads.web_analytics.settings import (
    CART_URL,
    EVENT_TYPES,
    LONGEST_PATH,
    PRODUCT_PREFIX,
    TOP_PAGES,
    WebAnalyticsQuery,
)

_EVENT = (
    "event_type string, user_id string, url string, country string, revenue_cents bigint, session_start bigint,"
    " page_views bigint, event_time_ns bigint, produce_time bigint, run_id string"
)
SOURCE_TASKS = 2
"""Tasks that read the topic, however many partitions it has: each costs more than it reads."""
WITHOUT_CODE_FOR_EXPRESSIONS = {
    # It is made and compiled anew for each batch where the watermark stands in it, as in what looks for state that is
    # over: at 2,000 events/s a batch took 5.1 s with it, and 2.1 s without, with the optimising compiler; 4.6 and 3.7 s
    # else.
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
WITHOUT_CODE_FOR_STAGES = {
    # Code for a dozen operators takes longer to make and compile than it saves: with 250 events/s a batch took 2.4 to
    # 3.0 s with any code, and 0.9 to 1.4 s without; with 2,000 it took 3.7 s with that for stages, and 6.3 s without.
    "spark.sql.codegen.wholeStage": "false",
}
EVENTS_WORTH_CODE = 1_000
"""Events per second from which on code for stages saves more than it costs."""
WINDOWS_OF_ONE_AGGREGATION = 2
"""Where an event is in more windows, adding it up by slide first saves more than one more aggregation costs."""
_SUMMED = ("events", "sessions", "conversions", "revenue_cents")
_NO_ROWS = "array<struct<metric: string, window_start: bigint, row_key: string, value: string>>"
_VIEW, _START, _STOP, _CONVERSION = EVENT_TYPES


def settings(config: JobConfig) -> dict[str, str]:
    """Return what the preset ``tuned`` adds to the session: no code is made that costs more than it saves."""
    worth = config.expected_rate >= EVENTS_WORTH_CODE
    return WITHOUT_CODE_FOR_EXPRESSIONS | ({} if worth else WITHOUT_CODE_FOR_STAGES)


def _is(kind: str) -> Column:
    return F.col("event_type") == kind


def parse(raw: DataFrame) -> DataFrame:
    """Read the JSON of Kafka records as the columns of an event, by :func:`windowbench.engines.spark.events.parse`."""
    return events.parse(raw, _EVENT)


def guard(parsed: DataFrame, config: JobConfig, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Keep good events and this run's END records; count all others, by :func:`windowbench.engines.spark.events.guard`.

    A good event has one of the known types; user, address and country of moderate length, the address without ">",
    which joins addresses to a path; integers for revenue, start of its session, views, event time and produce time; and
    an event time from an hour before to 5 s after its own Kafka timestamp, both included.
    """
    good = F.col("event_type").isin(*EVENT_TYPES) & events.in_time() & F.col("produce_time").isNotNull()
    for name, longest in LONGEST.items():
        good &= F.length(name).between(1, longest)
    good &= ~F.contains("url", F.lit(">")) & (F.col("revenue_cents") >= 0)
    good &= F.col("session_start").isNotNull() & (F.col("page_views") >= 0)
    return events.guard(parsed, events.run_id_of(config.run.run_id), good, observation)


def timed(kept: DataFrame, delay_ms: int) -> DataFrame:
    """Give good events their time, in whole ms as other engines have it, and the stream its watermark.

    To the microsecond, two events could be further apart than the gap of a session that are not so in ms.
    """
    exact = kept.withColumn("at_ns", F.col("event_time_ns"))
    return events.timed(exact.withColumn("event_time_ns", F.expr("event_time_ns div 1000000 * 1000000")), delay_ms)


def _window(time: Column | str, size_ms: int, slide_ms: int) -> Column:
    size, slide = (f"{ms} milliseconds" for ms in (size_ms, slide_ms))
    return F.window(time, size, slide).alias("span")


def _said(metric: str, run_id: str, **fields: Column) -> Column:
    """Return a row of one type as a structure: what its record needs to know, and the row itself as JSON.

    `fields` are those of the type that are no column of the same name.
    """
    (row_type,) = (row_type for row_type in TYPES if row_type.name == metric)
    start = F.unix_millis("span.start")
    key = fields.get(row_type.key, F.col(row_type.key)) if row_type.key else F.lit("")
    row = F.struct(
        F.lit(run_id).alias("run_id"),
        F.lit(metric).alias("metric"),
        start.alias("window_start"),
        F.unix_millis("span.end").alias("window_end"),
        *(fields.get(name, F.col(name)).alias(name) for name in ("max_produce_time", *row_type.fields)),
    )
    return F.struct(
        F.lit(metric).alias("metric"),
        start.alias("window_start"),
        key.cast("string").alias("row_key"),
        F.to_json(row).alias("value"),
    )


def traffic(timed: DataFrame, config: JobConfig, run_id: str) -> DataFrame:
    """Return views, active users, and bounces and mean duration of sessions that ended, by window."""
    windows, ended = config.windows, _is(_STOP)
    span = _window("event_time", windows.size_ms, windows.slide_ms)
    sums = {
        "events": F.count(F.lit(1)),
        "page_views": F.count_if(_is(_VIEW)),
        "sessions_ended": F.count_if(ended),
        "bounces": F.count_if(ended & (F.col("page_views") == 1)),
        "duration_ms": F.sum(F.when(ended, F.unix_millis("event_time") - F.col("session_start")).otherwise(0)),
    }
    newest = F.max("produce_time").alias("max_produce_time")
    columns = [column.alias(name) for name, column in sums.items()]
    if config.workload.approximate:
        users = F.approx_count_distinct("user_id").alias("active_users")
        by_window = timed.groupBy(span).agg(users, *columns, newest)
    else:
        by_user = timed.groupBy(span, "user_id").agg(*columns, newest)
        by_window = by_user.groupBy("span").agg(
            F.count(F.lit(1)).alias("active_users"),
            *(F.sum(name).alias(name) for name in sums),
            F.max("max_produce_time").alias("max_produce_time"),
        )
    row = _said(
        "traffic",
        run_id,
        page_views_per_second=F.col("page_views") * 1000 / windows.size_ms,
        bounce_rate=F.try_divide("bounces", "sessions_ended"),
        mean_duration_ms=F.try_divide("duration_ms", "sessions_ended"),
    )
    return by_window.select(row.alias("row"))


def behaviour(timed: DataFrame, config: JobConfig, run_id: str) -> DataFrame:
    """Return conversion, countries and most viewed pages, by sliding window.

    Each event counts for its user, for its country and, if it is a view, for its page: so one aggregation serves all
    three. Where an event is in many windows it is added up in its slide first, and slides in their windows. One more
    aggregation, over what that says of a window, holds all answers; its rows are taken apart.
    """
    own = WebAnalyticsQuery.of(config.workload)
    keys = F.array(
        F.struct(F.lit("user").alias("by"), F.col("user_id").alias("key")),
        F.struct(F.lit("country").alias("by"), F.col("country").alias("key")),
        F.struct(F.lit("page").alias("by"), F.when(_is(_VIEW), F.col("url")).alias("key")),
    )
    counted = timed.withColumn("part", F.explode(keys)).where(F.col("part.key").isNotNull())
    each = counted.select(
        "event_time",
        "part.by",
        "part.key",
        F.lit(1).alias("events"),
        _is(_START).cast("bigint").alias("sessions"),
        _is(_CONVERSION).cast("bigint").alias("conversions"),
        "revenue_cents",
        F.col("produce_time").alias("newest"),
    )
    sums = *(F.sum(name).alias(name) for name in _SUMMED), F.max("newest").alias("newest")
    time: Column | str = "event_time"
    if own.behaviour_ms // own.behaviour_slide_ms > WINDOWS_OF_ONE_AGGREGATION:
        slide = _window(time, own.behaviour_slide_ms, own.behaviour_slide_ms)
        each, time = each.groupBy(slide, "by", "key").agg(*sums), F.window_time("span")
    by_key = each.groupBy(_window(time, own.behaviour_ms, own.behaviour_slide_ms), "by", "key").agg(*sums)
    of_country = F.col("by") == "country"
    country = F.struct("key", "events", "sessions", "revenue_cents", "newest")
    page = F.struct((-F.col("events")).alias("order"), "key", "newest")
    by_window = by_key.groupBy("span").agg(
        F.count_if(F.col("by") == "user").alias("active_users"),
        *(F.sum(F.when(of_country, F.col(name)).otherwise(0)).alias(name) for name in _SUMMED),
        F.max("newest").alias("max_produce_time"),
        F.collect_list(F.when(of_country, country)).alias("countries"),
        F.array_sort(F.collect_list(F.when(F.col("by") == "page", page))).alias("pages"),
    )
    conversion = _said(
        "conversion",
        run_id,
        conversion_rate=F.try_divide("conversions", "sessions"),
        revenue_per_user=F.col("revenue_cents") / (F.col("active_users") * 100),
    )

    def of_a_country(found: Column) -> Column:
        same = {name: found[name] for name in ("events", "sessions", "revenue_cents")}
        return _said("country", run_id, country=found["key"], max_produce_time=found["newest"], **same)

    def of_a_page(found: Column, place: Column) -> Column:
        counted = {"page_views": -found["order"], "max_produce_time": found["newest"]}
        return _said("top_page", run_id, rank=place + 1, url=found["key"], **counted)

    answers = F.concat(
        F.array(conversion),
        F.transform("countries", of_a_country),
        F.transform(F.slice("pages", 1, TOP_PAGES), of_a_page),
    )
    return by_window.select(F.explode(answers).alias("row"))


def sessions(timed: DataFrame, config: JobConfig, run_id: str) -> DataFrame:
    """Return sessions, and alerts for those with a cart and no conversion up to the time-out after it."""
    own = WebAnalyticsQuery.of(config.workload)
    at_ms, view = F.unix_millis("event_time"), _is(_VIEW)
    step = F.when(_is(_CONVERSION), 4).when(~view, 0).when(F.col("url") == CART_URL, 3)
    step = step.when(F.startswith("url", F.lit(PRODUCT_PREFIX)), 2).otherwise(1)
    ended = timed.groupBy(F.session_window("event_time", f"{own.gap_ms} milliseconds").alias("span"), "user_id").agg(
        F.count(F.lit(1)).alias("events"),
        F.count_if(view).alias("page_views"),
        (F.max(at_ms) - F.min(at_ms)).alias("duration_ms"),
        F.sum("revenue_cents").alias("revenue_cents"),
        F.max(step).alias("funnel_step"),
        F.array_sort(F.collect_list(F.when(view, F.struct("at_ns", "url")))).alias("seen"),
        F.min(F.when(view & (F.col("url") == CART_URL), at_ms)).alias("cart_time"),
        F.min(F.when(_is(_CONVERSION), at_ms)).alias("converted_at"),
        F.max("produce_time").alias("max_produce_time"),
    )
    session = _said(
        "session",
        run_id,
        path=F.array_join(F.transform(F.slice("seen", 1, LONGEST_PATH), lambda view: view["url"]), ">"),
        outcome=F.when(F.col("converted_at").isNotNull(), "converted").otherwise("abandoned"),
    )
    late = F.coalesce(F.col("converted_at") > F.col("cart_time") + own.cart_timeout_ms, F.lit(True))
    abandoned = F.when(F.col("cart_time").isNotNull() & late, F.array(_said("abandoned_cart", run_id)))
    answers = F.concat(F.array(session), F.coalesce(abandoned, F.array().cast(_NO_ROWS)))
    return ended.select(F.explode(answers).alias("row"))


def bounces(timed: DataFrame, config: JobConfig, run_id: str) -> DataFrame:
    """Return alerts for users with exactly one page view in a window."""
    size_ms = WebAnalyticsQuery.of(config.workload).bounce_ms
    by_user = timed.where(_is(_VIEW)).groupBy(_window("event_time", size_ms, size_ms), "user_id")
    counted = by_user.agg(
        F.count(F.lit(1)).alias("page_views"),
        F.max("url").alias("url"),
        F.max("produce_time").alias("max_produce_time"),
    )
    alarming = counted.where(F.col("page_views") == 1)
    return alarming.select(_said("high_bounce_rate", run_id).alias("row"))


def results(raw: DataFrame, config: JobConfig, observation: Observation | str = OBSERVATION) -> DataFrame:
    """Return the result rows of Kafka records `raw`, each as JSON with what its record needs to know."""
    run_id = events.run_id_of(config.run.run_id)
    # Spark reuses an exchange below which plans are the same: so all branches share one reading and parsing of the
    # topic. The guard stands above it and needs every column: else each branch would leave out those it does not need.
    parsed = parse(raw.coalesce(SOURCE_TASKS)).repartition(1)
    own = timed(guard(parsed, config, observation), config.windows.delay_ms)
    branches = [branch(own, config, run_id) for branch in (traffic, behaviour, sessions, bounces)]
    topic = F.when(F.col("row.metric").isin(*ALERTS), config.result_topics[1]).otherwise(config.result_topics[0])
    return reduce(DataFrame.union, branches).select(topic.alias("topic"), "row.*")


def records(rows: DataFrame) -> DataFrame:
    """Return result rows as Kafka records: ``topic``, ``key`` "<metric>:<window_start>:<key>", ``value`` JSON."""
    key = F.concat_ws(":", "metric", F.col("window_start").cast("string"), "row_key")
    return rows.select("topic", key.alias("key"), "value")


QUERY = SparkQuery(results=of_one_source(results), records=records, tuned=settings)
