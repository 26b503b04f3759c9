"""Whole Flink runs, from another working directory."""

from __future__ import annotations

import json

import pytest

from tests.e2e.poisoned import assert_exact_beside_poison, run_beside_poison
from tests.e2e.started import LATE_SENDS, WIDE, headline, start

pytestmark = pytest.mark.all


def test_the_smoke_profile_is_exact(tmp_path):
    program = start(tmp_path, "master_code_flink.py", "--profile=smoke", *WIDE, *LATE_SENDS)
    try:
        program.await_phase("measure")
        assert any(name.startswith("minicluster_") for name in program.temporary_files_of_run())
        program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    settings = next(
        message
        for message in map(json.loads, (program.run / "progress.jsonl").read_text().splitlines())
        if message["type"] == "settings"
    )["effective"]
    assert settings["sink.sink.delivery-guarantee"] == "at-least-once"
    assert settings["web.submit.enable"] == settings["web.cancel.enable"] == "false"


def test_a_hard_load_stays_exact_beside_poison_in_transactions_and_is_ranked_by_visible_time(tmp_path):
    interval = "--flink-checkpoint-interval-ms=1000"
    program, sent = run_beside_poison(tmp_path, "master_code_flink.py", "--flink-delivery=exactly-once", interval)
    program.await_gone()
    assert_exact_beside_poison(program, sent)
    summary = program.json("summary.json")
    engine = summary["engine"]
    assert engine["state_rows"] is None
    assert engine["state_bytes"] > 0
    assert engine["checkpoints"] > 1
    assert engine["checkpoint_max_ms"] >= engine["checkpoint_p50_ms"] > 0
    assert headline(summary) in {None, "visible_excess_ms"}
    latencies, visible = summary["latencies_ms"], summary["visible"]
    assert visible["ranks"]
    assert visible["rows_seen"] == latencies["excess"]["rows"] == latencies["visible_excess"]["rows"]
    assert visible["rows_not_seen"] == visible["before_append"] == 0
    assert latencies["visible_delay"]["p90"] > visible["overhead_p90_ms"] > 0, "a commit comes with a checkpoint"
    assert "visible_excess_ms" in program.output
    assert (program.run / "samples" / "visible.parquet").is_file()
    said = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    settings = next(message["effective"] for message in said if message["type"] == "settings")
    assert settings["sink.sink.transactional-id-prefix"] == program.run.name
