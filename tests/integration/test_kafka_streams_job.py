"""The Kafka Streams program against a real broker: ready, exact rows, positions, signals, failures; its compilers."""

import json
import os
import signal
import sys
import time
from dataclasses import replace

import pytest

from config import config_json
from tests.integration.test_spark_job import (
    SIZE_MS,
    Running,
    alive,
    end_of,
    events_between,
    expected_rows,
    rows_in,
    send,
    temporary_files,
)
from tests.parity.poison import malformed
from windowbench.engines.contract import ROOT
from windowbench.engines.kafka_streams.classes import MAIN_CLASS, ensure_classes
from windowbench.kafka.admin import Admin
from windowbench.processes.waiting import wait_until
from windowbench.toolchain.jars import default_cache_dir, ensure_jars, retrieve_jars

PROGRAM = ROOT / "windowbench" / "engines" / "kafka_streams" / "job.py"
pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def jars(java_home):
    retrieve_jars(java_home, default_cache_dir(), kinds=("kafka_streams",))
    return ensure_jars("kafka_streams", default_cache_dir())


@pytest.fixture(scope="module")
def start(jars, tmp_path_factory):
    """Start jobs that are certainly gone after the tests of this module."""
    jobs = []

    def start_one(config, **settings):
        directory = tmp_path_factory.mktemp("runs") / config.run.run_id
        directory.mkdir()
        file = directory / "config.json"
        file.write_text(config_json(config.replace(engine="kafka_streams", **settings)), encoding="utf-8")
        job = Running([sys.executable, PROGRAM, "--config", file], directory)
        jobs.append((job, directory))
        return job, directory

    yield start_one
    for job, _ in jobs:
        job.kill()


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_rows_are_exact_beside_poison_and_sigterm_ends_the_job_and_what_it_made(make_topics, start, delivery):
    run_id = f"streams-{delivery}"
    config = make_topics(window_size_sec=SIZE_MS / 1000, watermark_delay_sec=10.0).replace(run_id=run_id)
    job, directory = start(config, kafka_streams_delivery=delivery)
    job.wait_for("ready")
    assert not (directory / "kafka_streams" / "settings.json").exists(), "it may hold credentials"
    now = time.time_ns() // 1_000_000
    first = (now - 5_000) // SIZE_MS * SIZE_MS
    events = events_between(first, first + 3 * SIZE_MS)
    bad = [value for value in malformed(now).values() if value is None or len(value) < 10_000]
    send(config, [json.dumps(event).encode() for event in events], now)
    send(config, bad, now)
    job.wait_for_position(config)
    admin = Admin(config)
    made = [f"windowbench-{run_id}-{name}" for name in ("events-repartition", "counts-changelog", "waiting-changelog")]
    assert all(admin.partitions(topic) for topic in made)
    assert rows_in(config) == []
    send(config, [end_of("another"), end_of("another"), end_of(run_id), end_of(run_id)], now)
    job.wait_for_position(config)
    wanted = expected_rows(run_id, events)
    wait_until(lambda: len(rows_in(config)) >= len(wanted), 30, "the rows", last_seen=lambda: len(rows_in(config)))
    found = rows_in(config)
    assert sorted((row for _, row in found), key=lambda row: (row["window_start"], row["campaign_id"])) == wanted
    assert all(record.key.decode() == f"{row['campaign_id']}:{row['window_start']}" for record, row in found)
    settings = job.said("settings")[0]["effective"]
    assert settings["processing.guarantee"] == {"exactly-once": "exactly_once_v2"}.get(delivery, "at_least_once")
    assert settings["producer.linger.ms"] == "0"
    processes = job.processes()
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0
    assert job.said("progress")[-1]["rejected"] == len(bad) + 2
    assert not any(alive(process) for process in processes)
    assert list((directory / "kafka_streams").iterdir()) == []
    assert temporary_files(job) == []
    assert not any(admin.partitions(topic) for topic in made)


def test_what_was_written_before_the_start_is_counted_whole_though_partitions_are_read_one_after_the_other(
    make_topics, start
):
    """The greatest event time closes windows, and a partition is read by a thousand records, which are 20 s of it."""
    config = make_topics(window_size_sec=SIZE_MS / 1000, watermark_delay_sec=1.0).replace(run_id="before")
    now = time.time_ns() // 1_000_000
    first = (now - 120_000) // SIZE_MS * SIZE_MS
    events = events_between(first, first + 50 * SIZE_MS)
    send(config, [json.dumps(event).encode() for event in events], now)
    job, _ = start(config)
    job.wait_for("ready")
    job.wait_for_position(config)
    send(config, [end_of("before"), end_of("before")], now)
    wanted = expected_rows("before", events)
    wait_until(lambda: len(rows_in(config)) >= len(wanted), 30, "the rows", last_seen=lambda: len(rows_in(config)))
    found = [row for _, row in rows_in(config)]
    assert sorted(found, key=lambda row: (row["window_start"], row["campaign_id"])) == wanted
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0


def test_a_topic_that_is_missing_ends_the_job_with_its_name_and_exit_code_10(make_topics, start):
    config = make_topics().replace(run_id="missing", events_topic="nowhere-at-all")
    job, _ = start(config, kafka_streams_conf=(("default.api.timeout.ms", "3000"), ("request.timeout.ms", "2000")))
    assert job.wait() == 10
    assert job.said("error")
    assert not job.said("ready")


def test_the_compiler_among_the_jars_makes_the_same_classes_without_a_jdk(java_home, jars, tmp_path):
    run_time = tmp_path / "java" / "bin" / "java"
    run_time.parent.mkdir(parents=True)
    run_time.symlink_to(os.path.realpath(java_home.executable))
    without = ensure_classes(replace(java_home, path=tmp_path / "java"), jars, tmp_path / "without")
    usual = ensure_classes(java_home, jars, tmp_path / "usual")
    named = [sorted(str(path.relative_to(made)) for path in made.rglob("*.class")) for made in (without, usual)]
    assert f"{MAIN_CLASS.replace('.', '/')}.class" in named[0]
    assert [name for name in named[0] if "$" not in name] == [name for name in named[1] if "$" not in name]
