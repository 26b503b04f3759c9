"""Every field of the machine and its software that can change a latency."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = ("pyspark", "confluent-kafka", "kafka-python", "numpy", "pandas", "pyarrow", "scipy", "psutil")


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return None


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _file_system(path: Path) -> str | None:
    mounts = [p for p in psutil.disk_partitions(all=True) if path.is_relative_to(p.mountpoint)]
    return max(mounts, key=lambda p: len(p.mountpoint)).fstype if mounts else None


def describe_environment(run_path: Path, *, java: str | None, broker: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as ``environment.json`` holds them; what cannot be found out is None.

    Parameters
    ----------
    run_path : Path
        Where the run writes; its file system matters.
    java : str, optional
        Version of the Java runtime in use.
    broker : dict
        What the broker says of itself.
    """
    memory = psutil.virtual_memory()
    return {
        "cpu_model": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "cpu_affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpu_quota": _first_line("/sys/fs/cgroup/cpu.max"),
        "cpu_governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_bytes": memory.total,
        "kernel": platform.release(),
        "system": platform.system(),
        "machine": platform.machine(),
        "clock_source": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "file_system": _file_system(run_path.resolve()),
        "load_average_at_start": list(os.getloadavg()),
        "python": sys.version.split()[0],
        "java": java,
        "packages": {package: _version(package) for package in _PACKAGES},
        "broker": broker,
    }
