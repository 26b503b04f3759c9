"""Send the events of a configuration, open loop, from N worker processes.

Each worker is spawned (a Kafka client must not cross a fork), makes its own stream of events from
configuration, seed and its number, and records when it handed each event over. In a run the
orchestrator says when the load starts, through the schedule file; alone, the load starts in a second.

Progress goes to standard output as JSON lines: ``ready``, ``progress`` once a second, ``done``.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import signal
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from config import Config, config_parser, load
from data_generation import EventBlock, PayloadEncoder, event_blocks, event_key
from windowbench.arrivals import arrival_offsets
from windowbench.errors import EnvironmentProblem, ExitCode, ProducersFailed, run_program
from windowbench.kafka.admin import Admin
from windowbench.kafka.sender import KafkaSender
from windowbench.pacing import Pacer, RenderedSlice
from windowbench.results.samples import SampleWriter
from windowbench.results.store import RunDirectory
from windowbench.schedule import NS_PER_S, Schedule, plan

_EPILOG = """\
examples:
  python producer.py --bootstrap-servers localhost:9092 --rate 1000 --duration 30
  python producer.py --bootstrap-servers localhost:9092 --data-generator mmpp --num-producers 4
"""

_FLUSH_SECONDS = 60.0
_SLICE_EVENTS = 256
"""Most events rendered at once: well under a millisecond of work, so that rendering hardly delays a due event."""
_SLICE_SECONDS = 0.1
"""Most load in a slice, so that what is reported as sent is not old at low rates."""


class SystemClock:
    """The machine's wall clock."""

    now_ns = staticmethod(time.time_ns)

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
    blocks: Iterator[EventBlock], encoder: PayloadEncoder, schedule: Schedule, producer: int, rate: float
) -> Iterator[RenderedSlice]:
    """Yield the events of `blocks`, `rate` a second, as small slices that are ready to send."""
    size = max(1, min(_SLICE_EVENTS, int(rate * _SLICE_SECONDS)))
    for block in blocks:
        due = (block.due_offset_ns + schedule.epoch_ns).tolist()
        partitions = block.partition.tolist()
        for start in range(0, len(due), size):
            stop = min(start + size, len(due))
            yield RenderedSlice(
                due_ns=due[start:stop],
                partitions=partitions[start:stop],
                keys=[event_key(producer, n) for n in range(block.first + start, block.first + stop)],
                prefixes=encoder.encode(block.part(start, stop), schedule),
            )


def _slices(config: Config, encoder: PayloadEncoder, schedule: Schedule, producer: int) -> Iterator[RenderedSlice]:
    blocks = event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns)
    rate = float(config.load.total_rate / config.load.num_producers)
    return rendered_slices(blocks, encoder, schedule, producer, rate)


def _warm_up(config: Config, encoder: PayloadEncoder, producer: int) -> None:
    """Render a few slices of a schedule nobody follows, so that first calls do not delay the first events."""
    for _ in zip(range(8), _slices(config, encoder, plan(config, time.time_ns()), producer), strict=False):
        pass


def worker(config: Config, run_path: Path, producer: int, parent: Connection) -> None:
    """Run :func:`run_worker` as a process of its own that ends quietly when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):
        run_worker(config, run_path, producer, parent)


def run_worker(config: Config, run_path: Path, producer: int, parent: Connection) -> None:
    """Send the whole stream of one producer.

    Parameters
    ----------
    config : Config
        What to send and where to.
    run_path : Path
        The run directory, for the samples.
    producer : int
        Number of this producer, from 0.
    parent : Connection
        Receives ``{"ready": True}``, then :class:`Counts` as dicts; gives the schedule.
    """
    run = RunDirectory(run_path)
    counts = Counts(producer=producer)
    acks: dict[str, list[int]] = {"n": [], "ack_us": []}

    def on_sample(key: bytes, ack_us: int) -> None:
        acks["n"].append(int(key.partition(b":")[2] or -1))
        acks["ack_us"].append(ack_us)
        counts.max_ack_ms = max(counts.max_ack_ms, ack_us / 1000)

    sender = KafkaSender(
        config, config.kafka.events_topic, sample_every=config.kafka.ack_sample_every, on_sample=on_sample
    )
    encoder = PayloadEncoder(config)
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
    unsent = sender.flush(_FLUSH_SECONDS)
    sent_writer.close()
    write_acks()
    ack_writer.close()
    counts.done = unsent == 0
    parent.send(counts.message(sender))
    parent.close()


class Workers:
    """The worker processes of one load, seen from the parent."""

    def __init__(self, config: Config, run: RunDirectory) -> None:
        """Spawn the workers; they make their clients and then wait for the schedule."""
        context = multiprocessing.get_context("spawn")
        self._latest: dict[int, dict[str, Any]] = {}
        self._connections: dict[Connection, int] = {}
        self._processes: list[BaseProcess] = []
        for producer in range(config.load.num_producers):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=worker, args=(config, run.path, producer, theirs), name=f"producer-{producer}", daemon=True
            )
            process.start()
            theirs.close()
            self._connections[ours] = producer
            self._processes.append(process)

    def await_ready(self) -> None:
        """Return once every worker has made its client."""
        for connection, producer in self._connections.items():
            self._received(connection, producer)

    def start(self, schedule: Schedule) -> None:
        """Tell every worker when the load starts."""
        for connection in self._connections:
            connection.send(schedule)

    def _received(self, connection: Connection, producer: int) -> dict[str, Any]:
        try:
            message: dict[str, Any] = connection.recv()
        except (EOFError, ConnectionError):
            msg = f"producer process {producer} ended before its work was done"
            raise ProducersFailed(msg) from None
        return message

    def reports(self, every_seconds: float = 1.0) -> Iterator[dict[int, dict[str, Any]]]:
        """Yield the latest counts of all workers about once in `every_seconds`, until all are done."""
        running = dict(self._connections)
        next_yield = time.monotonic() + every_seconds
        while running:
            for connection in wait(list(running), timeout=max(0.0, next_yield - time.monotonic())):
                assert isinstance(connection, Connection)
                producer = running[connection]
                self._latest[producer] = self._received(connection, producer)
                if self._latest[producer]["done"]:
                    del running[connection]
                elif self._is_stuck(producer):
                    left = self._latest[producer]["queued"]
                    msg = f"producer {producer} could not deliver {left} events: {self._why(producer)}"
                    raise ProducersFailed(msg)
            if time.monotonic() >= next_yield or not running:
                next_yield = time.monotonic() + every_seconds
                yield self._latest

    def _is_stuck(self, producer: int) -> bool:
        """Whether a worker gave up: its last message says not done and its process has closed the pipe."""
        return not self._processes[producer].is_alive()

    def _why(self, producer: int) -> str:
        return self._latest[producer]["last_failure"] or f"no acknowledgement within {_FLUSH_SECONDS:.0f} s"

    def stop(self) -> None:
        """End every worker that still runs."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(timeout=5)


def _totals(latest: dict[int, dict[str, Any]]) -> dict[str, Any]:
    rows = list(latest.values())
    summed = {key: sum(row[key] for row in rows) for key in ("sent", "acknowledged", "failed", "queued", "queue_full")}
    worst = {key: max((row[key] for row in rows), default=0.0) for key in ("lateness_p99_ms", "lateness_max_ms")}
    return {**summed, **worst}


def _say(kind: str, **fields: object) -> None:
    print(json.dumps({"type": kind, **fields}), flush=True)


def _await_schedule(path: Path) -> Schedule:
    """Wait for the orchestrator's word; it ends this process should it never come."""
    while not path.exists():
        time.sleep(0.02)
    return Schedule.from_dict(json.loads(path.read_bytes()))


def produce(config: Config, run: RunDirectory, schedule_file: Path | None) -> list[dict[str, Any]]:
    """Send the load of a configuration and return the final counts of every producer.

    Raises
    ------
    ProducersFailed
        When a worker ends early or cannot deliver.
    """
    workers = Workers(config, run)
    try:
        workers.await_ready()
        _say("ready")
        if schedule_file is None:
            schedule = plan(config, time.time_ns())
            run.write_schedule(schedule)
        else:
            schedule = _await_schedule(schedule_file)
        workers.start(schedule)
        latest: dict[int, dict[str, Any]] = {}
        sent_before, at_before = 0, time.monotonic()
        for latest in workers.reports():
            totals, now = _totals(latest), time.monotonic()
            rate = round((totals["sent"] - sent_before) / (now - at_before), 1)
            _say("progress", rate=rate, **totals)
            sent_before, at_before = totals["sent"], now
        finals = [latest[producer] for producer in sorted(latest)]
        run.write_json("producers.json", {"producers": finals})
        _say("done", **_totals(latest))
        return finals
    finally:
        workers.stop()


def check_topic(config: Config) -> None:
    """Make sure that the events topic is there, as the configuration wants it.

    Raises
    ------
    EnvironmentProblem
        When it is missing or has fewer partitions than events will name.
    """
    topic, found = config.kafka.events_topic, len(Admin(config).partitions(config.kafka.events_topic))
    if found < config.kafka.partitions:
        msg = f"topic {topic} has {found} partitions, the configuration wants {config.kafka.partitions}"
        raise EnvironmentProblem(msg, remedy="python topic_creation.py creates the topics of a configuration")


def _open_run(config: Config) -> RunDirectory:
    """Use the run directory that the orchestrator made, or make one for a load on its own."""
    assert config.run.run_id is not None
    path = Path(config.run.runs_dir) / config.run.run_id
    if (path / "config.json").is_file():
        return RunDirectory.open(path)
    run = RunDirectory.create(path)
    run.write_config(config)
    return run


def _body(argv: list[str] | None) -> int:
    parser = config_parser("producer.py", "Send the events of a configuration, open loop.", epilog=_EPILOG)
    parser.add_argument("--schedule", metavar="FILE", help="start when this schedule file appears, and follow it")
    loaded = load(parser, argv)
    config = loaded.config
    if config.run.run_id is None:
        config = config.replace(run_id=f"load-{time.strftime('%Y%m%d-%H%M%S')}-{config.run.seed}")
    check_topic(config)
    run = _open_run(config)
    schedule_file = Path(loaded.arguments.schedule) if loaded.arguments.schedule else None
    finals = produce(config, run, schedule_file)
    failed = sum(row["failed"] for row in finals)
    if failed:
        msg = f"{failed} events were not delivered: {next(row['last_failure'] for row in finals if row['failed'])}"
        raise ProducersFailed(msg)
    return ExitCode.OK


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
