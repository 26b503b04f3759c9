"""A small parent that makes sure a command, and all it started, dies when it should.

Run by file path as ``python -I -S guard.py LIFELINE GRACE [UID:GID] -- COMMAND...``, so it must stay free of imports
from this package and from site-packages. :mod:`windowbench.processes.process` starts it.

Rules:

* The guard leads its own session. The command runs in the guard's process group.
* LIFELINE is the number of a pipe's reading end. Its writing end is held by the orchestrator alone, so end of
  file means that the orchestrator is gone, for whatever reason: the command gets SIGTERM and, after GRACE seconds,
  everything below the guard gets SIGKILL.
* A byte on the lifeline is an order: ``k`` kills everything at once, ``d`` detaches (from then on the end of the
  orchestrator means nothing).
* With UID:GID the command runs as that user and group, for a program that refuses to be root. The guard does not: it
  must be able to read its own Python, which may lie where that user may not look.
* SIGTERM, SIGINT and SIGHUP are handed on to the command alone, which may end in its own way and time.
* When the command ends, what it left behind is killed, and the guard ends the way the command did: same exit
  code, same signal.
* On Linux the guard is the reaper of orphans below it, so a grandchild that moves to another process group or
  session still is a descendant and is found; and the command gets a parent-death signal, so that a SIGKILL of
  the guard does not leave the command alive.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PARENT_CHECK = signal.SIGUSR1
KILL_SECONDS = 2.0
"""How long the guard goes on killing; only a process stuck in the kernel survives that."""


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _descendants() -> list[int]:
    """Return the living processes below this one, nearest first; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc") if sys.platform == "linux" else ():
        if not entry.name.isdigit():
            continue
        try:
            with open(f"{entry.path}/stat", "rb") as file:  # noqa: PTH123 - nothing else here needs pathlib
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:  # gone in the meantime
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(entry.name))
    found: list[int] = []
    level = [os.getpid()]
    while level:
        level = [child for pid in level for child in children.get(pid, ())]
        found += level
    return found


class Guard:
    """Watches one command; see the rules at the top of the file."""

    def __init__(self, lifeline: int, grace_seconds: float, run_as: tuple[int, int] | None = None) -> None:
        self.lifeline = lifeline
        self.run_as = run_as
        self.grace_seconds = grace_seconds
        self.parent = os.getppid()
        self.command = 0
        self.status: int | None = None
        self.watching = True
        self.deadline: float | None = None
        self.wake, wake_end = os.pipe()
        for end in (self.wake, wake_end):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        for number in (*HANDED_ON, signal.SIGCHLD, PARENT_CHECK):
            signal.signal(number, lambda *_: None)  # the number arrives through the wake-up pipe
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        # This signal also comes when only the *thread* that started the guard ends, so it is but a hint to look.
        _prctl(PR_SET_PDEATHSIG, PARENT_CHECK)

    def start(self, argv: list[str]) -> None:
        """Start the command as a child that gets SIGKILL when the guard dies."""
        guard = os.getpid()
        self.command = os.fork()
        if self.command:
            silent = os.open(os.devnull, os.O_RDWR)
            os.dup2(silent, 0)
            os.dup2(silent, 1)  # or the reader of the command's output would wait for the guard as well
            return
        try:
            signal.set_wakeup_fd(-1)
            # A command would inherit what is ignored: SIGPIPE and SIGXFSZ by Python, SIGINT and SIGQUIT by a shell that
            # starts us in the background.
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            if self.run_as is not None:
                os.setgroups([])
                os.setgid(self.run_as[1])
                os.setuid(self.run_as[0])
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user would undo it
            if os.getppid() == guard:
                os.execvp(argv[0], argv)  # noqa: S606 - starting a command is what this program is for
        except OSError as error:
            os.write(2, f"cannot start {argv[0]}: {error.strerror}\n".encode())
        os._exit(127)

    def reap(self) -> None:
        """Collect ended children, orphans included; keep the command's status."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.command:
                    self.status = status

    def signal_command(self, number: int) -> None:
        """Send a signal to the command, unless it has ended (its pid is kept until it is reaped here)."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.command, number)

    def kill_all(self) -> None:
        """Send SIGKILL to everything below, until nothing is left or the time for it is over."""
        end = time.monotonic() + KILL_SECONDS
        self.signal_command(signal.SIGKILL)
        while time.monotonic() < end:
            self.reap()
            below = _descendants()
            if not below and self.status is not None:
                return
            for pid in below:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            select.select([], [], [], 0.01)

    def read_lifeline(self) -> None:
        """Follow an order of the orchestrator, or see that it is gone."""
        order = os.read(self.lifeline, 1)
        if order == b"k":
            self.kill_all()
        elif order == b"d":
            self.watching = False
        elif not order:
            self.parent_gone()

    def parent_gone(self) -> None:
        """Let the command end by itself for a short while."""
        if self.watching:
            self.watching = False
            self.signal_command(signal.SIGTERM)
            self.deadline = time.monotonic() + self.grace_seconds

    def read_signals(self) -> None:
        """Act on the signals that came since the last look."""
        for number in os.read(self.wake, 64):
            if number in HANDED_ON:
                self.signal_command(number)
            elif number == PARENT_CHECK:
                self.check_parent()

    def check_parent(self) -> None:
        """See whether the orchestrator is gone, after all it still ordered."""
        while self.watching and select.select([self.lifeline], [], [], 0)[0]:
            self.read_lifeline()
        if os.getppid() != self.parent:
            self.parent_gone()

    def watch(self) -> int:
        """Wait for the command's end, or bring it about; return its wait status."""
        while True:
            self.reap()
            if self.status is not None:
                break
            rest = None if self.deadline is None else self.deadline - time.monotonic()
            if rest is not None and rest <= 0:
                break
            sources = [self.wake, self.lifeline] if self.watching else [self.wake]
            ready = select.select(sources, [], [], rest)[0]
            if self.wake in ready:
                self.read_signals()
            if self.lifeline in ready and self.watching:
                self.read_lifeline()
        self.kill_all()
        return signal.SIGKILL if self.status is None else self.status


def main() -> int:
    """Guard the command of the command line; end as it ended."""
    separator = sys.argv.index("--")
    lifeline, grace, *user = sys.argv[1:separator]
    uid, _, gid = user[0].partition(":") if user else ("", "", "")
    guard = Guard(int(lifeline), float(grace), (int(uid), int(gid)) if user else None)
    os.set_inheritable(int(lifeline), False)
    guard.start(sys.argv[separator + 1 :])
    status = guard.watch()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # SIGKILL has no handler to reset
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1


if __name__ == "__main__":
    raise SystemExit(main())
