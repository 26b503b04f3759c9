"""Kafka -> the workload in plain Python -> Kafka, without any framework: the floor for every engine.

Consumer processes own the partitions of the events topic, count, and publish partial counts and then their local
watermarks on the topic ``local-watermarks``. This process adds the counts up, closes windows on the least watermark
over partitions and writes their rows.

It starts like ``SparkJob.py``, and speaks the same JSON lines on standard output: ``settings``, ``ready``, ``progress``
(positions: what has been counted and published), ``error``. SIGTERM ends it with exit code 0.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import multiprocessing
import os
import signal
import sys
import time
import zlib
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from config import JobConfig
from windowbench.engines.job import announce, read_job, say, until_stopped
from windowbench.engines.reference.aggregator import Aggregator
from windowbench.engines.reference.query import ReferenceQuery
from windowbench.engines.reference.settings import ReferenceSettings
from windowbench.engines.reference.worker import Share, partitions_of, run_consumer
from windowbench.errors import EngineFailed, EnvironmentProblem, run_program
from windowbench.kafka.admin import Admin
from windowbench.kafka.follower import Follower
from windowbench.kafka.sender import KafkaSender
from windowbench.kafka.settings import bootstrap_of
from windowbench.load.numbering import Numbering, result_partitions

POLL_SECONDS = 0.02
PROGRESS_SECONDS = 0.1
_JOIN_SECONDS = 2.0


def check_topics(config: JobConfig) -> Numbering:
    """Make sure that all topics exist; return the partitions that hold events.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer or a topic is missing.
    """
    admin, inputs = Admin(config), config.input_topics
    for topic in (*inputs, *config.result_topics, ReferenceSettings.of(config.engine).watermarks_topic):
        if not admin.partitions(topic):
            raise EnvironmentProblem(
                f"there is no topic {topic} at {bootstrap_of(config)}",
                remedy="check the name; python topic_creation.py --engine reference makes the topics of a run",
            )
    return Numbering(topics=inputs, each=min(len(admin.partitions(topic)) for topic in inputs))


def consumer_main(config: JobConfig, engine: str, consumer: int, own: Share, parent: Connection) -> None:
    """Run :func:`run_consumer` as a process of its own that ends quietly when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its consumers
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):
        try:
            run_consumer(config, engine, consumer, own, parent)
        except EOFError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
            parent.send(f"{type(error).__name__}: {error}")


class Consumers:
    """The consumer processes, seen from the parent."""

    def __init__(self, config: JobConfig, engine: str, inputs: Numbering) -> None:
        """Spawn the consumers; a partition has one owner, so there are no more of them than partitions."""
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self.count = min(ReferenceSettings.of(config.engine).num_consumers, inputs.count)
        for number in range(self.count):
            ours, theirs = context.Pipe()
            own = Share(numbers=partitions_of(number, self.count, inputs.count), inputs=inputs)
            arguments = (config, engine, number, own, theirs)
            process = context.Process(target=consumer_main, args=arguments, name=f"consumer-{number}", daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)
        self._waiting = set(range(self.count))

    def check(self) -> bool:
        """Return whether every consumer has said that it is ready.

        Raises
        ------
        EngineFailed
            When a consumer has ended.
        """
        for number, connection in enumerate(self._connections):
            if not connection.poll():
                continue
            try:
                said = connection.recv()
            except (EOFError, ConnectionError):
                said = "ended before its work was done"
            if said != "ready":
                raise EngineFailed(f"consumer process {number}: {said}")
            self._waiting.discard(number)
        return not self._waiting

    def stop(self) -> None:
        """End every consumer that still runs."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(timeout=_JOIN_SECONDS)
            if process.is_alive():
                process.kill()


class Results:
    """Writes rows; equal keys go to the same partition."""

    def __init__(self, config: JobConfig) -> None:
        self._each = config.kafka.result_partitions
        self._sender = KafkaSender(config, result_partitions(config))

    def write(self, key: bytes, value: bytes, topic: int = 0) -> None:
        """Hand a row over; `topic` is which of the topics of results it goes to."""
        self._sender.send(value, key, topic * self._each + zlib.crc32(key) % self._each, 0)

    def check(self) -> None:
        """Serve delivery reports.

        Raises
        ------
        EngineFailed
            When a row could not be delivered.
        """
        self._sender.poll()
        if self._sender.failed:
            raise EngineFailed(f"a row could not be written: {self._sender.last_failure}")

    def close(self) -> None:
        """Wait for what was handed over."""
        self._sender.flush(_JOIN_SECONDS)


def aggregate(config: JobConfig, inputs: Numbering) -> None:
    """Add up what consumers count and write rows, until a signal ends it or something fails.

    Raises
    ------
    EngineFailed
        When a consumer ends or a row cannot be delivered.
    """
    run_id, watermarks_topic = config.run.run_id, ReferenceSettings.of(config.engine).watermarks_topic
    query = ReferenceQuery.of(config.engine.workload)
    engine = f"{run_id}-{os.getpid()}-{time.time_ns()}"
    aggregator = Aggregator(engine, range(inputs.count), query.windows(config))
    with ExitStack() as stack:
        starts = {n: end for n, (_, end) in Admin(config).log_ranges(watermarks_topic).items()}
        watermarks = Numbering(topics=(watermarks_topic,), each=len(starts))
        follower = Follower(config, watermarks, starts, f"windowbench-{run_id}")
        stack.callback(follower.close)
        results = Results(config)
        stack.callback(results.close)
        consumers = Consumers(config, engine, inputs)
        stack.callback(consumers.stop)
        say("settings", effective=effective_settings(config, consumers.count))
        ready, next_progress = False, 0.0
        while True:
            for _, _, _, value in follower.read(POLL_SECONDS):
                for row in aggregator.take(value):
                    results.write(*query.record(row))
            results.check()
            if consumers.check() and not ready:
                ready = True
                say("ready")
            if ready and time.monotonic() >= next_progress:
                next_progress = time.monotonic() + PROGRESS_SECONDS
                say("progress", **aggregator.progress())


def effective_settings(config: JobConfig, consumers: int) -> dict[str, str]:
    """Return the settings that decide the latency of this engine, as the report shows them."""
    own = ReferenceSettings.of(config.engine)
    return {
        "consumers": str(consumers),
        "watermarks_topic": own.watermarks_topic,
        "idle_timeout_ms": str(own.idle_timeout_ms),
        "acks": "all",
        "linger.ms": "0",
    }


def _body(argv: list[str] | None) -> int:
    job = read_job(argv, program="ReferenceJob.py", description=__doc__, engine="reference")
    address = bootstrap_of(job.config)
    with until_stopped():
        if job.alone:
            announce(job, address)
        aggregate(job.config, check_topics(job.config))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the job until it is told to stop, and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
