"""What a run needs of the machine before anything starts: its Java, its jars, the engine's own environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import Config
from windowbench.engines.contract import Machine, engine_of
from windowbench.kafka.admin import Admin
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import JavaHome, find_java


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
    """Find what a run needs, or make it where it may be made; `note` is told of what takes long.

    Raises
    ------
    EnvironmentProblem
        When something is missing, with what to do about it.
    """
    cache = default_cache_dir(config.run.cache_dir)
    embedded, engine = config.kafka.embedded, engine_of(config)
    java = find_java(cache) if embedded or engine.java else None
    engine_python = engine.prepare(Machine(config=config, cache_dir=cache, java=java, say=note))
    broker_jars = ensure_jars("broker", cache) if embedded else []
    if not embedded:
        Admin(config).brokers()
    if config.consumers.wanted and config.consumers.postgres_dsn is not None:
        from windowbench.postgres.connection import server_version  # noqa: PLC0415 - few runs need libpq

        server_version(config.consumers.postgres_dsn)
    return Installation(cache_dir=cache, java=java, broker_jars=broker_jars, engine_python=engine_python)
