"""A class-data-sharing archive for Spark's driver: loaded classes kept in a file, so that it starts in half the time.

Its name binds it to one Java, one Spark and one set of connector jars; the JVM checks Java and class path again, and
goes on without an archive that does not fit. A class path with a directory in it that is not empty has no archive, and
Spark puts its directory of settings there: so our driver is given an empty one.
"""

from __future__ import annotations

from pathlib import Path

from config import Config
from windowbench.engines.spark.tuning import JVM_OPTIONS, jvm_settings

CONF_DIR = "SPARK_CONF_DIR"
"""Variable that names Spark's directory of settings."""
KEEP_FLAG = "-XX:ArchiveClassesAtExit="
# Else the JVM prints a line for each class that it leaves out, and a warning for an archive that does not fit.
_QUIET = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")


def empty_conf_dir(cache_dir: Path) -> Path:
    """Return an empty directory of settings; always the same, because an archive remembers its class path."""
    empty = cache_dir / "spark-conf"
    empty.mkdir(parents=True, exist_ok=True)
    return empty


def sharing_flags(archive: Path) -> tuple[str, ...]:
    """Return the JVM's flags that make use of an archive, none where there is none."""
    return (*_QUIET, "-Xshare:auto", f"-XX:SharedArchiveFile={archive}") if archive.exists() else ()


def keeping_flags(archive: Path) -> tuple[str, ...]:
    """Return the JVM's flags that make an archive at its end."""
    return (*_QUIET, f"{KEEP_FLAG}{archive}")


def keeping_classes(config: Config, archive: Path) -> Config:
    """Return the configuration of a run whose driver makes an archive at its end."""
    flags = " ".join((jvm_settings(config)[JVM_OPTIONS], *keeping_flags(archive)))
    return config.replace(spark_conf=((JVM_OPTIONS, flags),))
