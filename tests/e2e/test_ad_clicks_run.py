"""Whole runs of the workload ad_clicks: attributed clicks, distinct users and anomalies, exact beside poison."""

from __future__ import annotations

import json

import pytest
from kafka import KafkaProducer

from tests.e2e.poisoned import poison
from tests.e2e.started import TINY, WIDE, each_engine, start
from tests.patience import PATIENCE

HARD = (
    "--workload=ad_clicks",
    "--profile=smoke",
    "--warmup=6",
    "--duration=14",
    *WIDE,
    "--out-of-order-share=0.2",
    "--out-of-order-extent-ms=400",
    "--too-late-share=0.02",
    "--late-guard-seconds=4",
    "--partitions=3",
    "--idle-partitions=1",
    "--campaign-skew=1",
    "--orphan-share=0.1",
    "--duplicate-share=0.1",
    "--anomaly-deviations=1",  # about a third of the windows: whatever their boundaries, some are anomalies
)
IMPRESSION = {
    "event_type": "impression", "impression_id": "p", "user_id": "u", "campaign_id": 1, "device_type": "tv", "cost": 1,
}  # fmt: skip


def poison_of_its_own(bootstrap_servers: str, topic: str) -> int:
    """Write impressions that would be good but for one field, and return how many there were."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, max_request_size=2_000_000)
    now_ms = producer.send(topic, b"{}", key=b"poison", partition=0).get(PATIENCE).timestamp
    good = IMPRESSION | {"event_time_ns": now_ms * 1_000_000, "produce_time": now_ms}
    wrong = [
        {"cost": -1},
        {"user_id": "u" * 900_000},
        {"event_time_ns": (now_ms + 3_600_000) * 1_000_000},
        {"event_time_ns": (now_ms - 7_200_000) * 1_000_000},
        {"event_type": "click", "click_id": "c"},
    ]
    for one in wrong:
        producer.send(topic, json.dumps(good | one).encode(), key=b"poison", partition=0)
    producer.flush()
    producer.close()
    return 1 + len(wrong)


@each_engine(soon="reference", but=("kafka_streams",))
def test_clicks_users_and_anomalies_are_exact_beside_poison_in_both_topics(tmp_path, engine):
    program = start(tmp_path, "master_code_spark.py", *HARD, f"--engine={engine}")
    try:
        program.await_phase("measure")
        config = program.json("config.json")
        broker = config["bootstrap_servers"]
        sent = sum(poison(broker, config[topic]) for topic in ("events_topic", "clicks_topic"))
        sent += poison_of_its_own(broker, config["events_topic"])
        summary = program.finish_right()
        program.await_gone()
    finally:
        program.kill_all()
    said = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    assert [message["rejected"] for message in said if message["type"] == "progress"][-1] == sent
    by_metric = {one["metric"]: one for one in summary["by_metric"]}
    assert list(by_metric) == ["campaign", "device", "anomaly"]
    assert by_metric["campaign"]["expected"] > 100
    # Where a slow engine may have counted late events, what it says of anomalies is right, but cannot be demanded.
    assert by_metric["anomaly"]["exact"] + by_metric["anomaly"]["undecidable"] > 0
    remarks = summary["remarks"]
    assert remarks["orphan clicks in the load"] > 100
    assert remarks["duplicate clicks in the load"] > 100
    assert remarks["planted anomalies reported"] <= remarks["planted anomalies"]
    page = (program.run / "report.html").read_text(encoding="utf-8")
    assert ("every row goes to it and back" in page) == (engine == "spark")
    assert "orphan clicks in the load" in page


@pytest.mark.all
@pytest.mark.parametrize("ratio", ["1e-9", "10"])
def test_a_topic_in_which_next_to_nothing_happens_holds_nothing_back(tmp_path, ratio):
    environment = {"EVENT_RATE": "150", "CLICK_RATIO": ratio, "IMPRESSION_TOPIC": "shown", "CLICK_TOPIC": "clicked"}
    tiny = [flag for flag in TINY if not flag.startswith("--rate")]
    program = start(
        tmp_path, "master_code_spark.py", *tiny, "--engine=reference", "--workload=ad_clicks", "--attribution-sec=1",
        "--cooldown=1.5", env=environment,
    )  # fmt: skip
    try:
        program.finish_right()
    finally:
        program.kill_all()
    config = program.json("config.json")
    assert (config["rate"], config["events_topic"], config["clicks_topic"]) == (150.0, "shown", "clicked")
