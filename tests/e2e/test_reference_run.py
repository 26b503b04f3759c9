"""Whole runs with the reference engine: exact, under load that is hard on it, and gone when it must be."""

from __future__ import annotations

import json
import signal

import psutil
import pytest

from tests.e2e.poisoned import poison
from tests.e2e.started import TINY, Program, headline, start, wait_for
from tests.patience import LASTING

MASTER = "master_code_spark.py"

pytestmark = pytest.mark.all


@pytest.fixture
def run(tmp_path):
    """Start runs with the reference engine; whatever happens, nothing survives the test."""
    programs: list[Program] = []

    def starter(*arguments: str) -> Program:
        program = start(tmp_path, MASTER, *TINY, "--engine=reference", *arguments)
        programs.append(program)
        return program

    yield starter
    for program in programs:
        program.kill_all()


def progress_of(program):
    messages = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    return [message for message in messages if message["type"] == "progress"]


def engine_of(program):
    """Return the engine's own process, which hangs below its guard."""
    (guard,) = [child["pid"] for child in program.json("lock.json")["children"] if child["name"] == "engine"]
    return psutil.Process(guard).children()[0]


def consumers_of(engine):
    return [child for child in engine.children() if "spawn_main" in " ".join(child.cmdline())]


def test_a_run_is_exact_and_leaves_no_process(run):
    program = run("--visible-time")
    summary = program.finish_right()
    program.await_gone()
    page = (program.run / "report.html").read_text(encoding="utf-8")
    assert all(f'id="plot-{plot}"' in page for plot in ("cdf", "windows", "load", "lateness", "lag", "cpu", "phases"))
    environment = program.json("environment.json")
    assert environment["broker"]["settings"]["num.io.threads"] == "4"
    assert any("-Xmx512m" in flags for flags in environment["jvm_flags"]["broker"])
    assert headline(summary) in {None, "excess_ms"}
    assert summary["visible"]["rows_seen"] == summary["latencies_ms"]["excess"]["rows"]
    assert summary["latencies_ms"]["visible_excess"]["p50"] > summary["latencies_ms"]["excess"]["p50"]
    assert summary["engine"]["state_rows"] > 0
    assert summary["engine"]["state_bytes"] is summary["engine"]["checkpoint_p50_ms"] is None
    last, read = progress_of(program)[-1], program.json("events_topic.json")["log_ranges"]
    # The last record of a partition is END; the engine may be told to stop before it reports once more.
    unread = {partition: end - last["position"][partition] for partition, (_, end) in read.items()}
    assert set(unread.values()) <= {0, 1}, unread
    assert last["late"] == 0


def test_bursts_disorder_late_events_sliding_windows_and_an_idle_partition_stay_exact_beside_poison(run, broker):
    program = run(
        f"--bootstrap-servers={broker}",
        "--data-generator=mmpp",
        "--duration=8",
        "--slide-sec=0.5",
        "--num-producers=3",
        "--num-consumers=3",
        "--out-of-order-share=0.2",
        "--out-of-order-extent-ms=400",
        "--too-late-share=0.05",
        "--late-guard-seconds=4",
        "--partitions=3",
        "--result-partitions=2",
        "--idle-partitions=1",
        "--campaign-skew=1",
    )
    program.await_phase("measure")
    config = program.json("config.json")
    sent = poison(config["bootstrap_servers"], config["events_topic"])
    program.finish_right()
    assert progress_of(program)[-1]["rejected"] == sent


def test_more_consumers_than_partitions_are_not_started(run, broker):
    program = run(f"--bootstrap-servers={broker}", "--num-consumers=5", "--partitions=1")
    program.await_phase("measure")
    assert len(consumers_of(engine_of(program))) == 1
    program.finish_right()


def test_a_signal_ends_the_engine_with_all_of_its_consumers(run):
    program = run(LASTING)
    program.await_phase("measure")
    assert len(consumers_of(engine_of(program))) == 2
    program.process.send_signal(signal.SIGTERM)
    assert program.finish() == 143, program.errors
    program.await_gone()


def test_a_consumer_that_is_killed_ends_the_run_and_is_named(run):
    program = run(LASTING)
    program.await_phase("measure")
    consumers_of(engine_of(program))[1].kill()
    assert program.finish() == 10, program.errors
    assert "consumer process" in program.errors
    assert "ended before its work was done" in program.errors
    program.await_gone()


def test_consumers_are_gone_when_the_engine_is_killed(run):
    program = run(LASTING)
    program.await_phase("measure")
    engine = engine_of(program)
    consumers = consumers_of(engine)
    engine.kill()
    wait_for(lambda: not any(consumer.is_running() for consumer in consumers), lambda: str(consumers))
    assert program.finish() == 10, program.errors


def test_a_missing_topic_is_said_with_what_makes_it(broker, tmp_path):
    program = start(tmp_path, "ReferenceJob.py", f"--bootstrap-servers={broker}", "--events-topic=nowhere")
    try:
        assert program.finish() == 3
    finally:
        program.kill_all()
    assert "there is no topic nowhere" in program.errors
    assert "topic_creation.py --engine reference" in program.errors


def test_on_an_external_broker_the_watermarks_topic_carries_the_run_id_and_sigterm_of_a_lone_job_is_exit_0(
    broker, tmp_path
):
    program = start(tmp_path, MASTER, *TINY, "--engine=reference", f"--bootstrap-servers={broker}")
    try:
        program.finish_right()
        config = program.json("config.json")
        assert config["watermarks_topic"] == f"local-watermarks-{config['run_id']}"
        program.await_gone()
        (tmp_path / "alone").mkdir()
        alone = start(tmp_path / "alone", "ReferenceJob.py", "--config", str(program.run / "config.json"))
        try:
            line = ""
            while '"ready"' not in line:
                line = alone.process.stdout.readline()
                assert line, alone.log.read_text()
            alone.process.send_signal(signal.SIGTERM)
            assert alone.finish() == 0, alone.errors
            alone.await_gone()
        finally:
            alone.kill_all()
    finally:
        program.kill_all()
