"""What became of every offset of a log: committed, aborted, a marker, unfinished, or removed."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.kafka.log_account import Batch, Marker, account
from windowbench.runs.files.topics import LogAccount


def plain(first, last, records=None):
    return Batch(first=first, last=last, records=last + 1 - first if records is None else records)


def written(first, last, producer=7):
    return Batch(first=first, last=last, records=last + 1 - first, transactional=True, producer=producer)


def ended(offset, how, producer=7):
    return Batch(first=offset, last=offset, records=1, transactional=True, producer=producer, marker=how)


def parts(found: LogAccount):
    places = ("begin", "begins_at", "end")
    return {name: value for name, value in dataclasses.asdict(found).items() if value and name not in places}


def whole(*batches, begin=0, begins_at=None, end=None):
    last = max((batch.last for batch in batches), default=begin - 1)
    return parts(
        account(
            batches,
            begin=begin,
            begins_at=begin if begins_at is None else begins_at,
            end=last + 1 if end is None else end,
        )
    )


def test_an_empty_log_has_nothing():
    assert whole() == {}


def test_every_offset_of_plain_batches_is_a_committed_record():
    assert whole(plain(0, 9), plain(10, 10)) == {"committed": 11}


def test_a_transaction_counts_when_its_marker_commits_it():
    assert whole(written(0, 4), ended(5, Marker.COMMIT)) == {"committed": 5, "in_transactions": 5, "markers": 1}


def test_a_transaction_that_its_marker_aborts_does_not_count():
    assert whole(written(0, 4), ended(5, Marker.ABORT)) == {"aborted": 5, "markers": 1}


def test_a_marker_ends_the_transaction_of_its_own_producer_alone():
    found = whole(written(0, 1, producer=1), written(2, 4, producer=2), ended(5, Marker.COMMIT, producer=1))
    assert found == {"committed": 2, "in_transactions": 2, "markers": 1, "unfinished": 3}


def test_what_lies_before_a_begin_that_moved_was_removed():
    assert whole(plain(4, 9), begins_at=4) == {"committed": 6, "removed": 4}


def test_a_begin_that_moved_into_a_batch_removes_the_records_before_it_alone():
    assert whole(plain(0, 9), begins_at=4) == {"committed": 6, "removed": 4}


def test_a_log_of_which_all_was_removed_has_nothing_but_that():
    assert whole(begins_at=10, end=10) == {"removed": 10}


def test_a_gap_between_batches_was_removed():
    assert whole(plain(0, 3), plain(6, 9)) == {"committed": 8, "removed": 2}


def test_records_compacted_out_of_a_batch_were_removed():
    assert whole(plain(0, 9, records=7)) == {"committed": 7, "removed": 3}


def test_a_log_that_ends_before_its_end_lacks_what_is_between():
    assert whole(plain(0, 3), end=6) == {"committed": 4, "removed": 2}


def test_what_was_there_before_the_run_is_not_looked_at():
    assert whole(plain(0, 4), plain(5, 9), begin=5) == {"committed": 5}


def test_a_batch_behind_the_end_is_not_looked_at():
    assert whole(plain(0, 3), plain(4, 9), end=4) == {"committed": 4}


batches = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["plain", "written", "commit", "abort"]), st.integers(1, 3)),
    max_size=30,
)


@given(batches, st.data())
def test_every_offset_is_accounted_for_once_wherever_the_log_begins(kinds, data):
    log, offset = [], 0
    for size, kind, producer in kinds:
        if kind in ("commit", "abort"):
            log.append(ended(offset, Marker[kind.upper()], producer))
            offset += 1
        else:
            make = plain if kind == "plain" else lambda a, b, who=producer: written(a, b, who)
            log.append(make(offset, offset + size - 1))
            offset += size
    begin = data.draw(st.integers(0, offset))
    begins_at = data.draw(st.integers(begin, offset))
    found = account(log, begin=begin, begins_at=begins_at, end=offset)
    total = found.committed + found.aborted + found.markers + found.unfinished + found.removed
    assert total == offset - begin
    assert found.removed == begins_at - begin


@pytest.mark.parametrize("left_out", range(4))
def test_whatever_batch_is_gone_is_removed(left_out):
    log = [plain(0, 3), plain(4, 4), plain(5, 8), plain(9, 9)]
    gone = log.pop(left_out)
    assert whole(*log, end=10)["removed"] == gone.records
