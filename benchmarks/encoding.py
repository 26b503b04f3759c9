"""How fast events become bytes, against a dictionary and json.dumps for each event.

    python benchmarks/encoding.py

The two take turns in one process, so that whatever else the machine does hits both; the ratio is the figure to trust.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.table import Figure, show
from config import Config
from data_generation import create_ad_campaign_mappings, event_blocks
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule, plan
from windowbench.workloads.ad_ctr.events import AD_TYPES
from windowbench.workloads.ad_ctr.payload import PayloadEncoder
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

ROUNDS = 7
TARGET_RATE = 500_000
OUR_EVENTS = 200_000
THEIR_EVENTS = 20_000
PEER = "dict + json.dumps"


def rendered(config: Config, encoder: PayloadEncoder, schedule: Schedule) -> Iterator[list[bytes]]:
    """Yield payloads of `OUR_EVENTS` events as a producer does when the load is dense: drawn and encoded in blocks."""
    left = OUR_EVENTS
    for block in event_blocks(config, 0, arrival_offsets(config, 0), 3600 * NS_PER_S):
        yield encoder.encode(block, schedule)
        left -= len(block)
        if left <= 0:
            return


def straightforward(config: Config, schedule: Schedule) -> Iterator[bytes]:
    """Yield payloads of `THEIR_EVENTS` events, each made as a dictionary."""
    ads = list(create_ad_campaign_mappings().items())
    for n in range(THEIR_EVENTS):
        ad, campaign = random.choice(ads)
        event_time_ns = schedule.epoch_ns + n * 100_000
        event = {
            "user_id": str(uuid.uuid4()),
            "page_id": str(uuid.uuid4()),
            "ad_id": ad,
            "ad_type": random.choice(AD_TYPES),
            "event_type": random.choices(EVENT_TYPES, config.workload.event_type_weights)[0],
            "event_time_ns": event_time_ns,
            "window_id": (event_time_ns - schedule.base_time_ns) // (config.windows.slide_ms * NS_PER_MS),
            "ip_address": ".".join(str(random.randint(1, 254)) for _ in range(4)),
            "campaign_id": campaign,
            "produce_time": time.time_ns() // NS_PER_MS,
        }
        yield json.dumps(event).encode()


def measure() -> dict[str, list[float]]:
    """Return events per second and core of every subject, one entry a round, all in turn."""
    config = Config().replace(rate=100_000.0, events_per_producer=None)
    schedule = plan(config, time.time_ns())
    encoder = PayloadEncoder(config)
    blocks = list(event_blocks(config, 0, arrival_offsets(config, 0), 4 * NS_PER_S))
    encoded = sum(map(len, blocks))

    def encode() -> int:
        for block in blocks:
            encoder.encode(block, schedule)
        return encoded

    subjects = {
        "encode": encode,
        "draw and encode": lambda: sum(map(len, rendered(config, encoder, schedule))),
        PEER: lambda: sum(1 for _ in straightforward(config, schedule)),
    }
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            start = time.perf_counter()
            count = subject()
            rates[name].append(count / (time.perf_counter() - start))
    return rates


def figures() -> list[Figure]:
    """Return what the comparison shows: the median of each subject, and its ratio to the peer."""
    rates = measure()
    found = []
    for name, values in rates.items():
        rate = round(statistics.median(values))
        if name == PEER:
            found.append(Figure(f"{name}: events/s per core", rate))
        else:
            found.append(Figure(f"{name}: events/s per core", rate, f">= {TARGET_RATE:,}", rate >= TARGET_RATE))
            ratio = statistics.median(a / b for a, b in zip(values, rates[PEER], strict=True))
            found.append(Figure(f"{name}: ratio to the peer", round(ratio, 1)))
    return found


def main() -> int:
    """Print the figures."""
    show(figures())
    return 0


if __name__ == "__main__":
    sys.exit(main())
