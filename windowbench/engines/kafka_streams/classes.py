"""The classes of the Java program: compiled once for given sources and jars, and kept beside the jars.

The JDK's own compiler does it where there is one, else the Eclipse compiler, which is among the jars and needs a
run-time alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from windowbench.engines.contract import OK, WARNING, Finding, Machine
from windowbench.engines.first_use import jars_on_first_use
from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import run_briefly
from windowbench.toolchain.jars import ensure_jars, jar_paths
from windowbench.toolchain.java import JavaHome

JARS = "kafka_streams"
"""The kind of its jars."""
SOURCES = Path(__file__).with_name("java")
MAIN_CLASS = "windowbench.KafkaStreamsJob"
_RELEASE = "17"
_COMPILE_SECONDS = 120.0
_SHOWN_LINES = 12
_NOT_AT_RUN_TIME = ("ecj-", "kafka-streams-test-utils-")


def sources_of(*directories: Path) -> list[Path]:
    """Return the Java files below some directories, in a fixed order."""
    return [path for directory in directories for path in sorted(directory.rglob("*.java"))]


def run_time_jars(jars: Sequence[Path]) -> list[Path]:
    """Return the jars that the program needs while it runs."""
    return [jar for jar in jars if not jar.name.startswith(_NOT_AT_RUN_TIME)]


def classes_dir(sources: Sequence[Path], jars: Sequence[Path], cache_dir: Path) -> Path:
    """Return where the classes of these sources belong, whether or not they are there."""
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    for jar in jars:  # the directory of jars is named after their lock
        digest.update(f"{jar.parent.name}/{jar.name}\n".encode())
    return cache_dir / "classes" / f"{JARS}-{digest.hexdigest()[:12]}"


def compile_command(java: JavaHome, jars: Sequence[Path], sources: Sequence[Path], target: Path) -> list[str]:
    """Return the command that compiles sources into a directory."""
    class_path = os.pathsep.join(map(str, jars))
    javac = java.path / "bin" / "javac"
    ecj = next(jar for jar in jars if jar.name.startswith("ecj-"))
    compiler = [str(javac)] if javac.exists() else [str(java.executable), "-jar", str(ecj)]
    options = ["-source", _RELEASE, "-target", _RELEASE, "-proc:none", "-nowarn", "-encoding", "UTF-8"]
    return [*compiler, *options, "-cp", class_path, "-d", str(target), *map(str, sources)]


def ensure_classes(java: JavaHome, jars: Sequence[Path], cache_dir: Path, *, sources: Sequence[Path] = ()) -> Path:
    """Return the directory of the program's classes, which is made if it is not there.

    Parameters
    ----------
    java : JavaHome
    jars : sequence of Path
        Those of ``jars/kafka_streams.lock``.
    cache_dir : Path
    sources : sequence of Path, optional
        What is to be compiled; the program itself where nothing is named.

    Raises
    ------
    EnvironmentProblem
        When it cannot be compiled.
    """
    sources = sources or sources_of(SOURCES)
    directory = classes_dir(sources, jars, cache_dir)
    if directory.is_dir():
        return directory
    fresh = directory.with_name(f".{directory.name}-{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
        done = run_briefly(compile_command(java, jars, sources, fresh), timeout=_COMPILE_SECONDS)
        if done.code != 0:
            raise EnvironmentProblem(
                "the Kafka Streams program cannot be compiled",
                remedy="restore windowbench/engines/kafka_streams from the repository",
                log_tail=tuple(done.output.splitlines()[:_SHOWN_LINES]),
            )
        if not directory.is_dir():  # somebody else may have been quicker
            fresh.rename(directory)
    except (OSError, TimeoutError) as error:
        msg = f"the Kafka Streams program cannot be compiled into {directory}: {error}"
        raise EnvironmentProblem(msg, remedy="choose a writable directory with --cache-dir") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


def class_path(java: JavaHome, cache_dir: Path) -> list[Path]:
    """Return the class path of the program, which is compiled where it is not yet.

    Raises
    ------
    EnvironmentProblem
        When that cannot be done, or jars are missing.
    """
    jars = ensure_jars(JARS, cache_dir)
    return [ensure_classes(java, jars, cache_dir), *run_time_jars(jars)]


def prepare_kafka_streams(machine: Machine) -> None:
    """Make sure that the program is there, whose job our Python starts."""
    assert machine.java is not None
    jars_on_first_use(JARS, machine)
    class_path(machine.java, machine.cache_dir)


def check_kafka_streams(machine: Machine) -> Finding:
    """Check that the program is compiled."""
    if classes_dir(sources_of(SOURCES), jar_paths(JARS, machine.cache_dir), machine.cache_dir).is_dir():
        return Finding(check=JARS, status=OK, detail="the Java program is compiled")
    remedy = "a run compiles it; to do it now: python -m windowbench setup --engine kafka_streams"
    return Finding(check=JARS, status=WARNING, detail="the Java program is not compiled yet", remedy=remedy)
