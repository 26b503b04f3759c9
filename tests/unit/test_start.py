"""What the programs of a run are given, without starting one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from config import Config
from windowbench.errors import FAULTS
from windowbench.load.salt import SALT
from windowbench.orchestrate.installation import Installation
from windowbench.orchestrate.start import Launcher, _let_pass
from windowbench.orchestrate.watch import Services
from windowbench.processes.runlock import RunLock
from windowbench.runs.store import RunDirectory


def test_what_a_program_writes_temporarily_goes_with_the_lock_and_its_tracebacks_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/of-the-user")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = RunDirectory(tmp_path / "r1")
    run.path.mkdir()
    with RunLock(run.path) as lock:
        launcher = Launcher(stack=ExitStack(), lock=lock, run=run, installation=None, services=Services())
        environment = launcher.environment(Config())
        assert environment["TMPDIR"] == str(lock.temporary())
        assert environment[FAULTS] == str(run.logs)
    assert [path.name for path in tmp_path.iterdir()] == ["r1"]


@dataclass
class Child:
    """A process that was never started."""

    pid: int = 1
    tag: str = ""
    mark: str = ""
    name: str = ""

    def stop(self, timeout):
        pass


def test_the_salt_of_a_blind_run_is_given_to_its_producers_alone_in_their_environment(tmp_path, monkeypatch):
    started = {}

    def start(command, *, name, env, redact, **_):
        started[name] = (command, env, redact)
        return Child(name=name)

    monkeypatch.setattr("windowbench.processes.process.start", start)
    monkeypatch.setenv(SALT, "of a run that goes on outside")
    config = Config().replace(engine="reference", cache_dir=str(tmp_path / "cache"), blind=True)
    run = RunDirectory.create(tmp_path / "r1")
    installation = Installation(cache_dir=tmp_path, java=None, broker_jars=[], engine_python=None)
    with ExitStack() as stack, RunLock(run.path) as lock:
        launcher = Launcher(stack=stack, lock=lock, run=run, installation=installation, services=Services())
        launcher.engine(config)
        launcher.observer(config)
        launcher.producers(config, "5a175a17")
    assert {name: env.get(SALT) for name, (_, env, _) in started.items()} == {
        "engine": None, "observer": None, "producers": "5a175a17"
    }  # fmt: skip
    assert not any("5a175a17" in word for command, _, _ in started.values() for word in command)
    assert started["producers"][2]("its salt is 5a175a17") == "its salt is ******"
    assert not any("5a175a17" in path.read_text() for path in run.path.rglob("*.*") if path.is_file())


@pytest.mark.parametrize(("user", "mode"), [(0, 0o711), (1000, 0o700)])
def test_the_database_of_root_gets_through_the_directory_of_its_run_and_no_other(tmp_path, monkeypatch, user, mode):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    search = RunDirectory.create(tmp_path / "search")
    probe = RunDirectory.create(search.path / "probes" / "one")
    other = RunDirectory.create(tmp_path / "other")
    _let_pass(probe.path)
    assert [run.path.stat().st_mode & 0o777 for run in (search, probe, other)] == [mode, mode, 0o700]
