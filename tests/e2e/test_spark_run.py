"""Whole Spark runs by the README's command, from another working directory."""

from __future__ import annotations

import csv

import pytest

from tests.e2e.poisoned import assert_exact_beside_poison, run_beside_poison
from tests.e2e.started import LATE_SENDS, WIDE, start


def test_the_smoke_profile_is_exact_and_reports_every_window(tmp_path):
    program = start(tmp_path, "master_code_spark.py", "--profile=smoke", *WIDE, *LATE_SENDS)
    try:
        program.await_phase("measure")
        assert any(name.startswith("blockmgr-") for name in program.temporary_files_of_run())
        program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    (flags,) = program.json("environment.json")["jvm_flags"]["engine"]
    assert "-Xmx2g" in flags
    assert 'id="plot-batches"' in (program.run / "report.html").read_text(encoding="utf-8")
    with (program.run / "latency_report_2_3000_poisson.csv").open(encoding="utf-8") as file:
        report = list(csv.DictReader(file))
    assert [int(line["window_id"]) for line in report] == list(range(6)), "one line for each measured window"


@pytest.mark.all
def test_bursts_disorder_late_events_sliding_windows_and_an_idle_partition_stay_exact_beside_poison(tmp_path):
    program, sent = run_beside_poison(tmp_path, "master_code_spark.py")
    assert_exact_beside_poison(program, sent)
    engine = program.json("summary.json")["engine"]
    assert engine["state_rows"] > 0
    assert engine["state_bytes"] > 0
    assert engine["checkpoints"] == engine["batches"] > 0
    assert engine["checkpoint_max_ms"] >= engine["checkpoint_p50_ms"] > 0
