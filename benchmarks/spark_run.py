"""A whole run at 10,000 events/s with Spark, broker and producers on this machine: lateness, excess, wall time.

python -m benchmarks.spark_run [--rate R] [--duration S]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.table import Figure, show

ROOT = Path(__file__).resolve().parents[1]
LATENESS_TARGET_MS = 10.0
_ALLOWED_BESIDE_S = 45.0


def run(*arguments: str) -> tuple[dict[str, Any], float]:
    """Make one run and return its summary and its wall time in seconds."""
    with tempfile.TemporaryDirectory() as directory:
        started = time.monotonic()
        command = [sys.executable, str(ROOT / "master_code_spark.py"), "--quiet", f"--runs-dir={directory}", *arguments]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        (summary,) = Path(directory).glob("*/summary.json")
        return json.loads(summary.read_text(encoding="utf-8")), seconds


def figures(*, rate: float = 10_000, duration: float = 60) -> list[Figure]:
    """Return what a run at `rate` shows."""
    warmup, window = 30.0, 2.0
    summary, seconds = run(
        f"--rate={rate}", f"--duration={duration}", f"--warmup={warmup}", f"--window-size-sec={window}"
    )
    lateness = summary["generator"]["lateness_p99_ms"]
    wall_limit = warmup + duration + window + _ALLOWED_BESIDE_S
    excess = summary["latencies_ms"]["excess"]
    where = f"Spark append at {rate:,.0f} events/s"
    return [
        Figure(f"{where}: verdict", summary["verdict"]["verdict"], "valid", summary["verdict"]["verdict"] == "valid"),
        Figure(
            f"{where}: send lateness P99, ms", lateness, f"<= {LATENESS_TARGET_MS:g}", lateness <= LATENESS_TARGET_MS
        ),
        Figure(f"{where}: excess P50 / P90, ms", f"{excess['p50']:.0f} / {excess['p90']:.0f}"),
        Figure(f"{where}: wall time of the run, s", round(seconds, 1), f"<= {wall_limit:g}", seconds <= wall_limit),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--duration", type=float, default=60)
    arguments = parser.parse_args()
    show(figures(rate=arguments.rate, duration=arguments.duration))


if __name__ == "__main__":
    main()
