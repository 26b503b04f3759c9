"""Starting what a run consists of: broker, topics, engine, producers, and those that look on.

Everything that is started goes on the stack of the run at once, so that it comes down in reverse on every way out, and
into its lock, so that the next start can clean up after a crash.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from config import Config
from windowbench.broker.embedded import EmbeddedBroker
from windowbench.broker.storage import properties_path, temporary_path
from windowbench.engines.contract import engine_command
from windowbench.errors import FAULTS, EngineFailed, HarnessError, ObserverFailed, ProducersFailed
from windowbench.kafka.admin import Admin, cluster_id, planned_topics
from windowbench.kafka.settings import secrets
from windowbench.kafka.tail import TopicTail
from windowbench.load.salt import SALT
from windowbench.orchestrate.host import HostMonitor
from windowbench.orchestrate.installation import Installation
from windowbench.orchestrate.live import LiveResults
from windowbench.orchestrate.prepare import (
    observer_command,
    prepare_topic,
    producer_command,
)
from windowbench.orchestrate.result_consumer import ResultConsumer
from windowbench.orchestrate.services import JsonLineService, ProgressLog
from windowbench.orchestrate.watch import Services
from windowbench.processes.messages import Message
from windowbench.processes.runlock import RunLock
from windowbench.processes.surroundings import surroundings
from windowbench.runs.store import RunDirectory
from windowbench.settings.masking import hide_values
from windowbench.toolchain.jars import default_cache_dir

_STOP_SECONDS = 5.0
_OTHERS_PASS = 0o711


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """Starts the parts of one run.

    The stack ends what was started, the lock names it; the run directory takes logs and data, and `services` gets each
    service before it is started.
    """

    stack: ExitStack
    lock: RunLock
    run: RunDirectory
    installation: Installation
    services: Services

    def host_monitor(self) -> None:
        """Begin to sample the machine and those services that are there."""
        services = self.services
        host = services.host = HostMonitor(self.run.host_samples, services.pids())
        self.stack.callback(host.stop)
        host.start()

    def broker(self, config: Config, end: Callable[[EmbeddedBroker], None]) -> EmbeddedBroker:
        """Start a broker and return it when it answers; `end` stops it in the end, or leaves it to the user.

        Raises
        ------
        EnvironmentProblem, BrokerFailed
            When it does not answer.
        """
        java = self.installation.java
        assert java is not None
        broker = self.services.broker = EmbeddedBroker(
            java=java,
            jars=self.installation.broker_jars,
            data_dir=self.run.file("broker"),
            log_path=self.run.log("broker"),
            cache_dir=self.installation.cache_dir,
            cluster_id_of=lambda address: cluster_id(address, timeout_seconds=1.0),
            heap_mb=config.kafka.broker_heap_mb,
        )
        self.stack.callback(end, broker)
        broker.start()
        broker.ready()
        if not config.kafka.keep_broker:
            assert broker.child is not None
            self.lock.add(broker.child)
            for scratch in (broker.data_dir, properties_path(broker.data_dir), temporary_path(broker.data_dir)):
                self.lock.add_scratch(scratch)
        return broker

    def topics(self, config: Config, live: LiveResults) -> None:
        """Make the topics, or make sure that they are empty, and let `live` see each result from now on.

        Raises
        ------
        EnvironmentProblem
            When one holds records that may not be deleted.
        """
        admin = Admin(config)
        for topic in planned_topics(config):
            prepare_topic(admin, topic, clear=config.kafka.clear_topics)
        thin = live.pass_over if config.output_mode == "update" else None
        for name in config.result_topics:
            tail = TopicTail(config, name, live, thin)
            self.stack.callback(tail.stop)
            tail.start()

    def consumer(self, config: Config, note: Callable[[str], None]) -> None:
        """Start the consumer of results, where one is wanted; it is not ready yet."""
        if config.consumers.wanted:
            _let_pass(self.run.path)
            consumer = self.services.consumer = ResultConsumer(
                config, self.run, self.environment(config, libpq=True), note
            )
            self.stack.callback(consumer.stop)
            self.lock.add(consumer.start())

    def engine(self, config: Config, *flags: str) -> JsonLineService:
        """Start the engine, with further flags; it is not ready yet."""
        directory = self.engine_directory(config)
        command = [*engine_command(config, directory, self.installation.engine_python), *flags]
        progress = self.progress_log()
        engine = self.services.engine = self._service(
            "engine", command, EngineFailed, config, progress, faults=directory, hears=bool(flags)
        )
        self._start(engine)
        return engine

    def engine_directory(self, config: Config) -> Path:
        """Make the directory of the engine, which is kept in the run's when the run is over.

        Until then it lies elsewhere, so that the engine is not told where the run keeps what it does.
        """
        parent = default_cache_dir(config.run.cache_dir) / "engines"
        parent.mkdir(parents=True, exist_ok=True)
        directory = self.lock.directory(parent)
        self.stack.callback(_keep, directory, self.run.engine)
        return directory

    def progress_log(self) -> ProgressLog:
        """Open what takes the messages of the run's engine."""
        log = ProgressLog(self.run.progress)
        self.stack.callback(log.close)
        return log

    def producers(self, config: Config, salt: str | None) -> JsonLineService:
        """Start the producers; they wait for the schedule. They alone are given the salt of a blind run."""
        command = producer_command(self.run.config, self.run.schedule)
        producers = self.services.producers = self._service("producers", command, ProducersFailed, config, salt=salt)
        self._start(producers)
        return producers

    def observer(self, config: Config) -> None:
        """Start what notes when each result becomes visible; it is not ready yet."""
        command = observer_command(self.run.config)
        self.services.observer = self._service("observer", command, ObserverFailed, config)
        self._start(self.services.observer)

    def environment(self, config: Config, faults: Path | None = None, *, libpq: bool = False) -> dict[str, str]:
        """Return the environment of a program of the run: what it writes temporarily goes with the lock.

        Settings reach it by its file alone; a password of a database reaches it where it uses `libpq`.
        """
        kept = surroundings(os.environ, keep=config.run.kept_variables, libpq=libpq)
        places = {FAULTS: str((faults or self.run.logs).absolute()), "TMPDIR": str(self.lock.temporary())}
        return kept | places

    def _service(
        self,
        name: str,
        command: Sequence[str],
        failure: type[HarnessError],
        config: Config,
        on_message: Callable[[Message], None] | None = None,
        *,
        faults: Path | None = None,
        hears: bool = False,
        salt: str | None = None,
    ) -> JsonLineService:
        java, given = self.installation.java, {} if salt is None else {SALT: salt}
        env = self.environment(config, faults) | given
        return JsonLineService(
            name,
            command,
            log_path=self.run.log(name),
            failure=failure,
            env=env if java is None else java.environment(env),
            redact=hide_values([*secrets(config), *given.values()]),
            on_message=on_message,
            hears=hears,
        )

    def _start(self, service: JsonLineService) -> None:
        self.stack.callback(service.stop, _STOP_SECONDS)
        self.lock.add(service.start())


def _let_pass(directory: Path) -> None:
    """Let another user through a run's directory, and that of a search it is part of: root's PostgreSQL is ``nobody``.

    Nobody else may look into it.
    """
    if os.geteuid() == 0:
        for path in (directory, *directory.parents):
            if (path / "format.json").is_file():
                path.chmod(_OTHERS_PASS)


def _keep(directory: Path, target: Path) -> None:
    """Move a directory to its place in the run; one that cannot be moved is lost, and the run is not."""
    with suppress(OSError):
        shutil.move(directory, target)
