import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures.latency import PARTS, RowTimes, impossible, row_latencies

MS = 1_000_000
DELAY_MS = 3_000
ROW = {
    "append_ns": 13_900 * MS,
    "window_end_ns": 10_000 * MS,
    "closing_ns": 13_020 * MS,
    "greatest_produce_ns": 9_995 * MS,
    "newest_produce_ns": 9_991 * MS,
    "last_due_ns": 9_990 * MS,
    "last_sent_ns": 9_994 * MS,
}


def latencies(**changes):
    columns = {name: np.array([value], dtype=np.int64) for name, value in {**ROW, **changes}.items()}
    return row_latencies(RowTimes(**columns, delay_ns=DELAY_MS * MS))


@pytest.mark.parametrize(
    ("name", "ms"),
    [
        ("e2e", 3_905),
        ("since_window_end", 3_900),
        ("excess", 880),
        ("freshness", 3_909),
        ("send_lateness", 4),
        ("wait_for_window_end", 6),
        ("watermark_delay", 3_000),
        ("gap_to_closing_event", 20),
        ("total", 3_910),
    ],
)
def test_definition(name, ms):
    assert getattr(latencies(), name).tolist() == [ms * MS]


def test_wait_for_the_window_end_is_negative_when_the_last_event_was_sent_after_it():
    assert latencies(last_sent_ns=10_200 * MS).wait_for_window_end.tolist() == [-200 * MS]


instants = st.integers(0, 2**62)


@given(st.lists(st.tuples(*[instants] * 7), min_size=1, max_size=5), st.integers(0, 10**13))
def test_the_parts_add_up_exactly_to_append_time_minus_due_of_the_last_event(rows, delay):
    columns = zip(*rows, strict=True)
    times = {name: np.array(column, dtype=np.int64) for name, column in zip(ROW, columns, strict=True)}
    found = row_latencies(RowTimes(**times, delay_ns=delay))
    added = sum(getattr(found, name).astype(object) for name in PARTS)
    assert added.tolist() == found.total.tolist() == (times["append_ns"] - times["last_due_ns"]).tolist()


@pytest.mark.parametrize(
    ("changes", "bound_ns", "counted"),
    [
        pytest.param({"greatest_produce_ns": 13_900 * MS}, 0, (0, 0, 0), id="e2e exactly 0"),
        pytest.param({"greatest_produce_ns": 13_900 * MS + 1}, 0, (1, 0, 0), id="e2e one ns below 0"),
        pytest.param({"newest_produce_ns": 13_900 * MS + 1}, 0, (0, 1, 0), id="freshness one ns below 0"),
        pytest.param({"closing_ns": 13_902 * MS}, 0, (0, 0, 0), id="excess exactly -2 ms"),
        pytest.param({"closing_ns": 13_902 * MS + 1}, 0, (0, 0, 1), id="excess one ns below -2 ms"),
        pytest.param({"closing_ns": 13_903 * MS}, 1 * MS, (0, 0, 0), id="excess at -2 ms less the clock bound"),
        pytest.param({"greatest_produce_ns": 13_901 * MS}, 1 * MS, (0, 0, 0), id="e2e at the clock bound"),
    ],
)
def test_impossible_latencies_are_counted(changes, bound_ns, counted):
    found = latencies(**changes)
    assert dataclasses.astuple(impossible(found, found.freshness, bound_ns)) == counted


def test_impossible_latencies_are_neither_clipped_nor_dropped():
    found = latencies(greatest_produce_ns=14_000 * MS)
    assert found.e2e.tolist() == [-100 * MS]
    assert len(found) == 1
