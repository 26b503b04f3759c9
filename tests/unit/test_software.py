"""Which software made a run."""

from __future__ import annotations

import re

import pytest

from windowbench.orchestrate.environment import describe_environment
from windowbench.orchestrate.software import clone_state, kafka_of_jars
from windowbench.processes.process import run_briefly
from windowbench.toolchain.jars import kinds_of

NOTHING = {"commit": None, "clean": None}


def git(directory, *words):
    identity = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    done = run_briefly(["git", "-C", str(directory), *identity, *words], timeout=60.0)
    assert done.code == 0, done.output
    return done.output.strip()


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "file").write_text("as committed")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_a_clone_has_a_commit_and_is_clean_until_a_file_of_it_is_changed(clone):
    head = git(clone, "rev-parse", "HEAD")
    (clone / "notes").write_text("mine")
    assert clone_state(clone) == {"commit": head, "clean": True}
    (clone / "file").write_text("changed")
    assert clone_state(clone) == {"commit": head, "clean": False}


def test_of_which_repository_a_hook_speaks_is_of_no_interest(clone, monkeypatch):
    head = git(clone, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    assert clone_state(clone)["commit"] == head


def test_what_lies_within_the_clone_of_something_else_has_no_commit(clone):
    (clone / "inside").mkdir()
    assert clone_state(clone / "inside") == NOTHING


def test_without_history_or_without_git_nothing_fails(tmp_path, monkeypatch):
    assert clone_state(tmp_path) == NOTHING
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clone_state() == NOTHING


def test_the_kafka_of_every_kind_of_jars_is_known():
    found = kafka_of_jars(kinds_of())
    assert found.keys() == set(kinds_of())
    assert re.fullmatch(r"[0-9.]+", found["broker"]["org.apache.kafka"])
    assert kafka_of_jars([]) == {}


def test_a_run_says_which_software_made_it(tmp_path):
    environment = describe_environment(tmp_path, java="21", broker={}, jars=["broker"])
    assert environment["windowbench"] == clone_state()
    assert environment["kafka_jars"].keys() == {"broker"}
    assert {"pyspark", "confluent-kafka", "numpy", "pyarrow"} <= environment["packages"].keys()
    assert environment["java"] == "21"
    assert environment["python"]
