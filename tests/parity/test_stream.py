"""What a watermark leaves: the oracle and Spark, which reads the batches of a case one after the other."""

import pytest
from chispa import assert_df_equality

from tests.parity.cases import ORIGIN_MS, PARTITION_CASES, RUN_ID, STREAM_CASES, S, StreamCase, view
from tests.parity.oracle_rows import case_config, stream_oracle_rows
from tests.parity.spark_rows import Replay, end_record, expected_frame, record, record_of, row_dict
from windowbench.engines.spark.progress import BatchLog
from windowbench.load.numbering import Numbering
from windowbench.workloads.ad_ctr.spark import OBSERVATION

ORACLE_CASES = [case for case in STREAM_CASES if not case.differs]
NOW_MS = ORIGIN_MS + 60_000


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def expected(case):
    return by_key(row_dict(case, row, ORIGIN_MS) for row in case.rows)


def events_per_window(replay):
    rows = replay.rows().select("window_start", "campaign_id", "events").collect()
    return {(row.window_start - ORIGIN_MS, row.campaign_id): row.events for row in rows}


@pytest.mark.parametrize("case", ORACLE_CASES, ids=lambda case: case.name)
def test_oracle(case):
    assert by_key(stream_oracle_rows(case)) == expected(case)


@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_spark(spark, tmp_path, case):
    with Replay(spark, tmp_path, case_config(case, case.delay_ms)) as replay:
        for batch in case.batches:
            replay.feed([record_of(event) for event in batch])
        replay.feed([end_record(RUN_ID, NOW_MS)])
        assert_df_equality(
            replay.rows(),
            expected_frame(spark, expected(case)),
            ignore_row_order=True,
            ignore_nullable=True,
            ignore_metadata=True,
        )


UPDATED = ("beyond the delay", "out of order within", "the watermark exactly")
UPDATE_CASES = [case for case in STREAM_CASES if case.name.startswith(UPDATED)]


@pytest.mark.parametrize("case", UPDATE_CASES, ids=lambda case: case.name)
def test_spark_updates_reach_the_rows_of_append_mode_without_end_and_end_adds_none(spark, tmp_path, case):
    with Replay(spark, tmp_path, case_config(case, case.delay_ms), mode="update") as replay:
        for batch in case.batches:
            replay.feed([record_of(event) for event in batch])
        updates = [row.asDict() for row in replay.rows().collect()]
        latest = {(row["window_start"], row["campaign_id"]): row for row in updates}
        assert by_key(latest.values()) == expected(case)
        for key in latest:
            counts = [row["events"] for row in updates if (row["window_start"], row["campaign_id"]) == key]
            assert counts == sorted(set(counts)), "each update counts more events than the one before it"
        assert len(updates) > len(latest), "otherwise nothing was updated"
        replay.feed([end_record(RUN_ID, NOW_MS)])
        assert len(replay.rows().collect()) == len(updates)


@pytest.mark.parametrize("case", [case for case in PARTITION_CASES if case.differs], ids=lambda case: case.name)
def test_spark_takes_the_greatest_watermark_over_partitions(spark, tmp_path, case):
    with Replay(spark, tmp_path, case_config(case, case.delay_ms)) as replay:
        for batch in case.batches:
            replay.feed([record_of(event) for _, event in batch])
        replay.feed([end_record(RUN_ID, NOW_MS)])
        wanted = by_key(row_dict(case, row, ORIGIN_MS) for row in case.greatest_rows)
        assert by_key(row.asDict() for row in replay.rows().collect()) == wanted


def test_the_last_window_appears_with_end_and_only_with_the_end_of_this_run(spark, tmp_path):
    case = StreamCase("end", (), (), delay_ms=3_000)
    with Replay(spark, tmp_path, case_config(case, case.delay_ms)) as replay:
        replay.feed([record_of(view(1, 4 * S)), record_of(view(2, 5 * S))])
        replay.feed([end_record("another-run", NOW_MS), end_record(RUN_ID, NOW_MS, event_time_ns=4_102_444_799 * S)])
        assert events_per_window(replay) == {}
        replay.feed([end_record(RUN_ID, NOW_MS), end_record(RUN_ID, NOW_MS)])
        assert events_per_window(replay) == {(0, 1): 1, (0, 2): 1}
        replay.feed([record_of(view(1, 6 * S))])
        assert events_per_window(replay) == {(0, 1): 1, (0, 2): 1}


def test_a_record_from_the_future_does_not_move_the_watermark(spark, tmp_path):
    case = StreamCase("future", (), (), delay_ms=0)
    year = view(1, 365 * 86_400 * S, produced_ms=5_000)
    just_beyond = view(1, 25 * S + 1, produced_ms=20_000)
    with Replay(spark, tmp_path, case_config(case, case.delay_ms)) as replay:
        replay.feed([record_of(view(1, 4 * S)), record_of(year), record_of(just_beyond)])
        replay.feed([record_of(view(1, 5 * S))])
        assert events_per_window(replay) == {}
        replay.feed([end_record(RUN_ID, NOW_MS)])
        assert events_per_window(replay) == {(0, 1): 2}


def test_rejected_records_are_added_up_over_batches_and_a_stream_without_any_good_one_goes_on(spark, tmp_path):
    case = StreamCase("rejected", (), ())
    log = BatchLog(Numbering(topics=("unused",), each=1), OBSERVATION)
    rejected = []
    with Replay(spark, tmp_path, case_config(case, case.delay_ms)) as replay:
        for values in ([None, b"", b"{"], [b"nonsense"], [b"\xff"]):
            replay.feed([record(value, NOW_MS) for value in values])
            rejected += [message["rejected"] for message in log.take(replay.reports())]
        replay.feed([record_of(view(1, 4 * S))])
        rejected += [message["rejected"] for message in log.take(replay.reports())]
        assert events_per_window(replay) == {}
    assert rejected == sorted(rejected)
    assert rejected[-1] == 5
