"""What the programs of a run are given, without starting one."""

from __future__ import annotations

from contextlib import ExitStack

from windowbench.errors import FAULTS
from windowbench.orchestrate.start import Launcher
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
        environment = launcher.environment()
        assert environment["TMPDIR"] == str(lock.temporary())
        assert environment[FAULTS] == str(run.logs)
    assert [path.name for path in tmp_path.iterdir()] == ["r1"]
