"""The search for the highest sustainable rate, by its command, with real brokers and engines."""

from __future__ import annotations

import json
import signal

import pytest

from tests.e2e.started import TINY, WIDE, Program, plain_engine, reasons_but_speed, start, wait_for
from windowbench.errors import ExitCode

pytestmark = pytest.mark.all

SHORT = (
    *TINY,
    *WIDE,
    "--window-size-sec=0.4",
    "--duration=4",
    "--full-warmup=1",
    "--full-duration=4",
    "--lowest-rate=200",
)

SEARCHED = {ExitCode.OK, ExitCode.RUN_INVALID, ExitCode.VERDICT_UNKNOWN, ExitCode.UNSUSTAINABLE}
"""How a search ends that could be made, on a machine of any speed."""


@pytest.fixture
def search(tmp_path):
    """Start searches; whatever happens, nothing survives the test."""
    programs: list[Program] = []

    def starter(*arguments: str) -> Program:
        program = start(tmp_path, "windowbench", "capacity", *arguments)
        programs.append(program)
        return program

    yield starter
    for program in programs:
        program.kill_all()


def runs_of(program):
    """Return what each probe's own directory says, by its number."""
    directories = sorted((program.run / "probes").iterdir())
    return [json.loads((directory / "summary.json").read_text()) for directory in directories]


def rates_of(program):
    return [(probe["rate"], probe["full"], probe["outcome"]) for probe in program.json("capacity.json")["probes"]]


def test_the_highest_rate_allowed_is_confirmed_by_a_run_like_any_other_unless_the_machine_was_too_slow(search):
    program = search(*SHORT, "--engine=reference", "--rate=400", "--highest-rate=400")
    code = program.finish()
    program.await_gone()
    found, probes = program.json("capacity.json")["found"], rates_of(program)
    confirmed = (400, True, "sustainable") in probes
    assert (code == ExitCode.OK) == found["confirmed"], program.errors + program.output
    assert (found["rate"] == 400 and found["confirmed"]) == confirmed, program.output
    if confirmed:
        known = {"bound": None, "limited_by": None, "converged": True, "lower_bound": True}
        assert found == {"rate": 400, "confirmed": True, **known}
        assert "at least 400 events/s sustained (a full run confirmed it)" in program.output
        assert "full run confirmed it" in (program.run / "capacity.html").read_text()
        assert "| 400 | sustainable (full run) |" in (program.run / "capacity.md").read_text()
    for summary in runs_of(program):
        assert reasons_but_speed(summary["verdict"]) == []
    assert len(list(program.run.glob("probes/*/report.html"))) == sum(full for _, full, _ in probes)
    assert not list(program.run.glob("probes/*/broker")), "the broker's data went with it"


def test_an_engine_that_misses_the_objective_at_every_rate_is_told_so_by_the_exit_code(search):
    program = search(*SHORT, *plain_engine("--delay-ms=300"), "--slo=excess_p50_ms<=200")
    code = program.finish()
    outcomes = {outcome for _, _, outcome in rates_of(program)}
    assert code != ExitCode.OK, "no machine is faster than this engine"
    assert outcomes
    assert "sustainable" not in outcomes
    if outcomes == {"SLO missed"}:
        assert code == ExitCode.THRESHOLD_MISSED, program.errors + program.output
        assert rates_of(program) == [(200, False, "SLO missed")] * 2
        assert "excess_p50_ms<=200" in program.output


def test_an_interrupted_search_leaves_what_it_knows_and_no_process(search):
    program = search(*SHORT, "--engine=reference")
    wait_for(lambda: "· probe 2" in program.log.read_text(), program.log.read_text)
    program.process.send_signal(signal.SIGINT)
    assert program.finish() == 130
    program.await_gone()
    kept = program.json("capacity.json")
    assert (kept["status"], kept["found"]) == ("aborted", None)
    assert [probe["rate"] for probe in kept["probes"]] == [200]


def test_a_benchmark_that_is_killed_takes_its_search_with_it(tmp_path):
    program = start(tmp_path, "benchmarks.capacity", "--engines=reference", *SHORT)
    try:
        wait_for(lambda: bool(list(program.runs.glob("*/probes/*/schedule.json"))), program.log.read_text)
        program.process.kill()
        program.process.wait()
        program.await_gone()
    finally:
        program.kill_all()
    assert program.json("capacity.json")["status"] == "aborted", "it was asked, and had time to say so"
    assert [name for name in program.temporary_files() if name.startswith("windowbench-")] == []


@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_one_warm_engine_serves_run_after_run_and_each_is_exact(search, engine):
    load = ("--profile=smoke", "--rate=300", "--highest-rate=300")
    times = ("--window-size-sec=0.5", "--warmup=2", "--duration=5")
    # On a busy machine END may come later than an idle time-out after the last event; Spark has none.
    never_idle = ("--idle-timeout-ms=0",) if engine == "flink" else ()
    limits = ("--full-warmup=2", "--full-duration=5", "--most-probes=2")
    program = search(*load, *times, *WIDE, *never_idle, f"--engine={engine}", *limits)
    # Whether the rate is sustained is for the machine to say; that each run is right, for this test.
    assert program.finish() in SEARCHED, program.errors
    program.await_gone()
    assert len(runs_of(program)) >= 2
    for summary in runs_of(program):
        assert reasons_but_speed(summary["verdict"]) == []
        assert summary["rows"]["foreign"] == summary["generator"]["foreign"] == 0
    assert len(list(program.run.glob("probes/*/logs/engine.log"))) == 1, "further runs found the engine running"
