"""FlinkJob.py as a program, against a real broker: ready, exact rows, positions, signals, failures."""

import json
import os
import signal
import sys
import time

import pytest

from tests.integration.test_spark_job import (
    SIZE_MS,
    Running,
    alive,
    end_of,
    events_between,
    expected_rows,
    rows_in,
    send,
    settings_of,
    temporary_files,
)
from tests.parity.poison import malformed
from tests.parity.test_flink import LENIENT, LENIENT_ON_TWO_LINES
from tests.patience import PATIENCE
from windowbench.engines.contract import ROOT
from windowbench.engines.flink.environment import ensure_environment
from windowbench.errors import EnvironmentProblem
from windowbench.processes.waiting import wait_until

pytestmark = pytest.mark.all

JOB = ROOT / "FlinkJob.py"


@pytest.fixture(scope="module")
def start(java_home, tmp_path_factory):
    """Start jobs that are certainly gone after the tests of this module."""
    python = ensure_environment(None, print)
    jobs = []

    def start_one(*arguments, **environment):
        directory = tmp_path_factory.mktemp("elsewhere")
        job = Running([python, JOB, *arguments], directory, JAVA_HOME=str(java_home.path), **environment)
        jobs.append(job)
        return job

    yield start_one
    for job in jobs:
        job.kill()


def buffers_of(job):
    """Return those of Flink's temporary directories that it removes at its end; others it leaves, however it ends."""
    return [name for name in temporary_files(job) if name.startswith(("flink-io-", "flink-netty-shuffle-"))]


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_rows_are_exact_beside_poison_and_sigterm_ends_the_job_with_its_jvm(make_topics, start, delivery):
    config = make_topics()
    flags = ["--run-id", f"flink-{delivery}", "--window-size-sec", str(SIZE_MS / 1000), "--flink-delivery", delivery]
    job = start(*settings_of(config), *flags, "--watermark-delay-sec", "10", "--flink-checkpoint-interval-ms", "500")
    job.wait_for("ready")
    now = time.time_ns() // 1_000_000
    first = (now - 5_000) // SIZE_MS * SIZE_MS
    events = events_between(first, first + 3 * SIZE_MS)
    bad = [
        value
        for name, value in malformed(now).items()
        if name not in LENIENT | LENIENT_ON_TWO_LINES and value and len(value) < 10_000
    ]
    send(config, [json.dumps(event).encode() for event in events], now)
    send(config, bad, now)
    job.wait_for_position(config)
    send(config, [end_of("another"), end_of("another"), end_of(f"flink-{delivery}"), end_of(f"flink-{delivery}")], now)
    job.wait_for_position(config)
    wanted = expected_rows(f"flink-{delivery}", events)
    wait_until(lambda: len(rows_in(config)) >= len(wanted), PATIENCE, f"{len(wanted)} rows")
    found = rows_in(config)
    assert sorted((row for _, row in found), key=lambda row: (row["window_start"], row["campaign_id"])) == wanted
    assert all(record.key.decode() == f"{row['campaign_id']}:{row['window_start']}" for record, row in found)
    processes = job.processes()
    assert len(processes) >= 2
    assert buffers_of(job), "the JVM puts them where TMPDIR says"
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0
    assert job.said("progress")[-1]["rejected"] == len(bad) + 2
    assert not any(alive(process) for process in processes), "the JVM had time to end in good order"
    assert buffers_of(job) == []
    assert "Traceback" not in job.stderr


def test_what_a_partition_held_when_it_fell_idle_is_counted_when_the_others_close_its_window(make_topics, start):
    config = make_topics()
    flags = ("--run-id", "idle", "--window-size-sec", "2", "--watermark-delay-sec", "1", "--idle-timeout-ms", "300")
    job = start(*settings_of(config), *flags, "--engine-ui")
    job.wait_for("ready")
    job.assert_page_on_loopback_alone()
    now = time.time_ns() // 1_000_000
    first = (now - 1_800_000) // SIZE_MS * SIZE_MS
    quiet, busy = events_between(first, first + 500), events_between(first + 500, first + SIZE_MS)
    send(config, [json.dumps(event).encode() for event in quiet], now, partition=0)
    send(config, [json.dumps(event).encode() for event in busy], now, partition=1)
    later = iter(events_between(first + SIZE_MS, now))

    def closed():
        """Go on in one partition until the other one holds nobody back any more, and each campaign has its row."""
        send(config, [json.dumps(next(later)).encode() for _ in range(100)], now, partition=1)
        rows = [row for _, row in rows_in(config) if row["window_start"] == first]
        return rows if len(rows) >= len({event["campaign_id"] for event in (*quiet, *busy)}) else None

    rows = wait_until(closed, PATIENCE, "rows of the first window")
    assert sum(row["events"] for row in rows) == len(quiet) + len(busy)
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0


def test_a_job_that_restarts_ends_with_the_exception_that_was_the_cause_and_exit_code_10(make_topics, start, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    restarts = {"type": "fixed-delay", "fixed-delay.attempts": "1000", "fixed-delay.delay": "50 ms"}
    flags = [part for name, value in restarts.items() for part in ("--flink-conf", f"restart-strategy.{name}={value}")]
    flags += ["--checkpoint-dir", checkpoints, "--flink-checkpoint-interval-ms", "200"]
    job = start(*settings_of(make_topics()), *flags)
    job.wait_for("ready")
    checkpoints.rename(tmp_path / "elsewhere")
    checkpoints.write_text("no directory any more")
    assert job.wait() == 10
    (error,) = job.said("error")
    assert "restarted" in error["message"]
    assert "checkpoint tolerable failure threshold" in error["message"]
    assert_told_without_a_stack_trace(job)


def test_a_job_that_never_runs_says_what_it_waits_for_and_ends_with_exit_code_10(make_topics, start):
    one_slot = (
        "--flink-conf",
        "taskmanager.numberOfTaskSlots=1",
        "--flink-conf",
        "minicluster.number-of-taskmanagers=1",
    )
    job = start(*settings_of(make_topics()), *one_slot, "--flink-parallelism", "2", "--engine-ready-seconds", "15")
    assert job.wait() == 10
    (error,) = job.said("error")
    assert "did not become RUNNING" in error["message"]
    assert "of 2 tasks run" in error["message"]
    assert_told_without_a_stack_trace(job)


def assert_told_without_a_stack_trace(job):
    assert "\n" not in job.said("error")[-1]["message"]
    assert "Traceback" not in job.stderr
    assert "\tat " not in job.stderr


def test_a_job_that_fails_ends_with_its_own_exception_and_exit_code_10(make_topics, start):
    nowhere = "/proc/no-directory-can-be-made-here"
    job = start(*settings_of(make_topics()), "--checkpoint-dir", nowhere)
    assert job.wait() == 10
    (error,) = job.said("error")
    assert nowhere in error["message"]
    assert_told_without_a_stack_trace(job)


def test_a_job_whose_jvm_is_killed_ends_with_exit_code_10(make_topics, start):
    job = start(*settings_of(make_topics()))
    job.wait_for("ready")
    (jvm,) = [process for process in job.processes() if "java" in process.name()]
    os.kill(jvm.pid, signal.SIGKILL)
    assert job.wait() == 10
    assert len(job.said("error")) == 1
    assert "Traceback" not in job.stderr


def test_missing_topics_are_told_with_a_remedy(broker, start):
    job = start("--bootstrap-servers", broker, "--events-topic", "nobody-made-this")
    assert job.wait() == 3
    assert "there is no topic nobody-made-this" in job.stderr
    assert "topic_creation.py" in job.stderr


def test_a_python_without_pyflink_is_told_with_a_remedy(tmp_path):
    job = Running([sys.executable, JOB, "--bootstrap-servers", "127.0.0.1:1"], tmp_path)
    assert job.wait() == 3
    assert "make flink-environment" in job.stderr
    job.kill()


def test_a_python_that_pyflink_does_not_support_builds_no_environment_and_is_told_with_a_remedy(tmp_path):
    newest = tmp_path / "python3.14"
    newest.write_text("#!/bin/sh\necho 3 14\n")
    newest.chmod(0o755)
    with pytest.raises(EnvironmentProblem, match=r"does not support Python 3\.14") as caught:
        ensure_environment(str(newest), print, directory=tmp_path / "venv")
    assert caught.value.exit_code == 3
    assert "--flink-python" in caught.value.remedy
    assert not (tmp_path / "venv").exists()
