"""The run directory ``runs/<run-id>/``: atomic writing, reading with clear errors.

It is the interface between the processes of a run. Every file appears whole or not at all:
it is written under a temporary name and renamed. This module knows formats, never what the
numbers mean; the names of the files are in :mod:`windowbench.runs.layout`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from config import Config, config_json, read_run_config
from windowbench.errors import EnvironmentProblem
from windowbench.load.schedule import Schedule
from windowbench.runs.files.codec import DoesNotFitError, from_json, json_text
from windowbench.runs.files.status import STATUS_VERSION, StatusFile
from windowbench.runs.files.summary import READABLE_VERSIONS, AnySummary, form_of, upgraded
from windowbench.runs.layout import RunPaths

T = TypeVar("T")

# History of the layout of a run directory; readers refuse a number they do not know.
# 1: config, schedule, samples per producer, results, host, summary and verdict as docs/measurement.md names them.
SCHEMA_VERSION = 2

_TEMPORARY_SUFFIX = ".part"


class RunDirectoryProblem(EnvironmentProblem):
    """A run directory cannot be written, or a file of it is missing or damaged; the message names the file."""


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`.

    Raises
    ------
    RunDirectoryProblem
        When the file system refuses; the temporary file is gone then.
    """
    temporary = path.with_name(path.name + _TEMPORARY_SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole or not at all and return its path; raises as :func:`write_atomically`."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())  # small and rare: a rename must not outlive its content in a power cut

    write_atomically(path, write)
    return path


def cannot_write(path: Path, error: OSError) -> RunDirectoryProblem:
    """Return what to raise when the file system refuses a file of the run."""
    return RunDirectoryProblem(
        f"cannot write {path}: {error.strerror or error}",
        remedy="check free space and permissions, or choose another place with --runs-dir",
    )


class NameTaken(RunDirectoryProblem):
    """There is something of the name that a new directory was to have."""


def names(wanted: str, mark: str = "-") -> Iterator[str]:
    """Yield names for what has none yet: the wanted one, then that with `mark` and a number."""
    yield wanted
    for number in itertools.count(2):
        yield f"{wanted}{mark}{number}"


def claimed(path: Path) -> Path:
    """Make a directory that nobody has made before, for ourselves alone, and return it: of two, one gets the name.

    Raises
    ------
    NameTaken
        When there is something of that name.
    RunDirectoryProblem
        When it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except FileExistsError as error:
        if not path.parent.is_dir():
            raise cannot_write(path, error) from error
        raise NameTaken(f"{path} exists", remedy="choose another --run-id, or remove the directory") from error
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def first_unused(wanted: str, make: Callable[[str], T]) -> T:
    """Return what `make` made under the first name that nobody had taken."""
    for name in names(wanted):
        with suppress(NameTaken):
            return make(name)
    raise AssertionError("there is always another name")


def check_owner(path: Path) -> None:
    """Refuse a directory that another user owns: what it says is not to be acted on.

    Raises
    ------
    RunDirectoryProblem
        With whose it is.
    """
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise RunDirectoryProblem(
            f"{path} belongs to another user (uid {owner})", remedy="copy it, so that it is yours, if you trust it"
        )


@dataclass(frozen=True, slots=True)
class RunDirectory(RunPaths):
    """One run's directory; made by :meth:`create`, checked by :meth:`open`."""

    @classmethod
    def create(cls, path: Path) -> RunDirectory:
        """Make the directory and its sub-directories.

        Raises
        ------
        RunDirectoryProblem
            When it exists, or cannot be made.
        """
        run = cls(claimed(path).resolve())
        try:
            for directory in (run.logs, run.samples):
                directory.mkdir()
        except OSError as error:
            raise cannot_write(path, error) from error
        run.write_json("format.json", {"schema_version": SCHEMA_VERSION})
        return run

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Return an existing run directory.

        Raises
        ------
        RunDirectoryProblem
            When it is none, another user's, or of a layout this version does not know.
        """
        run = cls(path.resolve())
        if not path.is_dir():
            raise RunDirectoryProblem(f"there is no run directory {path}", remedy="name a directory below runs/")
        check_owner(path)
        if not run.config.is_file():
            raise RunDirectoryProblem(
                f"{path} is not a run directory: it has no config.json", remedy="name a directory below runs/"
            )
        if run.file("format.json").exists():
            version = run.read_json("format.json").get("schema_version")
            if version != SCHEMA_VERSION:
                raise RunDirectoryProblem(
                    f"run directory {path} has layout {version}, this version reads layout {SCHEMA_VERSION}",
                    remedy="read it with the version of windowbench that wrote it",
                )
        return run

    # --- writing ------------------------------------------------------------------------------------------------------

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file whole or not at all and return its path."""
        return write_text(self.path / name, text)

    def write_json(self, name: str, value: object) -> Path:
        """Write a JSON file, of a type or of JSON's own, whole or not at all; NaN and infinity are refused."""
        return self.write_text(name, json_text(value))

    def write_config(self, config: Config) -> Path:
        """Write ``config.json``."""
        return self.write_text("config.json", config_json(config))

    def write_schedule(self, schedule: Schedule) -> Path:
        """Write ``schedule.json``."""
        return self.write_json("schedule.json", schedule.as_dict())

    # --- reading ------------------------------------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file that holds one object.

        Raises
        ------
        RunDirectoryProblem
            When it is missing or damaged; the message names it.
        """
        path = self.path / name
        try:
            value = json.loads(path.read_bytes())
        except OSError as error:
            raise RunDirectoryProblem(f"run {self.run_id}: cannot read {name}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise RunDirectoryProblem(f"run {self.run_id}: {name} is damaged, not JSON: {error}") from error
        if not isinstance(value, dict):
            raise RunDirectoryProblem(f"run {self.run_id}: {name} is damaged: it must hold one object")
        return value

    def read_json_if_present(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file, None when there is none."""
        return self.read_json(name) if (self.path / name).exists() else None

    def iter_json_lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of a file of one JSON object a line, none when there is no file.

        A last line cut short is left out.

        Raises
        ------
        RunDirectoryProblem
            When a line before the last is damaged.
        """
        path = self.path / name
        if not path.exists():
            return
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    value = self._json_of(line, f"line {number} of {name}")
                    if isinstance(value, dict):
                        yield value
        except OSError as error:
            raise RunDirectoryProblem(f"run {self.run_id}: cannot read {name}: {error.strerror}") from error

    def _json_of(self, line: bytes, where: str) -> object:
        """Return what a line holds, None for an empty one and for one whose writer was cut off."""
        if not line.strip():
            return None
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            if not line.endswith(b"\n"):
                return None
            raise RunDirectoryProblem(f"run {self.run_id}: {where} is damaged: {error}") from error

    def read_config(self) -> Config:
        """Read ``config.json``; raises :class:`~windowbench.settings.knobs.ConfigError`."""
        return read_run_config(self.config)

    def read_schedule(self) -> Schedule | None:
        """Read ``schedule.json``, None when the run never got that far.

        Raises
        ------
        RunDirectoryProblem
            When it is damaged.
        """
        values = self.read_json_if_present("schedule.json")
        if values is None:
            return None
        try:
            return Schedule.from_dict(values)
        except (KeyError, TypeError, ValueError) as error:
            raise RunDirectoryProblem(f"run {self.run_id}: schedule.json is damaged: {error!r}") from error

    def read_status(self) -> StatusFile:
        """Read ``status.json``; of a run without one nothing is known.

        Raises
        ------
        RunDirectoryProblem
            When it is damaged, or of a version that is not known.
        """
        content = self.read_json_if_present("status.json") or {}
        if content.get("schema_version", 1) not in (1, STATUS_VERSION):
            raise RunDirectoryProblem(f"run {self.run_id}: status.json has version {content['schema_version']}")
        return self._typed("status.json", content, StatusFile)

    def read_summary(self) -> AnySummary | None:
        """Read ``summary.json``, None where there is none.

        Raises
        ------
        RunDirectoryProblem
            When it is damaged, or of a version that is not known.
        """
        content = self.read_json_if_present("summary.json")
        if content is None:
            return None
        version = content.get("schema_version")
        if version not in READABLE_VERSIONS:
            raise RunDirectoryProblem(
                f"run {self.run_id}: summary.json has layout {version}, this version reads layout"
                f" {' and '.join(map(str, READABLE_VERSIONS))}; python latency_calculator.py RUN judges it again"
            )
        return self._typed("summary.json", upgraded(content), form_of(content))

    def _typed(self, name: str, content: dict[str, Any], kind: type[T]) -> T:
        try:
            return from_json(content, kind)
        except DoesNotFitError as error:
            raise RunDirectoryProblem(f"run {self.run_id}: {name} is damaged: {error}") from error
