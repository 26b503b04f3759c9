"""Every field of the machine and its software that can change a latency."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from windowbench.orchestrate.software import clone_state, kafka_of_jars

_PACKAGES = (
    "pyspark", "confluent-kafka", "kafka-python", "numpy", "pandas", "pyarrow", "scipy", "psutil", "orjson", "psycopg",
)  # fmt: skip
_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""Environment variables from which a JVM takes flags that no command line shows."""
_CPU = "/sys/devices/system/cpu"
_CGROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60
"""Version 1 of control groups writes "no limit of memory" as a number near 2 ** 63."""


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _first_line(path: str | Path) -> str | None:
    return next((line.strip() for line in _lines(path)), None)


def _cpu_fact(wanted: str) -> str | None:
    """Return a line of ``/proc/cpuinfo`` by its name."""
    named = (line.partition(":") for line in _lines("/proc/cpuinfo"))
    return next((value.strip() for name, _, value in named if name.strip() == wanted), None)


def _cgroup_file(name: str, first_version: str) -> str | None:
    """Return a line of this process's control group, of either version of the interface."""
    own = next((line[3:] for line in _lines("/proc/self/cgroup") if line.startswith("0::")), "/")
    for path in (_CGROUPS / own.lstrip("/") / name, _CGROUPS / name, _CGROUPS / first_version):
        found = _first_line(path)
        if found is not None:
            return found
    return None


def cpu_quota() -> str | None:
    """Return the CPU quota and its period in us as ``cpu.max`` has them, such as ``150000 100000``."""
    quota = _cgroup_file("cpu.max", "cpu/cpu.cfs_quota_us")
    if quota == "-1":
        return "max"
    if quota is not None and " " not in quota and quota != "max":  # version 1 keeps the period apart
        return f"{quota} {_first_line(_CGROUPS / 'cpu/cpu.cfs_period_us') or 100_000}"
    return quota


def memory_limit_bytes() -> int | None:
    """Return the memory limit of this control group, None without one."""
    limit = _cgroup_file("memory.max", "memory/memory.limit_in_bytes")
    return int(limit) if limit is not None and limit.isdigit() and int(limit) < _UNLIMITED else None


def _version(package: str, where: Iterable[str] | None = None) -> str | None:
    found = importlib.metadata.distributions(name=package, path=sys.path if where is None else list(where))
    return next((distribution.version for distribution in found), None)


def _disk(path: Path) -> dict[str, Any]:
    """Return what is below a directory: file system, device, whether it turns, how requests are ordered."""
    mounts = [p for p in psutil.disk_partitions(all=True) if path.is_relative_to(p.mountpoint)]
    mount = max(mounts, key=lambda p: len(p.mountpoint), default=None)
    number = path.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    queue = next((q for q in (block / "queue", block.parent / "queue") if q.is_dir()), block)
    usage = psutil.disk_usage(str(path))
    return {
        "file_system": mount.fstype if mount else None,
        "mount_options": mount.opts if mount else None,
        "device": block.name if block.exists() else None,
        "rotational": {"0": False, "1": True}.get(_first_line(queue / "rotational") or ""),
        "scheduler": _first_line(queue / "scheduler"),
        "total_bytes": usage.total,
        "free_bytes_at_start": usage.free,
    }


def engine_packages(python: Path | None) -> dict[str, str | None]:
    """Return the versions of an engine that has an environment of its own, by the path of its Python."""
    if python is None:
        return {}
    return {"apache-flink": _version("apache-flink", map(str, python.parent.parent.glob("lib/python*/site-packages")))}


def jvm_flags(pids: Mapping[str, int | None]) -> dict[str, list[list[str]]]:
    """Return the flags of the JVMs that run below processes now, by the name of each process.

    Notes
    -----
    Only what begins with ``-X`` is kept: heap, collector, compiler. Other arguments may hold a password.
    """
    found: dict[str, list[list[str]]] = {}
    for name, pid in pids.items():
        if pid is None:
            continue
        flags = [_flags(line) for line in _command_lines(pid) if _is_java(line)]
        if flags:
            found[name] = flags
    return found


def _command_lines(pid: int) -> list[list[str]]:
    """Return the command lines of a process and of those below it, except those that end meanwhile."""
    lines: list[list[str]] = []
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for member in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                lines.append(member.cmdline())
    return lines


def _flags(words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith("-X")]


def _virtual() -> bool | None:
    """Whether the processor says that there is a hypervisor; None where it says nothing of the kind."""
    flags = _cpu_fact("flags")
    return None if flags is None else "hypervisor" in flags.split()


def _is_java(command: list[str]) -> bool:
    return bool(command) and Path(command[0]).name == "java"


def describe_environment(
    run_path: Path,
    *,
    java: str | None,
    broker: dict[str, Any],
    engine_python: Path | None = None,
    jars: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the fields as ``environment.json`` holds them; what cannot be found out is None.

    The disk that the run writes to matters. `broker` is what the broker says of itself, `jars` are the kinds in use.
    """
    memory = psutil.virtual_memory()
    disk = _disk(run_path.resolve())
    return {
        "cpu_model": _cpu_fact("model name") or platform.processor() or "unknown",
        "cpu_count": os.cpu_count(),
        "cpu_affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpu_quota": cpu_quota(),
        "cpu_governor": _first_line(f"{_CPU}/cpu0/cpufreq/scaling_governor"),
        "cpu_mhz_at_start": _cpu_fact("cpu MHz"),
        "cpu_threads_share_cores": {"0": False, "1": True}.get(_first_line(f"{_CPU}/smt/active") or ""),
        "numa_nodes": len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
        "virtual_machine": _virtual(),
        "memory_bytes": memory.total,
        "memory_available_bytes_at_start": memory.available,
        "memory_limit_bytes": memory_limit_bytes(),
        "swap_bytes": psutil.swap_memory().total,
        "transparent_huge_pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "kernel": platform.release(),
        "kernel_build": platform.version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "clock_source": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "file_system": disk["file_system"],
        "disk": disk,
        "load_average_at_start": list(os.getloadavg()),
        "windowbench": clone_state(),
        "python": sys.version.split()[0],
        "java": java,
        "java_options": {name: _flags(os.environ[name].split()) for name in _JAVA_VARIABLES if name in os.environ},
        "packages": {package: _version(package) for package in _PACKAGES} | engine_packages(engine_python),
        "kafka_jars": kafka_of_jars(jars),
        "broker": broker,
    }
