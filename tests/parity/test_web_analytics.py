"""Visits: the rows of the table are those of every engine, and the oracle takes them for right."""

import json

import pytest

from tests.parity.cases import ORIGIN_MS
from tests.parity.spark_rows import Replay
from tests.parity.web_cases import WEB_CASES, asked_of, in_order, joined, part_of
from tests.parity.web_rows import (
    CONFIG,
    flink_job,
    flink_row,
    oracle_classes,
    reference_rows,
    spark_branch_rows,
    spark_end,
    spark_record,
)
from windowbench.judge.truth.comparison import RowClass
from windowbench.workloads.web_analytics import spark as workload

NOW_MS = ORIGIN_MS + 60_000
ALL = joined(WEB_CASES)


def named(case):
    return case.name


def without_nulls(rows):
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def by_case(rows):
    return {case.name: part_of(without_nulls(rows), number) for number, case in enumerate(WEB_CASES)}


@pytest.fixture(scope="module")
def reference_answers():
    return by_case(reference_rows(ALL))


@pytest.mark.parametrize("case", WEB_CASES, ids=named)
def test_reference(reference_answers, case):
    for metric in case.rows:
        found, expected = asked_of(case, metric, reference_answers[case.name])
        assert found == expected


def test_oracle():
    rows = reference_rows(ALL)
    classes, missing = oracle_classes(ALL, rows)
    assert set(classes) == {RowClass.EXACT}
    assert missing == 0


@pytest.mark.parametrize("place", range(7))
def test_oracle_finds_a_row_left_out_of_each_type_and_one_with_a_value_changed(place):
    rows = reference_rows(ALL)
    metric = workload.TYPES[place].name
    at = next(i for i, row in enumerate(rows) if row["metric"] == metric)
    assert oracle_classes(ALL, rows[:at] + rows[at + 1 :])[1] == 1
    fields = workload.TYPES[place]
    for name in (*fields.integers, *fields.texts, *fields.doubles, "window_end", "max_produce_time"):
        value = rows[at][name]
        changed = "x" if isinstance(value, str) else 7.5 if name in fields.doubles else value + 1
        wrong = [*rows[:at], {**rows[at], name: changed}, *rows[at + 1 :]]
        assert set(oracle_classes(ALL, wrong)[0]) != {RowClass.EXACT}, name


@pytest.fixture(scope="module")
def spark_answers(spark, tmp_path_factory):
    directory = tmp_path_factory.mktemp("spark")
    with Replay(spark, directory, CONFIG, results=workload.results) as replay:
        for batch in ALL.batches:
            replay.feed([spark_record(event) for event in batch])
        replay.feed([spark_end(NOW_MS)])
        rows = replay.rows().collect()
    for row in rows:
        alert = row.metric in workload.ALERTS
        assert row.topic == CONFIG.result_topics[alert]
    return by_case([json.loads(row.value) for row in rows])


@pytest.mark.parametrize("case", WEB_CASES, ids=named)
def test_spark(spark_answers, reference_answers, case):
    assert sorted(spark_answers[case.name], key=in_order) == reference_answers[case.name]


def test_spark_gives_the_same_rows_where_it_adds_up_by_slide_first(spark, reference_answers, tmp_path, monkeypatch):
    monkeypatch.setattr(workload, "WINDOWS_OF_ONE_AGGREGATION", 1)
    found = by_case(spark_branch_rows(spark, tmp_path, ALL, workload.behaviour))
    of_behaviour = {"conversion", "country", "top_page"}
    for name, rows in reference_answers.items():
        expected = [row for row in rows if row["metric"] in of_behaviour]
        assert sorted(found[name], key=in_order) == expected, name


@pytest.fixture(scope="module")
def flink_answers(run_jobs):
    (rows,) = run_jobs([flink_job(ALL)])
    return by_case([flink_row(values) for values in rows])


@pytest.mark.parametrize("case", WEB_CASES, ids=named)
def test_flink(flink_answers, reference_answers, case):
    assert flink_answers[case.name] == reference_answers[case.name]
