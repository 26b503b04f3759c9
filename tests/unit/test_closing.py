import numpy as np
import pytest

from config import Config
from tests.unit.synthetic_run import NOW_NS, scheduled, small_config
from tests.unit.watermark import PartitionedWatermark, WatermarkClock
from windowbench.judge.truth.closing import closing_times
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents, scheduled_events
from windowbench.load.schedule import NS_PER_MS, Schedule, plan

SECOND = 1_000_000_000
BASE = 1_000 * SECOND
SCHEDULE = Schedule(
    epoch_ns=BASE - SECOND, base_time_ns=BASE, measure_end_ns=BASE + 4 * SECOND, load_end_ns=BASE + 6 * SECOND
)


def config(**settings):
    return Config().replace(window_size_sec=1.0, watermark_delay_sec=1.0, duration_seconds=4.0, **settings)


def block(due_and_time, partitions=None):
    due, time = (np.array(column, dtype=np.int64) for column in zip(*due_and_time, strict=True))
    n = len(due)
    return ScheduledEvents(
        producer=0,
        first=0,
        due_ns=due,
        event_time_ns=time,
        sent_ns=np.full(n, UNSENT),
        partition=np.array(partitions if partitions is not None else [0] * n, dtype=np.int32),
    )


@pytest.mark.parametrize(
    ("event_time_ns", "closes"),
    [
        pytest.param(BASE + 2 * SECOND - NS_PER_MS - 1, False, id="one ns before end + delay - 1 ms"),
        pytest.param(BASE + 2 * SECOND - NS_PER_MS, True, id="exactly at end + delay - 1 ms"),
        pytest.param(BASE + 2 * SECOND, True, id="exactly at end + delay"),
    ],
)
def test_window_0_closes_by_an_event_time(event_time_ns, closes):
    first = (BASE, BASE)
    found = closing_times(config(), SCHEDULE, [block([first, (event_time_ns + 5, event_time_ns)])])
    assert found.first_id == 0
    assert found.by_end[0] == (not closes)
    assert found.closing_ns[0] == (event_time_ns + 5 if closes else SCHEDULE.load_end_ns)


def test_an_out_of_order_event_closes_nothing_its_time_does_not_reach():
    early = (BASE, BASE)
    out_of_order = (BASE + 3 * SECOND, BASE + SECOND)
    closing = (BASE + 3 * SECOND + 7, BASE + 3 * SECOND)
    found = closing_times(config(), SCHEDULE, [block([early, out_of_order, closing])])
    assert found.closing_ns[0] == BASE + 3 * SECOND + 7


def test_partition_wait_is_how_much_later_the_last_partition_closes_the_window():
    events = [(BASE, BASE), (BASE + 2 * SECOND, BASE + 2 * SECOND), (BASE + 2 * SECOND + 40, BASE + 2 * SECOND + 40)]
    found = closing_times(config(), SCHEDULE, [block(events, partitions=[1, 0, 1])])
    assert found.closing_ns[0] == BASE + 2 * SECOND
    assert found.partition_wait_ns[0] == 40


def test_a_partition_without_any_event_takes_no_part_in_the_wait():
    events = [(BASE, BASE), (BASE + 2 * SECOND, BASE + 2 * SECOND)]
    found = closing_times(config(partitions=3), SCHEDULE, [block(events, partitions=[1, 1])])
    assert found.partition_wait_ns.tolist() == [0, 0, 0]


def test_a_partition_that_only_end_closes_waits_until_the_end_of_load():
    events = [(BASE, BASE), (BASE + 2 * SECOND, BASE + 2 * SECOND)]
    found = closing_times(config(), SCHEDULE, [block(events, partitions=[0, 1])])
    assert found.partition_wait_ns[0] == SCHEDULE.load_end_ns - (BASE + 2 * SECOND)


def test_a_load_without_events_has_no_windows():
    found = closing_times(config(), SCHEDULE, [])
    assert len(found.closing_ns) == len(found.ids) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"data_generator": "uniform", "num_producers": 3, "partitions": 3},
        {"slide_sec": 0.5, "out_of_order_share": 0.4, "out_of_order_extent_ms": 500},
        {
            "too_late_share": 0.1,
            "late_guard_seconds": 2.0,
            "partition_skew": 1.0,
            "partitions": 3,
            "idle_partitions": 1,
        },
    ],
)
def test_closing_times_equal_those_of_watermark_clocks_fed_event_by_event(seed, settings):
    made = small_config(seed=seed, duration_seconds=12.0, rate=60.0, **settings)
    schedule = plan(made, NOW_NS)
    found = closing_times(made, schedule, scheduled_events(made, schedule))
    merged = sorted(scheduled(made, schedule), key=lambda e: e.due)
    in_use = sorted({e.partition for e in merged})
    delay = made.windows.delay_ms
    one, least = WatermarkClock(delay), PartitionedWatermark(delay, len(in_use))
    first_one, first_all = {}, {}
    for event in merged:
        one.observe(event.time)
        least.observe(in_use.index(event.partition), event.time)
        for end in found.ends_ms.tolist():
            if one.has_passed(end):
                first_one.setdefault(end, event.due)
            if least.has_passed(end):
                first_all.setdefault(end, event.due)
    ends = found.ends_ms.tolist()
    closing = [first_one.get(end, schedule.load_end_ns) for end in ends]
    assert found.closing_ns.tolist() == closing
    assert found.by_end.tolist() == [end not in first_one for end in ends]
    slowest = [first_all.get(end, schedule.load_end_ns) for end in ends]
    assert found.partition_wait_ns.tolist() == [s - c for s, c in zip(slowest, closing, strict=True)]


def test_the_order_of_blocks_does_not_matter():
    made = small_config(num_producers=3)
    schedule = plan(made, NOW_NS)
    blocks = list(scheduled_events(made, schedule))
    forward, backward = closing_times(made, schedule, blocks), closing_times(made, schedule, blocks[::-1])
    assert forward.closing_ns.tolist() == backward.closing_ns.tolist()
    assert forward.first_id == backward.first_id
