"""What a run needs of the machine before anything starts: its Java, its jars, the engine's own environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import Config
from windowbench.kafka.admin import Admin
from windowbench.orchestrate.flink_environment import prepare_flink
from windowbench.orchestrate.prepare import check_engine_command
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import JavaHome, find_java

JAVA_ENGINES = frozenset({"spark", "flink"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What was found.

    Attributes
    ----------
    cache_dir : Path
        Where jars and what is made of them are kept.
    java : JavaHome or None
        None when neither broker nor engine needs one.
    broker_jars : sequence of Path
        Empty with an external broker.
    engine_python : Path or None
        The Python of the engine's own environment; ours when None.
    """

    cache_dir: Path
    java: JavaHome | None
    broker_jars: Sequence[Path]
    engine_python: Path | None


def find_installation(config: Config, note: Callable[[str], None]) -> Installation:
    """Find what a run needs, or make it where it may be made.

    Parameters
    ----------
    config : Config
        Of the run.
    note : callable
        Is told of what takes long.

    Raises
    ------
    EnvironmentProblem
        When something is missing, with what to do about it.
    """
    cache = default_cache_dir(config.run.cache_dir)
    embedded, engine = config.kafka.embedded, config.engine.engine
    check_engine_command(config)
    java = find_java(cache) if embedded or engine in JAVA_ENGINES else None
    broker_jars = ensure_jars("broker", cache) if embedded else []
    if engine == "spark":
        ensure_jars("spark", cache)
    engine_python = None
    if engine == "flink":
        assert java is not None
        engine_python = prepare_flink(config, java, cache, note)
    if not embedded:
        Admin(config).brokers()
    if config.consumers.wanted and config.consumers.postgres_dsn is not None:
        from windowbench.postgres.connection import server_version  # noqa: PLC0415 - few runs need libpq

        server_version(config.consumers.postgres_dsn)
    return Installation(cache_dir=cache, java=java, broker_jars=broker_jars, engine_python=engine_python)
