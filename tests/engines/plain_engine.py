"""A small engine in plain Python under the same contract as any other; for tests of the harness.

It shares nothing with windowbench but the contract: ``--config FILE`` names broker and topics, results go to
the results topic, ``ready`` and ``progress`` go to standard output as JSON lines, SIGTERM ends it.

``--defect NAME`` makes it wrong in a known way, so that a test can see the verdict say so. ``--delay-ms D`` writes
every row D ms after its window closed, so that a test can see the latencies say so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

DEFECTS = (
    "none",
    "changed-by-one",
    "dropped",
    "duplicated",
    "conflicting-duplicate",
    "false-max-produce-time",
    "wrong-first",
    "malformed",
    "other-ctr",
    "campaign-left-out",
    "partition-twice",
    "early",
    "removed",
    "end-of-its-own",
    "events-of-its-own",
    "transactions",
    "unasked",
    "die-before-ready",
    "die-in-load",
    "never-ready",
    "ignores-sigterm",
    "stalls",
)
STATE = {"running": True}
POLL_SECONDS = 0.005
COMMIT_SECONDS = 0.6


def say(kind: str, **fields: Any) -> None:
    print(json.dumps({"type": kind, **fields}), flush=True)


class Windows:
    """Counts per (window start, campaign), closed by the greatest event time less the delay."""

    def __init__(self, size_ms: int, slide_ms: int, delay_ms: int) -> None:
        self.size, self.slide, self.delay = size_ms, slide_ms, delay_ms
        self.open: dict[tuple[int, int], dict[str, int]] = defaultdict(
            lambda: {"view": 0, "click": 0, "purchase": 0, "produce": 0, "event_ns": 0}
        )
        self.watermark = -1

    def add(self, event: dict[str, Any]) -> None:
        at_ms = event["event_time_ns"] // 1_000_000
        start = at_ms // self.slide * self.slide
        while start > at_ms - self.size:
            if start + self.size > self.watermark:
                counts = self.open[start, event["campaign_id"]]
                counts[event["event_type"]] += 1
                counts["produce"] = max(counts["produce"], event["produce_time"])
                counts["event_ns"] = max(counts["event_ns"], event["event_time_ns"])
            start -= self.slide

    def advance(self, event_ms: int) -> None:
        self.watermark = max(self.watermark, event_ms - self.delay)

    def closed(self) -> list[tuple[tuple[int, int], dict[str, int]]]:
        ready = sorted(key for key in self.open if key[0] + self.size <= self.watermark + 1)
        return [(key, self.open.pop(key)) for key in ready]


def row_of(run_id: str, size_ms: int, key: tuple[int, int], counts: dict[str, int]) -> dict[str, Any]:
    start, campaign = key
    views, clicks = counts["view"], counts["click"]
    return {
        "run_id": run_id,
        "campaign_id": campaign,
        "window_start": start,
        "window_end": start + size_ms,
        "views": views,
        "clicks": clicks,
        "purchases": counts["purchase"],
        "events": views + clicks + counts["purchase"],
        "max_produce_time": counts["produce"],
        "max_event_time_ns": counts["event_ns"],
        "ctr": clicks / views if views else None,
        "ctr_smoothed": clicks / (views + 1),
    }


def with_defect(row: dict[str, Any], defect: str) -> list[dict[str, Any]]:
    """Return what is written in place of `row`."""
    changed = {**row, "clicks": row["clicks"] + 1}
    return {
        "changed-by-one": [changed],
        "dropped": [],
        "duplicated": [row, row],
        "conflicting-duplicate": [row, changed],
        "wrong-first": [changed, row],
        "false-max-produce-time": [{**row, "max_produce_time": row["max_produce_time"] - 7}],
    }.get(defect, [row])


class Engine:
    """Reads events, closes windows, writes rows; wrong where `defect` says so."""

    def __init__(self, config: dict[str, Any], defect: str, defect_after: int, delay_ms: float = 0) -> None:
        self.config, self.defect, self.defect_after = config, defect, defect_after
        self.size = round(config["window_size_sec"] * 1000)
        slide = round((config["slide_sec"] or config["window_size_sec"]) * 1000)
        delay = 0 if defect == "early" else round(config["watermark_delay_sec"] * 1000)
        self.windows = Windows(self.size, slide, delay)
        address = {"bootstrap.servers": config["bootstrap_servers"], "log_level": 0}
        partitions = range(config["partitions"])
        options = {"group.id": config["run_id"], "enable.auto.commit": False, "fetch.wait.max.ms": 20}
        self.consumer = Consumer(address | options)
        self.consumer.assign([TopicPartition(config["events_topic"], n, OFFSET_BEGINNING) for n in partitions])
        self.admin = AdminClient(address)
        self.right: list[tuple[bytes, bytes]] = []
        self.newest = b""
        named = {"transactional.id": config["run_id"]} if defect == "transactions" else {}
        self.producer = Producer({**address, "linger.ms": 0, **named})
        self.commits_at = 0.0
        if named:
            self.producer.init_transactions()
            self.producer.begin_transaction()
        self.consumer.list_topics(config["events_topic"], timeout=10)
        self.position = dict.fromkeys(map(str, partitions), 0)
        self.written = 0
        self.delay_seconds = delay_ms / 1000
        self.held: deque[tuple[float, bytes, bytes]] = deque()

    def take(self, value: bytes | None) -> None:
        try:
            event = json.loads(value or b"")
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        if event.get("event_type") == "END":
            if event.get("run_id") == self.config["run_id"]:
                self.windows.advance(event["event_time_ns"] // 1_000_000)
            return
        self.newest = value or b""
        self.windows.add(event)
        self.windows.advance(event["event_time_ns"] // 1_000_000)

    def read(self) -> None:
        # Returns when that many are there, or the time is over: no longer than until the next row is due.
        timeout = min(POLL_SECONDS, max(0.0, self.held[0][0] - time.monotonic())) if self.held else POLL_SECONDS
        for message in self.consumer.consume(5000, timeout=timeout):
            if not message.error():
                self.position[str(message.partition())] = message.offset() + 1
                self.take(message.value())
                if self.defect == "partition-twice" and message.partition() == 0:
                    self.take(message.value())

    def write(self) -> None:
        for key, counts in self.windows.closed():
            row = row_of(self.config["run_id"], self.size, key, counts)
            record_key = f"{key[1]}:{key[0]}".encode()
            if self.defect == "campaign-left-out" and key[1] == 1:
                continue
            if self.defect == "other-ctr" and row["events"]:
                row["ctr"] = row["clicks"] / row["events"]
            if self.defect == "removed" and self.written < self.defect_after:
                self.right.append((json.dumps(row).encode(), record_key))
                row["clicks"] += 1
            chosen = self.defect if self.written == self.defect_after else "none"
            self.written += 1
            for shown in with_defect(row, chosen):
                due = time.monotonic() + self.delay_seconds
                self.held.append((due, json.dumps(shown).encode(), record_key))
            self.tamper(chosen, record_key)
            if chosen == "die-in-load":
                print("the engine's last words", file=sys.stderr, flush=True)
                os._exit(9)
        while self.held and self.held[0][0] <= time.monotonic():
            _, value, record_key = self.held.popleft()
            self.producer.produce(self.config["result_topic"], value, record_key)
        self.producer.flush()
        if self.defect == "transactions" and time.monotonic() >= self.commits_at:
            self.commits_at = time.monotonic() + COMMIT_SECONDS
            self.producer.commit_transaction()
            self.producer.begin_transaction()

    def tamper(self, defect: str, key: bytes) -> None:
        """Do to the topics what no engine may."""
        results, events = self.config["result_topic"], self.config["events_topic"]
        if defect == "malformed":
            self.producer.produce(
                results, b"\xef\xbb\xbf" + json.dumps({"run_id": self.config["run_id"]}).encode(), key
            )
        elif defect == "removed":
            self.producer.flush()
            ends = {
                n: self.consumer.get_watermark_offsets(TopicPartition(results, n))[1]
                for n in self.partitions_of(results)
            }
            places = [TopicPartition(results, n, end) for n, end in ends.items()]
            for future in self.admin.delete_records(places).values():
                future.result()
            for value, record_key in self.right:
                self.producer.produce(results, value, record_key)
        elif defect == "end-of-its-own":
            end = {"event_type": "END", "run_id": self.config["run_id"], "event_time_ns": 4_102_444_800_000_000_000}
            self.producer.produce(events, json.dumps(end).encode(), b"END", partition=0)
        elif defect == "events-of-its-own":
            for _ in range(50):
                self.producer.produce(events, self.newest, b"mine", partition=0)

    def partitions_of(self, topic: str) -> list[int]:
        return list(self.consumer.list_topics(topic, timeout=10).topics[topic].partitions)

    def run(self) -> None:
        last_progress = 0.0
        while STATE["running"]:
            if self.defect == "stalls" and self.written >= self.defect_after:
                time.sleep(0.1)
                continue
            self.read()
            self.write()
            if time.monotonic() - last_progress > 0.1:
                last_progress = time.monotonic()
                say("progress", position=self.position, watermark_ms=self.windows.watermark, rejected=0)
        if self.defect == "transactions":
            self.producer.commit_transaction()
        self.consumer.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--defect", choices=DEFECTS, default="none")
    parser.add_argument("--defect-after", type=int, default=15, help="rows before the defect")
    parser.add_argument("--delay-ms", type=float, default=0, help="how long each row is held back")
    arguments = parser.parse_args()
    config = json.loads(Path(arguments.config).read_text(encoding="utf-8"))
    defect = arguments.defect
    signal.signal(signal.SIGTERM, lambda *_: STATE.update(running=defect == "ignores-sigterm"))
    if defect == "die-before-ready":
        print("the engine's last words", file=sys.stderr)
        return 7
    engine = Engine(config, defect, arguments.defect_after, arguments.delay_ms)
    if defect != "never-ready":
        say("ready")
    if defect == "unasked":
        say("next")
    engine.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
