"""How many events one producer process gets acknowledged a second, against a straightforward peer.

    python -m benchmarks.producing [--events N] [--rounds N]

Both send to the same embedded broker with acks=all, in turn, each in a fresh process:

* ours: schedule, payloads, keys, pacing and acknowledgement counting of ``producer.py``, on a schedule so dense that
  every event is late, so that the machine and not the schedule sets the pace;
* the peer: a dict an event, ``uuid.uuid4``, ``json.dumps`` and ``send`` of kafka-python;
* the bound: librdkafka's own loop, one ready payload handed over again and again, with the same settings.

What stands between a schedule and librdkafka is shown apart: drawing, encoding and handing over, in µs an event.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import tempfile
import time
import uuid
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from benchmarks.table import Figure, show
from config import Config
from data_generation import event_blocks
from topic_creation import create_topics
from windowbench.broker.embedded import installed_broker
from windowbench.kafka.admin import cluster_id
from windowbench.kafka.sender import KafkaSender
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.events import EventBlock
from windowbench.load.schedule import NS_PER_S, Schedule, plan
from windowbench.producers.worker import SLICE_EVENTS, run_worker
from windowbench.runs.store import RunDirectory
from windowbench.workloads.ad_ctr.payload import PayloadEncoder

TARGET_RATE = 100_000
TARGET_RATIO = 15
TARGET_RSS = 250_000_000
WIRE_RATE, WIRE_RATIO = 200_000, 1.3
_PEER_SHARE, _STAGES_SHARE = 40, 10
_STAGES = ("schedule and draw", "encode", "hand over")
_POLL_EVERY = 256
_AD_TYPES = ("image", "video", "carousel", "text", "story", "shopping", "collection")


def greatest_memory() -> int:
    """Return the most bytes this process has held; getrusage would count what its parent held before it as well."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024


class _Parent:
    """The parent of a worker: gives it the schedule when it is ready, which is when the load starts, as in a run."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.started = 0.0
        self.last: dict[str, Any] = {}

    def recv(self) -> Schedule:
        self.started = time.perf_counter()
        return self._schedule

    def send(self, message: dict[str, Any]) -> None:
        self.last = message

    def close(self) -> None:
        pass


def ours(config: Config, directory: str, events: int) -> dict[str, float]:
    """Send `events` events at full speed in this process."""
    run = RunDirectory.create(Path(directory) / f"ours-{uuid.uuid4().hex}")
    epoch = time.time_ns()
    dense = config.replace(rate=1e7, events_per_producer=None, num_producers=1, data_generator="uniform")
    schedule = Schedule(
        epoch_ns=epoch,
        base_time_ns=epoch // (10 * NS_PER_S) * (10 * NS_PER_S),
        measure_end_ns=epoch + NS_PER_S,
        load_end_ns=epoch + events * 100,
    )
    parent = _Parent(schedule)
    run_worker(dense, run.path, 0, cast("Connection", parent))
    seconds = time.perf_counter() - parent.started
    assert parent.last["acknowledged"] == events, parent.last
    return {"rate": events / seconds, "rss": greatest_memory()}


def peer(config: Config, _directory: str, events: int) -> dict[str, float]:
    """Send `events` events the straightforward way in this process."""
    from kafka import KafkaProducer

    ads = [str(uuid.uuid4()) for _ in range(1000)]
    producer = KafkaProducer(
        bootstrap_servers=config.kafka.bootstrap_servers,
        acks="all",
        value_serializer=lambda event: json.dumps(event).encode(),
    )
    started = time.perf_counter()
    futures = []
    for _ in range(events):
        now = time.time_ns()
        event = {
            "user_id": str(uuid.uuid4()),
            "page_id": str(uuid.uuid4()),
            "ad_id": random.choice(ads),
            "ad_type": random.choice(_AD_TYPES),
            "event_type": random.choice(("view", "click", "purchase")),
            "event_time_ns": now,
            "window_id": now // (10 * NS_PER_S),
            "ip_address": "10.1.2.3",
            "campaign_id": random.randrange(10),
            "produce_time": now // 1_000_000,
        }
        futures.append(producer.send(config.kafka.events_topic, event))
    producer.flush()
    seconds = time.perf_counter() - started
    assert all(future.succeeded() for future in futures)
    return {"rate": events / seconds, "rss": greatest_memory()}


def bound(config: Config, _directory: str, events: int) -> dict[str, float]:
    """Hand over one ready payload `events` times in this process, and nothing else."""
    sender = KafkaSender(config, config.kafka.events_topic, linger_ms=config.kafka.linger_ms)
    key, now_ms = b"0:0", time.time_ns() // 1_000_000
    prefixes = PayloadEncoder(config).encode(_blocks(config, 1)[0], plan(config, time.time_ns()))
    value = prefixes[0] + b"%d}" % now_ms
    started = time.perf_counter()
    for number in range(events):
        sender.send(value, key, number % config.kafka.partitions, now_ms)
        if not number % _POLL_EVERY:
            sender.poll()
    assert sender.flush(60) == 0
    seconds = time.perf_counter() - started
    assert sender.acknowledged == events
    return {"rate": events / seconds}


def _blocks(config: Config, events: int) -> list[EventBlock]:
    dense = config.replace(rate=1e6, events_per_producer=None, num_producers=1, data_generator="uniform")
    return list(event_blocks(dense, 0, arrival_offsets(dense, 0), events * 1000))


def stages(config: Config, _directory: str, events: int) -> dict[str, float]:
    """Return what each stage takes by itself in this process, in µs an event."""
    encoder, schedule = PayloadEncoder(config), plan(config, time.time_ns())
    sender = KafkaSender(config, config.kafka.events_topic, linger_ms=config.kafka.linger_ms)
    _blocks(config, 1000)
    times = [time.perf_counter()]
    blocks = _blocks(config, events)
    times.append(time.perf_counter())
    payloads = [
        prefix
        for block in blocks
        for start in range(0, len(block), SLICE_EVENTS)
        for prefix in encoder.encode(block.part(start, start + SLICE_EVENTS), schedule)
    ]
    times.append(time.perf_counter())
    now_ms = time.time_ns() // 1_000_000
    for number, payload in enumerate(payloads):
        sender.send(payload, b"0:%d" % number, number % config.kafka.partitions, now_ms)
        if not number % _POLL_EVERY:
            sender.poll()
    times.append(time.perf_counter())
    assert sender.flush(60) == 0
    taken = [after - before for before, after in pairwise(times)]
    return {name: 1e6 * seconds / len(payloads) for name, seconds in zip(_STAGES, taken, strict=True)}


def measure(events: int, rounds: int) -> dict[str, Any]:
    """Run both in turn and return their figures."""
    spawn = multiprocessing.get_context("spawn")
    subjects = (
        ("ours", ours, events),
        ("bound", bound, events),
        ("peer", peer, events // _PEER_SHARE),
        ("stages", stages, events // _STAGES_SHARE),
    )
    found: dict[str, list[dict[str, float]]] = {name: [] for name, _, _ in subjects}
    with tempfile.TemporaryDirectory() as directory, installed_broker(Path(directory), cluster_id) as broker:
        config = Config().replace(bootstrap_servers=broker.ready(), run_id="bench")
        create_topics(config)
        for _ in range(rounds):
            for name, body, count in subjects:
                with spawn.Pool(1) as pool:
                    found[name].append(pool.apply(body, (config, directory, count)))

    def ratio(name: str, to: str) -> float:
        return statistics.median(a["rate"] / b["rate"] for a, b in zip(found[name], found[to], strict=True))

    rates = {name: statistics.median(one["rate"] for one in found[name]) for name in ("ours", "bound", "peer")}
    return {
        "events_per_second": round(rates["ours"]),
        "peer_events_per_second": round(rates["peer"]),
        "bound_events_per_second": round(rates["bound"]),
        "ratio": round(ratio("ours", "peer"), 1),
        "bound_ratio": round(ratio("bound", "ours"), 2),
        "stages": {name: statistics.median(one[name] for one in found["stages"]) for name in _STAGES},
        "max_rss_bytes": int(max(sample["rss"] for sample in found["ours"])),
    }


def figures(*, events: int = 2_000_000, rounds: int = 3) -> list[Figure]:
    """Return what the comparison shows."""
    found = measure(events, rounds)
    rate, ratio, rss = found["events_per_second"], found["ratio"], found["max_rss_bytes"]
    wire = rate >= WIRE_RATE or found["bound_ratio"] <= WIRE_RATIO
    return [
        Figure("producer: events/s acknowledged, one process", rate, f">= {TARGET_RATE:,}", rate >= TARGET_RATE),
        Figure("producer: peer (json.dumps, kafka-python), events/s", found["peer_events_per_second"]),
        Figure("producer: ratio to the peer", ratio, f">= {TARGET_RATIO}", ratio >= TARGET_RATIO),
        Figure("producer: librdkafka's own loop, one payload, events/s", found["bound_events_per_second"]),
        Figure(f"producer: that loop to ours (or >= {WIRE_RATE:,}/s)", found["bound_ratio"], f"<= {WIRE_RATIO}", wire),
        *(Figure(f"producer: {name}, µs an event", round(value, 2)) for name, value in found["stages"].items()),
        Figure("producer: greatest memory, MB", round(rss / 1e6), f"<= {TARGET_RSS // 10**6}", rss <= TARGET_RSS),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    show(figures(events=arguments.events, rounds=arguments.rounds))


if __name__ == "__main__":
    main()
