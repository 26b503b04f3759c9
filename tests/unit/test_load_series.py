import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.verdict.load_series import LoadSeries
from windowbench.load.schedule import Schedule

MS = 1_000_000
S = 1_000_000_000
SCHEDULE = Schedule(epoch_ns=100 * S, base_time_ns=102 * S, measure_end_ns=104 * S, load_end_ns=105 * S)


def series(due, sent):
    found = LoadSeries(SCHEDULE)
    for begin in range(0, len(due), 3):
        found.add(events(due[begin : begin + 3], sent[begin : begin + 3]))
    return found.columns()


def events(due, sent):
    times = np.array(due, dtype=np.int64)
    zeros = np.zeros(len(times), dtype=np.int32)
    return ScheduledEvents(
        producer=0,
        first=0,
        due_ns=times,
        event_time_ns=times,
        sent_ns=np.array(sent, dtype=np.int64),
        partition=zeros,
    )


def test_seconds_are_counted_from_the_base_of_the_measured_phase():
    assert series([], [])["start_s"].tolist() == [-2, -1, 0, 1, 2]


def test_an_event_is_scheduled_when_it_was_due_and_sent_when_it_was_handed_over():
    found = series([101 * S, 102 * S - 1], [101 * S, 102 * S])
    assert found["scheduled"].tolist() == [0, 2, 0, 0, 0]
    assert found["sent"].tolist() == [0, 1, 1, 0, 0]


def test_lateness_belongs_to_the_second_the_event_was_due_in():
    found = series([100 * S, 100 * S + 1, 104 * S], [100 * S + 2 * MS, 100 * S + 1 + 6 * MS, 104 * S + 5000 * MS])
    assert found["lateness_mean_ms"][[0, 4]].tolist() == [4, 5000]
    assert found["lateness_max_ms"][[0, 4]].tolist() == [6, 5000]
    assert np.isnan(found["lateness_max_ms"][1:4]).all()


def test_an_event_that_was_never_sent_has_no_lateness():
    found = series([100 * S], [UNSENT])
    assert (found["scheduled"].sum(), found["sent"].sum()) == (1, 0)
    assert np.isnan(found["lateness_max_ms"]).all()


def test_what_was_sent_after_the_load_counts_in_its_last_second():
    assert series([105 * S - 1], [107 * S])["sent"].tolist() == [0, 0, 0, 0, 1]


@given(st.lists(st.tuples(st.integers(100 * S, 105 * S - 1), st.integers(-MS, 3 * S)), max_size=40))
def test_no_event_is_lost_and_extremes_are_kept(pairs):
    due = [a for a, _ in pairs]
    found = series(due, [a + b for a, b in pairs])
    assert found["scheduled"].sum() == found["sent"].sum() == len(pairs)
    if pairs:
        assert np.nanmax(found["lateness_max_ms"]) == pytest.approx(max(b for _, b in pairs) / MS)
