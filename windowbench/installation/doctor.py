"""``python -m windowbench doctor``: is this machine fit for a run? A line and, where needed, a remedy each.

Every check is a function from a :class:`Machine` to a :class:`Finding`; those of the engine in use come from its
contract. A check that raises one of the failures a run would end with becomes a problem with the same words, so doctor
and run never disagree.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.text import Text

from config import Config, config_parser, load
from windowbench.broker.embedded import installed_broker
from windowbench.broker.storage import HOST, check_free_disk, existing_part, free_port
from windowbench.engines.contract import OK, PROBLEM, WARNING, Finding, Machine, engine_of, finding_of
from windowbench.errors import EnvironmentProblem, ExitCode
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import find_java

_STYLES = {OK: "green", WARNING: "yellow", PROBLEM: "bold red"}
_REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "run.in"
_OTHER_PROCESSES_MB = 1_000
"""Producers, harness and what the JVMs need beside their heaps."""
_CLOCK_SECONDS = 1.0
_CLOCK_STEP_MS = 5.0


def _judged(check: str, detail: str, remedy: str, *, bad: bool) -> Finding:
    return Finding(check=check, status=PROBLEM if bad else OK, detail=detail, remedy=remedy if bad else "")


def check_python(_machine: Machine) -> Finding:
    """Check the interpreter and that the packages of a run are installed."""
    version = sys.version.split()[0]
    found, missing = [], []
    for line in _REQUIREMENTS.read_text().splitlines():
        name = re.match(r"[A-Za-z0-9_.-]+", line)
        if name is None:
            continue
        try:
            found.append(f"{name[0]} {importlib.metadata.version(name[0])}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name[0])
    if missing:
        detail = f"Python {version} lacks {', '.join(missing)}"
        return Finding(check="python", status=PROBLEM, detail=detail, remedy="run: make environment")
    return Finding(check="python", status=OK, detail=f"{version} with {', '.join(found[:3])} and {len(found) - 3} more")


def check_java(machine: Machine) -> Finding:
    """Check that there is a Java that runs broker and Spark."""
    java = machine.java or find_java(machine.cache_dir)
    return Finding(check="java", status=OK, detail=f"{java.version} from {java.source} ({java.path})")


def check_jars(machine: Machine) -> Finding:
    """Check every jar against its lock."""
    kinds = ("broker", *engine_of(machine.config).jars)
    counts = [f"{len(ensure_jars(kind, machine.cache_dir))} for {kind}" for kind in kinds]
    return Finding(check="jars", status=OK, detail=f"{', '.join(counts)}; every SHA-256 is as locked")


def check_ports(_machine: Machine) -> Finding:
    """Check that ports can be had on the loopback interface."""
    try:
        ports = free_port(), free_port()
    except OSError as error:
        detail = f"no port can be opened on {HOST}: {error.strerror}"
        return Finding(check="ports", status=PROBLEM, detail=detail, remedy="is the loopback interface up?")
    return Finding(check="ports", status=OK, detail=f"free ports on {HOST}, such as {ports[0]}")


def _writable(directory: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=existing_part(directory)):
            pass
    except OSError as error:
        msg = f"cannot write to {directory}: {error.strerror}"
        remedy = "choose writable directories with --runs-dir and --cache-dir"
        raise EnvironmentProblem(msg, remedy=remedy) from error


def check_disk(machine: Machine) -> Finding:
    """Check that the run and cache directories can be written and have room."""
    runs = Path(machine.config.run.runs_dir).absolute()
    _writable(runs)
    _writable(machine.cache_dir)
    check_free_disk(runs, 0)
    free = psutil.disk_usage(str(existing_part(runs))).free / 1e9
    return Finding(check="disk", status=OK, detail=f"{free:.1f} GB free for {runs}")


def check_memory(machine: Machine) -> Finding:
    """Check that the JVMs and the producers fit into free memory."""
    amount = engine_of(machine.config).heap(machine.config) or "0m"
    unit = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}[amount[-1].lower()]
    heap_mb = machine.config.kafka.broker_heap_mb if machine.config.kafka.embedded else 0
    needed = float(amount[:-1]) * unit + heap_mb + _OTHER_PROCESSES_MB
    available = psutil.virtual_memory().available / 2**20
    detail = f"{available:.0f} MB available, a run needs up to {needed:.0f} MB"
    remedy = "end other programs, or lower --broker-heap-mb and the heap of the engine"
    return _judged("memory", detail, remedy, bad=available < needed)


def check_clock(
    _machine: Machine,
    *,
    wall: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """Watch the wall clock against the monotonic clock for a second."""
    start = wall() - monotonic()
    worst = 0
    for _ in range(20):
        sleep(_CLOCK_SECONDS / 20)
        worst = max(worst, abs(wall() - monotonic() - start))
    step_ms = worst / 1e6
    detail = f"wall and monotonic clock drifted apart by {step_ms:.3f} ms within {_CLOCK_SECONDS:g} s"
    remedy = "let the time service settle; a run with such steps is invalid"
    return _judged("clock", detail, remedy, bad=step_ms > _CLOCK_STEP_MS)


def check_broker(machine: Machine) -> Finding:
    """Start an embedded broker and ask it, or ask the external one."""
    from windowbench.kafka.admin import Admin, cluster_id  # noqa: PLC0415 - must not fail where it is not installed

    config = machine.config
    if not config.kafka.embedded:
        brokers = Admin(config).brokers()
        detail = f"{config.kafka.bootstrap_servers} answers: {', '.join(brokers)}"
        remedy = f"set --replication-factor to at most {len(brokers)}"
        return _judged("broker", detail, remedy, bad=len(brokers) < config.kafka.replication_factor)
    with tempfile.TemporaryDirectory(prefix="windowbench-doctor-") as scratch:
        began = time.monotonic()
        heap_mb = config.kafka.broker_heap_mb
        with installed_broker(Path(scratch), cluster_id, cache_dir=machine.cache_dir, heap_mb=heap_mb) as broker:
            broker.ready()
            seconds = time.monotonic() - began
    return Finding(check="broker", status=OK, detail=f"an embedded one was ready in {seconds:.1f} s, and is gone again")


def check_postgres(machine: Machine) -> Finding:
    """Ask the database that takes the results, or start an embedded one for a moment."""
    from windowbench.postgres.connection import server_version  # noqa: PLC0415 - must not fail where it is not installed
    from windowbench.postgres.server import EmbeddedPostgres  # noqa: PLC0415 - likewise

    dsn = machine.config.consumers.postgres_dsn
    if dsn is not None:
        return Finding(check="postgres", status=OK, detail=f"version {server_version(dsn)} answers")
    runs = existing_part(Path(machine.config.run.runs_dir).absolute())
    with tempfile.TemporaryDirectory(prefix="windowbench-doctor-", dir=runs) as scratch:
        Path(scratch).chmod(0o711)
        began = time.monotonic()
        with EmbeddedPostgres(Path(scratch)) as server:
            version = server_version(server.ready())
            seconds = time.monotonic() - began
    detail = f"an embedded one, version {version}, was ready in {seconds:.1f} s, and is gone again"
    return Finding(check="postgres", status=OK, detail=detail)


CHECKS: tuple[Callable[[Machine], Finding], ...] = (
    check_python,
    check_java,
    check_jars,
    check_ports,
    check_disk,
    check_memory,
    check_clock,
    check_broker,
)


def checks_of(config: Config) -> tuple[Callable[[Machine], Finding], ...]:
    """Return the checks that concern runs of a configuration."""
    database = (check_postgres,) if config.consumers.wanted else ()
    return (*CHECKS, *engine_of(config).checks, *database)


def examine(machine: Machine, checks: tuple[Callable[[Machine], Finding], ...] | None = None) -> Iterator[Finding]:
    """Yield the finding of every check, one after the other; of all that concern the machine when none are given."""
    for check in checks_of(machine.config) if checks is None else checks:
        yield finding_of(check, machine)


def _show(console: Console, finding: Finding) -> None:
    line = Text()
    line.append(f"{finding.status:9}", style=_STYLES[finding.status])
    line.append(f"{finding.check:10}{finding.detail}")
    console.print(line, soft_wrap=True)
    if finding.remedy:
        console.print(Text(f"{'':19}remedy: {finding.remedy}"), soft_wrap=True)


def body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench doctor``: a line and a remedy for each finding."""
    description = "Check whether this machine is fit for a run with the given settings."
    parser = config_parser("python -m windowbench doctor", description)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    loaded = load(parser, argv)
    machine = Machine(
        config=loaded.config,
        cache_dir=default_cache_dir(loaded.config.run.cache_dir),
        java=None,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    console = Console(highlight=False)  # colours only where standard output is a terminal, and never with NO_COLOR
    found = []
    for finding in examine(machine):
        found.append(finding)
        if not loaded.arguments.json:
            _show(console, finding)
    if loaded.arguments.json:
        sys.stdout.write(json.dumps([finding.as_dict() for finding in found], indent=2) + "\n")
    return ExitCode.ENVIRONMENT if any(finding.status == PROBLEM for finding in found) else ExitCode.OK
