"""Attributed clicks and anomalies: the reference engine, Spark and Flink give the rows of the table."""

import json
import math

import pytest
from pyspark.sql import Observation
from pyspark.sql import functions as F  # noqa: N812

from config import Config
from tests.parity.attribution_cases import ATTRIBUTION_MS, CASES, DELAY_MS, SIZE_MS, Shown, in_order, joined, part_of
from tests.parity.cases import ORIGIN_MS, RUN_ID
from tests.parity.flink_rows import IN_RECORD, FlinkJob, line_of
from tests.parity.spark_rows import Replay, end_record, record
from windowbench.engines.flink.sql import Events
from windowbench.engines.reference.counts import Forwarded
from windowbench.engines.reference.watermarks import PartitionClock
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE
from windowbench.workloads.ad_clicks import flink, reference
from windowbench.workloads.ad_clicks import spark as workload
from windowbench.workloads.ad_clicks.settings import KINDS

RAW_SCHEMA = "value binary, timestamp timestamp, topic string"
END = {"event_type": END_EVENT_TYPE, "run_id": RUN_ID, "event_time_ns": END_EVENT_TIME_NS}
NOW_MS = ORIGIN_MS + len(CASES) * 400_000
FIELDS = ("key", *(column.split()[0] for column in flink.RESULT_COLUMNS.replace("\n", " ").split(", ")[1:]))
IMPRESSIONS, CLICKS = range(2)


def config_of_cases():
    return Config().replace(
        workload="ad_clicks",
        run_id=RUN_ID,
        window_size_sec=SIZE_MS / 1000,
        watermark_delay_sec=DELAY_MS / 1000,
        attribution_sec=ATTRIBUTION_MS / 1000,
    )


def topic_of(event):
    return IMPRESSIONS if isinstance(event, Shown) else CLICKS


def same(found, expected):
    """Whether rows are equal, doubles but for what another order of adding up makes of them."""
    assert len(found) == len(expected)
    for row, right in zip(found, expected, strict=True):
        assert row.keys() - {name for name, value in row.items() if value is None} == right.keys() - {
            name for name, value in right.items() if value is None
        }
        for name, value in right.items():
            if isinstance(value, float):
                assert math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-12), name
            else:
                assert row.get(name) == value, name
    return True


@pytest.fixture(scope="module")
def reference_answers():
    config = config_of_cases()
    reads, counts, windows = reference.EventReader(config.run.run_id), Forwarded(), reference.QUERY.windows(config)
    clock, rows = PartitionClock(DELAY_MS, 0), []
    batches = [[(e.payload, e.payload["produce_time"], topic_of(e)) for e in batch] for batch in joined(CASES)]
    for batch in [*batches, [(END, ORIGIN_MS, 0)]]:
        for payload, record_ms, topic in batch:
            event = reads.read(json.dumps(payload).encode(), record_ms, topic)
            clock.read(clock.position, event[2])
            if event is not reference.END:
                counts.add(event)
        windows.add(counts.take())
        rows += windows.close(clock.watermark_ns)
    assert len(windows) == 0
    return rows


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_reference(reference_answers, number):
    assert same(part_of(reference_answers, number), CASES[number].rows)


def spark_record(config, event):
    value, time = record(json.dumps(event.payload).encode(), event.payload["produce_time"])
    return value, time, config.input_topics[topic_of(event)]


@pytest.fixture(scope="module")
def spark_answers(spark, tmp_path_factory):
    config = config_of_cases()

    def apart(raw, config):
        return workload.results([raw.where(F.col("topic") == topic) for topic in config.input_topics], config)

    before = {name: spark.conf.get(name) for name in workload.SETTINGS}
    for name, value in workload.SETTINGS.items():
        spark.conf.set(name, value)
    try:
        directory = tmp_path_factory.mktemp("spark")
        with Replay(spark, directory, config, results=apart, raw_schema=RAW_SCHEMA) as replay:
            for batch in joined(CASES):
                replay.feed([spark_record(config, event) for event in batch])
            replay.feed([(*end_record(RUN_ID, NOW_MS), topic) for topic in config.input_topics])
            return [row.asDict() for row in replay.rows().collect()]
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_spark(spark_answers, number):
    assert same(part_of(spark_answers, number), CASES[number].rows)


@pytest.fixture(scope="module")
def flink_answers(run_jobs):
    config = config_of_cases()
    lines = [line_of(e.payload, e.payload["produce_time"]) for batch in joined(CASES) for e in batch]
    # Both kinds in one table, so that their order is known.
    fields = (
        "impression_id STRING, user_id STRING, campaign_id BIGINT, device_type STRING, cost BIGINT, click_id STRING"
    )
    good = " OR ".join(f"({flink.events_of(kind).good})" for kind in KINDS)
    job = FlinkJob(
        files={"events": b"".join(line + b"\n" for line in [*lines, line_of(END, ORIGIN_MS)])},
        columns=Events(fields, f"({good})").columns(RUN_ID, DELAY_MS, IN_RECORD),
        statements=(
            *(f"CREATE TEMPORARY VIEW {kind}s AS SELECT * FROM records WHERE event_type = '{kind}'" for kind in KINDS),
            *flink.views(config, *(f"{kind}s" for kind in KINDS)),
        ),
        query=flink.result_query(config, RUN_ID),
        settings=flink.QUERY.settings(config),
    )
    (rows,) = run_jobs([job])
    found = [dict(zip(FIELDS, row, strict=True)) for row in rows]
    for row in found:
        place = row["device_type"] if row["metric"] == "device" else row["campaign_id"]
        assert row.pop("key") == f"{row['metric']}:{place}:{row['window_start']}"
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_flink(flink_answers, number):
    assert same(part_of(flink_answers, number), CASES[number].rows)


GOOD = Shown(1_000).payload


def test_spark_rejects_what_the_reference_rejects(spark):
    config = config_of_cases()
    wrong = [
        {"cost": -1}, {"user_id": "u" * 900_000}, {"impression_id": None}, {"campaign_id": None},
        {"event_type": "click"}, {"event_time_ns": GOOD["event_time_ns"] + 6_000_000_000},
    ]  # fmt: skip
    payloads = [GOOD, *(GOOD | one for one in wrong), END]
    rows = [record(json.dumps(payload).encode(), GOOD["produce_time"]) for payload in payloads]
    counts = Observation()
    frame = spark.createDataFrame(rows, "value binary, timestamp timestamp")
    kept = workload.guard(frame, config, KINDS[0], counts).collect()
    assert counts.get == {"rejected": len(wrong), "ends": 1}
    assert sorted(row.event_type for row in kept) == ["END", "impression"]
    reads = reference.EventReader(config.run.run_id)
    read = [reads.read(json.dumps(payload).encode(), GOOD["produce_time"], 0) for payload in payloads]
    assert [event is None for event in read] == [False, *[True] * len(wrong), False]


def test_rows_of_spark_become_records_without_the_fields_of_other_types(spark, spark_answers):
    rows = [row for row in spark_answers if row["window_start"] == ORIGIN_MS]
    schema = (
        "run_id string, metric string, campaign_id bigint, device_type string, window_start bigint, window_end bigint,"
        " impressions bigint, clicks bigint, ctr double, cost bigint, cost_per_click double, users bigint,"
        " expected_ctr double, deviation double, standard_deviation double, score double, max_produce_time bigint"
    )
    found = {row.key: json.loads(row.value) for row in workload.records(spark.createDataFrame(rows, schema)).collect()}
    assert set(found) == {f"campaign:1:{ORIGIN_MS}", f"device:tv 0:{ORIGIN_MS}"}
    assert "users" not in found[f"campaign:1:{ORIGIN_MS}"]
    assert sorted(found.values(), key=in_order)[1]["users"] == 1
