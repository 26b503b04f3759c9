"""What the oracle, Spark, Flink and the reference engine make of cases of revisions."""

import json

import numpy as np

from config import Config
from tests.parity.cases import ORIGIN_MS, RUN_ID
from tests.parity.flink_rows import IN_RECORD, FlinkJob, line_of
from tests.parity.oracle_rows import truth_at_once
from tests.parity.spark_rows import end_record, record
from tests.unit.any_load import as_results, compared
from windowbench.engines.reference import records
from windowbench.engines.reference.counts import PartialCounts
from windowbench.engines.reference.watermarks import PartitionClock
from windowbench.judge.truth.comparison import RowClass
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, NS_PER_MS, NS_PER_S, Schedule
from windowbench.workloads.product_ctr import flink, reference
from windowbench.workloads.product_ctr.settings import KINDS

BATCH_NS = 100 * NS_PER_S
END = {"event_type": END_EVENT_TYPE, "run_id": RUN_ID, "event_time_ns": END_EVENT_TIME_NS}
ROW_FIELDS = (
    "key", "run_id", "product_id", "window_start", "window_end", "impressions", "clicks", "revision",
    "max_produce_time", "ctr",
)  # fmt: skip


def case_config(case):
    return Config().replace(
        workload="product_ctr",
        run_id=RUN_ID,
        window_size_sec=case.size_ms / 1000,
        slide_sec=case.slide_ms / 1000,
        watermark_delay_sec=case.delay_ms / 1000,
        allowed_lateness_sec=case.lateness_ms / 1000,
        revising_share=0.0,
        num_products=10,
    )


def oracle_classes(case, rows):
    """Return the class of each row by the oracle, and how many results are missing, when END has come."""
    config = case_config(case)
    placed = [
        (event, number * BATCH_NS + place * NS_PER_S)
        for number, batch in enumerate(case.batches)
        for place, event in enumerate(batch)
    ]
    end_ns = len(case.batches) * BATCH_NS
    schedule = Schedule(epoch_ns=0, base_time_ns=ORIGIN_MS * NS_PER_MS, measure_end_ns=end_ns, load_end_ns=end_ns)
    events = [event for event, _ in placed]
    due = np.array([due for _, due in placed], dtype=np.int64)
    block = ScheduledEvents(
        producer=0,
        first=0,
        due_ns=due,
        event_time_ns=np.array([event.event_time_ns for event in events], dtype=np.int64),
        sent_ns=np.array([event.produce_ms * NS_PER_MS for event in events], dtype=np.int64),
        partition=np.zeros(len(events), dtype=np.int32),
        contents={
            "event_kind": np.array([KINDS.index(event.kind) for event in events], dtype=np.uint8),
            "product_id": np.array([event.product for event in events], dtype=np.int32),
        },
    )
    rows = as_results(config, list(enumerate(rows)))
    found = compared(config, rows, truth_at_once(config, schedule, block))
    return [RowClass(row_class) for row_class in found.classes], len(found.missing)


def reference_rows(case):
    """Return the rows of the reference engine, whose one consumer reports after every batch."""
    config = case_config(case)
    reads, counts, windows = (
        reference.EventReader(config.run.run_id),
        PartialCounts(config.windows, 2),
        reference.QUERY.windows(config),
    )
    clock = PartitionClock(case.delay_ms, 0)
    rows = []
    values = [[(e.payload, e.produce_ms, KINDS.index(e.kind)) for e in batch] for batch in case.batches]
    for batch in [*values, [(END, ORIGIN_MS, 0)]]:
        for payload, record_ms, topic in batch:
            event = reads.read(json.dumps(payload).encode(), record_ms, topic)
            clock.read(clock.position, event[2])
            if event is not records.END:
                counts.add(event)
        windows.add(counts.take())
        if clock.watermark_ns is not None:
            rows += windows.close(clock.watermark_ns)
    assert len(windows) == 0
    return rows


def spark_record(config, event):
    """Return a Kafka record as Spark sees it, its topic among its columns."""
    value, time = record(json.dumps(event.payload).encode(), event.produce_ms)
    return value, time, config.input_topics[KINDS.index(event.kind)]


def spark_end(config, now_ms):
    value, time = end_record(RUN_ID, now_ms)
    return value, time, config.input_topics[0]


def flink_job(case):
    """Return the job of a case: both kinds in one table, so that their order is known."""
    config = case_config(case)
    lines = [line_of(event.payload, event.produce_ms) for batch in case.batches for event in batch]
    return FlinkJob(
        files={"events": b"".join(line + b"\n" for line in [*lines, line_of(END, ORIGIN_MS)])},
        columns=flink.events_of(*KINDS).columns(RUN_ID, case.delay_ms, IN_RECORD),
        statements=tuple(flink.views(["records"], config.windows)),
        query=flink.result_query(config.windows, RUN_ID),
        settings=flink.settings(config),
    )


def flink_row(values):
    row = dict(zip(ROW_FIELDS, values, strict=True))
    assert row.pop("key") == f"{row['product_id']}:{row['window_start']}"
    return row
