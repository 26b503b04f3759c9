"""What one producer process does: make its events, send them when they are due, record when that was.

The parent process is ``producer.py``; it is told about progress through a pipe, and says when the load starts.
"""

from __future__ import annotations

import gc
import resource
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from config import Config
from data_generation import encoder_of, event_blocks
from windowbench.kafka.sender import KafkaSender
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.events import EventBlock
from windowbench.load.numbering import input_partitions
from windowbench.load.pacing import Pacer, RenderedSlice
from windowbench.load.payload import Encoder
from windowbench.load.schedule import NS_PER_S, Schedule, plan
from windowbench.runs.samples import SampleWriter
from windowbench.runs.store import RunDirectory

FLUSH_SECONDS = 60.0
SLICE_EVENTS = 1024
"""Most events rendered at once: less than a millisecond of work, so that rendering hardly delays a due event, and
enough that what a call costs whatever the number of events, some 0.1 ms, hardly counts."""
_SLICE_SECONDS = 0.1
"""Most load in a slice, so that what is reported as sent is not old at low rates."""


class SystemClock:
    """The machine's wall clock as it was at the start, carried on by the monotonic one.

    A step of the wall clock would hold the load back, or send it all at once. It is found in the samples of the host,
    and the run is not valid; but it ends as planned.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return time.monotonic_ns() + self._offset_ns

    @staticmethod
    def sleep_ns(duration_ns: int) -> None:
        """Sleep; the operating system may wake us later, never earlier."""
        time.sleep(duration_ns / NS_PER_S)


@dataclass(kw_only=True, slots=True)
class Counts:
    """What one worker has done so far; sent to the parent once a second and at the end."""

    producer: int
    scheduled: int = 0
    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    queue_full: int = 0
    queued: int = 0
    max_ack_ms: float = 0.0
    max_rss_bytes: int = 0
    lateness_p99_ms: float = 0.0
    lateness_max_ms: float = 0.0
    last_failure: str = ""
    done: bool = False
    cpu_seconds: float = 0.0
    _recent: list[np.ndarray[Any, np.dtype[np.int64]]] = field(default_factory=list, repr=False)

    def note(self, due_ns: list[int], sent_ns: array[int]) -> None:
        """Count a slice that was sent."""
        self.scheduled += len(due_ns)
        self.sent += len(sent_ns)
        self._recent.append(np.frombuffer(sent_ns, dtype=np.int64) - np.asarray(due_ns, dtype=np.int64))

    def message(self, sender: KafkaSender) -> dict[str, Any]:
        """Return the counts as a message, with the lateness of the events since the last one."""
        self.acknowledged, self.failed, self.queue_full = sender.acknowledged, sender.failed, sender.queue_full
        self.queued, self.last_failure = len(sender), sender.last_failure
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.max_rss_bytes = usage.ru_maxrss * 1024
        self.cpu_seconds = round(usage.ru_utime + usage.ru_stime, 3)
        if self._recent:
            recent = np.concatenate(self._recent)
            self._recent.clear()
            rank = min(len(recent) - 1, int(np.ceil(0.99 * len(recent))) - 1)
            self.lateness_p99_ms = round(float(np.partition(recent, rank)[rank]) / 1e6, 3)
            self.lateness_max_ms = max(self.lateness_max_ms, round(float(recent.max()) / 1e6, 3))
        fields = asdict(self)
        del fields["_recent"]
        return fields


def rendered_slices(
    blocks: Iterator[EventBlock], encoder: Encoder, schedule: Schedule, rate: float
) -> Iterator[RenderedSlice]:
    """Yield the events of `blocks`, `rate` a second, as small slices that are ready to send."""
    size = max(1, min(SLICE_EVENTS, int(rate * _SLICE_SECONDS)))
    for block in blocks:
        due = (block.due_offset_ns + schedule.epoch_ns).tolist()
        partitions = block.partition.tolist()
        for start in range(0, len(due), size):
            stop = min(start + size, len(due))
            piece = block.part(start, stop)
            yield RenderedSlice(
                due_ns=due[start:stop],
                partitions=partitions[start:stop],
                keys=encoder.keys(piece),
                prefixes=encoder.encode(piece, schedule),
            )


def _slices(config: Config, encoder: Encoder, schedule: Schedule, producer: int) -> Iterator[RenderedSlice]:
    blocks = event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns)
    rate = float(config.load.total_rate / config.load.num_producers)
    return rendered_slices(blocks, encoder, schedule, rate)


def _warm_up(config: Config, encoder: Encoder, producer: int) -> None:
    """Render a few slices that are never sent, so that first calls do not delay the first events."""
    for _ in zip(range(8), _slices(config, encoder, plan(config, time.time_ns()), producer), strict=False):
        pass


def run_worker(config: Config, run_path: Path, producer: int, parent: Connection) -> None:
    """Send the whole stream of one producer, and write its samples to the run directory.

    `parent` receives ``{"ready": True}``, then :class:`Counts` as dicts; it gives the schedule.
    """
    run = RunDirectory(run_path)
    counts = Counts(producer=producer)
    acks: dict[str, list[int]] = {"n": [], "ack_us": []}

    encoder = encoder_of(config)

    def on_sample(key: bytes, value: bytes, ack_us: int) -> None:
        acks["n"].append(int((encoder.name_of(key, value) or b"").partition(b":")[2] or -1))
        acks["ack_us"].append(ack_us)
        counts.max_ack_ms = max(counts.max_ack_ms, ack_us / 1000)

    sender = KafkaSender(
        config,
        input_partitions(config),
        sample_every=config.kafka.ack_sample_every,
        on_sample=on_sample,
        linger_ms=config.kafka.linger_ms,
        compression=config.kafka.compression,
    )
    ack_writer = SampleWriter(run.ack_samples(producer), {"n": "int64", "ack_us": "int64"})
    sent_writer = SampleWriter(run.producer_samples(producer), {"sent_ns": "int64"}, row_group_rows=32_768)

    def write_acks() -> None:
        ack_writer.append(**acks)
        for column in acks.values():
            column.clear()

    _warm_up(config, encoder, producer)
    sent_writer.append(sent_ns=np.empty(0, dtype=np.int64))  # its first call loads pandas, which takes a second
    write_acks()
    counts.message(sender)
    parent.send({"ready": True})
    schedule = parent.recv()
    next_report = schedule.epoch_ns

    def on_slice(due_ns: list[int], sent_ns: array[int]) -> None:
        counts.note(due_ns, sent_ns)
        sent_writer.append(sent_ns=np.frombuffer(sent_ns, dtype=np.int64))

    def on_tick(now_ns: int) -> None:
        nonlocal next_report
        if now_ns >= next_report:
            next_report = now_ns + NS_PER_S
            parent.send(counts.message(sender))
            write_acks()

    slices = _slices(config, encoder, schedule, producer)
    gc.collect()
    gc.disable()  # the loop makes no cycles, and a collection would be a pause in the schedule
    Pacer(slices, sender, SystemClock(), on_slice=on_slice, on_tick=on_tick).run()
    unsent = sender.flush(FLUSH_SECONDS)
    sent_writer.close()
    write_acks()
    ack_writer.close()
    counts.done = unsent == 0
    parent.send(counts.message(sender))
    parent.close()
