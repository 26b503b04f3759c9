"""What the programs of a run are given, without starting one."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from config import Config
from windowbench.errors import FAULTS
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


@pytest.mark.parametrize(("user", "mode"), [(0, 0o711), (1000, 0o700)])
def test_the_database_of_root_gets_through_the_directory_of_its_run_and_no_other(tmp_path, monkeypatch, user, mode):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    search = RunDirectory.create(tmp_path / "search")
    probe = RunDirectory.create(search.path / "probes" / "one")
    other = RunDirectory.create(tmp_path / "other")
    _let_pass(probe.path)
    assert [run.path.stat().st_mode & 0o777 for run in (search, probe, other)] == [mode, mode, 0o700]
