"""Engines side by side by the real command: every run that can be made is made, compared and kept."""

from __future__ import annotations

import json

import pytest

from tests.e2e.started import TINY, plain_engine, start
from windowbench.errors import ExitCode

RUNS = 3
PATIENT = (*TINY, "--watermark-delay-sec=2")
"""A machine that is busy makes producers late, and this test is not about that."""


def finish(program):
    try:
        return program.finish()
    finally:
        program.kill_all()


@pytest.mark.timeout(240)
def test_two_engines_are_compared_though_a_third_fails_and_it_alone_is_run_again_on_resume(tmp_path):
    _, delayed = plain_engine("--delay-ms=60")
    arms = ("none", "command", "command,engine_command=false")
    first = start(tmp_path, "windowbench", "versus", *arms, "--repeats=1", "--run-id=v", delayed, *PATIENT)
    assert finish(first) == ExitCode.ENGINE_FAILED, first.errors
    content = json.loads((tmp_path / "runs" / "v" / "comparison.json").read_text())
    assert [arm["label"] for arm in content["arms"]] == list(arms)
    assert [arm["repeats"] for arm in content["arms"]] == [1, 1, 0]
    assert {run["seed"] for run in content["runs"]} == {42}
    p50 = next(d for d in content["differences"] if (d["metric"], d["percent"]) == ("excess_ms", 50))
    assert p50["arm"] == "command"
    assert p50["conclusion"] == "undecided"  # of four windows nothing can be said
    assert (tmp_path / "runs" / "v" / "comparison.md").read_text().startswith("### comparison `v`")
    page = (tmp_path / "runs" / "v" / "comparison.html").read_text(encoding="utf-8")
    assert 'id="plot-windows"' in page
    assert "engine ended" in page
    for number, line in enumerate(run_lines(first), start=1):
        assert line.startswith(f"run {number} of {RUNS}: ")
    assert len(run_lines(first)) == RUNS
    assert "not compared:" in first.output

    again = start(tmp_path, "windowbench", "versus", f"--resume={tmp_path / 'runs' / 'v'}")
    assert finish(again) == ExitCode.ENGINE_FAILED, again.errors
    assert sorted(line.endswith("done before") for line in run_lines(again)) == [False, True, True]
    assert (tmp_path / "runs" / "v-1-command-2-again2").is_dir()


def run_lines(program):
    return [line for line in program.errors.splitlines() if line.startswith("run ") and " of " in line]
