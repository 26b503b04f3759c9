"""``python -m windowbench broker``: an embedded broker to try things with."""

from __future__ import annotations

import tempfile
from pathlib import Path

from config import SETTINGS, load
from windowbench.broker.embedded import ClusterIdOf, installed_broker
from windowbench.broker.storage import check_free_disk
from windowbench.errors import EnvironmentProblem
from windowbench.settings.command_line import Parser, add_flags
from windowbench.settings.knobs import ConfigError
from windowbench.toolchain.jars import default_cache_dir


def _parser() -> Parser:
    parser = Parser(
        prog="python -m windowbench broker",
        description="Start a real single-node Kafka on this machine and keep it until Ctrl-C; then all of it is gone.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="FILE", help="TOML or JSON file of settings")
    parser.add_argument("--port", type=int, help="port to listen on; a free one when none")
    parser.add_argument(
        "--data-dir", help="where its data is while it runs; the system's temporary directory when none"
    )
    add_flags(parser, {name: SETTINGS[name] for name in ("cache_dir", "broker_heap_mb")})
    parser.set_defaults(profile=None)
    return parser


def _scratch(parent: str | None) -> tempfile.TemporaryDirectory[str]:
    try:
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="windowbench-broker-", dir=parent)
    except OSError as error:
        msg = f"cannot write to {parent or tempfile.gettempdir()}: {error.strerror}"
        raise EnvironmentProblem(msg, remedy="choose a writable directory with --data-dir") from error


def body(argv: list[str] | None, *, cluster_id_of: ClusterIdOf) -> int:
    """Run the command: start a broker, say where it listens, watch it until interrupted."""
    loaded = load(_parser(), argv)
    port: int | None = loaded.arguments.port
    if port is not None and not 0 < port < 65_536:
        msg = f"--port must be 1 to 65535, not {port}"
        raise ConfigError(msg)
    cache_dir = default_cache_dir(loaded.config.run.cache_dir)
    with _scratch(loaded.arguments.data_dir) as scratch:
        directory = Path(scratch)
        check_free_disk(directory, 0)
        heap_mb = loaded.config.kafka.broker_heap_mb
        broker = installed_broker(directory, cluster_id_of, cache_dir=cache_dir, heap_mb=heap_mb, port=port)
        with broker:
            broker.ready()
            print(f"bootstrap servers: {broker.bootstrap_servers}", flush=True)
            print(f"log: {broker.log_path}", flush=True)
            print("Ctrl-C ends it and removes its data", flush=True)
            broker.watch()
