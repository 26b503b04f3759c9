"""``python -m windowbench setup``: everything a run needs that pip does not install.

Retrieves and checks the jars, formats the broker's storage template and has the engine in use bring what it needs.
Safe to repeat; what is in place is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from config import config_parser, load
from windowbench.broker.archive import make_archive, settled
from windowbench.broker.embedded import ClusterIdOf
from windowbench.broker.storage import broker_archive, formatted_template
from windowbench.engines.contract import ClassArchive, Machine, engine_of
from windowbench.toolchain.jars import default_cache_dir, ensure_jars, ivy_settings_of, retrieve_jars
from windowbench.toolchain.java import JavaHome, find_java

MakeClasses = Callable[[Machine, ClassArchive], bool]


def _start_once(name: str, archive: Path, make: Callable[[], bool], where: str) -> None:
    """Do once what would slow down every start of a JVM."""
    if not settled(archive):
        print(f"{name}: starting it once, so that it starts faster from now on ...", flush=True)
        if not make():
            print(f"{name}: no class archive can be made {where}; it starts a little slower without")


def _prepare_broker(java: JavaHome, cache_dir: Path, cluster_id_of: ClusterIdOf) -> None:
    jars = ensure_jars("broker", cache_dir)
    formatted_template(java, jars, cache_dir)
    archive = broker_archive(java, jars, cache_dir)
    _start_once("broker", archive, lambda: make_archive(java, jars, cache_dir, cluster_id_of), "with this Java")


def body(argv: list[str] | None, *, cluster_id_of: ClusterIdOf, make_classes: MakeClasses) -> int:
    """Run ``python -m windowbench setup``: retrieve the jars, and what the engine in use needs besides.

    `make_classes` makes the class archive of an engine's JVM and returns whether there is one now.
    """
    description = "Retrieve and check all that a run needs and pip does not install."
    parser = config_parser("python -m windowbench setup", description)
    parser.add_argument("--relock", action="store_true", help="write jars/*.lock again from jars/ivy.xml")
    parser.add_argument(
        "--class-archive",
        action="store_true",
        help="start the engine once, so that its JVM starts in half the time afterwards",
    )
    parser.add_argument("--print-java", action="store_true", help="print the Java home in use and do nothing else")
    loaded = load(parser, argv)
    config = loaded.config
    cache_dir = default_cache_dir(config.run.cache_dir)
    java, engine = find_java(cache_dir), engine_of(config)
    if loaded.arguments.print_java:
        print(java.path)
        return 0
    machine = Machine(config=config, cache_dir=cache_dir, java=java, say=lambda line: print(line, flush=True))
    retrieve_jars(
        java,
        cache_dir,
        kinds=("broker", *engine.jars),
        ivy_settings=ivy_settings_of(config.run.ivy_settings),
        relock=loaded.arguments.relock,
        say=machine.say,
    )
    _prepare_broker(java, cache_dir, cluster_id_of)
    engine.install(machine)
    archive = engine.class_archive
    if loaded.arguments.class_archive and archive is not None:
        _start_once(config.engine.engine, archive.path(machine), lambda: make_classes(machine, archive), "here")
    return 0
