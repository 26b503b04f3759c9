"""Watching the machine during a run: clocks, CPU, memory, disk, about once a second.

One thread, one writer. What it costs is part of ``cpu_harness`` and so is judged.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from windowbench.errors import EnvironmentProblem
from windowbench.runs.samples import HOST_COLUMNS, SampleWriter

LEAST_FREE_BYTES = 1_000_000_000
"""Below this a run is ended cleanly."""
_EVERY_SECONDS = 1.0
_TREE_REFRESH = 5
_CGROUP_STAT = Path("/sys/fs/cgroup/cpu.stat")


def _throttled_seconds() -> float:
    """Time this cgroup was held back by its CPU quota, 0 where there is none."""
    try:
        for line in _CGROUP_STAT.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "throttled_usec":
                return int(value) / 1e6
    except OSError:
        pass
    return 0.0


class ProcessTree:
    """CPU time and memory of a process and everything below it."""

    def __init__(self, pid_of: Callable[[], int | None]) -> None:
        """Look at the tree below the pid that `pid_of` returns, once there is one."""
        self._pid_of = pid_of
        self._members: list[psutil.Process] = []
        self._age = _TREE_REFRESH
        self._cpu: dict[int, float] = {}

    def _refresh(self) -> None:
        self._age += 1
        if self._age < _TREE_REFRESH and self._members:
            return
        self._age = 0
        pid = self._pid_of()
        try:
            root = psutil.Process(pid) if pid else None
            self._members = [root, *root.children(recursive=True)] if root else []
        except psutil.Error:
            self._members = []

    def sample(self) -> tuple[float, int]:
        """Return CPU seconds used since the last sample and resident bytes now."""
        self._refresh()
        used, resident = 0.0, 0
        for member in self._members:
            try:
                with member.oneshot():
                    times = member.cpu_times()
                    resident += member.memory_info().rss
            except psutil.Error:
                continue
            total = times.user + times.system
            used += max(0.0, total - self._cpu.get(member.pid, 0.0))
            self._cpu[member.pid] = total
        return used, resident


class HostMonitor:
    """Samples the machine on a thread of its own and writes ``samples/host.parquet``.

    `trees` gives for each service how to ask for the pid it hangs below. The observer of visible time is part of the
    harness itself: what it takes is counted, and judged, as the harness's own.
    """

    def __init__(self, path: Path, trees: Mapping[str, Callable[[], int | None]]) -> None:
        self._writer = SampleWriter(path, HOST_COLUMNS)
        self._directory = path.parent
        self._trees = {name: ProcessTree(pid_of) for name, pid_of in trees.items()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="host-monitor", daemon=True)
        self._failure: Exception | None = None
        self._own_cpu = time.process_time()
        self._self = psutil.Process()
        self.free_disk_bytes = psutil.disk_usage(str(self._directory)).free

    def start(self) -> None:
        """Begin sampling."""
        self._thread.start()

    def _watch(self) -> None:
        try:
            self._sample_on()
        except Exception as error:  # noqa: BLE001 - whatever ended it, a run that nobody watches says nothing
            self._failure = error

    def _sample_on(self) -> None:
        cpu = psutil.cpu_times()
        throttled = _throttled_seconds()
        last = time.monotonic()
        while not self._stop.wait(_EVERY_SECONDS):
            wall_ns, mono_ns = time.time_ns(), time.monotonic_ns()
            now = mono_ns / 1e9
            span, last = max(now - last, 1e-6), now
            cpu_now, throttled_now = psutil.cpu_times(), _throttled_seconds()
            total = sum(cpu_now) - sum(cpu)
            steal = (getattr(cpu_now, "steal", 0.0) - getattr(cpu, "steal", 0.0)) / total if total > 0 else 0.0
            own = time.process_time()
            row: dict[str, float] = {
                "wall_ns": wall_ns,
                "mono_ns": mono_ns,
                "steal": steal,
                "throttled": (throttled_now - throttled) / (span * (os.cpu_count() or 1)),
                "cpu_harness": (own - self._own_cpu) / span,
                "rss_harness": self._self.memory_info().rss,
                "free_disk_bytes": psutil.disk_usage(str(self._directory)).free,
            }
            for name, tree in self._trees.items():
                used, resident = tree.sample()
                row[f"cpu_{name}"] = used / span
                row[f"rss_{name}"] = resident
            row["cpu_harness"] += row["cpu_observer"]
            self.free_disk_bytes = int(row["free_disk_bytes"])
            self._writer.append(**{name: [row[name]] for name in HOST_COLUMNS})
            cpu, throttled, self._own_cpu = cpu_now, throttled_now, own

    def check(self) -> None:
        """Raise when nobody watches any more, or the disk is nearly full: a broker halts then, and records are lost.

        Raises
        ------
        EnvironmentProblem
            With what to do.
        """
        if self._failure is not None:
            msg = f"the machine is not watched any more: {type(self._failure).__name__}: {self._failure}"
            raise EnvironmentProblem(msg, remedy="check free space, and permissions of the run directory")
        if self.free_disk_bytes < LEAST_FREE_BYTES:
            least = f"less than {LEAST_FREE_BYTES / 1e9:.0f} GB of disk are free"
            msg = f"{least}; the run was ended before the broker fails"
            raise EnvironmentProblem(msg, remedy="free some space, or name another --runs-dir")

    def stop(self) -> None:
        """End sampling and finish the file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._writer.close()
