"""The oracle and Spark give the rows of the table, no more and no fewer: Spark on a static frame."""

import pytest
from chispa import assert_df_equality
from pyspark.sql import Observation
from pyspark.sql import functions as F  # noqa: N812 - the name every Spark programmer knows

from tests.parity.cases import CASES, ORIGIN_MS, RUN_ID, Case, Event, view
from tests.parity.oracle_rows import case_config, static_oracle_rows
from tests.parity.spark_rows import (
    end_record,
    expected_frame,
    record_of,
    row_dict,
    static_rows,
)
from windowbench.judge.truth.windows import WindowAssigner


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def expected(case):
    return by_key(row_dict(case, row, ORIGIN_MS) for row in case.rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_oracle(case):
    assert by_key(static_oracle_rows(case)) == expected(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spark(spark, case):
    counts = Observation()
    got = static_rows(spark, case_config(case, 3_000), [record_of(event) for event in case.events], counts)
    assert_df_equality(
        got, expected_frame(spark, expected(case)), ignore_row_order=True, ignore_nullable=True, ignore_metadata=True
    )
    assert counts.get == {"rejected": 0, "ends": 0}


def mixed_load(count):
    """Return events over 40 s of all types and many campaigns, some far out of order, at instants of any ns."""
    kinds = ("view", "click", "purchase")
    return tuple(
        Event(kinds[k * k % 7 % 3], k * 7 % 23, k * 7_919_000_003 % 40_000_000_000, produced_ms=40_000 + k % 1_000)
        for k in range(count)
    )


@pytest.fixture
def compiled(spark):
    """Have expressions compiled, as they are in the job, and not interpreted."""
    changed = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
    before = {name: spark.conf.get(name) for name in changed}
    for name, value in changed.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


@pytest.mark.parametrize(("size_ms", "slide_ms"), [(10_000, 10_000), (2_500, 500), (700, 100)])
def test_spark_equals_the_oracle_on_a_mixed_load(spark, compiled, size_ms, slide_ms):
    case = Case("mixed", mixed_load(3_000), (), size_ms=size_ms, slide_ms=slide_ms, campaigns=23)
    wanted = static_oracle_rows(case)
    assert sum(row["events"] for row in wanted) == 3_000 * size_ms // slide_ms
    got = static_rows(spark, case_config(case, 3_000), [record_of(event) for event in case.events], Observation())
    assert_df_equality(
        got, expected_frame(spark, wanted), ignore_row_order=True, ignore_nullable=True, ignore_metadata=True
    )


def test_windows_are_those_of_the_assigner_around_every_boundary(spark):
    """One event before, at and after each of many boundaries, at all resolutions between ns and ms."""
    steps = [sign * 10**power for power in range(7) for sign in (-1, 1)]
    events = [view(0, edge * 2_500_000_000 + step) for edge in range(3) for step in (0, *steps)]
    case = Case("boundaries", tuple(events), (), size_ms=2_500)
    rows = static_rows(spark, case_config(case, 3_000), [record_of(event) for event in events], Observation())
    counted = {row.window_start: row.events for row in rows.select("window_start", "events").collect()}
    windows = WindowAssigner(size_ms=2_500, slide_ms=2_500)
    wanted = {}
    for event in events:
        start_ms = windows.starts_ms(windows.last_ids(event.event_time_ns))
        wanted[start_ms] = wanted.get(start_ms, 0) + 1
    assert counted == wanted


def test_end_leaves_no_row_and_is_not_rejected_but_that_of_another_run_is(spark):
    case = Case("end", (view(1, 1),), ())
    counts = Observation()
    records = [record_of(case.events[0]), end_record(RUN_ID, ORIGIN_MS), end_record("another", ORIGIN_MS)]
    rows = static_rows(spark, case_config(case, 3_000), records, counts)
    assert [row.events for row in rows.collect()] == [1]
    assert counts.get == {"rejected": 1, "ends": 1}


def test_a_row_becomes_a_record_with_key_and_explicit_null(spark):
    from windowbench.workloads.ad_ctr.spark import QUERY

    case = CASES[10]
    assert case.rows[0].views == 0
    rows = static_rows(spark, case_config(case, 3_000), [record_of(event) for event in case.events], Observation())
    made = QUERY.records(rows)
    assert made.columns == ["key", "value"]
    (sent,) = made.select("key", F.get_json_object("value", "$.clicks").alias("clicks"), "value").collect()
    assert (sent.key, sent.clicks) == (f"2:{ORIGIN_MS}", "2")
    assert '"ctr":null' in sent.value
