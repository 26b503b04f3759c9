"""When a run's load starts, which windows are measured and when it ends; each boundary by name."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS, NS_PER_S, Schedule, plan

CONFIG = Config().replace(window_size_sec=10.0, warmup_seconds=30.0, duration_seconds=60.0, cooldown_seconds=3.0)
MULTIPLE = 176_000_000 * 10 * NS_PER_S
"""A multiple of ten seconds since the Unix epoch, of our time."""


def ready_so_that_warm_up_ends_at(instant_ns: int, config: Config = CONFIG) -> int:
    return instant_ns - NS_PER_S - round(config.load.warmup_seconds * NS_PER_S)


def test_load_starts_one_second_after_everything_is_ready():
    assert plan(CONFIG, 123 * NS_PER_S).epoch_ns == 124 * NS_PER_S


def test_base_is_the_end_of_warm_up_when_that_is_exactly_a_multiple_of_the_window_size():
    assert plan(CONFIG, ready_so_that_warm_up_ends_at(MULTIPLE)).base_time_ns == MULTIPLE


def test_base_is_the_multiple_when_warm_up_ends_one_nanosecond_before_it():
    assert plan(CONFIG, ready_so_that_warm_up_ends_at(MULTIPLE - 1)).base_time_ns == MULTIPLE


def test_base_is_the_next_multiple_when_warm_up_ends_one_nanosecond_after_one():
    assert plan(CONFIG, ready_so_that_warm_up_ends_at(MULTIPLE + 1)).base_time_ns == MULTIPLE + 10 * NS_PER_S


def test_windows_count_from_the_unix_epoch_and_not_from_the_start_of_the_run():
    config = CONFIG.replace(window_size_sec=7.0)
    base = plan(config, MULTIPLE + 12_345).base_time_ns
    assert base % (7 * NS_PER_S) == 0
    assert base % (10 * NS_PER_S) != 0


def test_sliding_windows_start_at_a_multiple_of_the_size_not_of_the_slide_alone():
    config = CONFIG.replace(slide_sec=2.0)
    assert plan(config, ready_so_that_warm_up_ends_at(MULTIPLE + 1)).base_time_ns == MULTIPLE + 10 * NS_PER_S


def test_measuring_ends_one_duration_after_the_base_even_within_a_window():
    config = CONFIG.replace(duration_seconds=65.5)
    schedule = plan(config, ready_so_that_warm_up_ends_at(MULTIPLE))
    assert schedule.measure_end_ns == MULTIPLE + 65_500 * NS_PER_MS


def test_load_goes_on_for_the_watermark_delay_and_the_cool_down():
    schedule = plan(CONFIG, ready_so_that_warm_up_ends_at(MULTIPLE))
    assert schedule.load_end_ns == schedule.measure_end_ns + (3 + 3) * NS_PER_S
    assert schedule.load_length_ns == (30 + 60 + 6) * NS_PER_S


def test_a_run_without_warm_up_measures_from_the_first_window_after_its_epoch():
    config = CONFIG.replace(warmup_seconds=0)
    schedule = plan(config, MULTIPLE - NS_PER_S)
    assert schedule.base_time_ns == schedule.epoch_ns == MULTIPLE


def test_end_lies_beyond_every_window_a_run_can_open():
    a_week = 7 * 86_400 * NS_PER_S
    latest_start = 2 * MULTIPLE  # the year 2081
    assert latest_start + 2 * a_week < END_EVENT_TIME_NS


@given(
    now_ns=st.integers(0, 4_000_000_000 * NS_PER_S),
    size_ms=st.integers(1, 600_000),
    warmup_ms=st.integers(0, 600_000),
    delay_ms=st.integers(0, 60_000),
)
def test_for_any_run_the_base_is_the_first_window_start_at_or_after_warm_up(now_ns, size_ms, warmup_ms, delay_ms):
    config = Config().replace(
        window_size_sec=size_ms / 1000,
        warmup_seconds=warmup_ms / 1000,
        watermark_delay_sec=delay_ms / 1000,
        duration_seconds=600.0,
    )
    schedule = plan(config, now_ns)
    size_ns = size_ms * NS_PER_MS
    warm_up_ends = now_ns + NS_PER_S + warmup_ms * NS_PER_MS
    assert schedule.base_time_ns % size_ns == 0
    assert warm_up_ends <= schedule.base_time_ns < warm_up_ends + size_ns
    assert schedule.epoch_ns < schedule.measure_end_ns <= schedule.load_end_ns
    assert schedule.load_length_ns == schedule.load_end_ns - schedule.epoch_ns


def test_schedule_json_gives_the_schedule_back_exactly():
    schedule = plan(CONFIG, MULTIPLE + 987_654_321)
    assert Schedule.from_dict(json.loads(json.dumps(schedule.as_dict()))) == schedule
    assert list(schedule.as_dict()) == [field.name for field in dataclasses.fields(Schedule)]


def test_schedule_json_that_lacks_a_field_is_refused():
    values = plan(CONFIG, MULTIPLE).as_dict()
    del values["epoch_ns"]
    with pytest.raises(KeyError, match="epoch_ns"):
        Schedule.from_dict(values)
