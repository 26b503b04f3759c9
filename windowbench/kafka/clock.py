"""How far the broker's clock is from ours, measured with acknowledged probe records.

A probe is handed over at t0 and acknowledged at t1, both on our clock; the broker took its append time T,
cut to whole milliseconds, in between. So the broker's clock minus ours lies within [T - t1, T + 1 ms - t0].
Every probe narrows that interval; the offset is its middle and the bound half its width, which is at most
half the least round trip and half a millisecond (Cristian's method, with the intersection of all probes).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from confluent_kafka import Message, Producer

from config import JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin, small_topic
from windowbench.kafka.client import make_client
from windowbench.load.schedule import NS_PER_MS

_PROBES = 50
_PROBE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockOffset:
    """What ``external_clock.json`` holds: the broker's clock minus ours, in ms, and the bound of its error."""

    offset_ms: float
    bound_ms: float


def measure_clock_offset(config: JobConfig) -> ClockOffset:
    """Send 50 probes one after another, to a topic made when missing; return the offset that fits all of them.

    Raises
    ------
    EnvironmentProblem
        When a probe is not acknowledged.
    """
    plan = small_topic(config, "clock")
    admin = Admin(config)
    if not admin.partitions(plan.name):
        admin.create(plan)
    producer = make_client(Producer, config, acks="all", linger_ms=0)
    least, greatest = -math.inf, math.inf
    for _ in range(_PROBES):
        answer: list[tuple[object, int]] = []

        def delivered(error: object, message: Message, answer: list[tuple[object, int]] = answer) -> None:
            answer.append((error, message.timestamp()[1]))

        before = time.time_ns()
        producer.produce(plan.name, b"probe", partition=0, on_delivery=delivered)
        deadline = time.monotonic() + _PROBE_SECONDS
        while not answer and time.monotonic() < deadline:
            producer.poll(0.1)
        after = time.time_ns()
        if not answer or answer[0][0] is not None:
            msg = f"a clock probe was not acknowledged: {answer[0][0] if answer else 'no answer'}"
            raise EnvironmentProblem(msg, remedy="check that the broker is healthy")
        append_ms = answer[0][1]
        least = max(least, append_ms - after / NS_PER_MS)
        greatest = min(greatest, append_ms + 1 - before / NS_PER_MS)
    return ClockOffset(offset_ms=round((least + greatest) / 2, 3), bound_ms=round(abs(greatest - least) / 2, 3))
