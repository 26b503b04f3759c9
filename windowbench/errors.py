"""What can go wrong for a user, with the exit code and the remedy of each.

Library code raises these; only a program's ``main`` prints them, through :func:`run_program`.
"""

from __future__ import annotations

import enum
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from windowbench.settings.knobs import ConfigError
from windowbench.settings.printing import printable, printable_lines

FAULTS = "_WINDOWBENCH_FAULTS"
"""Environment variable that names the directory for tracebacks, which must outlast the run that the process is part of;
the system's temporary directory without it. It must not begin with the prefix of settings.
"""


class ExitCode(enum.IntEnum):
    """Exit codes of every windowbench program; commands over several runs exit with the worst."""

    OK = 0
    USAGE = 2
    ENVIRONMENT = 3
    ENGINE_FAILED = 10
    BROKER_FAILED = 11
    PRODUCERS_FAILED = 12
    RUN_INVALID = 20
    VERDICT_UNKNOWN = 21
    UNSUSTAINABLE = 22
    THRESHOLD_MISSED = 99
    INTERRUPTED = 130
    TERMINATED = 143


class HarnessError(Exception):
    """A failure with a message for the user.

    Parameters
    ----------
    message : str
        What is wrong.
    remedy : str, optional
        What the user can do about it.
    log_tail : sequence of str, optional
        The last lines of the log of the service at fault.
    """

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, message: str, *, remedy: str = "", log_tail: tuple[str, ...] = ()) -> None:
        """Keep the parts apart, so that a report can show them."""
        super().__init__(message)
        self.remedy = remedy
        self.log_tail = log_tail

    def render(self) -> str:
        """Return the text a user sees on standard error."""
        lines = [f"error: {self}"]
        if self.remedy:
            lines.append(f"remedy: {self.remedy}")
        if self.log_tail:
            lines.append("last lines of its log:")
            lines += [f"  | {printable(line.expandtabs())}" for line in self.log_tail]
        return printable_lines("\n".join(lines))


class EnvironmentProblem(HarnessError):
    """The machine lacks something: Java, jars, a broker, a port, disk space, a writable directory."""

    exit_code = ExitCode.ENVIRONMENT


class EngineFailed(HarnessError):
    """The engine ended, or never became ready."""

    exit_code = ExitCode.ENGINE_FAILED


class BrokerFailed(HarnessError):
    """The broker ended during a run."""

    exit_code = ExitCode.BROKER_FAILED


class ProducersFailed(HarnessError):
    """A producer process ended early or could not deliver."""

    exit_code = ExitCode.PRODUCERS_FAILED


class ObserverFailed(HarnessError):
    """What notes when results become visible ended early."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; like KeyboardInterrupt it passes through ``except Exception``."""


_Handler = Callable[[int, FrameType | None], object] | int | None
_RAISED: dict[signal.Signals, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
    signal.SIGHUP: Terminated,
}
_received: list[signal.Signals] = []
"""The signal that raised, once one did: what it raised may get lost on its way."""
_kills: list[Callable[[], None]] = []
_AGAIN_SECONDS = 0.05


def raise_on_signals() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into exceptions, so that every way out runs the same clean-up.

    Only the first of these signals raises; later ones would cut the clean-up of the first one short. They do
    nothing, but for a second SIGINT to a program that has started others: those are killed, and the program
    ends at once; what is left of its run is cleaned up at the next start. SIGHUP stays ignored where it was
    (``nohup``). SIGINT does not: a shell script starts its background jobs with SIGINT ignored, and ``kill -INT``
    must still work.
    """
    watched = [n for n in _RAISED if n is not signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]

    def once(signum: int, _frame: FrameType | None) -> None:
        for number in watched:
            signal.signal(number, _again)  # not SIG_IGN: programs started from now on would inherit that
        _received.append(signal.Signals(signum))
        raise _RAISED[signal.Signals(signum)]

    for number in watched:
        signal.signal(number, once)


def heed_signal() -> None:
    """Raise again what a signal has raised before, if one came.

    Python drops whatever is raised while an object is finalized, and py4j finalizes each object of a JVM in Python.
    """
    if _received:
        raise _RAISED[_received[0]] from None


@contextmanager
def signal_decides() -> Iterator[None]:
    """Let a signal that came decide how a block ends, whatever failed in it before or after.

    Ctrl-C meets the processes that a program talks to as well, so it may see their end first.
    """
    with _when_dropped(lambda: True):  # not lost, see above
        try:
            yield
        except Exception:
            heed_signal()
            raise


@contextmanager
def _when_dropped(deal: Callable[[], bool]) -> Iterator[None]:
    """Call `deal` where Python drops what a signal has raised; it is told as usual where that returns False."""
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, (KeyboardInterrupt, Terminated)) or not deal():
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def kill_on_second_interrupt(kill: Callable[[], None]) -> None:
    """Call `kill` before this program ends because of a second SIGINT."""
    if kill not in _kills:
        _kills.append(kill)


def _again(signum: int, _frame: FrameType | None) -> None:
    if signum == signal.SIGINT and _kills:
        for kill in _kills:
            kill()
        os._exit(ExitCode.INTERRUPTED)


def run_program(body: Callable[[list[str] | None], int], argv: list[str] | None = None) -> int:
    """Run a program's body and turn what it raises into a message on standard error and an exit code.

    Parameters
    ----------
    body : callable
        Gets `argv`, returns an exit code, raises :class:`HarnessError` or
        :class:`~windowbench.settings.knobs.ConfigError`.
    argv : list of str, optional
        Arguments without the program's name.
    """
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    before = {number: signal.getsignal(number) for number in _RAISED}
    raise_on_signals()
    try:
        with _when_dropped(_send_again):
            return _exit_code(body, argv)
    finally:
        _give_back(before)
        _received.clear()


def _send_again() -> bool:
    """Send the signal that came once more, which Python dropped in a callback of its own, such as one of an import."""
    if not _received:
        return False
    raise_on_signals()
    again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), _received[0]))
    again.daemon = True
    again.start()
    return True


def _give_back(handlers: Mapping[signal.Signals, _Handler]) -> None:
    """Install earlier handlers again: nothing would catch an exception in what Python does at its end.

    After a signal they stay as they are, because repeats are then to be expected.
    """
    for number, handler in handlers.items():
        if signal.getsignal(number) is not _again:
            signal.signal(number, handler)


def _exit_code(body: Callable[[list[str] | None], int], argv: list[str] | None) -> int:
    """Return the exit code of a program's body, having said what went wrong."""
    try:
        return body(argv)
    except BrokenPipeError:
        # The reader (`| head`) has gone; without this the interpreter's last flush complains about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ENVIRONMENT
    except (KeyboardInterrupt, Terminated, Exception) as error:  # noqa: BLE001 - no traceback reaches a user
        text, code = told(error)
        print(text, file=sys.stderr)
        return code


def told(error: BaseException) -> tuple[str, int]:
    """Return what a user is told of a failure that is being handled, and the exit code."""
    text, code = _told(error)
    return printable_lines(text), code


def _told(error: BaseException) -> tuple[str, int]:
    if isinstance(error, ConfigError):
        return f"error: {error}", ExitCode.USAGE
    if isinstance(error, HarnessError):
        return error.render(), error.exit_code
    if isinstance(error, OSError):
        return f"error: {error}\nremedy: check free space, permissions and the paths given", ExitCode.ENVIRONMENT
    if isinstance(error, Terminated):
        return "terminated", ExitCode.TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", ExitCode.INTERRUPTED
    return f"error: {type(error).__name__}: {error}\nremedy: {_kept_traceback()}", ExitCode.VERDICT_UNKNOWN


def _kept_traceback() -> str:
    """Write the traceback of the exception being handled to a file, and return what to do with it."""
    wanted = os.environ.get(FAULTS)
    place = wanted if wanted and os.path.isdir(wanted) else None  # noqa: PTH112 - pathlib would be needed for this alone
    descriptor, path = tempfile.mkstemp(prefix="windowbench-", suffix=".traceback", dir=place)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return f"this is a fault of windowbench; {path} says where it happened"
