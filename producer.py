"""Send the events of a configuration, open loop, from N worker processes.

Each worker is spawned (a Kafka client must not cross a fork), makes its own stream of events from
configuration, seed and its number, and records when it handed each event over. In a run the
orchestrator says when the load starts, through the schedule file; alone, the load starts in a second.

Progress goes to standard output as JSON lines: ``ready``, ``progress`` once a second, ``done``.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from config import Config, Loaded, config_parser, load
from windowbench.errors import EnvironmentProblem, ExitCode, ProducersFailed, run_program
from windowbench.kafka.admin import Admin
from windowbench.load.salt import SALT, salted
from windowbench.load.schedule import Schedule, plan
from windowbench.producers.worker import FLUSH_SECONDS, run_worker
from windowbench.runs.store import RunDirectory, salt_beside
from windowbench.settings.knobs import require

_EPILOG = """\
examples:
  python producer.py --bootstrap-servers localhost:9092 --rate 1000 --duration 30
  python producer.py --bootstrap-servers localhost:9092 --data-generator mmpp --num-producers 4
"""

_LEAST_RATE_SECONDS = 0.9
"""A rate over less, as at the end of the load, would say little."""


def worker(config: Config, run_path: Path, producer: int, parent: Connection) -> None:
    """Run :func:`run_worker` as a process of its own that ends quietly when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):
        run_worker(config, run_path, producer, parent)


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
            raise ProducersFailed(f"producer process {producer} ended before its work was done") from None
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
                elif not self._processes[producer].is_alive():  # it says not done, and gave up
                    left = self._latest[producer]["queued"]
                    why = self._latest[producer]["last_failure"] or f"no acknowledgement within {FLUSH_SECONDS:.0f} s"
                    raise ProducersFailed(f"producer {producer} could not deliver {left} events: {why}")
            if time.monotonic() >= next_yield or not running:
                next_yield = time.monotonic() + every_seconds
                yield self._latest

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
    """Wait until the orchestrator has written the schedule; it ends this process if it writes none."""
    while not path.exists():
        time.sleep(0.02)
    return Schedule.from_dict(json.loads(path.read_bytes()))


def produce(config: Config, run: RunDirectory, schedule_file: Path | None) -> list[dict[str, Any]]:
    """Send the load of a configuration and return the final counts of every producer.

    Raises :class:`ProducersFailed` when a worker ends early or cannot deliver.
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
        sent_before, at_before, rate = 0, time.monotonic(), 0.0
        for latest in workers.reports():
            totals, now = _totals(latest), time.monotonic()
            if now - at_before > _LEAST_RATE_SECONDS:
                rate = round((totals["sent"] - sent_before) / (now - at_before), 1)
                sent_before, at_before = totals["sent"], now
            _say("progress", rate=rate, **totals)
        finals = [latest[producer] for producer in sorted(latest)]
        run.write_json("producers.json", {"producers": finals})
        _say("done", **_totals(latest))
        return finals
    finally:
        workers.stop()


def check_topic(config: Config) -> None:
    """Make sure that the topics of events are there, with as many partitions as events will name."""
    for topic in config.input_topics:
        found = len(Admin(config).partitions(topic))
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


def salt_of_load(loaded: Loaded) -> str | None:
    """Return the salt of a blind load: what the orchestrator gives, or that of the run whose settings it has.

    Raises
    ------
    ConfigError
        When nobody knows it.
    """
    if not loaded.config.run.blind:
        return None
    given = os.environ.pop(SALT, None)  # the workers need no more of it than what it makes of the seed
    salt = given or salt_beside(loaded.file)
    require(salt is not None, "a load on its own cannot be blind: leave out --blind, or name the config.json of a run")
    return salt


def _body(argv: list[str] | None) -> int:
    parser = config_parser("producer.py", "Send the events of a configuration, open loop.", epilog=_EPILOG)
    parser.add_argument("--schedule", metavar="FILE", help="start when this schedule file appears, and follow it")
    loaded = load(parser, argv)
    config = loaded.config
    if config.run.run_id is None:
        config = config.replace(run_id=f"load-{time.strftime('%Y%m%d-%H%M%S')}-{config.run.seed}")
    check_topic(config)
    salt = salt_of_load(loaded)
    run = _open_run(config)
    schedule_file = Path(loaded.arguments.schedule) if loaded.arguments.schedule else None
    finals = produce(salted(config, salt), run, schedule_file)
    failed = sum(row["failed"] for row in finals)
    if failed:
        msg = f"{failed} events were not delivered: {next(row['last_failure'] for row in finals if row['failed'])}"
        raise ProducersFailed(msg)
    return ExitCode.OK


def main(argv: list[str] | None = None) -> int:
    """Send the load that the command line describes, and return the exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
