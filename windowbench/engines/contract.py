"""What the harness asks of an engine: everything that is said of one outside its folder.

An engine is a folder and a line in ``windowbench/engines/__init__.py``. The folder's ``settings`` module says what its
settings make of a run, and is loaded with the configuration. Its ``engine`` module holds one :class:`Engine`, named
``ENGINE``, loaded when something beyond the settings is asked for. Nothing else compares with an engine's name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from config import Config, config_json, job_config
from windowbench.engines import ENGINES
from windowbench.engines.parts import Part
from windowbench.errors import HarnessError
from windowbench.toolchain.java import JavaHome

ROOT = Path(__file__).resolve().parents[2]
"""The clone, whose root holds the programs."""
OK, WARNING, PROBLEM = "ok", "warning", "problem"

JOB_FILE = "engine.json"
"""What an engine is given, in a directory of its own."""

Say = Callable[[str], None]


class Term(StrEnum):
    """A setting that decides latency, whatever an engine calls it: a line of the parity table."""

    RESULT_ACKS = "results: acknowledgements"
    RESULT_LINGER = "results: linger, ms"
    DELIVERY = "results: delivery"
    TRIGGER = "trigger or watermark interval"
    IDLE_PARTITIONS = "idle partitions"
    NETWORK_BUFFER = "wait for a network buffer"
    PARALLELISM = "parallelism"
    AGGREGATION_PARALLELISM = "parallelism of the aggregation"
    CHECKPOINT_INTERVAL = "checkpoint interval"
    PYTHON_WORKER = "Python worker"
    STATE_STORE = "state store"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where an engine's value of a term is found.

    Attributes
    ----------
    reported : tuple of str
        Names in its effective settings; the first one that it reported counts.
    configured : callable, optional
        Gives the value from our configuration.
    default : str
        What the engine takes when nothing is set.
    fixed : str
        How it works, where that cannot be set.
    """

    reported: tuple[str, ...] = ()
    configured: Callable[[Config], str] | None = None
    default: str = ""
    fixed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Where an engine is to run, for runs of one configuration.

    Attributes
    ----------
    config : Config
    cache_dir : Path
        Where jars and what is made of them are kept.
    java : JavaHome or None
        None where neither broker nor engine needs one.
    say : callable
        Is told of what takes long.
    """

    config: Config
    cache_dir: Path
    java: JavaHome | None
    say: Say


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Result of one check of the machine: ``ok``, ``warning`` or ``problem``."""

    check: str
    status: str
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields as ``doctor --json`` prints them."""
        return {"check": self.check, "status": self.status, "detail": self.detail, "remedy": self.remedy}


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassArchive:
    """How an engine's JVM keeps the classes it loaded, so that it starts in half the time.

    Attributes
    ----------
    path : callable
        Where the archive for this machine is kept.
    keeping : callable
        Gives the configuration of a run whose JVM writes it, from that of the run and the file to write.
    """

    path: Callable[[Machine], Path]
    keeping: Callable[[Config, Path], Config]


def nothing_to_check(config: Config) -> None:
    """Take any configuration that its settings took."""
    del config


def nothing_to_install(machine: Machine) -> None:
    """Need nothing beyond what a run has."""
    del machine


def our_python(machine: Machine) -> Path | None:
    """Be run by our own Python."""
    del machine
    return None


def no_heap(config: Config) -> str | None:
    """Have no heap of a size set before."""
    del config
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """One engine.

    Attributes
    ----------
    command : callable
        Its command line but for ``--config FILE``, from the configuration and the Python that runs it.
    terms : mapping of Term to Source
        What it says to the lines of the parity table; a term that it lacks is not known of it.
    succession : bool
        Whether its program can go on with another run (``windowbench/engines/succession.py``).
    java : bool
        Whether it needs one.
    jars : tuple of str
        Kinds of jars it needs; each has a lock in ``jars/``.
    parts : callable
        The parts of its preset ``tuned``; none where we choose no setting of it.
    check : callable
        Refuses, by a ConfigError, what it could not run, before anything starts.
    install : callable
        Brings what ``python -m windowbench setup`` brings for it beyond its jars.
    prepare : callable
        Makes sure, before a run, that all it needs is there; returns the Python that runs it, None for ours.
    heap : callable
        Its greatest heap, such as 2g; None where it is not known before.
    checks : sequence of callable
        What ``doctor`` checks for it.
    class_archive : ClassArchive or None
    """

    command: Callable[[Config, str], Sequence[str]]
    terms: Mapping[Term, Source]
    succession: bool = False
    java: bool = False
    jars: tuple[str, ...] = ()
    parts: Callable[[Config], Sequence[Part]] = lambda _config: ()
    check: Callable[[Config], None] = nothing_to_check
    install: Callable[[Machine], None] = nothing_to_install
    prepare: Callable[[Machine], Path | None] = our_python
    heap: Callable[[Config], str | None] = no_heap
    checks: Sequence[Callable[[Machine], Finding]] = field(default=())
    class_archive: ClassArchive | None = None


def engine_named(name: str) -> Engine:
    """Return an engine by its name.

    Raises
    ------
    KeyError
        When there is none of that name.
    TypeError
        When its folder does not keep the contract.
    """
    if name not in ENGINES:
        raise KeyError(f"unknown engine {name!r}; there are {', '.join(ENGINES)}")
    found: object = vars(importlib.import_module(f"windowbench.engines.{name}.engine")).get("ENGINE")
    if not isinstance(found, Engine):
        raise TypeError(f"windowbench/engines/{name}/engine.py has no Engine")
    return found


def engine_of(config: Config) -> Engine:
    """Return the engine of a run."""
    return engine_named(config.engine.engine)


def our_program(path: str) -> Callable[[Config, str], Sequence[str]]:
    """Return the command line of a program of ours, by its path in the clone."""
    return lambda _config, python: [python, str(ROOT / path)]


def engine_command(config: Config, directory: Path, python: Path | None = None) -> list[str]:
    """Write what the engine of a run is given into a directory of its own, and return its command line.

    Parameters
    ----------
    config : Config
    directory : Path
        Exists; nobody else uses it.
    python : Path, optional
        Runs the engine where it is not ours.
    """
    own = engine_of(config).command(config, str(python or sys.executable))
    return [*own, "--config", str(write_job_file(config, directory))]


def write_job_file(config: Config, directory: Path) -> Path:
    """Write what the engine of a run is given, and return the file."""
    file = directory / JOB_FILE
    file.write_text(config_json(job_config(config)), encoding="utf-8")
    return file


def finding_of(check: Callable[[Machine], Finding], machine: Machine) -> Finding:
    """Return what a check found; a failure that a run would end with is a problem with the same words."""
    name = check.__name__.removeprefix("check_")
    try:
        return check(machine)
    except HarnessError as error:
        detail = " | ".join([str(error), *error.log_tail[-3:]])
        return Finding(check=name, status=PROBLEM, detail=detail, remedy=error.remedy)
    except (OSError, ImportError) as error:
        return Finding(check=name, status=PROBLEM, detail=str(error), remedy="run: make environment")
