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
from windowbench.load.salt import salted
from windowbench.load.schedule import Schedule
from windowbench.runs.files.codec import DoesNotFitError, from_json, json_text
from windowbench.runs.files.salt import SALT_VERSION, SaltFile
from windowbench.runs.files.status import STATUS_VERSION, StatusFile
from windowbench.runs.files.summary import READABLE_VERSIONS, AnySummary, form_of, upgraded
from windowbench.runs.layout import RunPaths

T = TypeVar("T")

# History of the layout of a run directory; readers refuse a number they do not know.
# 1: config, schedule, samples per producer, results, host, summary and verdict as docs/measurement.md names them.
SCHEMA_VERSION = 2

_TEMPORARY_SUFFIX = ".part"
_READABLE = 0o666
"""By whom the user's umask lets."""
_PRIVATE = 0o600


class RunDirectoryProblem(EnvironmentProblem):
    """A run directory cannot be written, or a file of it is missing or damaged; the message names the file."""


class SaltMissing(RunDirectoryProblem):
    """A blind run lacks its salt, without which nobody knows its load."""

    def __init__(self, run_id: str) -> None:
        """Say which run, and where its salt may be."""
        super().__init__(
            f"run {run_id} is blind and has no salt.json: what its load was cannot be known",
            remedy="put its salt.json back; a versus that was interrupted still has it: python -m windowbench versus"
            " --resume DIR",
        )


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


def write_text(path: Path, text: str, *, private: bool = False) -> Path:
    """Write a text file whole or not at all and return its path; a private one nobody but the user can read.

    Raises as :func:`write_atomically`.
    """
    mode = _PRIVATE if private else _READABLE

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)  # one that a crash left keeps its mode
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
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

    def write_json(self, name: str, value: object, *, private: bool = False) -> Path:
        """Write a JSON file, of a type or of JSON's own, whole or not at all; NaN and infinity are refused."""
        return write_text(self.path / name, json_text(value), private=private)

    def write_config(self, config: Config) -> Path:
        """Write ``config.json``."""
        return self.write_text("config.json", config_json(config))

    def write_schedule(self, schedule: Schedule) -> Path:
        """Write ``schedule.json``."""
        return self.write_json("schedule.json", schedule.as_dict())

    def write_salt(self, salt: str) -> Path:
        """Write ``salt.json``."""
        return self.write_json("salt.json", SaltFile(schema_version=SALT_VERSION, salt=salt), private=True)

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

    def read_salt(self) -> str | None:
        """Read ``salt.json``, None where there is none; raises RunDirectoryProblem when it is damaged."""
        content = self.read_json_if_present("salt.json")
        return None if content is None else self._typed("salt.json", content, SaltFile).salt

    def read_load_config(self, salt: str | None = None) -> Config:
        """Read the configuration that the load was made from: of a blind run, with its salt, or that in its directory.

        Raises
        ------
        ConfigError
            As :meth:`read_config`.
        SaltMissing
            When a blind run has none.
        """
        config = self.read_config()
        if not config.run.blind:
            return config
        known = salt or self.read_salt()
        if known is None:
            raise SaltMissing(self.run_id)
        return salted(config, known)

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


def salt_beside(file: Path | None) -> str | None:
    """Return the salt of the run whose ``config.json`` a file is, None where it is that of no blind run.

    Raises
    ------
    SaltMissing
        When it is that of a blind run whose salt is not there: with another one, its load would not be the same.
    """
    if file is None:
        return None
    run = RunDirectory(file.parent.resolve())
    salt = run.read_salt()
    if salt is None and file.name == run.config.name and run.file("format.json").exists():
        run.read_load_config()
    return salt
