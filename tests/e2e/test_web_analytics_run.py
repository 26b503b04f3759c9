"""Whole runs of the workload web_analytics: all types of rows are exact, beside poison and visitors who never leave."""

from __future__ import annotations

import json

from kafka import KafkaProducer

from tests.e2e.poisoned import poison
from tests.e2e.started import WIDE, each_engine, start
from tests.patience import PATIENCE
from windowbench.workloads.web_analytics.model import MODEL

HARD = (
    "--workload=web_analytics",
    "--profile=smoke",
    "--warmup=5",
    "--duration=14",
    *WIDE,
    "--out-of-order-share=0.2",
    "--out-of-order-extent-ms=400",
    "--too-late-share=0.03",
    "--late-guard-seconds=6",
    "--idle-partitions=1",
    "--num-producers=3",
    "--endless-visitors=2",
)


def poison_visits(bootstrap_servers, topic):
    """Write visits that no engine may take, and return how many there were."""
    good = {
        "event_type": "PAGE_VIEW", "user_id": "somebody", "url": "/", "country": "DE", "revenue_cents": 0,
        "session_start": 0, "page_views": 0, "produce_time": 0,
    }  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, max_request_size=2_000_000)
    now_ns = producer.send(topic, b"{}", key=b"poison", partition=0).get(PATIENCE).timestamp * 1_000_000
    bad = [
        {"user_id": "u" * 900_000},
        {"user_id": ""},
        {"url": "/a>b"},
        {"url": "/" * 100_000},
        {"revenue_cents": -1},
        {"page_views": "three"},
        {"event_time_ns": now_ns + 60 * 10**9},
        {"event_time_ns": now_ns - 2 * 3_600 * 10**9},
    ]
    for fields in bad:
        value = json.dumps({"event_time_ns": now_ns, **good, **fields}).encode()
        producer.send(topic, value, key=b"poison", partition=0)
    producer.flush()
    producer.close()
    return len(bad) + 1


@each_engine(soon="reference", but=("kafka_streams",))
def test_windows_sessions_and_alerts_are_exact_beside_poison(tmp_path, engine):
    program = start(tmp_path, "master_code_spark.py", *HARD, f"--engine={engine}")
    try:
        program.await_phase("measure")
        config = program.json("config.json")
        topic = config["bootstrap_servers"], config["events_topic"]
        sent = poison(*topic) + poison_visits(*topic)
        summary = program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    said = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    assert [message["rejected"] for message in said if message["type"] == "progress"][-1] == sent
    by_metric = {entry["metric"]: entry for entry in summary["by_metric"]}
    assert tuple(by_metric) == MODEL.metrics
    for name, entry in by_metric.items():
        assert entry["expected"] > 10, name
        assert entry["exact"] > 0, name
        assert entry["measured"] > 5, name
