"""Whole runs of Kafka Streams, from another working directory."""

from __future__ import annotations

import pytest

from tests.e2e.poisoned import assert_exact_beside_poison, run_beside_poison
from tests.e2e.started import TINY, headline, start


def test_a_small_run_is_exact_and_leaves_no_process_and_no_state(tmp_path):
    program = start(tmp_path, "windowbench", "run", *TINY, "--engine=kafka_streams")
    try:
        program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    (flags,) = program.json("environment.json")["jvm_flags"]["engine"]
    assert "-Xmx512m" in flags
    assert list((program.run / "engine" / "kafka_streams").iterdir()) == []


@pytest.mark.all
def test_a_hard_load_stays_exact_beside_poison_in_transactions_and_is_ranked_by_visible_time(tmp_path):
    arguments = ("--engine=kafka_streams", "--kafka-streams-delivery=exactly-once")
    program, sent = run_beside_poison(tmp_path, "master_code_spark.py", *arguments)
    program.await_gone()
    assert_exact_beside_poison(program, sent)
    summary = program.json("summary.json")
    assert headline(summary) in {None, "visible_excess_ms"}
    assert summary["visible"]["ranks"]


def test_a_workload_without_a_query_is_refused_with_the_reason_and_leaves_nothing(tmp_path):
    program = start(tmp_path, "windowbench", "run", "--engine=kafka_streams", "--workload=ad_clicks")
    try:
        assert program.finish() == 2
    finally:
        program.kill_all()
    assert "ad_clicks: a click finds its impression" in program.errors
    assert not program.runs.exists()
