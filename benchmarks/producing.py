"""How many events one producer process gets acknowledged a second, against a straightforward peer.

    python -m benchmarks.producing [--events N] [--rounds N]

Both send to the same embedded broker with acks=all, in turn, each in a fresh process:

* ours: schedule, payloads, keys, pacing and acknowledgement counting of ``producer.py``, on a schedule so dense that
  every event is late, so that the machine and not the schedule sets the pace;
* the peer: a dict an event, ``uuid.uuid4``, ``json.dumps`` and ``send`` of kafka-python.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import statistics
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.table import Figure, show
from config import Config
from topic_creation import create_topics
from windowbench.broker.embedded import installed_broker
from windowbench.kafka.admin import cluster_id
from windowbench.producer_worker import run_worker
from windowbench.results.store import RunDirectory
from windowbench.schedule import NS_PER_S, Schedule

TARGET_RATE = 100_000
TARGET_RATIO = 15
TARGET_RSS = 250_000_000
_PEER_SHARE = 20
_AD_TYPES = ("image", "video", "carousel", "text", "story", "shopping", "collection")


def ours(config: Config, directory: str, events: int) -> dict[str, float]:
    """Send `events` events at full speed in this process."""
    run = RunDirectory.create(Path(directory) / f"ours-{uuid.uuid4().hex}")
    here, there = multiprocessing.Pipe()
    epoch = time.time_ns()
    dense = config.replace(rate=1e7, events_per_producer=None, num_producers=1, data_generator="uniform")
    schedule = Schedule(
        epoch_ns=epoch,
        base_time_ns=epoch // (10 * NS_PER_S) * (10 * NS_PER_S),
        measure_end_ns=epoch + NS_PER_S,
        load_end_ns=epoch + events * 100,
    )
    here.send(schedule)
    started = time.perf_counter()
    run_worker(dense, run.path, 0, there)
    seconds = time.perf_counter() - started
    last: dict[str, Any] = {}
    with suppress(EOFError):
        while True:
            last = here.recv()
    assert last["acknowledged"] == events, last
    return {"rate": events / seconds, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


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
    return {"rate": events / seconds, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def measure(events: int, rounds: int) -> dict[str, Any]:
    """Run both in turn and return their figures."""
    spawn = multiprocessing.get_context("spawn")
    found: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as directory, installed_broker(Path(directory), cluster_id) as broker:
        config = Config().replace(bootstrap_servers=broker.ready(), run_id="bench")
        create_topics(config)
        for _ in range(rounds):
            for name, body, count in (("ours", ours, events), ("peer", peer, events // _PEER_SHARE)):
                with spawn.Pool(1) as pool:
                    found[name].append(pool.apply(body, (config, directory, count)))
    rates = {name: statistics.median(sample["rate"] for sample in samples) for name, samples in found.items()}
    ratios = [a["rate"] / b["rate"] for a, b in zip(found["ours"], found["peer"], strict=True)]
    return {
        "events_per_second": round(rates["ours"]),
        "peer_events_per_second": round(rates["peer"]),
        "ratio": round(statistics.median(ratios), 1),
        "max_rss_bytes": int(max(sample["rss"] for sample in found["ours"])),
    }


def figures(*, events: int = 2_000_000, rounds: int = 3) -> list[Figure]:
    """Return what the comparison shows."""
    found = measure(events, rounds)
    rate, ratio, rss = found["events_per_second"], found["ratio"], found["max_rss_bytes"]
    return [
        Figure("producer: events/s acknowledged, one process", rate, f">= {TARGET_RATE:,}", rate >= TARGET_RATE),
        Figure("producer: peer (json.dumps, kafka-python), events/s", found["peer_events_per_second"]),
        Figure("producer: ratio to the peer", ratio, f">= {TARGET_RATIO}", ratio >= TARGET_RATIO),
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
