"""How far event time has come in the reference engine: partitions, idleness, the least of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.engines.reference.watermarks import LONGEST_POLL_MS, GlobalWatermark, PartitionClock
from windowbench.load.schedule import END_EVENT_TIME_NS

S = 1_000_000_000


def clock(delay_ms=3_000, idle_timeout_ms=1_000):
    return PartitionClock(delay_ms, idle_timeout_ms)


def quiet(one, milliseconds, *, at_end=True):
    for _ in range(round(milliseconds / 50)):
        one.wait(50, at_end=at_end)


def test_a_partition_has_no_watermark_before_its_first_event():
    assert clock().watermark_ns is None


def test_the_watermark_is_the_greatest_event_time_less_the_delay_and_does_not_go_back():
    one = clock()
    one.read(0, 10 * S)
    one.read(1, 8 * S)
    assert one.watermark_ns == 7 * S
    assert one.position == 2


def test_end_raises_a_partition_to_the_end_of_time_without_any_delay():
    one = clock()
    one.read(0, END_EVENT_TIME_NS)
    assert one.watermark_ns == END_EVENT_TIME_NS
    quiet(one, 5_000)
    assert not one.idle, "nothing is waited for after END"


def test_a_rejected_record_moves_the_position_and_not_the_time():
    one = clock()
    one.read(41, None)
    assert (one.position, one.watermark_ns) == (42, None)


def test_a_rejected_record_does_not_wake_a_partition():
    one = clock()
    quiet(one, 1_000)
    one.read(0, None)
    assert one.idle


def test_a_partition_is_idle_exactly_at_the_time_out_and_not_one_poll_before():
    one = clock()
    quiet(one, 950)
    assert not one.idle
    quiet(one, 50)
    assert one.idle


def test_a_record_starts_the_time_out_anew_and_wakes():
    one = clock()
    quiet(one, 950)
    one.read(0, 5 * S)
    quiet(one, 950)
    assert not one.idle
    quiet(one, 50)
    assert one.idle
    one.read(1, 6 * S)
    assert not one.idle


def test_a_partition_with_records_still_to_be_read_is_not_idle():
    one = clock()
    quiet(one, 10_000, at_end=False)
    assert not one.idle


def test_a_stall_of_the_consumer_counts_as_one_long_poll_at_most():
    one = clock()
    one.wait(60_000, at_end=True)
    assert not one.idle
    quiet(one, 1_000 - LONGEST_POLL_MS)
    assert one.idle


def test_without_a_time_out_a_partition_is_never_idle():
    one = clock(idle_timeout_ms=0)
    quiet(one, 60_000)
    assert not one.idle


def test_a_partition_that_nobody_has_reported_yet_holds_everything_back():
    whole = GlobalWatermark([0, 1])
    whole.update(0, 9 * S, idle=False)
    assert whole.watermark_ns is None
    whole.update(1, 7 * S, idle=False)
    assert whole.watermark_ns == 7 * S


def test_an_idle_partition_holds_nothing_back_and_one_that_wakes_does_not_turn_time_back():
    whole = GlobalWatermark([0, 1])
    whole.update(0, 9 * S, idle=False)
    whole.update(1, 2 * S, idle=True)
    assert whole.watermark_ns == 9 * S
    whole.update(1, 3 * S, idle=False)
    assert whole.watermark_ns == 9 * S
    whole.update(0, 12 * S, idle=False)
    assert whole.watermark_ns == 9 * S, "the partition that woke is at 3 s"


def test_time_stands_still_while_every_partition_is_idle():
    whole = GlobalWatermark([0, 1])
    whole.update(0, 9 * S, idle=True)
    whole.update(1, 5 * S, idle=True)
    assert whole.watermark_ns is None


reports = st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 100), st.booleans()), max_size=60)


@given(reports)
def test_the_watermark_never_goes_back_and_equals_the_greatest_least_so_far(told):
    whole = GlobalWatermark(range(4))
    local = dict.fromkeys(range(4), (None, False))
    greatest = None
    for partition, watermark, idle in told:
        whole.update(partition, watermark, idle=idle)
        local[partition] = (watermark, idle)
        active = [value for value, is_idle in local.values() if not is_idle]
        if active and None not in active:
            greatest = max(min(active), greatest if greatest is not None else min(active))
        assert whole.watermark_ns == greatest


@pytest.mark.parametrize("delay_ms", [0, 1, 3_000])
def test_the_delay_is_exact_to_the_ns(delay_ms):
    one = clock(delay_ms=delay_ms)
    one.read(0, 10 * S + 1)
    assert one.watermark_ns == 10 * S + 1 - delay_ms * 1_000_000
