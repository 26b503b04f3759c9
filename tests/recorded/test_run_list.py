"""``list`` and ``prune``."""

import json
import os
import subprocess
import sys

import pytest

from tests.unit.finished_run import NOW_NS, finished_run
from windowbench.compare.run_list import chosen_runs, list_body, listed_runs, prune_body
from windowbench.errors import ExitCode, run_program
from windowbench.load.schedule import NS_PER_S
from windowbench.processes.runlock import RunLock

HOSTILE = "evil\x1b[2J\n|name"


@pytest.fixture
def runs_dir(tmp_path):
    """Give a directory with three runs and with what is none."""
    runs = tmp_path / "runs"
    for name, started in (("old", 1), ("mid", 2), ("new", 3)):
        finished_run(runs, name, verdict="invalid" if name == "mid" else "valid", reasons=["a row is wrong"])
        schedule = runs / name / "schedule.json"
        times = json.loads(schedule.read_text())
        schedule.write_text(json.dumps({key: ns + started * 86_400 * NS_PER_S for key, ns in times.items()}))
    (runs / "versus-1").mkdir()
    (runs / "versus-1" / "comparison.json").write_text("{}")
    (runs / "notes").mkdir()
    (runs / "notes" / "config.json").write_text("mine")
    (runs / "file").write_text("mine")
    (runs / "link").symlink_to(finished_run(tmp_path / "elsewhere", "linked"))
    return runs


def run(capsys, body, *arguments):
    code = run_program(body, [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def names(runs_dir):
    return {path.name for path in runs_dir.iterdir()}


def test_runs_are_listed_newest_first_with_verdict_headline_engine_and_load(capsys, runs_dir):
    code, out, _ = run(capsys, list_body, "--runs-dir", runs_dir)
    assert code == ExitCode.OK
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "new", "mid", "old"]
    assert "valid" in lines[1]
    assert "excess_ms P90 " in lines[1]
    assert "spark, poisson 1000/s" in lines[1]
    assert "invalid" in lines[2]


def test_the_list_is_json_on_request(capsys, runs_dir):
    code, out, _ = run(capsys, list_body, "--runs-dir", runs_dir, "--json")
    assert code == ExitCode.OK
    newest = json.loads(out)[0]
    assert (newest["run_id"], newest["verdict"], newest["engine"]) == ("new", "valid", "spark")
    assert newest["headline"]["name"] == "excess_ms"
    assert newest["started"].startswith("2025-10-1")


def test_a_damaged_run_and_one_with_a_hostile_name_are_listed(capsys, runs_dir):
    (runs_dir / "old" / "summary.json").write_text("{")
    (runs_dir / "mid").rename(runs_dir / HOSTILE)
    _, out, _ = run(capsys, list_body, "--runs-dir", runs_dir)
    assert "damaged" in out
    assert "evil\\x1b[2J\\x0a|name" in out
    assert all(char == "\n" or char.isprintable() for char in out)


def test_without_runs_that_is_said_and_without_the_directory_it_is_an_error(capsys, tmp_path):
    assert run(capsys, list_body, "--runs-dir", tmp_path)[1].startswith("there are no runs")
    code, _, err = run(capsys, list_body, "--runs-dir", tmp_path / "none")
    assert (code, "there is no directory" in err) == (ExitCode.ENVIRONMENT, True)


def test_without_yes_nothing_is_removed(capsys, runs_dir):
    before = names(runs_dir)
    code, out, _ = run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "1")
    assert code == ExitCode.OK
    assert "mid would be removed (invalid)" in out
    assert "nothing was removed; give --yes" in out
    assert names(runs_dir) == before


@pytest.mark.parametrize(
    ("flags", "gone"),
    [
        (["--keep", "1"], {"mid", "old"}),
        (["--keep", "0"], {"new", "mid", "old"}),
        (["--invalid"], {"mid"}),
        (["--older-than", "1d"], {"new", "mid", "old"}),
        (["--keep", "2", "--invalid"], set()),
        (["--keep", "9"], set()),
    ],
)
def test_runs_go_for_which_all_conditions_hold_and_what_is_no_run_stays(capsys, runs_dir, flags, gone):
    before = names(runs_dir)
    assert run(capsys, prune_body, "--runs-dir", runs_dir, *flags, "--yes")[0] == ExitCode.OK
    assert before - names(runs_dir) == gone
    assert (runs_dir / "link" / "config.json").is_file()


def test_age_is_that_of_the_load_at_and_above_the_bound(runs_dir):
    runs = listed_runs(runs_dir)
    day = 86_400
    now = runs[0].started_ns + 2 * day * NS_PER_S
    older = chosen_runs(runs, now_ns=now, older_than=3 * day, keep=None, invalid=False)
    assert [r.read.run_id for r in older] == ["old"]
    assert runs[2].started_ns // NS_PER_S == NOW_NS // NS_PER_S + 1 + day


def test_a_run_that_is_going_on_stays(capsys, runs_dir):
    with RunLock(runs_dir / "old"):
        _, out, _ = run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "1", "--yes")
    assert f"old stays: process {os.getpid()} works in it" in out
    assert "old" in names(runs_dir)
    assert "mid" not in names(runs_dir)


def test_a_run_that_a_comparison_still_needs_stays_until_that_is_over(capsys, runs_dir):
    plan = runs_dir / "versus-1"
    (plan / "versus.json").write_text(json.dumps({"runs": [{"run_id": "old"}, {"run_id": "mid"}]}))
    with RunLock(plan):
        _, out, _ = run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "0", "--yes")
    assert f"old stays: process {os.getpid()} works in it" in out
    assert names(runs_dir) >= {"old", "mid"}
    assert "new" not in names(runs_dir)
    run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "0", "--yes")
    assert not {"old", "mid"} & names(runs_dir)


def test_a_run_of_another_user_stays(capsys, runs_dir, monkeypatch):
    before = names(runs_dir)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    _, out, _ = run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "0", "--yes")
    assert "old stays: it belongs to another user" in out
    assert names(runs_dir) == before


def test_a_run_whose_broker_was_kept_stays(capsys, runs_dir):
    properties = runs_dir / "old" / "broker.properties"
    waits = subprocess.Popen(
        [sys.executable, "-c", "input()", str(properties.resolve())], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        _, out, _ = run(capsys, prune_body, "--runs-dir", runs_dir, "--keep", "2", "--yes")
    finally:
        waits.communicate(b"\n")
    assert f"old stays: process {waits.pid} works in it" in out
    assert "old" in names(runs_dir)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "say which runs"),
        (["--older-than", "7"], "such as 7d"),
        (["--older-than", "-1d"], "expected one argument"),
        (["--keep", "-1"], "whole number"),
        (["--keep", "few"], "whole number"),
        (["--kep", "1"], "did you mean --keep?"),
    ],
)
def test_wrong_usage_is_refused_and_nothing_removed(capsys, runs_dir, flags, words):
    before = names(runs_dir)
    code, _, err = run(capsys, prune_body, "--runs-dir", runs_dir, *flags, "--yes")
    assert code == ExitCode.USAGE
    assert words in err
    assert names(runs_dir) == before
