import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watermark import PartitionedWatermark, WatermarkClock

MS = 1_000_000


def clock_at(event_time_ns, delay_ms=3):
    clock = WatermarkClock(delay_ms)
    clock.observe(event_time_ns)
    return clock


def test_no_event_no_watermark_and_nothing_closes():
    clock = WatermarkClock(0)
    assert clock.value_ms is None
    assert not clock.has_passed(-(10**9))


@pytest.mark.parametrize(
    ("event_time_ns", "closed"),
    [
        pytest.param(112 * MS - 1, False, id="one ns before end + delay - 1 ms"),
        pytest.param(112 * MS, True, id="exactly at end + delay - 1 ms"),
        pytest.param(112 * MS + 999_999, True, id="within that ms, which is floored"),
        pytest.param(113 * MS, True, id="exactly at end + delay"),
    ],
)
def test_window_ending_at_110_ms_with_a_delay_of_3_ms_closes(event_time_ns, closed):
    assert clock_at(event_time_ns).has_passed(110) == closed


def test_watermark_never_goes_back():
    clock = clock_at(500 * MS)
    clock.observe(100 * MS)
    assert clock.value_ms == 497


def test_minimum_over_partitions_waits_for_the_last_partition_to_show_an_event():
    watermark = PartitionedWatermark(delay_ms=0, partitions=2)
    watermark.observe(0, 10**6 * MS)
    assert watermark.value_ms is None
    assert not watermark.has_passed(1)
    watermark.observe(1, 5 * MS)
    assert watermark.value_ms == 5
    assert watermark.has_passed(6)
    assert not watermark.has_passed(7)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10**9)), min_size=1), st.integers(0, 50))
def test_minimum_is_the_least_of_single_clocks(observed, delay):
    together = PartitionedWatermark(delay, 3)
    alone = [WatermarkClock(delay) for _ in range(3)]
    for partition, event_time in observed:
        together.observe(partition, event_time)
        alone[partition].observe(event_time)
    values = [clock.value_ms for clock in alone]
    assert together.value_ms == (None if None in values else min(values))
