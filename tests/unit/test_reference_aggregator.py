"""What the reference engine's aggregator makes of the records of its consumers."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from windowbench.engines.reference.aggregator import Aggregator
from windowbench.engines.reference.counts import PartialCounts
from windowbench.engines.reference.messages import PARTIALS_IN_A_RECORD, partial_records, read_message, watermark_record
from windowbench.engines.reference.watermarks import PartitionClock
from windowbench.engines.reference.worker import partitions_of
from windowbench.workloads.ad_ctr.reference import QUERY

ENGINE = "now"
S = 1_000_000_000
CONFIG = Config().replace(workload="ad_ctr", run_id="run", window_size_sec=2.0, watermark_delay_sec=1.0)


def aggregator(partitions=(0, 1)):
    return Aggregator(ENGINE, partitions, QUERY.windows(CONFIG))


def partials(*cells, engine=ENGINE):
    (value,) = partial_records(engine, 0, [list(cell) for cell in cells])
    return value


def watermark(partition, event_ns, *, consumer=0, position=1, rejected=0, engine=ENGINE):
    clock = PartitionClock(1_000, 1_000)
    clock.read(position - 1, event_ns)
    return watermark_record(engine, consumer, {partition: clock}, events=5, rejected=rejected)


def taken(to, *values):
    return [row for value in values for row in to.take(value)]


CELL = (0, 3, 2, 1, 0, 1_700, 1_699_000_000)


def test_partial_counts_of_all_consumers_are_added_up_and_times_are_the_greatest():
    one = aggregator()
    (row,) = taken(
        one,
        partials(CELL),
        partials((0, 3, 1, 0, 4, 1_500, 1_800_000_000)),
        watermark(0, 3 * S),
        watermark(1, 3 * S),
    )
    assert row == {
        "run_id": "run",
        "campaign_id": 3,
        "window_start": 0,
        "window_end": 2_000,
        "views": 3,
        "clicks": 1,
        "purchases": 4,
        "events": 8,
        "max_produce_time": 1_700,
        "max_event_time_ns": 1_800_000_000,
        "ctr": 1 / 3,
        "ctr_smoothed": 1 / 4,
    }


@pytest.mark.parametrize(("event_ns", "rows"), [(3 * S - 1, 0), (3 * S, 1)])
def test_the_watermark_one_ns_before_and_exactly_at_the_end(event_ns, rows):
    one = aggregator([0])
    assert len(taken(one, partials(CELL), watermark(0, event_ns))) == rows


def test_a_window_closes_once():
    one = aggregator([0])
    assert len(taken(one, partials(CELL), watermark(0, 3 * S), watermark(0, 4 * S), watermark(0, 9 * S))) == 1


def test_counts_for_a_closed_window_are_dropped_and_counted():
    one = aggregator([0])
    taken(one, partials(CELL), watermark(0, 3 * S))
    assert taken(one, partials(CELL), watermark(0, 9 * S)) == []
    assert one.progress()["late"] == 3


def test_progress_is_what_was_published_and_counts_are_those_of_all_consumers():
    one = aggregator()
    assert one.progress() == {
        "position": {"0": 0, "1": 0}, "watermark_ms": None, "events": 0, "rejected": 0, "late": 0,
        "state_rows": 0, "state_bytes": None, "checkpoint_ms": None,
    }  # fmt: skip
    taken(one, watermark(0, 3 * S, position=7, rejected=2), watermark(1, 5 * S, consumer=1, position=9, rejected=1))
    assert one.progress() == {
        "position": {"0": 7, "1": 9}, "watermark_ms": 2_000, "events": 10, "rejected": 3, "late": 0,
        "state_rows": 0, "state_bytes": None, "checkpoint_ms": None,
    }  # fmt: skip


def test_state_is_every_window_of_every_key_until_it_closes():
    one = aggregator([0])

    def kept(*values):
        taken(one, *values)
        return one.progress()["state_rows"]

    assert kept(partials(CELL, (0, 4, 1, 0, 0, 1, 1)), partials(CELL, (2_000, 3, 1, 0, 0, 1, 1))) == 3
    assert kept(watermark(0, 3 * S)) == 1
    assert kept(watermark(0, 5 * S)) == 0


def test_what_an_earlier_start_left_on_the_topic_and_rubbish_are_passed_over():
    one = aggregator([0])
    others = [partials(CELL, engine="before"), watermark(0, 9 * S, engine="before"), None, b"", b"[1]", b"\xff", b"7"]
    assert taken(one, *others) == []
    assert one.progress()["position"] == {"0": 0}


def test_many_partial_counts_travel_in_pieces_and_none_is_lost():
    cells = [[0, campaign, 1, 0, 0, 1, 1] for campaign in range(2 * PARTIALS_IN_A_RECORD + 1)]
    records = list(partial_records(ENGINE, 0, cells))
    assert len(records) == 3
    assert [cell for value in records for cell in read_message(ENGINE, value)["partials"]] == cells
    assert max(map(len, records)) < 500_000


def test_nothing_counted_makes_no_record():
    assert list(partial_records(ENGINE, 0, [])) == []


def test_a_watermark_record_names_partition_position_and_idleness():
    clock = PartitionClock(0, 100)
    clock.wait(100, at_end=True)
    assert orjson.loads(watermark_record(ENGINE, 4, {6: clock}, events=0, rejected=1)) == {
        "engine": ENGINE, "consumer": 4, "watermarks": {"6": [None, 0, True]}, "events": 0, "rejected": 1,
    }  # fmt: skip


@given(st.integers(1, 12), st.integers(1, 40))
def test_every_partition_has_exactly_one_owner(consumers, partitions):
    owned = [n for consumer in range(consumers) for n in partitions_of(consumer, consumers, partitions)]
    assert sorted(owned) == list(range(partitions))


events = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 20 * S), st.integers(0, 9)))


@given(events, st.lists(st.integers(0, 50)), st.sampled_from([None, 1.0, 0.5]))
def test_however_counting_is_cut_into_reports_the_rows_are_those_counted_by_hand(told, cuts, slide):
    config = CONFIG.replace(slide_sec=slide)
    counts, windows = PartialCounts(config.windows, 3), QUERY.windows(config)
    for number, event in enumerate(told):
        counts.add(event)
        if number in cuts:
            windows.add(counts.take())
    windows.add(counts.take())
    assert counts.take() == []
    by_hand = {}
    for _, campaign, event_ns, _ in told:
        for start in range(-2_000, 20_001, config.windows.slide_ms):
            if start * 1_000_000 <= event_ns < (start + 2_000) * 1_000_000:
                by_hand[start, campaign] = by_hand.get((start, campaign), 0) + 1
    rows = list(windows.close(100 * S))
    assert {(row["window_start"], row["campaign_id"]): row["events"] for row in rows} == by_hand
    assert [row["window_start"] for row in rows] == sorted(row["window_start"] for row in rows)
