"""First values and revisions: the oracle takes the rows of the table for right, and the engines give them."""

from itertools import groupby

import pytest
from pyspark.sql import Observation

from tests.parity.cases import MS, ORIGIN_MS, S
from tests.parity.revision_cases import (
    REVISION_CASES,
    RevisionCase,
    click,
    impression,
    in_order,
    joined,
    part_of,
    shape,
)
from tests.parity.revision_rows import (
    case_config,
    flink_job,
    flink_row,
    oracle_classes,
    reference_rows,
    spark_end,
    spark_record,
)
from tests.parity.spark_rows import Replay
from windowbench.judge.truth.comparison import RowClass
from windowbench.workloads.product_ctr import spark as workload

NOW_MS = ORIGIN_MS + 60_000
RAW_SCHEMA = "value binary, timestamp timestamp, topic string"
RIGHT = {RowClass.EXACT, RowClass.INTERMEDIATE}


def named(case):
    return case.name


@pytest.mark.parametrize("case", REVISION_CASES, ids=named)
def test_oracle(case):
    classes, missing = oracle_classes(case, case.rows)
    assert set(classes) <= RIGHT
    assert missing == 0
    assert classes.count(RowClass.EXACT) == len({(value.start, value.product) for value in case.values})


@pytest.mark.parametrize("case", [case for case in REVISION_CASES if any(v.revision for v in case.values)], ids=named)
def test_oracle_finds_a_revision_left_out_a_number_repeated_and_one_skipped(case):
    last = max(range(len(case.rows)), key=lambda i: case.rows[i]["revision"])
    without = [row for i, row in enumerate(case.rows) if i != last]
    assert oracle_classes(case, without)[1] == 1
    for wrong in (-1, 1):
        rows = [dict(row) for row in case.rows]
        rows[last]["revision"] += wrong
        assert RowClass.WRONG_VALUE in oracle_classes(case, rows)[0]


@pytest.mark.parametrize("case", REVISION_CASES, ids=named)
def test_reference(case):
    assert sorted(reference_rows(case), key=in_order) == case.rows


def spark_rows(spark, directory, case):
    config = case_config(case)
    with Replay(spark, directory, config, results=workload.results, raw_schema=RAW_SCHEMA) as replay:
        for batch in case.batches:
            if batch:
                replay.feed([spark_record(config, event) for event in batch])
        replay.feed([spark_end(config, NOW_MS)])
        return sorted((row.asDict() for row in replay.rows().collect()), key=in_order)


def answers_of(run):
    """Return the rows of every case, by its name: cases of one shape follow each other in one run."""
    answers = {}
    for _, members in groupby(sorted(REVISION_CASES, key=shape), key=shape):
        cases = list(members)
        rows = run(joined(cases))
        answers |= {case.name: part_of(rows, number) for number, case in enumerate(cases)}
    return answers


@pytest.fixture(scope="module")
def spark_answers(spark, tmp_path_factory):
    return answers_of(lambda case: spark_rows(spark, tmp_path_factory.mktemp("spark"), case))


@pytest.mark.parametrize("case", REVISION_CASES, ids=named)
def test_spark(spark_answers, case):
    assert spark_answers[case.name] == case.rows


def test_spark_gathers_the_events_of_a_batch_into_one_revision(spark, tmp_path):
    case = RevisionCase(
        "gathered",
        (
            (impression(1, 4 * S), impression(1, 13 * S)),
            (click(1, 9 * S), click(1, 8 * S), impression(1, 14 * S)),
            (impression(1, 7 * S), impression(1, 14_500 * MS)),
        ),
        (),
    )
    rows = [row for row in spark_rows(spark, tmp_path, case) if row["window_start"] == ORIGIN_MS]
    assert [(row["revision"], row["impressions"], row["clicks"]) for row in rows] == [(0, 1, 0), (1, 1, 2), (2, 2, 2)]
    assert set(oracle_classes(case, rows)[0]) <= RIGHT


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_the_function_of_spark_gives_the_same_however_rows_are_cut_into_calls(chunk):
    """Without Spark: the final values are those of the oracle for any batches; the watermark follows the events."""
    events = [(impression if k % 3 else click)(1, (k * 7_919 % 40_000) * MS) for k in range(200)]
    events.sort(key=lambda event: event.at + event.at // MS % 7_000 * MS)  # up to 7 s behind
    case = RevisionCase("mixed", tuple((event,) for event in events), ())
    advance = workload.revising(case.size_ms, case.slide_ms, case.lateness_ms)
    kept, rows, greatest = [], [], 0
    for start in range(0, len(events), chunk):
        part = events[start : start + chunk]
        watermark = max(0, greatest - case.delay_ms - case.lateness_ms - case.size_ms)
        given = [(e.event_time_ns // MS, int(e.kind == "click"), e.produce_ms) for e in part]
        emitted, kept, wake = advance(1, iter(given), kept, watermark)
        assert not kept or wake > watermark
        rows += emitted
        greatest = max(greatest, *(event_ms for event_ms, _, _ in given))
    emitted, kept, _ = advance(1, iter(()), kept, 2**41)
    assert kept == []
    names = ("product_id", "window_start", "impressions", "clicks", "revision", "max_produce_time")
    made = [dict(zip(names, row, strict=True)) for row in [*rows, *emitted]]
    for row in made:
        row |= {"run_id": "parity", "window_end": row["window_start"] + case.size_ms}
        row["ctr"] = row["clicks"] / row["impressions"] if row["impressions"] else None
    if chunk == 1:
        classes, missing = oracle_classes(case, made)
        assert (set(classes), missing) == (RIGHT, 0)
    numbers = {}
    for row in made:
        assert row["revision"] == numbers.get(row["window_start"], -1) + 1
        numbers[row["window_start"]] = row["revision"]


@pytest.fixture(scope="module")
def flink_answers(run_jobs):
    return answers_of(lambda case: [*map(flink_row, *run_jobs([flink_job(case)]))])


@pytest.mark.parametrize("case", REVISION_CASES, ids=named)
def test_flink(flink_answers, case):
    assert flink_answers[case.name] == case.rows


def test_spark_rejects_an_event_in_the_topic_of_the_other_kind_and_takes_end_from_any(spark):
    config = case_config(REVISION_CASES[0])
    rows = [
        (*spark_record(config, event)[:2], topic)
        for event in (impression(1, 4 * S), click(1, 5 * S))
        for topic in config.input_topics
    ]
    rows += [(*spark_end(config, NOW_MS)[:2], topic) for topic in config.input_topics]
    counts = Observation()
    kept = workload.guard(spark.createDataFrame(rows, RAW_SCHEMA), config, counts).collect()
    assert counts.get == {"rejected": 2, "ends": 2}
    assert sorted(row.event_type for row in kept) == ["END", "END", "click", "impression"]
