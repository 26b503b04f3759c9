"""The consumer of results as a service beside a run: it takes no part in the measurement, and cannot fail it.

It must be there at the start: a database that cannot be reached then ends the run before any load. Later the run goes
on, whatever happens to it. What it did, and how many records it did not bring over, is said in ``consumer.json``, and
the report warns of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from config import Config
from windowbench.engines.contract import ROOT
from windowbench.errors import EnvironmentProblem, HarnessError
from windowbench.kafka.settings import secrets
from windowbench.orchestrate.services import JsonLineService, position_of
from windowbench.processes.messages import Message
from windowbench.processes.process import Child
from windowbench.processes.waiting import wait_until
from windowbench.runs.store import RunDirectory
from windowbench.settings.masking import hide_values

_READY_SECONDS = 60.0
_CATCH_UP_SECONDS = 30.0
_STOP_SECONDS = 10.0
_SHORTEST_SECRET = 4


class _TimeIsOver(HarnessError):
    """The consumer has not caught up in time; how much is left is said in ``consumer.json``."""


class ResultConsumer:
    """``consumer.py`` within a run; libpq finds a password in the environment `env`."""

    def __init__(self, config: Config, run: RunDirectory, env: Mapping[str, str], note: Callable[[str], None]) -> None:
        self._run = run
        self._note = note
        self._told: list[Message] = []
        self._failed = ""
        password = os.environ.get("PGPASSWORD", "")
        hidden = [*secrets(config), *([password] if len(password) >= _SHORTEST_SECRET else [])]
        self._service = JsonLineService(
            "consumer",
            [sys.executable, str(ROOT / "consumer.py"), "--config", str(run.config)],
            log_path=run.log("consumer"),
            failure=EnvironmentProblem,
            env=env,
            redact=hide_values(hidden),
        )

    def start(self) -> Child:
        """Start the program and return it, for the run lock."""
        return self._service.start()

    @property
    def pid(self) -> int | None:
        """Pid below which its processes are, those of an embedded database included."""
        return self._service.pid

    def await_ready(self, *, abort: Callable[[], None]) -> None:
        """Wait until the database has a table and the topic is being read.

        Raises
        ------
        EnvironmentProblem
            When the database cannot be reached or will not have us.
        """
        ready = self._service.await_message("ready", _READY_SECONDS, abort=abort)
        self._note(f"results go to PostgreSQL: {ready.text('database')}")

    def watch(self) -> None:
        """Tell the user, once each, that the database is away or back, or that the consumer has ended."""
        for kind in ("waiting", "resumed"):
            said = self._service.latest(kind)
            if said is not None and not any(said is told for told in self._told):
                self._told.append(said)
                self._note(f"result consumer: {said.text('message')}")
        if not self._failed:
            try:
                self._service.check()
            except HarnessError as error:
                self._failed = str(error)
                self._note(f"the run goes on without it: {error}; see {self._run.log('consumer')}")

    def finish(self, log_ends: Mapping[int, int]) -> None:
        """Let it catch up with the log ends of the results' partitions, stop it and write ``consumer.json``."""

        def left() -> int:
            position = position_of(self._service)
            return sum(max(0, end - position.get(partition, 0)) for partition, end in log_ends.items())

        def arrived() -> bool:
            self.watch()
            return bool(self._failed) or left() == 0

        try:
            wait_until(arrived, _CATCH_UP_SECONDS, "the result consumer", failure=_TimeIsOver)
        except _TimeIsOver:
            self._note(f"result consumer: {left()} records are not in PostgreSQL")
        progress, ready = self._service.latest("progress"), self._service.latest("ready")
        word = {
            "left": left(),
            "error": self._failed or None,
            **{name: (progress.count(name) if progress else None) or 0 for name in ("rows", "foreign")},
            **{name: ready.text(name) if ready else None for name in ("database", "group")},
        }
        self._run.write_json("consumer.json", word)
        self.stop()

    def stop(self) -> None:
        """End it; the embedded database goes with it."""
        self._service.stop(_STOP_SECONDS)
