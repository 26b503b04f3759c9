"""Whole Flink runs, from another working directory."""

from __future__ import annotations

import json

import pytest

from tests.e2e.started import start
from tests.e2e.test_spark_run import WIDE, poison


@pytest.mark.timeout(300)
def test_the_smoke_profile_is_valid_and_exact(tmp_path):
    program = start(tmp_path, "master_code_flink.py", "--profile=smoke", *WIDE)
    try:
        assert program.finish(280) == 0, program.errors + program.output
        program.await_gone(2)
    finally:
        program.kill_all()
    assert program.output.startswith("verdict: valid")
    rows = program.json("summary.json")["rows"]
    assert rows["expected"] == rows["exact"] > 0
    settings = next(
        message
        for message in map(json.loads, (program.run / "progress.jsonl").read_text().splitlines())
        if message["type"] == "settings"
    )["effective"]
    assert settings["sink.sink.delivery-guarantee"] == "at-least-once"
    assert settings["web.submit.enable"] == settings["web.cancel.enable"] == "false"


@pytest.mark.timeout(300)
def test_bursts_disorder_late_events_sliding_windows_and_an_idle_partition_stay_exact_beside_poison(tmp_path):
    arguments = (
        "--profile=smoke",
        *WIDE,
        "--data-generator=mmpp",
        "--slide-sec=1",
        "--num-producers=3",
        "--out-of-order-share=0.2",
        "--out-of-order-extent-ms=400",
        "--too-late-share=0.05",
        "--late-guard-seconds=4",
        "--partitions=3",
        "--idle-partitions=1",
        "--campaign-skew=1",
        "--compression=lz4",
    )
    program = start(tmp_path, "master_code_flink.py", *arguments)
    try:
        program.await_phase("measure", 180)
        config = program.json("config.json")
        sent = poison(config["bootstrap_servers"], config["events_topic"])
        assert program.finish(200) == 0, program.errors + program.output
    finally:
        program.kill_all()
    verdict = program.json("verdict.json")
    assert verdict["verdict"] == "valid", verdict
    assert program.json("events_topic.json")["foreign"] == sent
    progress = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    rejected = [message["rejected"] for message in progress if message["type"] == "progress"]
    assert rejected[-1] == sent
    rows = program.json("summary.json")["rows"]
    assert rows["expected"] > 200
    assert rows["wrong_value"] == rows["missing"] == rows["unexpected"] == 0
