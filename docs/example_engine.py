"""A whole engine in one file, to start your own from.

It knows nothing of windowbench but the contract in docs/engines.md, and needs confluent-kafka alone. It is complete and
exact under the default load, and kept short: rubbish in the topic or event times far ahead (rules 1 and 2 of the query
in docs/workloads.md) would need more care.
"""

import argparse
import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
config = json.loads(Path(parser.parse_args().config).read_text(encoding="utf-8"))
size_ms = round(config["window_size_sec"] * 1000)
slide_ms = round((config["slide_sec"] or config["window_size_sec"]) * 1000)
delay_ms = round(config["watermark_delay_sec"] * 1000)
running = True


def stop(*_: object) -> None:
    """End at the next turn of the loop."""
    global running  # noqa: PLW0603 - a script of one file
    running = False


def say(kind: str, **fields: object) -> None:
    """Write one message; anything else on standard output is log text."""
    print(json.dumps({"type": kind, **fields}), flush=True)


signal.signal(signal.SIGTERM, stop)

# 1. The events topic from its beginning, all partitions; no group, nothing to commit.
broker = {"bootstrap.servers": config["bootstrap_servers"]}
consumer = Consumer({**broker, "group.id": config["run_id"], "enable.auto.commit": False})
partitions = [TopicPartition(config["events_topic"], n, OFFSET_BEGINNING) for n in range(config["partitions"])]
consumer.assign(partitions)
producer = Producer({**broker, "linger.ms": 0})
consumer.list_topics(config["events_topic"], timeout=10)

# 2. From here on an event would be seen.
say("ready")

position = {str(n): 0 for n in range(config["partitions"])}
windows = defaultdict(lambda: {"view": 0, "click": 0, "purchase": 0, "produce_ms": 0, "event_ns": 0})
newest_ms = 0
last_said = 0.0

while running:
    first = consumer.poll(0.02)
    for message in [] if first is None else [first, *consumer.consume(1000, timeout=0)]:
        if message.error():
            continue
        position[str(message.partition())] = message.offset() + 1
        event = json.loads(message.value())
        if event["event_type"] == "END" and event["run_id"] != config["run_id"]:
            continue
        event_ms = event["event_time_ns"] // 1_000_000
        # 3. END counts nowhere and moves the watermark past every window.
        start = event_ms // slide_ms * slide_ms if event["event_type"] != "END" else -size_ms
        while start > event_ms - size_ms:
            if start + size_ms > newest_ms - delay_ms:  # else the window has closed: the event is late
                cell = windows[start, event["campaign_id"]]
                cell[event["event_type"]] += 1
                cell["produce_ms"] = max(cell["produce_ms"], event["produce_time"])
                cell["event_ns"] = max(cell["event_ns"], event["event_time_ns"])
            start -= slide_ms
        newest_ms = max(newest_ms, event_ms)

    # 4. Each row once, when the watermark has reached the end of its window.
    for start, campaign in sorted(key for key in windows if key[0] + size_ms <= newest_ms - delay_ms):
        cell = windows.pop((start, campaign))
        views, clicks, purchases = cell["view"], cell["click"], cell["purchase"]
        row = {
            "run_id": config["run_id"],
            "campaign_id": campaign,
            "window_start": start,
            "window_end": start + size_ms,
            "views": views,
            "clicks": clicks,
            "purchases": purchases,
            "events": views + clicks + purchases,
            "max_produce_time": cell["produce_ms"],
            "max_event_time_ns": cell["event_ns"],
            "ctr": clicks / views if views else None,
            "ctr_smoothed": clicks / (views + 1),
        }
        producer.produce(config["result_topic"], json.dumps(row), f"{campaign}:{start}")
    producer.flush()

    # 5. How far we are, a few times a second. END is written only when this has reached the end of every partition.
    if time.monotonic() - last_said > 0.2:
        last_said = time.monotonic()
        say("progress", position=position, watermark_ms=newest_ms - delay_ms, rejected=0)

# 6. SIGTERM: exit code 0.
consumer.close()
sys.exit(0)
