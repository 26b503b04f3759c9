"""Where a class-data-sharing archive of a JVM is kept: its name says which Java and which jars it was made with.

A JVM refuses an archive, in silence, when a jar of its class path has another size or time of change than when the
archive was made, as after the environment was built again in the same place. So the name holds these as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def archive_path(program: str, java: str, jars: Iterable[Path], cache_dir: Path) -> Path:
    """Return where the archive of a program is kept, whether or not there is one.

    `java` is path and version of the Java, `jars` the class path.
    """
    paths = sorted(jars)
    place = _digest([java, *map(str, paths)])
    return cache_dir / f"{program}-classes-{place}-{_digest(map(_state, paths))}.jsa"


def outdated(archive: Path) -> list[Path]:
    """Return what was kept for the same Java and the same paths before their jars changed."""
    place = archive.name.rpartition("-")[0]
    return [path for path in archive.parent.glob(f"{place}-*") if path.stem != archive.stem]


def _state(jar: Path) -> str:
    if not jar.exists():
        return "missing"
    found = jar.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
