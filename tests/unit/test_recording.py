"""Every event the producers recorded is ticked off in the topic; everything else is foreign."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.load.record import Record
from windowbench.orchestrate.recording import EventCheck

TIMES = [np.array([100, 101, 102]), np.array([100, 105])]


def record(key: bytes | None, timestamp_ms: int = 100) -> Record:
    return Record(0, 0, 0, timestamp_ms, key, b"{}")


def checked(*records: Record):
    check = EventCheck(TIMES)
    check.take(list(records))
    return check.as_dict({0: (0, len(records))})


STRANGE_KEYS = (
    None, b"", b"x", b"0:", b":0", b"0:3", b"2:0", b"-1:0", b"0:1:2", b"0:0,0:1", b" 0:1", b"0:1\n", "é:1".encode(),
    "²:1".encode(), b"0:" + b"1" * 25,
)  # fmt: skip
ALL = [record(b"0:0", 100), record(b"0:1", 101), record(b"0:2", 102), record(b"1:0", 100), record(b"1:1", 105)]


def totals(result, field):
    return [producer[field] for producer in result["producers"]]


def test_a_complete_topic_misses_nothing():
    result = checked(*ALL, record(b"END"), record(b"END"))
    assert totals(result, "seen") == [3, 2]
    assert totals(result, "missing") == totals(result, "duplicated") == totals(result, "time_mismatch") == [0, 0]
    assert (result["foreign"], result["end_records"]) == (0, 2)


def test_a_missing_event_is_named():
    result = checked(*ALL[:2], *ALL[3:])
    assert totals(result, "missing") == [1, 0]
    assert result["missing_examples"] == [[0, 2]]


def test_an_event_twice_in_the_topic_is_a_duplicate_not_a_replacement():
    result = checked(*ALL[:2], ALL[1], *ALL[3:])
    assert totals(result, "missing") == [1, 0]
    assert totals(result, "duplicated") == [1, 0]


def test_a_timestamp_other_than_the_recorded_one_is_counted():
    assert totals(checked(*ALL[:4], record(b"1:1", 106)), "time_mismatch") == [0, 1]


def test_what_no_producer_sent_is_foreign():
    strangers = [record(key) for key in STRANGE_KEYS]
    result = checked(*ALL, *strangers)
    assert result["foreign"] == len(strangers)
    assert totals(result, "seen") == [3, 2]


@pytest.mark.parametrize("key", STRANGE_KEYS)
def test_a_stranger_alone_is_foreign(key):
    assert checked(record(key))["foreign"] == 1


@given(st.lists(st.sampled_from([*ALL, record(b"END"), record(b"0:9"), record(b"0:0", 999)])), st.integers(1, 7))
def test_how_records_come_in_batches_does_not_matter(records, size):
    whole, parts = EventCheck(TIMES), EventCheck(TIMES)
    whole.take(records)
    for start in range(0, len(records), size):
        parts.take(records[start : start + size])
    assert whole.as_dict({}) == parts.as_dict({})
    assert sum(totals(whole.as_dict({}), "time_mismatch")) == sum(r.timestamp_ms == 999 for r in records)
