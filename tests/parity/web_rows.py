"""What the oracle, Spark, Flink and the reference engine make of visits."""

import json

import numpy as np

from config import Config
from tests.parity.cases import MS, ORIGIN_MS, RUN_ID
from tests.parity.flink_rows import IN_RECORD, FlinkJob, line_of
from tests.parity.oracle_rows import truth_at_once
from tests.parity.spark_rows import Replay, end_record, record
from tests.parity.web_cases import SPANS
from tests.unit.any_load import as_results, compared
from windowbench.engines.reference.counts import Forwarded
from windowbench.engines.reference.watermarks import PartitionClock
from windowbench.judge.truth.comparison import RowClass
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, NS_PER_MS, NS_PER_S, Schedule
from windowbench.workloads.web_analytics import flink, reference
from windowbench.workloads.web_analytics import spark as workload
from windowbench.workloads.web_analytics.events import COUNTRIES, country_of, page_urls
from windowbench.workloads.web_analytics.payload import user_ids
from windowbench.workloads.web_analytics.settings import EVENT_TYPES

BATCH_NS = 200 * NS_PER_S
END = {"event_type": END_EVENT_TYPE, "run_id": RUN_ID, "event_time_ns": END_EVENT_TIME_NS}
CONFIG = Config().replace(workload="web_analytics", run_id=RUN_ID, endless_visitors=0, **SPANS)


def payload(event):
    number = np.array([event.user], dtype=np.int32)
    return {
        "event_id": "0:0",
        "event_type": event.kind,
        "user_id": user_ids(number)[0].decode(),
        "url": event.url,
        "country": COUNTRIES[country_of(number, CONFIG.run.seed)[0]],
        "revenue_cents": event.revenue,
        "session_start": ORIGIN_MS + event.start,
        "page_views": event.views,
        "event_time_ns": event.event_time_ns,
        "produce_time": event.produce_ms,
    }


def oracle_classes(case, rows):
    """Return the class of each row by the oracle, and how many results are missing, when END has come."""
    placed = [
        (event, number * BATCH_NS + place * NS_PER_S)
        for number, batch in enumerate(case.batches)
        for place, event in enumerate(batch)
    ]
    end_ns = len(case.batches) * BATCH_NS
    schedule = Schedule(epoch_ns=0, base_time_ns=ORIGIN_MS * NS_PER_MS, measure_end_ns=end_ns, load_end_ns=end_ns)
    events, urls = [event for event, _ in placed], page_urls(CONFIG.workload.num_products)

    def column(of, kind=np.int64):
        return np.array([of(event) for event in events], dtype=kind)

    block = ScheduledEvents(
        producer=0,
        first=0,
        due_ns=np.array([due for _, due in placed], dtype=np.int64),
        event_time_ns=column(lambda event: event.event_time_ns),
        sent_ns=column(lambda event: event.produce_ms * MS),
        partition=np.zeros(len(events), dtype=np.int32),
        contents={
            "event_type": column(lambda event: EVENT_TYPES.index(event.kind), np.uint8),
            "visitor": column(lambda event: event.user, np.int32),
            "page_index": column(lambda event: urls.index(event.url), np.int32),
            "revenue_cents": column(lambda event: event.revenue, np.int32),
            "age_ns": column(lambda event: event.event_time_ns - (ORIGIN_MS + event.start) * MS),
            "views_before": column(lambda event: event.views, np.int32),
        },
    )
    rows = as_results(CONFIG, list(enumerate(rows)))
    found = compared(CONFIG, rows, truth_at_once(CONFIG, schedule, block))
    return [RowClass(row_class) for row_class in found.classes], len(found.missing)


def reference_rows(case):
    """Return the rows of the reference engine, whose one consumer reports after every batch."""
    reads, counts, windows = reference.EventReader(CONFIG.run.run_id), Forwarded(), reference.QUERY.windows(CONFIG)
    clock = PartitionClock(CONFIG.windows.delay_ms, 0)
    rows = []
    values = [[(payload(event), event.produce_ms) for event in batch] for batch in case.batches]
    for batch in [*values, [(END, ORIGIN_MS)]]:
        for value, record_ms in batch:
            event = reads.read(json.dumps(value).encode(), record_ms)
            clock.read(clock.position, event[2])
            if event is not reference.END:
                counts.add(event)
        windows.add(counts.take())
        if clock.watermark_ns is not None:
            rows += windows.close(clock.watermark_ns)
    assert len(windows) == 0
    return rows


def spark_record(event):
    return record(json.dumps(payload(event)).encode(), event.produce_ms)


def spark_end(now_ms):
    return end_record(RUN_ID, now_ms)


def spark_branch_rows(spark, directory, case, branch, config=CONFIG):
    """Return the rows that one branch of the query writes of a case as a stream."""

    def results(raw, config):
        good = workload.timed(workload.guard(workload.parse(raw), config), config.windows.delay_ms)
        return branch(good, config, config.run.run_id).select("row.value")

    with Replay(spark, directory, config, results=results) as replay:
        for batch in case.batches:
            replay.feed([spark_record(event) for event in batch])
        replay.feed([spark_end(case.batches[-1][-1].produce_ms)])
        return [json.loads(value) for (value,) in replay.rows().collect()]


def flink_job(case):
    """Return the job of a case: the rows of all types in one query."""
    lines = [line_of(payload(event), event.produce_ms) for batch in case.batches for event in batch]
    return FlinkJob(
        files={"events": b"".join(line + b"\n" for line in [*lines, line_of(END, ORIGIN_MS)])},
        columns=flink.EVENTS.columns(RUN_ID, CONFIG.windows.delay_ms, IN_RECORD),
        statements=tuple(flink.views("records", CONFIG)),
        query=flink.rows_query(flink.TYPES, RUN_ID),
        settings=flink.QUERY.settings(CONFIG),
    )


def flink_row(values):
    fields = ("key", "run_id", "metric", "window_start", "window_end", *flink.FIELDS, "max_produce_time")
    row = dict(zip(fields, values, strict=True))
    key = row.pop("key")
    assert key.startswith(f"{row['metric']}:{row['window_start']}:")
    return {name: value for name, value in row.items() if value is not None}
