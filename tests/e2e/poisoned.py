"""A whole run under a load that is hard on an engine, with records in its events topic that are none."""

from __future__ import annotations

import json
from pathlib import Path

from kafka import KafkaProducer

from tests.e2e.started import LATE_SENDS, WIDE, Program, start
from tests.patience import PATIENCE

HARD_LOAD = (
    "--profile=smoke",
    *WIDE,
    *LATE_SENDS,
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
"""Bursts, disorder, late events, sliding windows, an idle partition."""


def run_beside_poison(directory: Path, program_name: str, *flags: str) -> tuple[Program, int]:
    """Make a run with poison in its measured phase, which must be right; return it, and the number of such records."""
    program = start(directory, program_name, *HARD_LOAD, *flags)
    try:
        program.await_phase("measure")
        config = program.json("config.json")
        sent = poison(config["bootstrap_servers"], config["events_topic"])
        program.finish_right()
    finally:
        program.kill_all()
    return program, sent


def assert_exact_beside_poison(program: Program, sent: int) -> None:
    """Check that every poisonous record of a run that was right was rejected and counted."""
    assert program.json("events_topic.json")["foreign"] == sent
    progress = [json.loads(line) for line in (program.run / "progress.jsonl").read_text().splitlines()]
    rejected = [message["rejected"] for message in progress if message["type"] == "progress"]
    assert rejected[-1] == sent
    assert program.json("summary.json")["rows"]["expected"] > 200


def poison(bootstrap_servers: str, topic: str) -> int:
    """Write one record of every bad kind, and return how many there were."""
    good = {
        "event_type": "view",
        "campaign_id": 1,
        "event_time_ns": 1_790_000_000_000_000_000,
        "produce_time": 1_790_000_000_000,
    }
    year_ns = 365 * 86_400 * 10**9
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, max_request_size=2_000_000)
    records = [
        b'{"event_type":"view","campai',
        b"\xff\xfe\x00bad",
        None,
        b"",
        json.dumps(good | {"campaign_id": "one"}).encode(),
        json.dumps(good | {"campaign_id": 1.5}).encode(),
        json.dumps(good | {"event_time_ns": "soon"}).encode(),
        json.dumps({k: v for k, v in good.items() if k != "campaign_id"}).encode(),
        json.dumps({k: v for k, v in good.items() if k != "event_time_ns"}).encode(),
        json.dumps(good | {"padding": "x" * 900_000, "campaign_id": None}).encode(),
        b'{"a":' * 500 + b"1" + b"}" * 500,
        json.dumps(good | {"event_type": "END", "run_id": "another run"}).encode(),
    ]
    for record in records:
        producer.send(topic, record, key=b"poison", partition=0)
    for far in (-year_ns, year_ns):
        message = producer.send(topic, b"{}", key=b"poison", partition=0).get(PATIENCE)
        event_ns = message.timestamp * 1_000_000 + far
        producer.send(topic, json.dumps(good | {"event_time_ns": event_ns}).encode(), key=b"poison", partition=0)
    producer.flush()
    producer.close()
    return len(records) + 4
