"""Runs beside each other: who works in a directory is seen from everywhere, and what was recorded is judged in the end.

Runs here go through every phase with nothing behind them; what they recorded is put where they would have left it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import threading

import pytest

from config import Config, Loaded
from tests.unit.synthetic_run import RUN_ID, synthetic_run
from windowbench.campaigns import versus
from windowbench.compare.recorded import read_run
from windowbench.compare.run_list import list_body, prune_body
from windowbench.errors import EnvironmentProblem, ExitCode, run_program
from windowbench.orchestrate import benchmark as benchmarks
from windowbench.orchestrate import run as runs_of
from windowbench.orchestrate.leftovers import clean_up
from windowbench.orchestrate.prepare import run_directory
from windowbench.orchestrate.view import View
from windowbench.postgres.command import body as postgres_body
from windowbench.processes.runlock import HELD_NAME, LOCK_NAME, RunLock, clean_leftovers, holder_of
from windowbench.report.command import body as report_body
from windowbench.runs.store import RunDirectory, RunDirectoryProblem, claimed, first_unused


class Killed(BaseException):
    """SIGKILL, as far as it can be had here: nothing is done on the way out."""


def nothing(*_args, **_kwargs):
    return None


def leave_lock(directory, **changes):
    """Leave what a process of this machine that was killed leaves."""
    lock = {"host": os.uname().nodename, "pid": 1, "children": [], "scratch": []}
    (directory / LOCK_NAME).write_text(json.dumps(lock | changes))


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Give the settings of a run that is recorded without anything being started."""
    recorded = synthetic_run(rate=60.0)
    made = recorded.write(tmp_path / "made").path
    for name in ("_start", "_await_ready", "_send_load", "_drain"):
        monkeypatch.setattr(runs_of.Run, name, lambda *_: (None, None))
    monkeypatch.setattr(runs_of.Run, "_verify", lambda _, run: shutil.copytree(made, run.path, dirs_exist_ok=True))
    monkeypatch.setattr(runs_of, "EndWriter", nothing)
    monkeypatch.setattr(runs_of, "find_installation", nothing)
    monkeypatch.setattr(runs_of, "check_free_disk", nothing)
    monkeypatch.setattr(runs_of.Lifetime, "end_query", nothing)
    config = recorded.config.replace(runs_dir=str(tmp_path / "runs"))
    return Loaded(config=config, origins={}, arguments=argparse.Namespace())


def refused(body, *arguments, capsys):
    code = run_program(body, [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_run_is_in_use_until_it_is_judged_and_reported(loaded, tmp_path, monkeypatch, capsys):
    run = tmp_path / "runs" / RUN_ID
    seen = []

    def look(what, done):
        def looked(*arguments, **options):
            (run / "postgres" / "data").mkdir(parents=True, exist_ok=True)
            listed = refused(prune_body, "--runs-dir", run.parent, "--keep", "0", "--yes", capsys=capsys)[1]
            assert f"{RUN_ID} stays: process {os.getpid()}" in listed
            for body in (report_body, postgres_body):
                code, said = refused(body, run, capsys=capsys)
                assert code == ExitCode.ENVIRONMENT
                assert f"in use by process {os.getpid()}" in said
            assert clean_leftovers(run.parent) == []
            seen.append(what)
            return done(*arguments, **options)

        return looked

    monkeypatch.setattr(benchmarks, "_judged", look("judged", benchmarks._judged))
    monkeypatch.setattr(benchmarks, "leave_report", look("reported", benchmarks.leave_report))
    assert benchmarks.benchmark(loaded, view=View(), show=nothing) == ExitCode.OK
    assert seen == ["judged", "reported"]
    assert holder_of(run) is None
    assert not {LOCK_NAME, HELD_NAME} & {path.name for path in run.iterdir()}


@pytest.mark.parametrize("look", ["list", "report", "read", "clean up, then list"])
def test_a_run_that_was_killed_while_it_was_judged_is_judged_at_the_next_look(
    loaded, tmp_path, monkeypatch, capsys, look
):
    run = RunDirectory(tmp_path / "runs" / RUN_ID)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as while_judging:
        while_judging.setattr("windowbench.judge.judgement.judge_run", killed)
        while_judging.setattr(benchmarks, "_leave_word", nothing)
        with pytest.raises(Killed):
            benchmarks.benchmark(loaded, view=View(), show=nothing)
    leave_lock(run.path)
    assert not run.summary.exists()
    if look == "report":
        assert run_program(report_body, [str(run.path)]) == ExitCode.OK
    elif look == "read":
        read_run(str(run.path), samples=False)
    else:
        if look != "list":
            clean_up(run.path.parent, nothing)
        assert run_program(list_body, ["--runs-dir", str(run.path.parent), "--json"]) == ExitCode.OK
        assert json.loads(capsys.readouterr().out)[0]["verdict"] == "valid"
    assert run.read_json("verdict.json")["verdict"] == "valid"


def test_a_run_that_was_killed_before_it_had_recorded_everything_is_aborted(tmp_path):
    run = RunDirectory.create(tmp_path / "r1")
    run.write_config(Config())
    leave_lock(run.path)
    (tmp_path / "versus-1").mkdir()
    leave_lock(tmp_path / "versus-1")
    clean_up(tmp_path, nothing)
    assert run.read_status().status == "aborted"
    assert list((tmp_path / "versus-1").iterdir()) == [], "it is no run"


def together(count, make):
    """Call a function on so many threads at once and return what each made."""
    made, begin = [], threading.Barrier(count)

    def one():
        begin.wait()
        made.append(make())

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def test_runs_and_comparisons_that_begin_in_one_second_have_names_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda *_: "20260102-030405")
    config = Config().replace(runs_dir=str(tmp_path))
    assert len({run.run_id for run in together(8, lambda: run_directory(config))}) == 8
    made = together(8, lambda: first_unused("versus", lambda name: claimed(tmp_path / name)))
    assert {path.name for path in made} == {"versus", *(f"versus-{n}" for n in range(2, 9))}


def test_of_two_runs_that_were_given_one_name_one_is_refused(tmp_path):
    config = Config().replace(runs_dir=str(tmp_path), run_id="mine")

    def make():
        try:
            return run_directory(config)
        except RunDirectoryProblem as problem:
            return str(problem)

    made = together(4, make)
    assert sum(isinstance(one, RunDirectory) for one in made) == 1
    assert all(one.endswith("mine exists") for one in made if isinstance(one, str))


def test_a_comparison_that_goes_on_elsewhere_is_not_resumed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(versus, "read_plan", nothing)
    (tmp_path / "versus-1").mkdir()
    with RunLock(tmp_path / "versus-1"):
        code, said = refused(versus.body, "--resume", tmp_path / "versus-1", capsys=capsys)
    assert (code, "versus-1 is in use by process" in said) == (ExitCode.ENVIRONMENT, True)


def test_a_comparison_is_locked_from_its_plan_to_its_files(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(versus, "_carried_out", lambda directory, *_: held.append(holder_of(directory)) or 0)
    arguments = ["reference", "reference,rate=60", "--runs-dir", str(tmp_path)]
    assert versus.body(arguments) == 0
    assert held == [f"process {os.getpid()}"]
    (made,) = tmp_path.iterdir()
    assert holder_of(made) is None


@pytest.fixture
def of_another_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


@pytest.mark.usefixtures("of_another_user")
def test_a_run_of_another_user_is_refused_and_nothing_that_its_lock_names_is_touched(tmp_path, monkeypatch):
    with monkeypatch.context() as ours:
        ours.setattr(os, "geteuid", os.getuid)
        run = synthetic_run(rate=60.0).write(tmp_path)
    (run.path / "precious").touch()
    leave_lock(run.path, scratch=["precious"])
    with pytest.raises(RunDirectoryProblem, match=f"belongs to another user \\(uid {os.getuid()}\\)"):
        RunDirectory.open(run.path)
    assert clean_leftovers(tmp_path) == []
    assert (run.path / "precious").exists()
    read = read_run(str(run.path))
    assert (read.status, read.eligible) == ("damaged", False)
    (run.path / "versus.json").write_text("{}")
    with pytest.raises(EnvironmentProblem, match="belongs to another user"):
        versus.body(["--resume", str(run.path)])
