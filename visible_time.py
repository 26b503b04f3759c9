"""Results topic -> when a ``read_committed`` consumer was first given each row.

A process of its own, so that nothing else it might have to do keeps a row waiting. Started by a benchmark run with
``--config <run>/config.json``; it runs until SIGTERM and then leaves ``samples/visible.parquet`` and
``samples/visible_calibration.parquet`` in the directory of the run, whole or not at all.

What the consumer itself takes is calibrated in the same run, under the same load: ten times a second a record in no
transaction is written to a topic of its own and read beside the results. It is visible when it is appended.

On standard output it says, one JSON object a line: ``{"type": "ready"}`` when a row written now would be seen at once.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from config import Config, ConfigError, config_parser, load
from windowbench.engines.job import say
from windowbench.errors import EnvironmentProblem, Terminated, run_program
from windowbench.kafka.admin import Admin
from windowbench.kafka.sender import KafkaSender
from windowbench.kafka.visibility import Seen, VisibilityConsumer, calibration_topic
from windowbench.load.numbering import result_partitions
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.samples import CALIBRATION_COLUMNS, VISIBLE_COLUMNS, SampleWriter
from windowbench.runs.store import RunDirectory

POLL_SECONDS = 0.05
CALIBRATION_SECONDS = 0.1
WRITE_SECONDS = 1.0


class Observer:
    """Reads results and calibration records and keeps when it was given them."""

    def __init__(self, config: Config) -> None:
        """Make the clients; the topic of the calibration is made when missing."""
        self._results, plan, admin = result_partitions(config), calibration_topic(config), Admin(config)
        if not admin.partitions(plan.name):
            admin.create(plan)
        self._consumer = VisibilityConsumer(config, (*self._results.topics, plan.name))
        self._sender = KafkaSender(config, plan.name)
        self._next_calibration = 0.0
        self._seen: list[Seen] = []

    def follow(self, rows: SampleWriter, calibration: SampleWriter) -> None:
        """Note when records become visible until a signal ends it."""
        ready, next_write = False, 0.0
        while True:
            self._seen += self._consumer.read(POLL_SECONDS)
            if self._consumer.ready:
                if not ready:
                    ready = True
                    say("ready")
                self._calibrate()
            if time.monotonic() >= next_write:
                next_write = time.monotonic() + WRITE_SECONDS
                self.write(rows, calibration)

    def _calibrate(self) -> None:
        """Write a record to the calibration topic if it is time, and serve delivery reports.

        Raises
        ------
        EnvironmentProblem
            When a record could not be delivered.
        """
        if time.monotonic() >= self._next_calibration:
            self._next_calibration = time.monotonic() + CALIBRATION_SECONDS
            self._sender.send(b"", b"", 0, time.time_ns() // NS_PER_MS)
        self._sender.poll()
        if self._sender.failed:
            raise EnvironmentProblem(f"a calibration record could not be written: {self._sender.last_failure}")

    def write(self, rows: SampleWriter, calibration: SampleWriter) -> None:
        """Add what was seen to the samples."""
        seen, self._seen = self._seen, []
        topics = self._results.topics
        of_results = [record for record in seen if record.topic in topics]
        numbers = [self._results.number(record.topic, record.partition) for record in of_results]
        others = [record for record in seen if record.topic not in topics]
        for writer, names, chosen in ((rows, VISIBLE_COLUMNS, of_results), (calibration, CALIBRATION_COLUMNS, others)):
            columns = {name: [getattr(record, name) for record in chosen] for name in names}
            writer.append(**(columns | {"partition": numbers} if writer is rows else columns))

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def observe(config: Config, run: RunDirectory) -> None:
    """Note when rows become visible until a signal ends it."""
    with (
        SampleWriter(run.visible_samples, VISIBLE_COLUMNS) as rows,
        SampleWriter(run.visible_calibration, CALIBRATION_COLUMNS) as calibration,
        closing(Observer(config)) as observer,
    ):
        with suppress(Terminated):
            observer.follow(rows, calibration)
        observer.write(rows, calibration)


def _body(argv: list[str] | None) -> int:
    parser = config_parser("visible_time.py", (__doc__ or "").partition("\n")[0])
    loaded = load(parser, argv)
    if loaded.arguments.config is None:
        raise ConfigError("visible_time.py is a part of a run: give --config <run>/config.json")
    observe(loaded.config, RunDirectory.open(Path(loaded.arguments.config).parent))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the program until it is told to stop, and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
