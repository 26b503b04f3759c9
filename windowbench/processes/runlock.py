"""Who is working in a run directory, so that the next start can clean up after one that died.

``lock.json`` names the orchestrator and every child it started. A normal end removes the file; where one is left
and its orchestrator is gone, nothing of that run has a reason to live. Whether it is gone says a lock that it holds on
the file ``held`` beside, which the kernel takes from it when it ends, and which is seen from every namespace of
processes. Children are identified by pid and start mark, or by the tag in their environment, never by pid alone: a
recycled pid is never killed.

A lock has directories for what those children write. One lies below the system's temporary directory and not in the
run's, whose path may be too long for a socket. They go with the lock, or with what a dead run left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import Child
from windowbench.processes.process_table import kill_tagged, start_mark

LOCK_NAME = "lock.json"
HELD_NAME = "held"
PROBES = "probes"
"""Directory of a search that holds its runs."""
_LOCKS = (f"*/{LOCK_NAME}", f"*/{PROBES}/*/{LOCK_NAME}")
_LOOKS, _BETWEEN_SECONDS = 100, 0.02
"""Who only looks whether somebody works there holds the lock for a moment."""
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
        self._held: int | None = None
        self._children: list[dict[str, Any]] = []
        self._scratch: list[str] = []
        self._temporary: Path | None = None
        self._elsewhere: list[Path] = []

    def __enter__(self) -> Self:
        check_unused(self._path.parent)
        self._held = _hold(self._path.with_name(HELD_NAME))
        if self._held is None:
            check_unused(self._path.parent)
            raise EnvironmentProblem(f"{self._path.parent} is in use", remedy=_IN_USE)
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
        if self._held is not None:
            _release(self._path.with_name(HELD_NAME), self._held)
            self._held = None

    def _write(self) -> None:
        content = {
            "host": platform.node(),
            "pid": os.getpid(),
            "children": self._children,
            "scratch": self._scratch,
            "elsewhere": [str(path) for path in self._elsewhere],
        }
        fresh = self._path.with_name(f"{LOCK_NAME}.{os.getpid()}")
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(self._path)


_IN_USE = "wait for that run to end, or choose another --run-id"


def _hold(path: Path) -> int | None:
    """Lock a file for as long as this process lives, and return its descriptor; None when another one has it.

    Raises
    ------
    EnvironmentProblem
        When it cannot be locked.
    """
    for _ in range(_LOOKS):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        except (BlockingIOError, FileNotFoundError):  # held, or taken away by one that has just ended
            time.sleep(_BETWEEN_SECONDS)
        except OSError as error:
            msg = f"{path} cannot be locked: {error.strerror}"
            raise EnvironmentProblem(msg, remedy="choose a --runs-dir on a disk of this machine") from error
    return None


def _release(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


def _is_held(path: Path) -> bool:
    """Whether a living process has locked a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(descriptor)


def holder_of(directory: Path) -> str | None:
    """Return who works in a run directory, in words; None when nobody does."""
    lock = _read(directory / LOCK_NAME)
    if lock is None:
        return "another process" if _is_held(directory / HELD_NAME) else None
    if not _holder_lives(lock, directory):
        return None
    elsewhere = f" on {lock['host']}" if lock["host"] != platform.node() else ""
    return f"process {lock['pid']}{elsewhere}"


def check_unused(directory: Path) -> None:
    """Refuse a directory in which somebody works.

    Raises
    ------
    EnvironmentProblem
        With who it is.
    """
    holder = holder_of(directory)
    if holder is not None:
        raise EnvironmentProblem(f"{directory} is in use by {holder}", remedy=_IN_USE)


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a lock; None when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text())
        children = [(c["name"], int(c["pid"]), c["start"], str(c["tag"])) for c in content["children"]]
        complete = {"host", "pid", "scratch"} <= content.keys()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return {**content, "children": children} if complete else None


def _holder_lives(lock: dict[str, Any], directory: Path) -> bool:
    """Whether the orchestrator lives; one on another machine, where this cannot be seen, counts as living."""
    return lock["host"] != platform.node() or _is_held(directory / HELD_NAME)


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

    A run that ended normally, one that is still going on, one on another machine that shares the directory, one of
    another user and a broker kept with ``--keep-broker`` are left alone.
    """
    cleaned = []
    for path in sorted(path for pattern in _LOCKS for path in runs_dir.glob(pattern)):
        lock, held = _read(path), path.with_name(HELD_NAME)
        if lock is None or _holder_lives(lock, path.parent) or path.stat().st_uid != os.geteuid():
            continue
        with contextlib.suppress(EnvironmentProblem):  # its directory cannot be written: nobody goes on there either
            descriptor = _hold(held)
            if descriptor is None:
                continue
            try:
                cleaned.append(_clean(path, lock, str(path.parent.relative_to(runs_dir))))
            finally:
                _release(held, descriptor)
    return cleaned


def _clean(path: Path, lock: dict[str, Any], run: str) -> Leftover:
    """Kill and remove what a lock names, and the lock."""
    counts = {name: _kill(pid, start, tag) for name, pid, start, tag in lock["children"]}
    for relative in lock["scratch"]:
        _remove(path.parent, relative)
    elsewhere = lock.get("elsewhere")
    for named in elsewhere if isinstance(elsewhere, list) else ():
        _remove_elsewhere(named)
    path.unlink(missing_ok=True)
    alive = tuple(name for name, count in counts.items() if count)
    return Leftover(run=run, services=alive, processes=sum(counts.values()))


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
