"""What a broker finds on disk when it starts: its properties and a formatted storage directory.

Kafka's own tool formats a template, once per lock of the jars; each broker gets a copy with a cluster id of its
own. The controller quorum is given by address (not by a snapshot written while formatting), so a copy works on
any port.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import run_briefly
from windowbench.toolchain.class_archive import archive_path
from windowbench.toolchain.java import JavaHome

HOST = "127.0.0.1"
_FORMAT_SECONDS = 60.0
_LEAST_FREE_BYTES = 2_000_000_000

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data_dir}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.max.timeout.ms=900000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
log.retention.bytes=-1
num.network.threads=2
num.io.threads=4
"""

_LOGGER = "-Dorg.slf4j.simpleLogger"


def free_port(*, but: int = 0) -> int:
    """Return a loopback port, other than `but`, that no program listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return free_port(but=but) if port == but else port


def port_is_free(port: int) -> bool:
    """Return whether a broker could listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def new_id() -> str:
    """Return a new id in Kafka's form: a UUID in 22 characters of URL-safe base64, not starting with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def existing_part(directory: Path) -> Path:
    """Return the directory, or the nearest above it that there is."""
    return next(path for path in (directory, *directory.parents) if path.exists())


def check_free_disk(directory: Path, planned_bytes: int) -> None:
    """Check that a disk has room for a run: three times what is planned to be written, and 2 GB.

    Raises
    ------
    EnvironmentProblem
        When it has not.
    """
    needed = 3 * planned_bytes + _LEAST_FREE_BYTES
    free = shutil.disk_usage(existing_part(directory)).free
    if free < needed:
        msg = f"{directory} has {free / 1e9:.1f} GB free, the run needs {needed / 1e9:.1f} GB"
        raise EnvironmentProblem(msg, remedy="make room, shorten the run, or choose another disk with --runs-dir")


def jvm_command(java: JavaHome, jars: Sequence[Path], flags: Sequence[str], main: Sequence[str]) -> list[str]:
    """Return a command line for one of Kafka's programs; its log goes to standard error, a line an entry."""
    log_flags = (
        f"{_LOGGER}.showDateTime=true",
        f"{_LOGGER}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        f"{_LOGGER}.log.org.apache.kafka.common.config.AbstractConfig=warn",  # hundreds of lines of defaults
    )
    classpath = os.pathsep.join(map(str, jars))
    return [str(java.executable), *flags, *log_flags, "-cp", classpath, *main]


def broker_archive(java: JavaHome, jars: Sequence[Path], cache_dir: Path) -> Path:
    """Return where the class archive of a Java and a set of jars is kept, whether or not there is one."""
    return archive_path("broker", f"{java.path} {java.version}", jars, cache_dir)


def formatted_template(java: JavaHome, jars: Sequence[Path], cache_dir: Path) -> Path:
    """Return a formatted storage directory to copy from, made by Kafka's own tool on the first call.

    Raises
    ------
    EnvironmentProblem
        When the tool fails, or the cache cannot be written.
    """
    template = cache_dir / f"formatted-{jars[0].parent.name}"
    if (template / "meta.properties").exists():
        return template
    work = cache_dir / f".formatted-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        properties = work / "format.properties"
        data = work / "data"
        properties.write_text(_PROPERTIES.format(host=HOST, port=1, controller_port=2, data_dir=data))
        tool = ("kafka.tools.StorageTool", "format", "-t", new_id(), "-c", str(properties))
        flags = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        done = run_briefly(jvm_command(java, jars, flags, tool), timeout=_FORMAT_SECONDS)
        if done.code != 0 or not (data / "meta.properties").exists():
            msg = "the broker's storage cannot be formatted"
            remedy = "run: python -m windowbench doctor"
            raise EnvironmentProblem(msg, remedy=remedy, log_tail=tuple(done.output.splitlines()[-15:]))
        if not template.exists():
            data.rename(template)
    except (OSError, TimeoutError) as error:
        msg = f"the broker's storage cannot be formatted in {cache_dir}: {error}"
        raise EnvironmentProblem(msg, remedy="choose a writable directory with --cache-dir") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return template


def write_storage(template: Path, data_dir: Path, *, cluster_id: str, port: int) -> Path:
    """Make a storage directory of a cluster's own from a formatted template; return its properties file, beside it.

    It takes the place of what was there. Beside it is made a directory for what the broker writes temporarily.
    """
    remove_storage(data_dir)
    shutil.copytree(template, data_dir)
    temporary_path(data_dir).mkdir()
    (data_dir / "meta.properties").write_text(
        f"version=1\nnode.id=1\ncluster.id={cluster_id}\ndirectory.id={new_id()}\n"
    )
    properties = properties_path(data_dir)
    text = _PROPERTIES.format(host=HOST, port=port, controller_port=free_port(but=port), data_dir=data_dir)
    properties.write_text(text)
    return properties


def properties_path(data_dir: Path) -> Path:
    """Return where the properties of the broker of a data directory are."""
    return data_dir.with_name(f"{data_dir.name}.properties")


def temporary_path(data_dir: Path) -> Path:
    """Return where the broker of a data directory writes temporarily; it takes any directory in there for a log."""
    return data_dir.with_name(f"{data_dir.name}.tmp")


def remove_storage(data_dir: Path) -> None:
    """Remove a broker's data, properties and temporary files, as far as there are any."""
    for directory in (data_dir, temporary_path(data_dir)):
        shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):  # there is none, or never could be one
        properties_path(data_dir).unlink()
