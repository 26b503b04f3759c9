"""Start a command as a child that dies with us, on every way out.

This module alone imports :mod:`subprocess`. Each child runs under a guard (``guard.py``) that holds the reading
end of a lifeline pipe; the writing end is in this process only and closes when this process ends, even by
SIGKILL. Standard library only, because :mod:`windowbench.toolchain.java` must run before any package is installed.

Who kills what:

* :meth:`Child.stop` asks the command to end (SIGTERM by way of the guard), then has the guard kill what is left;
* the guard kills all when this process is gone or the command ended;
* when the guard itself was killed, :meth:`Child.poll` notices and kills the rest here: the members of the
  guard's process group and every process that carries the child's tag in its environment.

On Linux a tagged process is found wherever it went. Elsewhere only its process group is.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import signal
import subprocess  # the only import of it
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from windowbench.errors import EnvironmentProblem, kill_on_second_interrupt
from windowbench.processes.process_table import KILL_SECONDS, TAG, kill_tagged, start_mark

GUARD = Path(__file__).with_name("guard.py")
GRACE_SECONDS = 2.0
_OUTPUT_SECONDS = 2.0
TAIL_BYTES = 64 * 1024

LineSink = Callable[[str], None]
Redactor = Callable[[str], str]


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Return the last lines of a text file; none when there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-lines:]) if lines > 0 else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A command that ran to its end."""

    code: int
    output: str


def run_briefly(command: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> Finished:
    """Run a short command to its end; return its exit code and what it wrote, both streams together.

    Raises
    ------
    OSError
        When it cannot be started.
    TimeoutError
        When it does not end in time; it is killed.
    """
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=None if env is None else dict(env),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{command[0]} did not end within {timeout:g} s"
        raise TimeoutError(msg) from error
    return Finished(code=done.returncode, output=done.stdout.decode("utf-8", "replace"))


class Child:
    """A running command under its guard; made by :func:`start`.

    Attributes
    ----------
    name : str
        For messages.
    pid : int
        The guard's pid, which is also the process group; every process the command starts is below it.
    tag : str
        Value of the environment variable :data:`TAG` in the command and all it started.
    log_path : Path
        Both output streams, as written by the command (redacted, where a redactor was given).
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], lifeline: int, tag: str, log_path: Path) -> None:
        self.name = name
        self.pid = process.pid
        self.tag = tag
        self.log_path = log_path
        self.mark = start_mark(process.pid)
        self._process = process
        self._input = process.stdin
        self._lifeline: int | None = lifeline
        self._readers: list[threading.Thread] = []
        self._lost: Exception | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code once the command ended (negative: a signal), None while it runs."""
        with self._lock:
            if self._process.returncode is not None:
                return self._process.returncode
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            # The guard is dead but not yet reaped, so its number still is its own: the group is ours to kill.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            if ended.si_code != os.CLD_EXITED:  # it may have been killed before it could clean up
                kill_tagged(self.tag)
            self._close_lifeline()
            if self._input is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._input.close()
            self._process.wait()
        self._finish_readers()  # so that a caller that sees the end has seen every line as well
        return self._process.returncode

    def wait(self, timeout: float) -> int | None:
        """Wait for the command's end; return its exit code, or None when it still runs after `timeout` seconds."""
        end = time.monotonic() + timeout
        pause = 0.002
        while (code := self.poll()) is None and time.monotonic() < end:
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return code

    def stop(self, timeout: float = 10.0, ask: signal.Signals = signal.SIGTERM) -> int:
        """Ask the command to end, kill what is left after `timeout` seconds; return the exit code.

        Safe to call again, and after the command ended. `ask` may be SIGINT, where a command ends better by that.
        """
        try:
            if self.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, ask)
            code = self.wait(timeout)
        finally:
            code = self.kill()  # whatever interrupts the wait, nothing survives
        return code

    def kill(self) -> int:
        """Kill the command and all it started now; return the exit code."""
        if self.poll() is None:
            self._order(b"k")
            if self.wait(KILL_SECONDS) is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                kill_tagged(self.tag)
        code = self.wait(KILL_SECONDS)
        return -signal.SIGKILL if code is None else code

    def kill_without_waiting(self) -> None:
        """Kill the command and all it started, and do not wait for their end."""
        self._order(b"k")

    def check_output(self) -> None:
        """Raise when what the command says could not be kept: that is no fault of its own.

        Raises
        ------
        EnvironmentProblem
            With the reason, such as a full disk.
        """
        if self._lost is not None:
            raise EnvironmentProblem(
                f"the output of {self.name} cannot be kept: {self._lost}",
                remedy=f"check free space and permissions of {self.log_path.parent}",
            )

    def tell(self, line: str) -> None:
        """Write a line to a command that was started to hear; one that has ended hears nothing."""
        assert self._input is not None
        with contextlib.suppress(BrokenPipeError):
            self._input.write(line.encode() + b"\n")
            self._input.flush()

    def detach(self) -> None:
        """Let the command live on when this process ends; ``kill PID`` (:attr:`pid`) stops it then.

        For children without a line callback and redactor only: nothing would read their output any more.
        """
        if self._readers:
            msg = f"{self.name} writes to this process and cannot outlive it"
            raise ValueError(msg)
        self._order(b"d")
        self._process.returncode = 0  # or Popen would warn that it still runs

    def last_lines(self, count: int = 20) -> tuple[str, ...]:
        """Return the last lines of the log."""
        return tail(self.log_path, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _finish_readers(self) -> None:
        """Wait until the output is read to its end, which a process that escaped could put off for ever."""
        for reader in self._readers:
            if reader is not threading.current_thread():
                reader.join(_OUTPUT_SECONDS)

    def _order(self, order: bytes) -> None:
        if self._lifeline is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._lifeline, order)

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def _read_on(self, stream: IO[bytes], log: IO[bytes], on_line: LineSink | None, redact: Redactor | None) -> None:
        def copy() -> None:
            with stream, log:
                try:
                    _copy_lines(stream, log, on_line, redact)
                except Exception as error:  # noqa: BLE001 - whatever it is, the command must not wait for a reader
                    self._lost = error
                    for _ in stream:
                        pass

        reader = threading.Thread(target=copy, name=f"{self.name}-output", daemon=True)
        self._readers.append(reader)
        reader.start()


def _copy_lines(stream: IO[bytes], log: IO[bytes], on_line: LineSink | None, redact: Redactor | None) -> None:
    """Copy lines to the log and the callback until the stream ends; the log is unbuffered and in append mode."""
    for raw in stream:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        shown = line if redact is None else redact(line)
        log.write(shown.encode() + b"\n")
        if on_line is not None:
            on_line(line)


def start(
    command: Sequence[str],
    *,
    log_path: Path | None,
    name: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: LineSink | None = None,
    redact: Redactor | None = None,
    grace_seconds: float = GRACE_SECONDS,
    user: str | None = None,
    hears: bool = False,
) -> Child:
    """Start a command that cannot outlive this process.

    Parameters
    ----------
    command : sequence of str
        Program and arguments. Arguments are visible to everyone on the machine: no secrets in them.
    log_path : Path or None
        File that both output streams are appended to; its directory is made when missing. With None there is no log:
        standard output is dropped, standard error is ours.
    name : str, optional
        For messages; the program's name when None.
    env : mapping, optional
        The whole environment of the command; a copy of this process's when None.
    cwd : Path, optional
        Working directory.
    on_line : callable, optional
        Gets each line of standard output (without its end, not redacted), on a thread of its own. Must not raise.
    redact : callable, optional
        Applied to each line before it is written to the log.
    grace_seconds : float
        Time between SIGTERM and SIGKILL when this process is gone.
    user : str, optional
        The user that the command runs as, in that user's own group alone; ours when None. Only root may choose.
    hears : bool, optional
        Whether it may be told something on its standard input, which is empty otherwise.

    Raises
    ------
    OSError
        When the log cannot be opened. A command that cannot be started ends with code 127 and says so in its log.
    """
    errors_are_ours = log_path is None
    log_path = log_path or Path(os.devnull)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    tag = secrets.token_hex(8)
    environment = {**(os.environ if env is None else env), TAG: tag}
    account = None if user is None else pwd.getpwnam(user)
    run_as = () if account is None else (f"{account.pw_uid}:{account.pw_gid}",)
    lifeline_read, lifeline = os.pipe()
    log = log_path.open("ab", buffering=0)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(lifeline_read), str(grace_seconds), *run_as, "--", *command],
            stdin=subprocess.PIPE if hears else subprocess.DEVNULL,
            stdout=log if on_line is None and redact is None else subprocess.PIPE,
            stderr=None if errors_are_ours else log if redact is None else subprocess.PIPE,
            env=environment,
            cwd=cwd,
            pass_fds=(lifeline_read,),
            start_new_session=True,
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(lifeline_read)
        log.close()
    kill_on_second_interrupt(_kill_all)
    child = Child(name or Path(command[0]).name, process, lifeline, tag, log_path)
    for stream, sink in ((process.stdout, on_line), (process.stderr, None)):
        if stream is not None:
            child._read_on(stream, log_path.open("ab", buffering=0), sink, redact)  # noqa: SLF001 - its own maker
    _started.add(child)
    return child


_started: weakref.WeakSet[Child] = weakref.WeakSet()


def _kill_all() -> None:
    for child in list(_started):
        child.kill_without_waiting()
