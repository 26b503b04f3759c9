"""The consumer beside a run: what the user is told, once, and what is left behind; the program itself is a fake."""

from __future__ import annotations

import pytest

from config import Config
from windowbench.errors import EnvironmentProblem
from windowbench.orchestrate import result_consumer
from windowbench.orchestrate.result_consumer import ResultConsumer
from windowbench.processes.messages import Message
from windowbench.runs.store import RunDirectory


class Said(dict):
    """The last message of each kind."""

    def __setitem__(self, kind, fields):
        super().__setitem__(kind, Message(kind, fields))


class Program:
    """What the consumer has said, and whether it lives."""

    def __init__(self):
        self.said, self.death, self.stopped = Said(), None, 0

    def latest(self, kind):
        return self.said.get(kind)

    def check(self):
        if self.death is not None:
            raise EnvironmentProblem(self.death)

    def stop(self, _timeout):
        self.stopped += 1


@pytest.fixture
def notes():
    return []


@pytest.fixture
def consumer(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(result_consumer, "_CATCH_UP_SECONDS", 0.0)
    run = RunDirectory.create(tmp_path / "run")
    made = ResultConsumer(Config().replace(postgres="embedded", run_id="run"), run, {}, notes.append)
    made._service = Program()
    made._service.said["ready"] = {"database": "host=/x", "group": "g"}
    return made


def progress(**position):
    return {"position": {name[1:]: offset for name, offset in position.items()}, "rows": 4, "foreign": 1}


def finished(consumer, log_ends):
    consumer.finish(log_ends)
    return consumer._run.read_json("consumer.json")


def test_a_database_that_is_away_is_told_once_and_so_is_its_return(consumer, notes):
    for kind in ("waiting", "resumed"):
        consumer._service.said[kind] = {"message": f"{kind} now"}
        for _ in range(3):
            consumer.watch()
    consumer._service.said["waiting"] = {"message": "waiting now"}
    consumer.watch()
    assert notes == [f"result consumer: {what} now" for what in ("waiting", "resumed", "waiting")]


def test_its_death_is_told_once_and_raises_nothing(consumer, notes):
    consumer._service.death = "consumer was killed by signal 9"
    for _ in range(3):
        consumer.watch()
    assert len(notes) == 1
    assert notes[0].startswith("the run goes on without it: consumer was killed by signal 9")


def test_one_that_has_caught_up_leaves_nothing(consumer, notes):
    consumer._service.said["progress"] = progress(p0=5, p1=7)
    assert finished(consumer, {0: 5, 1: 7}) == {
        "left": 0, "error": None, "rows": 4, "foreign": 1, "database": "host=/x", "group": "g"
    }  # fmt: skip
    assert notes == []
    assert consumer._service.stopped == 1


def test_one_that_does_not_catch_up_in_time_says_how_much_is_left(consumer, notes):
    consumer._service.said["progress"] = progress(p0=3)
    assert finished(consumer, {0: 5, 1: 7})["left"] == 9
    assert notes == ["result consumer: 9 records are not in PostgreSQL"]


def test_one_that_never_said_how_far_it_is_has_everything_left(consumer):
    assert finished(consumer, {0: 5})["left"] == 5


def test_one_that_has_died_is_not_waited_for(consumer, monkeypatch):
    monkeypatch.setattr(result_consumer, "_CATCH_UP_SECONDS", 1e9)
    consumer._service.death = "gone"
    word = finished(consumer, {0: 5})
    assert (word["left"], word["error"]) == (5, "gone")


def test_a_password_in_the_environment_is_masked_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "tr0ub4dor")
    run = RunDirectory.create(tmp_path / "run")
    made = ResultConsumer(Config().replace(postgres_dsn="service=x", run_id="run"), run, {}, print)
    assert made._service._redact("password tr0ub4dor refused") == "password ****** refused"
