"""Who is working in a run directory, so that the next start can clean up after one that died.

``lock.json`` names the orchestrator and every child it started. A normal end removes the file; where one is left
and its orchestrator is gone, nothing of that run has a reason to live. Processes are identified by pid and start
mark, or by the tag in their environment, never by pid alone: a recycled pid is never killed.

A lock has directories for what those children write. One lies below the system's temporary directory and not in the
run's, whose path may be too long for a socket. They go with the lock, or with what a dead run left.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import Child
from windowbench.processes.process_table import kill_tagged, start_mark

LOCK_NAME = "lock.json"
PROBES = "probes"
"""Directory of a search that holds its runs."""
_LOCKS = (f"*/{LOCK_NAME}", f"*/{PROBES}/*/{LOCK_NAME}")
_TEMPORARY = "windowbench-run-"
_TEMPORARY_NAME = re.compile(rf"{_TEMPORARY}[a-z0-9_]{{8}}")  # as tempfile makes them


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """What was found of a run whose orchestrator is gone, and cleaned."""

    run: str
    services: tuple[str, ...] = field(default=())
    processes: int = 0

    def __str__(self) -> str:
        """One line for the user."""
        if not self.processes:
            return f"{self.run}: no process was left"
        return f"{self.run}: {self.processes} processes killed ({', '.join(self.services)})"


class RunLock:
    """Marks an existing run directory as in use by this process; a context manager.

    Raises
    ------
    EnvironmentProblem
        On entering, when another living process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK_NAME
        self._children: list[dict[str, Any]] = []
        self._scratch: list[str] = []
        self._temporary: Path | None = None
        self._elsewhere: list[Path] = []

    def __enter__(self) -> Self:
        holder = _read(self._path)
        if holder is not None and _holder_lives(holder):
            msg = f"{self._path.parent} is in use by process {holder['pid']}"
            raise EnvironmentProblem(msg, remedy="wait for that run to end, or choose another --run-id")
        self._write()
        return self

    def add(self, child: Child) -> None:
        """Record a child, to be killed at the next start if this process dies without stopping it."""
        self._children.append({"name": child.name, "pid": child.pid, "start": child.mark, "tag": child.tag})
        self._write()

    def add_scratch(self, path: Path) -> None:
        """Record a file or directory inside the run directory, to be removed together with leftover processes."""
        self._scratch.append(str(path.absolute().relative_to(self._path.parent.absolute())))
        self._write()

    def temporary(self) -> Path:
        """Return the directory for what children write temporarily; made when it is first asked for."""
        if self._temporary is None:
            self._temporary = self.directory()
            if os.geteuid() == 0:  # a child of root may run as another user, who must be able to enter
                self._temporary.chmod(0o711)
        return self._temporary

    def directory(self, parent: Path | None = None) -> Path:
        """Make a directory below another one, the system's temporary directory when None, and return it."""
        made = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent)).absolute()
        self._elsewhere.append(made)
        self._write()
        return made

    def __exit__(self, *_: object) -> None:
        for made in self._elsewhere:
            shutil.rmtree(made, ignore_errors=True)
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        content = {
            "host": platform.node(),
            "pid": os.getpid(),
            "start": start_mark(os.getpid()),
            "children": self._children,
            "scratch": self._scratch,
            "elsewhere": [str(path) for path in self._elsewhere],
        }
        fresh = self._path.with_name(f"{LOCK_NAME}.{os.getpid()}")
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(self._path)


def holder_of(directory: Path) -> int | None:
    """Return the process that works in a run directory; None when none does."""
    lock = _read(directory / LOCK_NAME)
    return int(lock["pid"]) if lock is not None and _holder_lives(lock) else None


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a lock; None when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text())
        children = [(c["name"], int(c["pid"]), c["start"], str(c["tag"])) for c in content["children"]]
        complete = {"host", "pid", "start", "scratch"} <= content.keys()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return {**content, "children": children} if complete else None


def _holder_lives(lock: dict[str, Any]) -> bool:
    """Whether the orchestrator lives; one on another machine, where this cannot be seen, counts as living."""
    if lock["host"] != platform.node():
        return True
    return lock["start"] is not None and start_mark(lock["pid"]) == lock["start"]


def _kill(pid: int, start: str | None, tag: str) -> int:
    """Kill what is left of a child; return how many processes there were."""
    killed = kill_tagged(tag)
    if start is not None and start_mark(pid) == start:  # where tags cannot be seen
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
            killed += 1
    return killed


def clean_leftovers(runs_dir: Path) -> list[Leftover]:
    """Kill and remove what runs left behind whose orchestrator is gone; return what was done, a run each.

    A run that ended normally, one that is still going on, one on another machine that shares the directory and a
    broker kept with ``--keep-broker`` are left alone.
    """
    cleaned = []
    for path in sorted(path for pattern in _LOCKS for path in runs_dir.glob(pattern)):
        lock = _read(path)
        if lock is None or _holder_lives(lock):
            continue
        counts = {name: _kill(pid, start, tag) for name, pid, start, tag in lock["children"]}
        for relative in lock["scratch"]:
            _remove(path.parent, relative)
        elsewhere = lock.get("elsewhere")
        for named in elsewhere if isinstance(elsewhere, list) else ():
            _remove_elsewhere(named)
        path.unlink(missing_ok=True)
        alive = tuple(name for name, count in counts.items() if count)
        run = str(path.parent.relative_to(runs_dir))
        cleaned.append(Leftover(run=run, services=alive, processes=sum(counts.values())))
    return cleaned


def _remove(run: Path, relative: str) -> None:
    """Remove a scratch path, if it really is inside the run directory."""
    target = (run / relative).resolve()
    if run.resolve() not in target.parents:
        return
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    else:
        target.unlink(missing_ok=True)


def _remove_elsewhere(named: object) -> None:
    """Remove what a lock names as a directory of its own, if it really is one that a lock of ours has made."""
    if not isinstance(named, str):
        return
    path = Path(named)
    if not path.is_absolute() or not _TEMPORARY_NAME.fullmatch(path.name):
        return
    with contextlib.suppress(OSError):  # there is none
        if not path.is_symlink() and path.stat().st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)
