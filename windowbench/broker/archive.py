"""A class-data-sharing archive for the broker: loaded classes kept in a file, so that it starts in half the time.

Made once by ``setup`` and bound by its name to one Java and one set of jars; the JVM checks both again and ignores
an archive that does not fit. Where none can be made (a runtime without a base archive) only time is lost.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from windowbench.broker.embedded import ClusterIdOf, EmbeddedBroker
from windowbench.broker.storage import broker_archive
from windowbench.errors import HarnessError
from windowbench.toolchain.class_archive import outdated
from windowbench.toolchain.java import JavaHome

_DUMP_SECONDS = 60.0


def make_archive(java: JavaHome, jars: Sequence[Path], cache_dir: Path, cluster_id_of: ClusterIdOf) -> bool:
    """Start a broker once and keep the classes it loaded; as :func:`make_once`."""

    def start_and_stop(scratch: Path, fresh: Path) -> None:
        broker = EmbeddedBroker(
            java=java,
            jars=jars,
            data_dir=scratch / "data",
            log_path=scratch / "broker.log",
            cache_dir=cache_dir,
            cluster_id_of=cluster_id_of,
            dump_archive=fresh,
        )
        with broker:
            broker.ready()
            broker.stop(_DUMP_SECONDS)  # the archive is written at the end

    return make_once(broker_archive(java, jars, cache_dir), start_and_stop)


def make_once(archive: Path, make: Callable[[Path, Path], None]) -> bool:
    """Make an archive unless that was done before; return whether there is one now.

    `make` gets a directory for what goes again and the path where to write. A failure is remembered: another try would
    take as long and fail again.
    """
    if settled(archive):
        return archive.exists()
    fresh = archive.with_name(f".{archive.name}.{os.getpid()}")
    with (
        tempfile.TemporaryDirectory(prefix="windowbench-setup-") as scratch,
        contextlib.suppress(HarnessError, OSError),
    ):
        make(Path(scratch), fresh)
        fresh.replace(archive)
    for other in outdated(archive):
        other.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        fresh.unlink()
    if not archive.exists():
        _failed(archive).touch()
    return archive.exists()


def settled(archive: Path) -> bool:
    """Return whether the archive is there, or an earlier attempt to make it failed."""
    return archive.exists() or _failed(archive).exists()


def _failed(archive: Path) -> Path:
    return archive.with_suffix(".none")
