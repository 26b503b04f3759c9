"""What the operating system knows about processes: which of two with the same number, and whose they are.

A pid is used again once its process is gone. So a process is named by its pid *and* start mark, and what one
child started is found by a tag in the environment, which is handed down whatever process group, session or
parent a descendant moves to. Tags are visible on Linux only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TAG = "_WINDOWBENCH_CHILD"
"""Environment variable that marks a child and all it starts, by a value unique to the child.

It must not begin with the prefix of settings, or the child would take it for an unknown one.
"""
KILL_SECONDS = 5.0
_PROC = Path("/proc")


def _stat_fields(pid: int) -> list[bytes] | None:
    """Return the fields of ``/proc/PID/stat`` from the state on (number 3 in proc(5)), None when it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None


def start_mark(pid: int) -> str | None:
    """Return what tells process `pid` from a later one of the same number; None when no such process lives."""
    if sys.platform != "linux":
        return _creation_time(pid)
    fields = _stat_fields(pid)
    if fields is None or fields[0] == b"Z":
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19].decode()}"


def _creation_time(pid: int) -> str | None:
    import psutil  # noqa: PLC0415 - the start of a child must not need it

    try:
        return repr(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _pids() -> Iterator[int]:
    if sys.platform == "linux":
        yield from (int(entry.name) for entry in os.scandir(_PROC) if entry.name.isdigit())


def tagged_processes(tag: str) -> list[int]:
    """Return the living processes that carry `tag`, wherever they are in the process tree."""
    marker = f"{TAG}={tag}".encode()
    found = []
    for pid in _pids():
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:  # gone, or another user's
            continue
        if pid == os.getpid() or marker not in environment.split(b"\0"):
            continue
        fields = _stat_fields(pid)
        if fields is not None and fields[0] != b"Z":
            found.append(pid)
    return found


def processes_naming(path: Path) -> list[int]:
    """Return the living processes that have a path on their command line, or one that begins with it."""
    needle, found = os.fsencode(path), []
    for pid in _pids():
        with contextlib.suppress(OSError):  # gone
            words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            if any(word.startswith(needle) for word in words):
                found.append(pid)
    return found


def kill_tagged(tag: str) -> int:
    """Send SIGKILL to every process that carries `tag` until none is left; return how many there were at first."""
    end = time.monotonic() + KILL_SECONDS
    first = left = tagged_processes(tag)
    while left and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
        left = tagged_processes(tag)
    return len(first)
