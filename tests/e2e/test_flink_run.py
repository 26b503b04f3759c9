"""Whole Flink runs, from another working directory."""

from __future__ import annotations

import json

import pytest

from tests.e2e.poisoned import assert_exact_beside_poison, run_beside_poison
from tests.e2e.started import WIDE, start


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
    program, sent = run_beside_poison(tmp_path, "master_code_flink.py")
    assert_exact_beside_poison(program, sent)
