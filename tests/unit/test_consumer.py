"""The consumer without broker and database: which records are rows, what is written when, what a crash leaves."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import consumer
from consumer import PatientWriter, Transfer, rows_of
from tests.unit.test_ad_ctr_model import GOOD
from windowbench.errors import EnvironmentProblem
from windowbench.load.record import Record
from windowbench.postgres.connection import DatabaseAway
from windowbench.workloads.ad_ctr.model import MODEL, RESULT_TABLE

COLUMNS = RESULT_TABLE.columns


def record(offset=0, **changes):
    return Record(0, offset, 1, 5000 + offset, b"k", json.dumps({**GOOD, "run_id": "mine", **changes}).encode())


# --- which records are rows -------------------------------------------------------------------------------------------


def test_a_row_is_stored_field_by_field_with_where_it_stood_and_when_it_came():
    (row,) = rows_of([record(offset=7)], None, MODEL)
    stored = dict(zip(COLUMNS, row, strict=True))
    assert stored == {**GOOD, "run_id": "mine", "kafka_partition": 0, "kafka_offset": 7, "append_time": 5007}


def test_the_columns_of_the_table_are_those_of_the_result_row_then_those_of_the_topic():
    assert list(COLUMNS) == ["run_id", *MODEL.integers, *MODEL.doubles, *list(COLUMNS)[-3:]]


def test_the_run_id_comes_from_the_row_and_a_run_id_of_ours_leaves_others_out():
    records = [record(run_id="mine"), record(run_id="theirs")]
    assert [row[0] for row in rows_of(records, None, MODEL)] == ["mine", "theirs"]
    assert [row[0] for row in rows_of(records, "mine", MODEL)] == ["mine"]


@pytest.mark.parametrize("run_id", ["x" * 101, "a\0b", 5, None, ["mine"]])
def test_a_run_id_that_no_run_has_makes_no_row(run_id):
    assert rows_of([record(run_id=run_id)], None, MODEL) == []


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{", b"\xff", b'{"run_id":"mine"}'])
def test_what_is_no_row_is_left_out(value):
    assert rows_of([Record(0, 0, 1, 1, None, value)], None, MODEL) == []


# --- waiting for a database -------------------------------------------------------------------------------------------


class Away:
    """A database that answers from the n-th attempt on."""

    def __init__(self, failures):
        self.left, self.written, self.told, self.slept, self.revived = failures, [], [], [], 0
        self.writer = PatientWriter(self.write, self.revive, lambda *said: self.told.append(said), self.slept.append)

    def write(self, rows):
        if self.left:
            self.left -= 1
            raise DatabaseAway("gone fishing")
        self.written.append(list(rows))

    def revive(self):
        self.revived += 1


def test_a_database_that_is_there_is_written_to_at_once_and_nothing_is_said():
    database = Away(0)
    database.writer([("row",)])
    assert (database.written, database.told, database.slept) == ([[("row",)]], [], [])


def test_a_database_that_is_away_is_tried_again_with_longer_pauses_and_that_is_said_once():
    database = Away(9)
    database.writer([("row",)])
    assert database.written == [[("row",)]]
    assert database.slept == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]
    assert [kind for kind, _ in database.told] == ["waiting", "resumed"]
    assert "gone fishing; rows wait on the topic" in database.told[0][1]
    assert database.revived == 10


def test_the_next_outage_is_said_again_and_starts_with_a_short_pause():
    database = Away(1)
    database.writer([("row",)])
    database.left = 1
    database.writer([("row",)])
    assert [kind for kind, _ in database.told] == ["waiting", "resumed"] * 2
    assert database.slept == [0.25, 0.25]


def test_what_waiting_cannot_mend_goes_through():
    def refuse(_rows):
        raise EnvironmentProblem("no")

    with pytest.raises(EnvironmentProblem, match="no"):
        PatientWriter(refuse, lambda: None, lambda *_: None)([("row",)])


# --- what a crash leaves ----------------------------------------------------------------------------------------------


class Crash(Exception):
    """The process is killed."""


class Broker:
    """A topic of one partition, and how far the group has come; survives crashes."""

    def __init__(self, records):
        self.records, self.committed = records, 0


class Reader:
    """Reads in batches of some sizes from the committed offset on; may be killed before its n-th commit."""

    def __init__(self, broker, sizes, crash_at=None):
        self.broker, self.sizes, self.crash_at, self.commits = broker, itertools.cycle(sizes), crash_at, 0
        self.position = {0: broker.committed}

    def read(self, most, _timeout):
        start = self.position[0]
        batch = self.broker.records[start : start + min(most, next(self.sizes))]
        self.position = {0: start + len(batch)}
        return batch

    def commit(self):
        if self.commits == self.crash_at:
            raise Crash
        self.commits += 1
        self.broker.committed = self.position[0]
        return True


SIZES = st.lists(st.integers(0, 5), min_size=1).filter(any)


def dying(write, lives):
    """Return `write`, but for a crash before it writes for the n-th time."""
    calls = itertools.count()

    def one(rows):
        if next(calls) == lives:
            raise Crash
        write(rows)

    return one


@given(
    values=st.lists(st.booleans()),
    crashes=st.lists(st.tuples(st.sampled_from(["commit", "write"]), st.integers(0, 3)), max_size=4),
    sizes=st.lists(st.integers(0, 5), min_size=1).filter(any),
)
def test_however_often_it_is_killed_before_rows_or_offsets_every_row_is_written_before_its_offset_is_committed(
    values, crashes, sizes
):
    records = [record(n) if sound else Record(0, n, 1, n, None, b"") for n, sound in enumerate(values)]
    sound = {n for n, is_row in enumerate(values) if is_row}
    broker, written = Broker(records), set()

    def write(rows):
        written.update(row[-2] for row in rows)

    for place, number in crashes:
        write_or_die = dying(write, number) if place == "write" else write
        reader = Reader(broker, sizes, number if place == "commit" else None)
        transfer = Transfer(reader, write_or_die, lambda batch: rows_of(batch, None, MODEL))
        with contextlib.suppress(Crash):
            while not transfer.reached({0: len(records)}) or place == "commit":
                transfer.step()
        assert {n for n in sound if n < broker.committed} <= written
    transfer = Transfer(Reader(broker, sizes), write, lambda batch: rows_of(batch, None, MODEL))
    while not transfer.reached({0: len(records)}):
        transfer.step()
    assert broker.committed == len(records)
    assert written == sound


def test_rows_and_foreign_records_are_counted_and_the_position_is_what_is_in_the_database():
    broker = Broker([record(0), Record(0, 1, 1, 1, None, b"rubbish"), record(2)])
    transfer = Transfer(Reader(broker, [2]), lambda rows: None, lambda batch: rows_of(batch, None, MODEL))
    transfer.step()
    assert transfer.progress() == {"position": {"0": 2}, "rows": 1, "foreign": 1}
    assert not transfer.reached({0: 3})
    transfer.step()
    assert transfer.progress() == {"position": {"0": 3}, "rows": 2, "foreign": 1}
    assert transfer.reached({0: 3})


# --- the program ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no broker is named"),
        (["--bootstrap-servers=a:1"], "no database is named"),
        (["--bootstrap-servers=a:1", "--postgres=embedded", "--skip-consumers"], "skip_consumers"),
        (["--bootstrap-servers=a:1", "--postgres=embedded", "--postgres-dsn=service=x"], "two databases"),
        (["--bootstrap-servers=a:1", "--postgres-dsn=postgres://me:tr0ub4dor@db"], "PGPASSWORD"),
    ],
)
def test_a_usage_error_is_one_message_and_exit_code_2(argv, message, capsys):
    assert consumer.main(argv) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "tr0ub4dor" not in said.err + said.out


def test_the_embedded_database_of_no_run_needs_a_directory(capsys):
    assert consumer.main(["--bootstrap-servers=127.0.0.1:1", "--postgres=embedded"]) == 2
    assert "postgres_dir" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit):
        consumer.main(["--help"])
    assert "python consumer.py --config runs/RUN/config.json" in capsys.readouterr().out
