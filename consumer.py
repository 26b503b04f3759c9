"""Bring the results topic into PostgreSQL, so that nothing is lost or doubled whatever is restarted.

Records are read in batches of 1,000. A batch is written in one transaction, and only then the broker is told how far
we have come. A crash in between means that records are read twice, and writing a row twice changes nothing. While the
database is away, rows wait on the topic.

It speaks JSON lines on standard output: ``ready``, ``progress`` (offsets whose rows are in the database), ``waiting``
and ``resumed``, ``error``. SIGTERM ends it with exit code 0.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from config import Config, ConfigError, config_parser, load
from windowbench.engines.job import directory_of, say
from windowbench.errors import HarnessError, Terminated, run_program
from windowbench.judge.truth.rows import RowModel
from windowbench.kafka.admin import Admin
from windowbench.kafka.committed import CommittedReader
from windowbench.kafka.settings import bootstrap_of
from windowbench.load.numbering import result_partitions
from windowbench.load.record import Record
from windowbench.postgres.connection import DatabaseAway
from windowbench.postgres.server import EmbeddedPostgres
from windowbench.postgres.table import ResultsTable, StoredRow
from windowbench.workloads.kit.result_table import ResultTable

_EPILOG = """\
examples:
  python consumer.py --config runs/RUN/config.json --postgres-dsn "host=db.example dbname=results user=me"
  python consumer.py --bootstrap-servers localhost:9092 --result-topic results_spark --postgres-dsn service=results
  python consumer.py --bootstrap-servers localhost:9092 --postgres embedded --postgres-dir results --until-end

A password comes from PGPASSWORD, a password file or a service, never from the command line. With a run id (that of
--config, or --run-id) rows of other runs are left out. It goes on until SIGTERM or Ctrl-C.
"""
BATCH = 1_000
_POLL_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
_LONGEST_RUN_ID = 100
_LOG = logging.getLogger("consumer")


def rows_of(records: Sequence[Record], run_id: str | None, model: RowModel) -> list[StoredRow]:
    """Return the rows among some records; what is no row, or one of another run than `run_id`, is left out."""
    rows: list[StoredRow] = []
    for record in records:
        sound = model.sound(record.value)
        if sound is None or (run_id is not None and sound[0] != run_id):
            continue
        who, integers, doubles = sound
        if len(who) <= _LONGEST_RUN_ID and "\0" not in who:  # which no run id has, and no database takes
            rows.append((who, *integers, *doubles, record.partition, record.offset, record.timestamp_ms))
    return rows


class PatientWriter:
    """Writes rows, and waits for a database that is away.

    Parameters
    ----------
    write : callable
        Writes rows in one transaction; raises :class:`DatabaseAway` when that may work later.
    revive : callable
        Called before each attempt, to start what is ours to start; may raise the same.
    tell : callable
        Gets kind and message when waiting begins and ends.
    """

    def __init__(
        self,
        write: Callable[[Sequence[StoredRow]], None],
        revive: Callable[[], None],
        tell: Callable[[str, str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._write = write
        self._revive = revive
        self._tell = tell
        self._sleep = sleep

    def __call__(self, rows: Sequence[StoredRow]) -> None:
        """Return when the rows are written, however long that takes."""
        pause, waiting = _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                self._revive()
                self._write(rows)
            except DatabaseAway as error:
                if not waiting:
                    self._tell("waiting", f"{error}; rows wait on the topic, and the database is tried again")
                waiting = True
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                if waiting:
                    self._tell("resumed", "the database takes rows again")
                return


class Transfer:
    """What has come from the topic into the database; `write` returns when rows are written for good."""

    def __init__(
        self,
        reader: CommittedReader,
        write: Callable[[Sequence[StoredRow]], None],
        rows_of: Callable[[Sequence[Record]], list[StoredRow]],
    ) -> None:
        self._reader = reader
        self._write = write
        self._rows_of = rows_of
        self.rows = 0
        self.foreign = 0

    def step(self) -> None:
        """Bring one batch over: first the rows, then the word to the broker that they need not be read again."""
        records = self._reader.read(BATCH, _POLL_SECONDS)
        rows = self._rows_of(records)
        if rows:
            self._write(rows)
        self._reader.commit()
        self.rows += len(rows)
        self.foreign += len(records) - len(rows)

    def progress(self) -> dict[str, Any]:
        """Return how far it is; everything before a position is in the database."""
        position = {str(partition): offset for partition, offset in sorted(self._reader.position.items())}
        return {"position": position, "rows": self.rows, "foreign": self.foreign}

    def reached(self, ends: dict[int, int]) -> bool:
        """Whether everything before the given log ends has been brought over."""
        return all(self._reader.position.get(partition, -1) >= end for partition, end in ends.items())


def database_directory(config: Config, file: str | None) -> Path:
    """Return where the embedded database is.

    Raises
    ------
    ConfigError
        When neither a run nor the user says.
    """
    chosen, run_id = config.consumers.postgres_dir, config.run.run_id
    if chosen is not None:
        return Path(chosen)
    if run_id is None:
        raise ConfigError(
            "postgres=embedded outside a run needs postgres_dir: which directory is the database to be in?"
        )
    return directory_of(run_id, config.run.runs_dir, file) / "postgres"


def tell(kind: str, message: str) -> None:
    """Say something to the harness, and log it for whoever reads the log."""
    say(kind, message=message)
    _LOG.warning(message)


def consume(config: Config, file: str | None, *, until_end: bool) -> None:
    """Bring results over until a signal comes, or everything is over that was there at the start.

    Parameters
    ----------
    config : Config
    file : str or None
        The file that it was read from.
    until_end : bool
        Whether what was there at the start is all.

    Raises
    ------
    HarnessError
        When broker or database cannot be reached at the start, or will not have us later.
    """
    given, run_id = config.consumers, config.run.run_id
    topics = result_partitions(config)
    workload = config.engine.workload
    model = RowModel.of(workload)
    with ExitStack() as stack:
        server = EmbeddedPostgres(database_directory(config, file)) if given.postgres == "embedded" else None
        ends = {n: end for n, (_, end) in Admin(config).numbered_ranges(topics).items()}
        if server is not None:
            stack.enter_context(server)
        dsn = server.ready() if server is not None else given.postgres_dsn
        assert dsn is not None
        table = ResultsTable(dsn, ResultTable.of(workload))
        stack.callback(table.close)
        table.open()
        group = f"windowbench-consumer-{run_id or 'any-run'}-{table.identity}"
        reader = CommittedReader(config, topics, group)
        stack.callback(reader.close)

        def revive() -> None:
            if server is not None and not server.alive():
                server.start()
                server.ready()

        writer = PatientWriter(table.write, revive, tell)
        transfer = Transfer(reader, writer, lambda records: rows_of(records, run_id, model))
        say("ready", database=dsn, group=group)
        _run(transfer, ends if until_end else None)


def _run(transfer: Transfer, ends: dict[int, int] | None) -> None:
    said: dict[str, Any] = {}
    while ends is None or not transfer.reached(ends):
        transfer.step()
        if said != (now := transfer.progress()):
            say("progress", **now)
            said = now


def checked(config: Config) -> None:
    """Make sure that the configuration names a broker and a database.

    Raises
    ------
    ConfigError
        When it does not.
    """
    bootstrap_of(config)
    if config.consumers.skip_consumers:
        raise ConfigError("skip_consumers leaves the consumer nothing to do")
    if not config.consumers.wanted:
        raise ConfigError("no database is named: give --postgres-dsn, or --postgres embedded")


def _body(argv: list[str] | None) -> int:
    parser = config_parser("consumer.py", (__doc__ or "").partition("\n")[0], epilog=_EPILOG)
    parser.add_argument(
        "--until-end", action="store_true", help="end once all is over that the topic held at the start"
    )
    loaded = load(parser, argv)
    checked(loaded.config)
    try:
        consume(loaded.config, loaded.arguments.config, until_end=loaded.arguments.until_end)
    except HarnessError as error:
        say("error", message=str(error))
        raise
    except Terminated:
        return 0
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the consumer until it is told to stop, and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
