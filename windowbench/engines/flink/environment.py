"""The environment of Flink's Python, ``.venv-flink``: made when Flink is first asked for, never before.

PyFlink holds older versions of numpy, pandas and pyarrow than a run uses, so the two cannot share one. As the Makefile
does for ``.venv``, a copy of each installed lock file says what is in there: as long as they are equal nothing is
resolved, downloaded or installed again.
"""

from __future__ import annotations

import fcntl
import filecmp
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from windowbench.engines.contract import OK, ROOT, WARNING, Finding, Machine
from windowbench.engines.first_use import jars_on_first_use
from windowbench.engines.flink.settings import FlinkSettings
from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import run_briefly

JARS = "flink"
"""The kind of its jars."""
DIRECTORY = ROOT / ".venv-flink"
LOCKS = ("build", JARS)
"""Files in requirements/: what builds packages that are published as source only, then the packages."""
SUPPORTED = ((3, 11), (3, 12))
"""Pythons that both PyFlink and this repository run with, least and greatest."""
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
_INSTALL_SECONDS = 1800.0
_ASK_SECONDS = 20.0
_ASK = "import sys; print(*sys.version_info[:2])"
_REMEDY = "install Python 3.11 or 3.12 and name it with --flink-python"


def supported(version: tuple[int, int]) -> bool:
    """Whether PyFlink runs with a version of Python."""
    return SUPPORTED[0] <= version <= SUPPORTED[1]


def choose_interpreter(
    wanted: str | None,
    *,
    own: tuple[int, int] = sys.version_info[:2],
    which: Callable[[str], str | None] = shutil.which,
) -> str:
    """Return the interpreter that builds the environment: the one asked for, else this one, else one on PATH.

    Raises
    ------
    EnvironmentProblem
        When PyFlink supports none of them.
    """
    if wanted is not None:
        return wanted
    if supported(own):
        return sys.executable
    for minor in range(SUPPORTED[1][1], SUPPORTED[0][1] - 1, -1):
        found = which(f"python3.{minor}")
        if found:
            return found
    raise EnvironmentProblem(
        f"PyFlink does not support Python {own[0]}.{own[1]}, and there is no other one on PATH", remedy=_REMEDY
    )


def python_of(directory: Path = DIRECTORY) -> Path:
    """Return the Python of the environment."""
    return directory / "bin" / "python"


def is_current(directory: Path = DIRECTORY, requirements: Path = ROOT / "requirements") -> bool:
    """Whether the environment holds exactly what is locked."""
    return python_of(directory).exists() and not missing_locks(directory, requirements)


def missing_locks(directory: Path, requirements: Path) -> list[str]:
    """Return the lock files that are not, or not in this state, installed."""

    def same(name: str) -> bool:
        installed = directory / f"{name}.installed"
        return installed.exists() and filecmp.cmp(requirements / f"{name}.txt", installed, shallow=False)

    return [name for name in LOCKS if not same(name)]


def ensure_environment(
    wanted: str | None,
    say: Callable[[str], None],
    *,
    directory: Path = DIRECTORY,
    requirements: Path = ROOT / "requirements",
) -> Path:
    """Bring the environment in line with its locks and return its Python.

    Raises
    ------
    EnvironmentProblem
        When no fitting Python is there, or the packages cannot be installed.
    """
    if is_current(directory, requirements):
        return python_of(directory)
    # beside the directory, which may be removed
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python_of(directory).exists():
            _make(choose_interpreter(wanted), directory, say)
        for name in missing_locks(directory, requirements):
            say(f"installing requirements/{name}.txt into {directory.name} (PyFlink: 0.9 GB, a few minutes) ...")
            source = requirements / f"{name}.txt"
            options = ("--require-hashes", *(() if name == "build" else ("--no-build-isolation",)), "-r", str(source))
            _run([str(python_of(directory)), *_PIP, "install", *options], "Flink's packages cannot be installed")
            shutil.copyfile(source, directory / f"{name}.installed")
    return python_of(directory)


def prepare_flink(machine: Machine) -> Path:
    """Make sure that Flink's environment and connector are there, and return the Python that runs ``FlinkJob.py``.

    Raises
    ------
    EnvironmentProblem
        When one of them cannot be had, or a jar is not as locked.
    """
    python = ensure_environment(FlinkSettings.of(machine.config.engine).flink_python, machine.say)
    jars_on_first_use(JARS, machine)
    return python


def install_flink(machine: Machine) -> None:
    """Bring what :func:`prepare_flink` makes sure of."""
    prepare_flink(machine)


def check_flink(machine: Machine) -> Finding:
    """Check that Flink's environment holds what is locked."""
    del machine
    if is_current():
        return Finding(check=JARS, status=OK, detail=f"{DIRECTORY.name} holds what is locked")
    remedy = "a run with Flink makes it; to make it now: python -m windowbench setup --engine flink"
    return Finding(check=JARS, status=WARNING, detail=f"{DIRECTORY.name} is not there, or not as locked", remedy=remedy)


def check_gateway(machine: Machine) -> Finding:
    """Say what PyFlink opens on this machine, which cannot be closed from outside it."""
    del machine
    return Finding(
        check="gateway",
        status=WARNING,
        detail="while Flink runs, PyFlink's gateway takes commands on loopback, without a token, of any local user",
        remedy="run Flink where nobody else has an account, or in a network namespace of its own",
    )


def _make(interpreter: str, directory: Path, say: Callable[[str], None]) -> None:
    words = _run([interpreter, "-c", _ASK], f"{interpreter} cannot be asked for its version", _ASK_SECONDS).split()
    version = int(words[0]), int(words[1])
    if not supported(version):
        raise EnvironmentProblem(f"PyFlink does not support Python {version[0]}.{version[1]}", remedy=_REMEDY)
    say(f"building {directory.name} with Python {version[0]}.{version[1]}")
    shutil.rmtree(directory, ignore_errors=True)
    try:
        _run([interpreter, "-m", "venv", str(directory)], "Flink's environment cannot be made")
    except EnvironmentProblem:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _run(command: Sequence[str], failure: str, seconds: float = _INSTALL_SECONDS) -> str:
    try:
        done = run_briefly(command, timeout=seconds)
    except (OSError, TimeoutError) as error:
        raise EnvironmentProblem(f"{failure}: {error}", remedy=_REMEDY) from None
    if done.code:
        remedy = "check the network and free disk space; the next start tries again"
        raise EnvironmentProblem(failure, remedy=remedy, log_tail=tuple(done.output.splitlines()[-6:]))
    return done.output
