"""Whole runs of the workload product_ctr: late events revise results, and those that come too late do not."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from tests.e2e.poisoned import poison
from tests.e2e.started import LATE_SENDS, TINY, WIDE, each_engine, start

HARD = (
    "--workload=product_ctr",
    "--profile=smoke",
    "--warmup=6",
    "--duration=14",
    *WIDE,
    *LATE_SENDS,
    "--out-of-order-share=0.2",
    "--out-of-order-extent-ms=400",
    "--revising-share=0.1",
    "--too-late-share=0.03",
    "--late-guard-seconds=3",
    "--partitions=3",
    "--idle-partitions=1",
    "--product-skew=1",
    "--click-ratio=0.5",
)


@each_engine(soon="flink")
def test_first_values_and_revisions_are_exact_beside_poison_in_both_topics(tmp_path, engine):
    program = start(tmp_path, "master_code_spark.py", *HARD, f"--engine={engine}")
    try:
        program.await_phase("measure")
        config = program.json("config.json")
        sent = sum(poison(config["bootstrap_servers"], config[topic]) for topic in ("events_topic", "clicks_topic"))
        summary = program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    said = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    assert [message["rejected"] for message in said if message["type"] == "progress"][-1] == sent
    rows, revisions, latencies = summary["rows"], summary["revisions"], summary["latencies_ms"]
    assert rows["expected"] > 200
    # An engine that is slow takes late events into the first value, a batch of Spark in any case.
    if engine != "spark":
        assert revisions["revised"] > 0
        assert latencies["first_since_window_end"]["p90"] <= latencies["since_window_end"]["p90"]
    assert rows["intermediate"] >= revisions["revisions"]
    assert latencies["first_excess"]["rows"] == latencies["excess"]["rows"]
    assert "first_excess_ms" in program.output
    page = (program.run / "report.html").read_text(encoding="utf-8")
    assert ("every row goes to it and back" in page) == (engine == "spark")
    page = (program.run / "report.html").read_text(encoding="utf-8")
    assert "first_excess_ms" in page


SMALL = (
    *TINY,
    "--engine=reference",
    "--workload=product_ctr",
    "--allowed-lateness-sec=0.6",
    "--revising-extent-ms=90",
    "--num-products=5",
)
"""Some 700 events, whose kinds are drawn by the seed: at some ratio some seed leaves a topic silent for a while."""


def exact_rows(directory, broker, *flags):
    """Make a small run with the reference engine and return the rows it wrote, each of which must be right."""
    program = start(directory, "master_code_spark.py", *SMALL, f"--bootstrap-servers={broker}", *flags)
    try:
        program.finish_right()
    finally:
        program.kill_all()
    return [json.loads(value) for value in pq.read_table(program.run / "samples/results.parquet")["value"].to_pylist()]


@pytest.mark.all
@pytest.mark.parametrize(
    ("silent", "flags"),
    [
        ("clicks", ("--click-ratio=1e-9",)),
        ("impressions", ("--click-ratio=1000", "--seed=24")),
    ],
)
def test_a_topic_in_which_nothing_happens_holds_nothing_back(tmp_path, broker, silent, flags):
    rows = exact_rows(tmp_path, broker, *flags)
    assert {row[silent] for row in rows} == {0}
    assert {row["ctr"] for row in rows} == {0.0 if silent == "clicks" else None}


@pytest.mark.all
def test_clicks_that_begin_late_in_the_run_count_from_their_first_on(tmp_path, broker):
    # The first of them comes 2.6 s after the first event.
    rows = exact_rows(tmp_path, broker, "--click-ratio=0.006", "--seed=371")
    clicked = [row["window_start"] for row in rows if row["clicks"]]
    assert min(clicked) - min(row["window_start"] for row in rows) >= 1_000
