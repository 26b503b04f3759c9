"""Engine and producers as services: started by command line, listened to as JSON lines, watched, stopped.

Both speak the same way: standard output carries one JSON object a line (``ready``, ``progress``, ``error``,
and ``done`` of a service that ends by itself); any other line is log text. Every service has the same verbs:
start, ready, check, stop.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from windowbench.errors import HarnessError
from windowbench.processes import process
from windowbench.processes.waiting import wait_until

Message = dict[str, Any]

_PAGE = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}/?")


class JsonLineService:
    """A command that reports on standard output as JSON lines.

    Parameters
    ----------
    name : str
        For messages and the log's name.
    command : sequence of str
        What the README tells a user to type, plus ``--config``.
    log_path : Path
        Everything it prints.
    failure : type of HarnessError
        What its death means; decides the exit code.
    env : mapping
        Its environment.
    redact : callable, optional
        Masks secrets in the log.
    on_message : callable, optional
        Gets each JSON object, on a thread of its own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        failure: type[HarnessError],
        env: Mapping[str, str],
        redact: Callable[[str], str] | None = None,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        """Keep the parts; nothing is started yet."""
        self.name = name
        self._command = list(command)
        self._log_path = log_path
        self._failure = failure
        self._env = env
        self._redact = redact
        self._on_message = on_message
        self._on_next_message: Callable[[Message], None] | None = None
        self._child: process.Child | None = None
        self._latest: dict[str, Message] = {}
        self._seen = threading.Event()
        self._expected_end = False

    def _line(self, line: str) -> None:
        if not line.startswith("{"):
            return
        try:
            message = json.loads(line)
        except ValueError:
            return  # log text that happens to begin with a brace
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            if message["type"] == "next":
                self._latest, self._on_message = {}, self._on_next_message
            self._latest[message["type"]] = message
            if self._on_message is not None:
                self._on_message(message)

    def start(self) -> None:
        """Start the command; it dies with this process."""
        self._child = process.start(
            self._command,
            log_path=self._log_path,
            name=self.name,
            env=self._env,
            on_line=self._line,
            redact=self._redact,
        )

    @property
    def child(self) -> process.Child | None:
        """The running command, for the run lock."""
        return self._child

    @property
    def pid(self) -> int | None:
        """Pid below which all processes of the service are found."""
        return self._child.pid if self._child else None

    def latest(self, kind: str) -> Message | None:
        """Return the last message of a kind, None before the first."""
        return self._latest.get(kind)

    def await_message(self, kind: str, timeout: float, *, abort: Callable[[], None]) -> Message:
        """Wait for the first message of a kind.

        Raises
        ------
        HarnessError
            Of the service's own type, when it ends first or the time is over.
        """

        def watched() -> None:
            abort()
            if self.latest(kind) is None:
                self.check()

        return wait_until(
            lambda: self.latest(kind) or {},
            timeout,
            f"{self.name} to say {kind!r}",
            poll=0.02,
            abort=watched,
            failure=self._failure,
            last_seen=lambda: sorted(self._latest) or "nothing from it",
            log_tail=self.last_lines,
            remedy=f"look at {self._log_path}",
        )

    def expect_next(self, on_message: Callable[[Message], None]) -> None:
        """Forget the run that the command works on as soon as it says ``next``; what follows goes to `on_message`."""
        self._on_next_message = on_message

    def ended(self) -> bool:
        """Whether the command has ended."""
        return self._child is not None and self._child.poll() is not None

    def check(self) -> None:
        """Raise if the command has ended though it should run on.

        Raises
        ------
        HarnessError
            Of the service's own type, with its own error message and the last lines of its log.
        """
        if self._child is None or self._expected_end:
            return
        code = self._child.poll()
        if code is None or (code == 0 and self.latest("done")):
            return
        said = self.latest("error")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        msg = f"{self.name} {how} before its work was done"
        if said:
            msg += f": {said.get('message')}"
        raise self._failure(msg, log_tail=self.last_lines(), remedy=f"look at {self._log_path}")

    def finish(self, timeout: float, *, abort: Callable[[], None]) -> None:
        """Wait for the command to end by itself with exit code 0.

        Raises
        ------
        HarnessError
            When it ends otherwise, or not in time.
        """
        assert self._child is not None
        child = self._child

        def done() -> bool:
            if child.poll() not in (None, 0):
                self.check()
            return child.poll() == 0

        wait_until(
            done,
            timeout,
            f"{self.name} to end",
            poll=0.02,
            abort=abort,
            failure=self._failure,
            log_tail=self.last_lines,
        )
        self._expected_end = True

    def stop(self, timeout: float = 10.0) -> int | None:
        """Ask the command to end, kill it after `timeout` s; return its exit code, None if it never started."""
        self._expected_end = True
        return self._child.stop(timeout) if self._child else None

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the log."""
        return self._child.last_lines(15) if self._child else ()


class ProgressLog:
    """Appends every message of the engine, with the time it arrived, to ``progress.jsonl``."""

    def __init__(self, path: Path) -> None:
        """Open the file for appending."""
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, message: Message) -> None:
        """Append one message; called on the service's reader thread."""
        if not self._file.closed:
            self._file.write(json.dumps({**message, "received_ns": time.time_ns()}) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def position_of(service: JsonLineService) -> dict[int, int]:
    """Return the next offset the engine will read, per partition of the events topic, as it reported last."""
    message = service.latest("progress") or {}
    position = message.get("position")
    if not isinstance(position, dict):
        return {}
    try:
        return {int(partition): int(offset) for partition, offset in position.items()}
    except (TypeError, ValueError):
        return {}


def page_of(service: JsonLineService) -> str | None:
    """Return the address of the engine's own web page on this machine, None where it said nothing of that kind."""
    address = (service.latest("ui") or {}).get("address")
    return address if isinstance(address, str) and _PAGE.fullmatch(address) else None
