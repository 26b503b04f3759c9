"""Whole runs on a real broker with an engine in plain Python: how they end, and that nothing outlives them."""

from __future__ import annotations

import signal

import psutil
import pytest

from tests.e2e.started import TINY, Program, plain_engine, start, wait_for
from tests.patience import LASTING

MASTER = "master_code_spark.py"

pytestmark = pytest.mark.all


@pytest.fixture
def run(tmp_path):
    """Start runs of the master program; whatever happens, nothing survives the test."""
    programs: list[Program] = []

    def starter(*arguments: str, defect: str = "none", **options) -> Program:
        directory = tmp_path / f"run{len(programs)}"
        directory.mkdir()
        program = start(directory, MASTER, *TINY, *plain_engine("--defect", defect), *arguments, **options)
        programs.append(program)
        return program

    yield starter
    for program in programs:
        program.kill_all()


def services(program: Program) -> dict[str, int]:
    """Return the guard pid of every service, as the run lock names them."""
    return {child["name"]: child["pid"] for child in program.json("lock.json")["children"]}


def worker_of(guard_pid: int) -> psutil.Process:
    """Return the service's own process, which hangs below its guard."""
    return psutil.Process(guard_pid).children()[0]


def test_a_run_is_exact_and_leaves_files_and_no_process(run):
    program = run("--data-generator=uniform")
    summary = program.finish_right()
    program.await_gone()
    assert summary["status"] == "completed"
    assert (program.run / "latency_report_2_200_uniform.csv").read_text().startswith("window_id,max_latency_ms\n")
    assert [phase["name"] for phase in program.json("timeline.json")["phases"]] == [
        "prepare", "start", "ready", "warm-up", "measure", "cool-down", "drain", "stop", "verify", "report",
    ]  # fmt: skip
    assert not (program.run / "broker").exists(), "the broker's data is gone with the broker"
    assert not (program.run / "lock.json").exists()


DEFECTS = {
    "changed-by-one": ("rows_wrong", "engine"),
    "dropped": ("rows_missing", "engine"),
    "conflicting-duplicate": ("rows_conflicting", "engine"),
    "false-max-produce-time": ("rows_wrong", "engine"),
    "wrong-first": ("rows_conflicting", "engine"),
    "malformed": ("rows_malformed", "engine"),
    "other-ctr": ("rows_wrong", "engine"),
    "campaign-left-out": ("rows_missing", "engine"),
    "partition-twice": ("rows_wrong", "engine"),
    "early": ("excess_too_low", "engine"),
    "removed": ("records_removed", "outside"),
    "end-of-its-own": ("end_foreign", "outside"),
    "events-of-its-own": ("events_foreign", "outside"),
}
"""What an engine does, and the reason and the party that must come."""


@pytest.mark.parametrize(("defect", "reason"), DEFECTS.items(), ids=DEFECTS)
def test_a_defect_of_the_engine_makes_the_run_invalid(run, broker, defect, reason):
    program = run(f"--bootstrap-servers={broker}", defect=defect)
    assert program.finish() == 20, program.errors
    verdict = program.json("verdict.json")
    assert verdict["verdict"] == "invalid"
    assert reason in {(found["code"], found["party"]) for found in verdict["reasons"]}, verdict
    assert "invalid" in program.output


def test_rows_in_transactions_that_nobody_told_of_are_ranked_by_when_they_were_visible(run, broker):
    program = run(f"--bootstrap-servers={broker}", "--duration=5", defect="transactions")
    summary = program.finish_right()
    visible, appended = (summary["latencies_ms"][name]["p50"] for name in ("visible_excess", "excess"))
    assert visible > appended + 100, "a row waits for its commit"
    headline = summary["headline"]
    assert headline is None or headline["name"] == "visible_excess_ms"


def test_an_answer_that_nobody_asked_for_silences_nothing(run, broker):
    program = run(f"--bootstrap-servers={broker}", defect="unasked")
    verdict = program.finish_right()["verdict"]
    assert "the engine said next 1 times without being asked" in verdict["warnings"]
    said = [line for line in (program.run / "progress.jsonl").read_text().splitlines() if '"progress"' in line]
    assert len(said) > 3


def test_a_row_that_comes_twice_with_equal_values_is_a_warning(run, broker):
    program = run(f"--bootstrap-servers={broker}", defect="duplicated")
    verdict = program.finish_right()["verdict"]
    assert "1 rows are repeated with equal values" in verdict["warnings"]


def test_an_engine_that_ignores_sigterm_is_killed_when_it_is_to_stop(run, broker):
    program = run(f"--bootstrap-servers={broker}", defect="ignores-sigterm")
    program.finish_right()
    program.await_gone()


@pytest.mark.parametrize(
    ("phase", "number", "code"),
    [
        ("start", signal.SIGINT, 130),
        ("start", signal.SIGTERM, 143),
        ("ready", signal.SIGTERM, 143),
        ("measure", signal.SIGINT, 130),
        ("measure", signal.SIGHUP, 143),
        ("start", signal.SIGHUP, 143),
        ("ready", signal.SIGINT, 130),
        ("ready", signal.SIGHUP, 143),
        ("measure", signal.SIGTERM, 143),
    ],
)
def test_a_signal_ends_everything_and_leaves_word(run, number, code, phase):
    program = run(LASTING, defect="never-ready" if phase == "ready" else "none")
    program.await_phase(phase)
    program.process.send_signal(number)
    assert program.finish() == code, program.errors
    program.await_gone()
    assert program.json("status.json")["status"] == "aborted"
    assert program.json("summary.json")["status"] == "aborted"
    assert program.json("summary.json")["phase"] == phase
    assert f"for its report: python -m windowbench report {program.run}" in program.errors


def test_a_signal_in_the_drain_ends_an_engine_that_ignores_sigterm(run):
    program = run("--drain-timeout-seconds=3600", defect="stalls")
    program.await_phase("drain")
    program.process.send_signal(signal.SIGINT)
    assert program.finish() == 130
    program.await_gone()


def test_after_kill_9_everything_is_gone_by_itself_and_the_next_start_cleans_up(run, tmp_path):
    program = run(LASTING, "--visible-time")
    program.await_phase("measure")
    directory = program.run
    assert len(program.survivors()) >= 5, "broker, engine, producers and observer run"
    program.process.kill()
    program.process.wait()
    program.await_gone()
    assert (directory / "lock.json").exists()
    (left,) = program.temporary_files()
    assert left.startswith("windowbench-run-")
    again = start(program.runs.parent, MASTER, *TINY, *plain_engine("--defect=die-before-ready"))
    try:
        again.finish()
    finally:
        again.kill_all()
    assert f"cleaned up after an earlier run that died: {directory.name}" in again.errors
    assert not (directory / "lock.json").exists()
    assert not (directory / "broker").exists()
    assert '"aborted"' in (directory / "status.json").read_text()


@pytest.mark.parametrize(("service", "code"), [("engine", 10), ("broker", 11), ("producers", 12), ("observer", 3)])
def test_a_service_that_is_killed_is_noticed(run, service, code):
    program = run(LASTING, "--visible-time")
    program.await_phase("measure")
    worker_of(services(program)[service]).kill()
    wait_for(lambda: "failed in phase" in program.log.read_text(), program.log.read_text)
    assert program.finish() == code, program.errors
    program.await_gone()
    assert program.json("status.json")["status"] == "failed"


def test_an_engine_that_dies_in_the_load_ends_the_run_with_its_last_words(run):
    program = run(LASTING, defect="die-in-load")
    assert program.finish() == 10
    assert "the engine's last words" in program.errors
    assert "exit code 9" in program.errors


def test_an_engine_that_never_gets_ready_is_given_up(run, broker):
    program = run(f"--bootstrap-servers={broker}", "--engine-ready-seconds=2", defect="never-ready")
    assert program.finish() == 10
    assert "engine to say 'ready'" in program.errors


def test_a_hung_run_ends_at_its_time_out(run):
    program = run("--run-timeout=9", "--drain-timeout-seconds=100", defect="stalls")
    assert program.finish() == 3
    assert "--run-timeout" in program.errors
    program.await_gone()


def test_rows_that_never_come_are_named_and_the_run_is_invalid(run, broker):
    program = run(f"--bootstrap-servers={broker}", "--drain-timeout-seconds=20", defect="dropped")
    assert program.finish() == 20
    assert program.json("drain.json")["missing_count"] == 1
    codes = {reason["code"] for reason in program.json("verdict.json")["reasons"]}
    assert any("missing" in code for code in codes), codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ratee=5"], "--rate"),
        (["--rate=5", "--events-per-producer=5"], "rate and events_per_producer"),
        (["--window-size-sec=3", "--slide-sec=2"], "multiple"),
        (["--config=nowhere.toml"], "nowhere.toml"),
        (["--watermark-delay-sec=0.5"], "watermark_delay_sec"),
    ],
)
def test_a_usage_error_ends_with_one_message(tmp_path, arguments, message):
    program = start(tmp_path, MASTER, *arguments)
    assert program.finish() == 2
    assert message in program.errors
    assert len(program.errors.splitlines()) == 1


def test_a_run_directory_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "runs").write_text("a file")
    program = start(tmp_path, MASTER, *TINY, *plain_engine())
    assert program.finish() == 3
    assert "remedy" in program.errors


def test_an_unreachable_broker_is_said(tmp_path):
    program = start(tmp_path, MASTER, *TINY, *plain_engine(), "--bootstrap-servers=127.0.0.1:1")
    assert program.finish() == 3
    assert "127.0.0.1:1" in program.errors
