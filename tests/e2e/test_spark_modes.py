"""Whole runs of Spark whose rows are updates: in micro-batches, and in Real-Time Mode."""

from __future__ import annotations

import json

import pytest

from tests.e2e.started import LATE_SENDS, WIDE, headline, start

pytestmark = pytest.mark.all

SHORT = ("--profile=smoke", "--warmup=4", "--duration=12", "--cooldown=1", *WIDE, *LATE_SENDS)


def messages(program):
    return [json.loads(line) for line in (program.run / "progress.jsonl").read_text(encoding="utf-8").splitlines()]


def settings_in_force(program):
    return next(message["effective"] for message in messages(program) if message["type"] == "settings")


def finished_exactly(program):
    """Wait for the end of a run and return its summary; every row must be right, and there must be updates."""
    try:
        summary = program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    rows = summary["rows"]
    assert headline(summary) in {None, "freshness_ms"}
    assert rows["intermediate"] > 0
    return summary


def test_real_time_mode_gives_an_exact_row_for_every_event_and_ends_without_waiting_for_its_batch(tmp_path):
    program = start(tmp_path, "master_code_spark.py", *SHORT, "--spark-mode=realtime", "--realtime-batch-seconds=7")
    summary = finished_exactly(program)
    engine, rows = summary["engine"], summary["rows"]
    assert rows["exact"] + rows["intermediate"] == summary["generator"]["acknowledged"]
    assert engine["real_time_batch_s"] == 7
    assert engine["batches"] <= 2, "batch boundaries in 12 s of measuring"
    drain = program.json("drain.json")
    assert drain["completed"] is True
    assert drain["all_read_ns"] < drain["end_written_ns"], "everything was read before END"
    said = settings_in_force(program)
    assert said["spark.master"] == "local[3]"


def test_update_mode_with_default_settings_is_exact(tmp_path):
    program = start(tmp_path, "master_code_spark.py", *SHORT, "--spark-mode=update", "--preset=default")
    summary = finished_exactly(program)
    assert summary["engine"]["preset"] == "default"
    said = settings_in_force(program)
    assert said["spark.master"] == "local[2]"
    assert said["spark.sql.shuffle.partitions"] == "2"
    assert "spark.locality.wait" not in said
    assert "TieredStopAtLevel" not in said["spark.driver.extraJavaOptions"]
    assert "writeStream.kafka.linger.ms" not in said


def test_real_time_mode_without_slots_is_refused_before_anything_starts(tmp_path):
    program = start(tmp_path, "master_code_spark.py", *SHORT, "--spark-mode=realtime", "--spark-master=local[2]")
    assert program.finish() == 2
    assert "give --spark-master 'local[3]'" in program.errors
    assert not program.runs.exists()
