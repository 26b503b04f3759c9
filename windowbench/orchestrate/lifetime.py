"""How long broker and engine live: for one run, or for several, so that the next finds them warm.

Both keep the same rule: when what a run left is judged, its query has ended.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack

from config import Config
from windowbench.broker.embedded import EmbeddedBroker
from windowbench.engines.contract import engine_of, write_job_file
from windowbench.engines.protocol import NEXT, RESTING
from windowbench.engines.succession import FLAG, REST
from windowbench.errors import EngineFailed
from windowbench.orchestrate.services import JsonLineService
from windowbench.orchestrate.start import Launcher
from windowbench.orchestrate.watch import Services
from windowbench.processes.runlock import RunLock

_REST_SECONDS = 20.0


class Lifetime:
    """Broker and engine are started for a run and end with it."""

    def broker(self, launcher: Launcher, config: Config, end: Callable[[EmbeddedBroker], None]) -> EmbeddedBroker:
        """Return a broker that answers."""
        return launcher.broker(config, end)

    def engine(self, launcher: Launcher, config: Config) -> JsonLineService:
        """Return the engine; it is not ready yet."""
        return launcher.engine(config)

    def end_query(self, engine: JsonLineService, *, abort: Callable[[], None]) -> None:
        """End what the engine does for the run."""
        del abort
        engine.stop()


class ManyRuns(Lifetime):
    """Broker and engine are started for the first run and stay for those that follow, until the stack ends both.

    The lock names both; its directory holds those of all runs.
    """

    def __init__(self, stack: ExitStack, lock: RunLock) -> None:
        self._stack = stack
        self._lock = lock
        self._services = Services()

    def needs_warming(self, config: Config) -> bool:
        """Whether the next run gets an engine that is slow at first and has not served one yet."""
        return engine_of(config).succession and self._services.engine is None

    def broker(self, launcher: Launcher, config: Config, end: Callable[[EmbeddedBroker], None]) -> EmbeddedBroker:
        """Return the broker that is there, or start it."""
        del end  # it stays when the run ends
        broker = self._services.broker
        if broker is None:
            broker = self._lasting(launcher).broker(config, EmbeddedBroker.stop)
        launcher.services.broker = broker
        return broker

    def engine(self, launcher: Launcher, config: Config) -> JsonLineService:
        """Give the run to the engine that rests, or start one."""
        if not engine_of(config).succession:  # it starts as quickly as it would go on
            return launcher.engine(config)
        engine = self._services.engine
        if engine is None:
            engine = self._lasting(launcher).engine(config, FLAG)
        else:
            engine.expect_next(launcher.progress_log())
            engine.tell(NEXT, config=str(write_job_file(config, launcher.engine_directory(config))))
            engine.await_message(NEXT, config.engine.engine_ready_seconds, abort=launcher.services.check)
        launcher.services.engine = engine
        return engine

    def end_query(self, engine: JsonLineService, *, abort: Callable[[], None]) -> None:
        """Let the engine rest; one that does not is stopped, and the next run gets a fresh one."""
        if engine is not self._services.engine:
            engine.stop()
            return
        engine.tell(REST)
        try:
            engine.await_message(RESTING, _REST_SECONDS, abort=abort)
        except EngineFailed:
            self.discard_engine()

    def discard_engine(self) -> None:
        """Stop the engine, if there is one; the next run starts another."""
        engine, self._services.engine = self._services.engine, None
        if engine is not None:
            engine.stop()

    def _lasting(self, launcher: Launcher) -> Launcher:
        return dataclasses.replace(launcher, stack=self._stack, lock=self._lock, services=self._services)
