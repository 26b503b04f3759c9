"""Engine and producers as services: started by command line, listened to as JSON lines, watched, stopped.

Both speak the same way, in the messages of ``windowbench/processes/messages.py``: ``ready``, ``progress``, ``error``,
and ``done`` of a service that ends by itself. Every service has the same verbs: start, ready, check, stop.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from windowbench.engines import protocol
from windowbench.engines.protocol import ERROR, NEXT, PAGE, PROGRESS, UNASKED, progress_of
from windowbench.engines.succession import ANSWERS
from windowbench.errors import HarnessError
from windowbench.processes import process
from windowbench.processes.messages import Message, parsed
from windowbench.processes.waiting import wait_until
from windowbench.settings.masking import mask_value
from windowbench.settings.printing import printable


class JsonLineService:
    """A command that reports on standard output as JSON lines.

    Parameters
    ----------
    command : sequence of str
        What the README tells a user to type, plus ``--config``.
    failure : type of HarnessError
        What its death means; decides the exit code.
    redact : callable, optional
        Masks secrets in the log, which holds everything it prints, and in its messages.
    on_message : callable, optional
        Gets each message, on a thread of its own.
    hears : bool, optional
        Whether it may be told something.
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
        hears: bool = False,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._log_path = log_path
        self._failure = failure
        self._env = env
        self._redact = redact
        self._on_message = on_message
        self._hears = hears
        self._asked: set[str] = set()
        self._on_next_message: Callable[[Message], None] | None = None
        self._child: process.Child | None = None
        self._latest: dict[str, Message] = {}
        self._seen = threading.Event()
        self._expected_end = False

    def _line(self, line: str) -> None:
        said = parsed(line)
        if said is None:
            return
        message = Message(said.kind, mask_value("", said.fields, self._redact or str))
        if message.kind in ANSWERS.values():
            if message.kind not in self._asked:
                message = Message(UNASKED, {"type": UNASKED, "said": message.kind})
            elif message.kind == NEXT:
                self._latest, self._on_message = {}, self._on_next_message
            self._asked.discard(message.kind)
        self._latest[message.kind] = message
        if self._on_message is not None:
            self._on_message(message)

    def start(self) -> process.Child:
        """Start the command and return it, for the run lock; it dies with this process."""
        self._child = process.start(
            self._command,
            log_path=self._log_path,
            name=self.name,
            env=self._env,
            on_line=self._line,
            redact=self._redact,
            hears=self._hears,
        )
        return self._child

    def tell(self, kind: str, **fields: str) -> None:
        """Give an engine an order, as one JSON line; from now on its answer is no surprise."""
        assert self._child is not None
        self._asked.add(ANSWERS[kind])
        self._child.tell(json.dumps({"type": kind, **fields}))

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

        said = wait_until(
            lambda: self.latest(kind),
            timeout,
            f"{self.name} to say {kind!r}",
            poll=0.02,
            abort=watched,
            failure=self._failure,
            last_seen=lambda: sorted(self._latest) or "nothing from it",
            log_tail=self.last_lines,
            remedy=f"look at {self._log_path}",
        )
        assert said is not None
        return said

    def expect_next(self, on_message: Callable[[Message], None]) -> None:
        """Forget the run that the command works on as soon as it says ``next``; what follows goes to `on_message`."""
        self._on_next_message = on_message

    def check(self) -> None:
        """Raise if the command has ended though it should run on.

        Raises
        ------
        EnvironmentProblem
            When what it says can no longer be kept.
        HarnessError
            Of the service's own type, with its own error message and the last lines of its log.
        """
        if self._child is None or self._expected_end:
            return
        self._child.check_output()
        code = self._child.poll()
        if code is None or (code == 0 and self.latest("done")):
            return
        said = self.latest(ERROR)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        msg = f"{self.name} {how} before its work was done"
        if said:
            msg += f": {printable(said.text('message') or 'it does not say why')}"
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
            self._file.write(json.dumps({**message.fields, "received_ns": time.time_ns()}) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def position_of(service: JsonLineService) -> Mapping[int, int]:
    """Return the next offset a service will read, per partition of its topics, as it reported last."""
    message = service.latest(PROGRESS)
    return {} if message is None else progress_of(message).position


def page_of(service: JsonLineService) -> str | None:
    """Return the address of the engine's own web page on this machine, None where it said nothing of that kind."""
    message = service.latest(PAGE)
    return None if message is None else protocol.page_of(message)
