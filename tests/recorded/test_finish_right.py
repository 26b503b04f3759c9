"""Tests of whole runs forgive that a run was slow, and nothing else: held against runs that were recorded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.e2e.started import Program, headline
from tests.unit.synthetic_run import plain_engine, synthetic_run
from windowbench.judge.judgement import judge_run
from windowbench.report.run_files import run_text

TOO_SLOW_MS = 60_000


def ended(run, directory, *, code=None):
    """Return a program that has made this run, as a test would see it."""
    recorded = run.write(directory)
    judged = judge_run(recorded)
    temporary = directory.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    log = directory.parent / "stderr.log"
    log.write_text("what the program told\n", encoding="utf-8")
    process = SimpleNamespace(
        communicate=lambda **_: (run_text(recorded), None),
        returncode=judged.verdict.exit_code if code is None else code,
    )
    return Program(process=process, runs=directory, temporary=temporary, marker="", log=log)


@pytest.fixture
def runs(tmp_path):
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


def slow(run):
    run.results = plain_engine(run.config, run.schedule, run.events, batch_ms=TOO_SLOW_MS, end_after_ms=TOO_SLOW_MS)
    return run


def test_a_valid_run_is_right(runs):
    summary = ended(synthetic_run(), runs).finish_right()
    assert headline(summary) == "excess_ms"


def test_a_run_that_was_too_slow_is_right_and_has_nothing_that_ranks_it(runs):
    summary = ended(slow(synthetic_run()), runs).finish_right()
    assert summary["verdict"]["verdict"] == "unsustainable"
    assert headline(summary) is None


def wrong(run):
    run.result(3, 0).row["views"] += 1


def missing(run):
    run.results.remove(run.result(5, 0))


@pytest.mark.parametrize("was_slow", [False, True])
@pytest.mark.parametrize("flaw", [wrong, missing])
def test_a_row_that_is_wrong_or_missing_is_never_forgiven_and_the_whole_output_is_told(runs, flaw, was_slow):
    run = slow(synthetic_run()) if was_slow else synthetic_run()
    flaw(run)
    with pytest.raises(AssertionError, match="what the program told"):
        ended(run, runs).finish_right()


@pytest.mark.parametrize("code", [3, 10, 20, 21, 22, 130])
def test_an_exit_code_that_is_not_that_of_the_verdict_is_never_forgiven(runs, code):
    with pytest.raises(AssertionError, match="what the program told"):
        ended(synthetic_run(), runs, code=code).finish_right()


def test_what_is_left_where_temporary_files_belong_is_not_forgiven(runs):
    program = ended(synthetic_run(), runs)
    (program.temporary / "flink-io-1").mkdir()
    with pytest.raises(AssertionError):
        program.finish_right()
