"""Engines side by side by the real command: every run that can be made is made, compared and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.started import TINY, plain_engine, reasons_but_speed, start
from windowbench.errors import ExitCode
from windowbench.runs.files.verdict import Status

pytestmark = pytest.mark.all

RUNS = 3


def finish(program):
    try:
        return program.finish()
    finally:
        program.kill_all()


def test_two_engines_are_compared_though_a_third_fails_and_it_alone_is_run_again_on_resume(tmp_path):
    _, delayed = plain_engine("--delay-ms=60")
    arms = ("reference", "command", "command,engine_command=false")
    first = start(tmp_path, "windowbench", "versus", *arms, "--repeats=1", "--run-id=v", delayed, *TINY)
    code = finish(first)
    content = json.loads((tmp_path / "runs" / "v" / "comparison.json").read_text())
    ended = {run["arm"]: end_of_right_run(run) for run in content["runs"] if run["arm"] != arms[2]}
    assert code == max(ExitCode.ENGINE_FAILED, *ended.values()), first.errors
    assert [arm["label"] for arm in content["arms"]] == list(arms)
    compared = [ended[label] is ExitCode.OK for label in arms[:2]]
    assert [arm["repeats"] for arm in content["arms"]] == [*compared, 0]
    assert {run["seed"] for run in content["runs"]} == {42}
    p50 = [d for d in content["differences"] if (d["metric"], d["percent"]) == ("excess_ms", 50)]
    # Of four windows nothing can be said.
    assert [(d["arm"], d["conclusion"]) for d in p50] == [("command", "undecided")] * all(compared)
    assert (tmp_path / "runs" / "v" / "comparison.md").read_text().startswith("### comparison `v`")
    page = (tmp_path / "runs" / "v" / "comparison.html").read_text(encoding="utf-8")
    assert ('id="plot-windows"' in page) == any(compared)
    assert "engine ended" in page
    for number, line in enumerate(run_lines(first), start=1):
        assert line.startswith(f"run {number} of {RUNS}: ")
    assert len(run_lines(first)) == RUNS
    assert first.output.startswith("verdict: compared in part")

    again = start(tmp_path, "windowbench", "versus", f"--resume={tmp_path / 'runs' / 'v'}")
    assert finish(again) == code, again.errors
    assert sorted(line.endswith("done before") for line in run_lines(again)) == [False, True, True]
    assert (tmp_path / "runs" / "v-1-command-2-again2").is_dir()


def end_of_right_run(run):
    """Return the exit code that a run of a comparison stands for; too slow it may have been, but not wrong."""
    verdict = json.loads((Path(run["directory"]) / "verdict.json").read_text())
    assert reasons_but_speed(verdict) == []
    return Status(verdict["verdict"]).exit_code


def run_lines(program):
    return [line for line in program.errors.splitlines() if line.startswith("run ") and " of " in line]
