"""What a load did not ask of an engine, found in its events and not in its settings."""

import numpy as np
import pytest

from config import Config
from tests.unit.synthetic_run import MS, NOW_NS, small_config
from windowbench.judge.truth.replay import ScheduledEvents, scheduled_events
from windowbench.judge.verdict.exercise import Exercise
from windowbench.load.schedule import NS_PER_S as S
from windowbench.load.schedule import Schedule, plan
from windowbench.runs.files.load import Hardship

ALL = set(Hardship)


def lacking(config):
    schedule = plan(config, NOW_NS)
    exercise = Exercise(config, schedule)
    for events in scheduled_events(config, schedule):
        exercise.add(events)
    return exercise.lacking()


def test_a_plain_load_has_none_of_them_in_their_order():
    assert lacking(small_config()) == tuple(Hardship)


@pytest.mark.parametrize(
    ("settings", "had"),
    [
        ({"out_of_order_share": 0.2, "out_of_order_extent_ms": 400}, {Hardship.DISORDER}),
        ({"too_late_share": 0.1, "late_guard_seconds": 2.0}, {Hardship.DISORDER, Hardship.LATE_EVENTS}),
        ({"partitions": 3, "idle_partitions": 1}, {Hardship.IDLE_PARTITION}),
        ({"data_generator": "mmpp"}, {Hardship.BURSTS}),
        ({"data_generator": "uniform"}, set()),
        ({"too_late_share": 0.1, "late_guard_seconds": 60.0}, set()),  # the load is too short for any to be placed
    ],
)
def test_what_is_in_the_load_is_not_lacking(settings, had):
    assert set(lacking(small_config(**settings))) == ALL - had


@pytest.mark.parametrize(("due_ms", "late"), [(2_999, False), (3_000, True)])
def test_an_event_is_late_once_the_watermark_delay_is_over_since_its_last_window_ended(due_ms, late):
    config = small_config(window_size_sec=2.0, slide_sec=1.0, watermark_delay_sec=1.0)
    exercise = Exercise(config, Schedule(epoch_ns=0, base_time_ns=0, measure_end_ns=60 * S, load_end_ns=62 * S))
    due, event_time = np.array([due_ms * MS]), np.array([0])
    exercise.add(
        ScheduledEvents(
            producer=0, first=0, due_ns=due, event_time_ns=event_time, sent_ns=due, partition=np.zeros(1, np.int32)
        )
    )
    assert (Hardship.LATE_EVENTS not in exercise.lacking()) == late


def test_revisions_are_late_events():
    config = Config().replace(workload="product_ctr", duration_seconds=20.0, rate=200.0, events_per_producer=None)
    assert {Hardship.DISORDER, Hardship.LATE_EVENTS}.isdisjoint(lacking(config))
