"""One consumer process of the reference engine: reads its partitions, counts, and says how far they are.

It is spawned by ``ReferenceJob.py`` and talks to it through Kafka alone; the pipe to the parent carries ``ready``, and
the text of an error. It reports at once when the watermark of a partition has come to a new slide, for that may close a
window; else every :data:`REPORT_SECONDS`.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from config import JobConfig
from windowbench.engines.reference.messages import partial_records, watermark_record
from windowbench.engines.reference.query import ReferenceQuery
from windowbench.engines.reference.settings import ReferenceSettings
from windowbench.engines.reference.watermarks import PartitionClock
from windowbench.kafka.follower import Follower
from windowbench.kafka.sender import KafkaSender
from windowbench.load.numbering import Numbering
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS

POLL_SECONDS = 0.02
REPORT_SECONDS = 0.05
_PARENT_CHECK_SECONDS = 0.5
_LARGEST_BACKLOG = 1_000
"""Records not yet acknowledged; with more, the broker is gone or far behind."""


def partitions_of(consumer: int, consumers: int, partitions: int) -> list[int]:
    """Return the partitions that a consumer owns; they are dealt out in turn."""
    return list(range(consumer, partitions, consumers))


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The partitions of one consumer, by their numbers, among all that hold events."""

    numbers: list[int]
    inputs: Numbering


class ConsumerProcess:
    """The state of one consumer.

    Parameters
    ----------
    config : JobConfig
        Has a run id and a broker.
    engine : str
        Names this start of the engine.
    consumer : int
        Number of this consumer.
    own : Share
        Its partitions.
    """

    def __init__(self, config: JobConfig, engine: str, consumer: int, own: Share) -> None:
        """Make the clients."""
        settings, windows = ReferenceSettings.of(config.engine), config.windows
        self._engine, self._consumer = engine, consumer
        self._slide_ns = windows.slide_ms * NS_PER_MS
        self._intake = ReferenceQuery.of(config.engine.workload).intake(config)
        self._each = own.inputs.each
        self.clocks = {n: PartitionClock(windows.delay_ms, settings.idle_timeout_ms) for n in own.numbers}
        group = f"windowbench-{config.run.run_id}"
        self.follower = Follower(config, own.inputs, dict.fromkeys(own.numbers), group)
        self._sender = KafkaSender(config, settings.watermarks_topic)
        self._events = self._rejected = 0
        self._reported: tuple[int, ...] = ()
        self._dirty = True
        self._next_report = 0.0
        self._polled_at = time.monotonic()

    def step(self) -> None:
        """Read what there is, count it, and report where that is due."""
        quiet = set(self.clocks)
        for partition, offset, record_ms, value in self.follower.read(POLL_SECONDS):
            quiet.discard(partition)
            self._dirty = True
            at_ns = self._intake.take_in(value, record_ms, partition // self._each)
            self.clocks[partition].read(offset, at_ns)
            if at_ns is None:
                self._rejected += 1
            elif at_ns != END_EVENT_TIME_NS:
                self._events += 1
        now = time.monotonic()
        for partition in quiet:
            clock = self.clocks[partition]
            was_idle = clock.idle
            clock.wait((now - self._polled_at) * 1000, at_end=partition in self.follower.at_end)
            self._dirty = self._dirty or clock.idle != was_idle
        self._polled_at = now
        slides = tuple((clock.watermark_ns or 0) // self._slide_ns for clock in self.clocks.values())
        if self._dirty and (slides != self._reported or now >= self._next_report):
            self._report()
            self._reported, self._dirty, self._next_report = slides, False, now + REPORT_SECONDS
        self._sender.poll()

    def _report(self) -> None:
        """Publish what was counted, and after it the watermarks that cover it."""
        for value in partial_records(self._engine, self._consumer, self._intake.take()):
            self._sender.send(value, b"%d" % self._consumer, 0, 0)
        value = watermark_record(
            self._engine, self._consumer, self.clocks, events=self._events, rejected=self._rejected
        )
        self._sender.send(value, b"%d" % self._consumer, 0, 0)
        if self._sender.failed or len(self._sender) > _LARGEST_BACKLOG:
            why = self._sender.last_failure or "the broker does not acknowledge"
            raise ConnectionError(f"local watermarks could not be written: {why}")


def run_consumer(config: JobConfig, engine: str, consumer: int, own: Share, parent: Connection) -> None:
    """Consume until the parent is gone or ends this process.

    Parameters
    ----------
    config : JobConfig
        Has a run id and a broker.
    engine : str
        Names this start of the engine.
    consumer : int
        Number of this consumer.
    own : Share
        Its partitions.
    parent : Connection
        Told once that every partition can be read; its closing means that the parent is gone.
    """
    state = ConsumerProcess(config, engine, consumer, own)
    gc.freeze()  # nothing made so far will ever be garbage: keep collections short
    ready = False
    next_check = 0.0
    while True:
        state.step()
        if not ready and all(clock.position or n in state.follower.at_end for n, clock in state.clocks.items()):
            ready = True
            parent.send("ready")
        if time.monotonic() >= next_check:
            next_check = time.monotonic() + _PARENT_CHECK_SECONDS
            if parent.poll():
                parent.recv()  # it never says anything: this raises EOFError, for it is gone
