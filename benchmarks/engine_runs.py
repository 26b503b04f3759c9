"""Whole runs, with broker, producers and engine on this machine: what each engine's settings reach, and how soon.

    python -m benchmarks.engine_runs [NAME ...]

* ``smoke``, ``default``: the shortest valid run and the usual one, by the wall clock of who starts them.
* ``append``: Spark in append mode at 10,000 events/s, once with its own settings and once tuned.
* ``realtime``: Spark in Real-Time Mode at 5,000 events/s, over three batch boundaries and more.
* ``flink``: Flink at 10,000 events/s, tuned.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.started import left_by
from benchmarks.table import Figure, show
from config import Config
from windowbench.errors import run_program
from windowbench.load.schedule import NS_PER_S

RATE, REALTIME_RATE = 10_000, 5_000
_STEADY = ("--profile=bench", f"--rate={RATE}", "--duration=40")
_ALLOWED_BESIDE = 45


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A finished run: its summary, its wall time in s, and how long it took until the first event was due."""

    summary: dict[str, Any]
    seconds: float
    until_load: float

    def latency(self, name: str, percent: int | str) -> float:
        """Return a percentile of a latency, or ``max``, in ms; infinite where the run has none."""
        found = (self.summary.get("latencies_ms") or {}).get(name) or {}
        value = found.get(percent if percent == "max" else f"p{percent}")
        return float("inf") if value is None else float(value)

    def figure(self, text: str, name: str, percent: int | str) -> Figure:
        """Return a percentile of a latency as a figure without a target."""
        value = self.latency(name, percent)
        return Figure(text, round(value) if math.isfinite(value) else "none")

    def verdict(self, where: str) -> Figure:
        """Return the verdict as a figure."""
        verdict = self.summary["verdict"]["verdict"]
        return Figure(f"{where}: verdict", verdict, "valid", verdict == "valid")


def run(*flags: str) -> Seen:
    """Make one run."""
    began, wall_ns = time.monotonic(), time.time_ns()
    with left_by("run", "summary.json", "--quiet", *flags) as left:
        seconds = time.monotonic() - began
        epoch_ns = json.loads((left.parent / "schedule.json").read_text(encoding="utf-8"))["epoch_ns"]
        return Seen(
            summary=json.loads(left.read_text(encoding="utf-8")),
            seconds=seconds,
            until_load=(epoch_ns - wall_ns) / NS_PER_S,
        )


def at_most(name: str, value: float, limit: float, digits: int = 0) -> Figure:
    """Return a figure that must not exceed a limit."""
    shown = (round(value, digits) if digits else round(value)) if math.isfinite(value) else "none"
    return Figure(name, shown, f"<= {limit:g}", value <= limit)


def smoke() -> list[Figure]:
    """Return what the shortest run takes."""
    seen = run("--engine=spark", "--profile=smoke")
    where = "Spark, profile smoke"
    return [
        seen.verdict(where),
        at_most(f"{where}: wall time, s", seen.seconds, 45, 1),
        at_most(f"{where}: from the command to the first event, s", seen.until_load, 18, 1),
    ]


def default() -> list[Figure]:
    """Return what a run takes besides its load."""
    seen = run("--engine=spark")
    config = Config()
    allowed = config.load.warmup_seconds + config.load.duration_seconds + config.windows.window_size_sec
    where = "Spark, default run"
    return [seen.verdict(where), at_most(f"{where}: wall time, s", seen.seconds, allowed + _ALLOWED_BESIDE, 1)]


def append() -> list[Figure]:
    """Return how late Spark's rows are in append mode with its own settings and tuned, and how late events are."""
    default, tuned = (run("--engine=spark", f"--preset={preset}", *_STEADY) for preset in ("default", "tuned"))
    where = f"Spark append, {RATE:,}/s"
    ratio = tuned.latency("excess", 90) / default.latency("excess", 90)
    return [
        default.verdict(f"{where}, default"),
        tuned.verdict(f"{where}, tuned"),
        at_most(f"{where}: send lateness P99, ms", tuned.summary["generator"]["lateness_p99_ms"], 10, 1),
        default.figure(f"{where}, default: excess P50, ms", "excess", 50),
        default.figure(f"{where}, default: excess P90, ms", "excess", 90),
        tuned.figure(f"{where}, tuned: excess P50, ms", "excess", 50),
        at_most(f"{where}, tuned: excess P90, ms", tuned.latency("excess", 90), 700),
        at_most(f"{where}: P90, tuned to default", ratio, 0.6, 2),
        at_most(f"{where}: harness, % of a core", 100 * tuned.summary["host"]["cpu_harness"], 3, 1),
    ]


def realtime() -> list[Figure]:
    """Return how fresh the updates of Real-Time Mode are, batch boundaries included."""
    load = (f"--rate={REALTIME_RATE}", "--warmup=45", "--duration=460", "--realtime-batch-seconds=150")
    seen = run("--engine=spark", "--spark-mode=realtime", "--profile=bench", *load)
    where = f"Spark Real-Time Mode, {REALTIME_RATE:,}/s"
    boundaries = seen.summary["engine"]["batches"]
    return [
        seen.verdict(where),
        Figure(f"{where}: batch boundaries", boundaries, ">= 3", boundaries >= 3),
        *(
            at_most(f"{where}: freshness P{percent}, ms", seen.latency("freshness", percent), limit)
            for percent, limit in ((50, 35), (90, 75), (99, 140))
        ),
        seen.figure(f"{where}: freshness, greatest, ms", "freshness", "max"),
        at_most(f"{where}: final row after window end, P90, ms", seen.latency("since_window_end", 90), 150),
        Figure(f"{where}: harness, % of a core", round(100 * seen.summary["host"]["cpu_harness"], 1)),
    ]


def flink() -> list[Figure]:
    """Return how late Flink's rows are."""
    seen = run("--engine=flink", *_STEADY, "--warmup=60")
    where = f"Flink, {RATE:,}/s, tuned"
    return [
        seen.verdict(where),
        seen.figure(f"{where}: excess P50, ms", "excess", 50),
        at_most(f"{where}: excess P90, ms", seen.latency("excess", 90), 100),
    ]


RUNS: dict[str, Callable[[], list[Figure]]] = {
    "smoke": smoke,
    "default": default,
    "append": append,
    "realtime": realtime,
    "flink": flink,
}


def main(argv: list[str] | None = None) -> int:
    """Make the runs of the names given and show their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*RUNS, []])
    for name in parser.parse_args(argv).names or list(RUNS):
        show(RUNS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
