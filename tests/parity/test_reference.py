"""The reference engine gives the rows of the table, and rejects what Spark rejects; its parts without a broker."""

import json

import pytest

from tests.parity.cases import CASES, ORIGIN_MS, PARTITION_CASES, RUN_ID, STREAM_CASES, Case, S, StreamCase, view
from tests.parity.oracle_rows import case_config, static_oracle_rows, stream_oracle_rows
from tests.parity.poison import malformed, odd_but_good, out_of_time
from tests.parity.reference_rows import Replay, record_on, reference_rows
from tests.parity.spark_rows import row_dict
from tests.parity.test_static_frame import mixed_load
from windowbench.workloads.ad_ctr.reference import QUERY, EventReader


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def expected(case, rows):
    return by_key(row_dict(case, row, ORIGIN_MS) for row in rows)


def on_one_partition(events):
    return tuple((0, event) for event in events)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reference(case):
    got = reference_rows(case, [on_one_partition(case.events)], delay_ms=3_000)
    assert by_key(got) == expected(case, case.rows)


@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_reference_on_batches(case):
    got = reference_rows(case, map(on_one_partition, case.batches), case.delay_ms)
    assert by_key(got) == expected(case, case.rows)


@pytest.mark.parametrize("case", PARTITION_CASES, ids=lambda case: case.name)
def test_reference_on_partitions(case):
    got = reference_rows(case, case.batches, case.delay_ms, partitions=case.partitions, idle=case.idle)
    assert by_key(got) == expected(case, case.least_rows)
    assert (case.least_rows != case.greatest_rows) == bool(case.differs), "a row that differs by design says so"


@pytest.mark.parametrize("case", PARTITION_CASES, ids=lambda case: case.name)
def test_oracle_on_partitions(case):
    batches = tuple(tuple(event for _, event in batch) for batch in case.batches)
    merged = StreamCase(case.name, batches, case.greatest_rows, delay_ms=case.delay_ms)
    assert by_key(stream_oracle_rows(merged)) == expected(case, case.greatest_rows)


@pytest.mark.parametrize(("size_ms", "slide_ms"), [(10_000, 10_000), (2_500, 500), (700, 100)])
def test_reference_equals_the_oracle_on_a_mixed_load(size_ms, slide_ms):
    case = Case("mixed", mixed_load(3_000), (), size_ms=size_ms, slide_ms=slide_ms, campaigns=23)
    batch = tuple((number % 4, event) for number, event in enumerate(case.events))
    got = reference_rows(case, [batch], delay_ms=3_000, partitions=4)
    assert by_key(got) == by_key(static_oracle_rows(case))


@pytest.mark.parametrize("name", [*malformed(), *out_of_time()])
def test_a_poison_record_is_rejected(name):
    value = {**malformed(), **out_of_time()}[name]
    assert EventReader(RUN_ID).read(value, ORIGIN_MS) is None


@pytest.mark.parametrize("name", odd_but_good())
def test_an_odd_record_counts(name):
    event = EventReader(RUN_ID).read(odd_but_good()[name], ORIGIN_MS)
    assert event is not None
    code, campaign, _, produce_ms = event
    assert (code, campaign, produce_ms) == (0, 3, ORIGIN_MS)


def test_the_end_of_another_run_is_rejected_and_closes_nothing():
    replay = Replay(case_config(StreamCase("end", (), ()), 3_000))
    foreign = {"event_type": "END", "run_id": "another", "event_time_ns": 4_102_444_800 * S}
    own = {"event_type": "END", "run_id": RUN_ID, "event_time_ns": 4_102_444_799 * S}
    replay.feed(record_on(0, view(1, 4 * S)), *((0, json.dumps(end).encode(), ORIGIN_MS) for end in (foreign, own)))
    assert replay.rows == []
    assert replay.aggregator.progress()["rejected"] == 2
    replay.end()
    assert len(replay.rows) == 1
    replay.feed(record_on(0, view(1, 6 * S)))
    assert len(replay.rows) == 1
    assert replay.windows.late == 1


def test_a_record_from_the_future_does_not_move_the_watermark():
    replay = Replay(case_config(StreamCase("future", (), ()), 0))
    replay.feed(record_on(0, view(1, 4 * S)), record_on(0, view(1, 25 * S + 1, produced_ms=20_000)))
    assert replay.rows == []


def test_a_row_becomes_a_record_with_key_and_explicit_null():
    case = CASES[10]
    (row,) = reference_rows(case, [on_one_partition(case.events)], delay_ms=0)
    key, value, _ = QUERY.record(row)
    assert key == f"2:{ORIGIN_MS}".encode()
    assert b'"ctr":null' in value
