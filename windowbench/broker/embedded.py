"""A real single-node Kafka (KRaft), started for one run and gone with it.

How it works:

* `start` writes the properties and a data directory that is a copy of a formatted template (made once per lock
  of the jars, kept in the cache) with a cluster id of its own, and starts the JVM under a guard.
* `ready` asks the broker for its cluster id until it answers with exactly ours; a program of someone else on the
  port therefore never passes for our broker. When the port was taken in between, it moves to other ports.
* What it writes temporarily lies beside its data.
* `stop` ends it and removes both. `leave_running` lets it outlive us instead.

Both listeners are on the loopback interface. Nothing is deleted by age or size while it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from windowbench.broker import storage
from windowbench.broker.storage import HOST
from windowbench.errors import BrokerFailed, EnvironmentProblem
from windowbench.processes.process import start
from windowbench.processes.service import Service
from windowbench.processes.waiting import wait_until
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import JavaHome, find_java

ClusterIdOf = Callable[[str], str | None]
"""Gets bootstrap servers; returns the cluster id, or None as long as no broker answers. Must not wait long."""

READY_SECONDS = 30.0
STOP_SECONDS = 5.0
_PORT_ATTEMPTS = 4
_ADDRESS_IN_USE = "Address already in use"


class EmbeddedBroker(Service):
    """One broker process with the verbs of every service: start, ready, stop, logs.

    Parameters
    ----------
    java, jars
        Its runtime, and what :func:`windowbench.toolchain.jars.ensure_jars` returns.
    data_dir : Path
        Directory of its log segments; must be missing or empty. Removed when the broker stops.
    cache_dir : Path
        Where the formatted template and the class archive are kept.
    heap_mb : int
        Heap of the JVM, all of it taken at the start.
    port : int, optional
        Port to listen on; a free one when None. A given port that is taken is an error, not a reason to move.
    dump_archive : Path, optional
        Where to write an archive of the classes it loaded, when it stops.
    """

    name = "broker"

    def __init__(
        self,
        *,
        java: JavaHome,
        jars: Sequence[Path],
        data_dir: Path,
        log_path: Path,
        cache_dir: Path,
        cluster_id_of: ClusterIdOf,
        heap_mb: int = 512,
        port: int | None = None,
        dump_archive: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log_path = log_path
        self.heap_mb = heap_mb
        self.cluster_id = storage.new_id()
        self.port = 0
        self._java = java
        self._jars = jars
        self._cache_dir = cache_dir
        self._cluster_id_of = cluster_id_of
        self._wanted_port = port
        self._dump_archive = dump_archive
        self._attempts = 0

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients; certain only after `ready`."""
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Format and start; returns before the broker answers.

        Raises
        ------
        EnvironmentProblem
            When the given port is taken or a directory cannot be written.
        """
        if self._wanted_port is not None and not storage.port_is_free(self._wanted_port):
            msg = f"port {self._wanted_port} on {HOST} is taken"
            raise EnvironmentProblem(msg, remedy="choose another port, or none: then a free one is taken")
        template = storage.formatted_template(self._java, self._jars, self._cache_dir)
        self._attempts += 1
        self.port = self._wanted_port or storage.free_port()
        try:
            properties = storage.write_storage(template, self.data_dir, cluster_id=self.cluster_id, port=self.port)
        except OSError as error:
            msg = f"the broker's data cannot be written to {self.data_dir}: {error.strerror}"
            raise EnvironmentProblem(msg, remedy="choose a writable directory with --runs-dir") from error
        temporary = str(storage.temporary_path(self.data_dir))
        flags = [*self._flags(), f"-Djava.io.tmpdir={temporary}"]
        command = storage.jvm_command(self._java, self._jars, flags, ("kafka.Kafka", str(properties)))
        env = {**self._java.environment(), "TMPDIR": temporary}
        self.child = start(command, log_path=self.log_path, name=self.name, env=env)

    def _flags(self) -> list[str]:
        heap = (f"-Xms{self.heap_mb}m", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC")
        quiet = ("-XX:-UsePerfData", "-Xlog:disable", "-Xlog:all=error:stderr")
        archive = storage.broker_archive(self._java, self._jars, self._cache_dir)
        if self._dump_archive is not None:
            classes = [f"-XX:ArchiveClassesAtExit={self._dump_archive}"]
        else:
            classes = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        return [*heap, *quiet, *classes]

    def ready(self, timeout: float = READY_SECONDS) -> str:
        """Wait until the broker answers with its own cluster id; return the address for clients.

        Raises
        ------
        EnvironmentProblem
            When it does not answer in time, or ports are taken again and again.
        BrokerFailed
            When it ends while it starts.
        """
        answer: str | None = None

        def answers() -> bool:
            nonlocal answer
            self._restart_on_port_clash()
            self.check()
            answer = self._cluster_id_of(self.bootstrap_servers)
            return answer == self.cluster_id

        def last_seen() -> str:
            seen = f"the broker of another cluster, {answer}" if answer else "no answer"
            return f"{seen} on {self.bootstrap_servers}"

        wait_until(
            answers,
            timeout,
            "the embedded broker",
            last_seen=last_seen,
            remedy="see its log; is the machine very busy, or out of memory?",
            log_tail=self.last_lines,
        )
        return self.bootstrap_servers

    def _restart_on_port_clash(self) -> None:
        if self.alive() or not any(_ADDRESS_IN_USE in line for line in self.last_lines(200)):
            return
        if self._attempts >= _PORT_ATTEMPTS:
            msg = f"ports on {HOST} were taken {self._attempts} times between choice and start, such as {self.port}"
            raise EnvironmentProblem(msg, remedy="is another program taking ports in bulk? try again")
        self.log_path.replace(self.log_path.with_suffix(f".{self._attempts}.log"))
        self.start()

    def check(self) -> None:
        """Raise when the broker has ended.

        Raises
        ------
        BrokerFailed
            With the last lines of its log.
        """
        if not self.alive():
            code = None if self.child is None else self.child.poll()
            msg = "the broker was not started" if code is None else f"the broker ended with code {code}"
            raise BrokerFailed(msg, remedy=f"see {self.log_path}", log_tail=self.last_lines())

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the broker, by force after `timeout` s, and remove its data; safe to call again."""
        if self.child is not None:
            self.child.stop(timeout)
        storage.remove_storage(self.data_dir)

    def leave_running(self) -> str:
        """Let the broker outlive this process; return a text that says how to reach and how to stop it.

        `stop` must not be called afterwards.
        """
        assert self.child is not None
        self.child.detach()
        return (
            f"the broker stays at {self.bootstrap_servers}, pid {self.child.pid};"
            f" to end it: kill {self.child.pid} && rm -r {self.data_dir} {storage.temporary_path(self.data_dir)}"
        )


def installed_broker(
    directory: Path,
    cluster_id_of: ClusterIdOf,
    *,
    cache_dir: Path | None = None,
    heap_mb: int = 512,
    port: int | None = None,
) -> EmbeddedBroker:
    """Return a broker, not started yet, of the Java and the jars that this machine has.

    Its data and its log, ``broker.log``, are in `directory`; the jars in the user's cache directory unless named.

    Raises
    ------
    EnvironmentProblem
        When there is no Java, or jars are missing or altered.
    """
    cache = cache_dir or default_cache_dir()
    return EmbeddedBroker(
        java=find_java(cache),
        jars=ensure_jars("broker", cache),
        data_dir=directory / "data",
        log_path=directory / "broker.log",
        cache_dir=cache,
        cluster_id_of=cluster_id_of,
        heap_mb=heap_mb,
        port=port,
    )
