"""How well a delay that is known is measured: whole runs with an engine that holds every row back by so much.

    python -m benchmarks.known_delay

The plain engine of the tests writes every row at once in one run, and late by a known time in another one. The medians
over windows of the excess must differ by that time, but for the intervals of both.
"""

from __future__ import annotations

import math
import shlex
import sys

import numpy as np
import pyarrow.parquet as pq

from benchmarks.started import ROOT, left_by
from benchmarks.table import Figure, show

_DELAY_MS = 80
_ALLOWED_MS = 5.0
_WINDOWS = 30
_PLAIN_ENGINE = ROOT / "tests" / "engines" / "plain_engine.py"
_LOAD = ("--window-size-sec=0.5", "--watermark-delay-sec=1", "--duration=15", "--warmup=2", "--rate=400")


def median_excess_ms(delay_ms: int) -> tuple[float, float]:
    """Return the median of the windows' excess in ms, and the half width of its 95 % bootstrap interval."""
    command = shlex.join([sys.executable, str(_PLAIN_ENGINE), f"--delay-ms={delay_ms}"])
    flags = ("--quiet", "--engine=command", f"--engine-command={command}", *_LOAD)
    with left_by("run", "samples/rows.parquet", *flags) as left:
        rows = pq.read_table(left).to_pandas()
    measured = rows[rows["counts"] & rows["window_id"].between(0, _WINDOWS - 1)]
    values = measured.groupby("window_id")["excess_ns"].median().to_numpy() / 1e6
    draws = np.random.default_rng(1).choice(values, size=(1000, len(values)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return float(np.median(values)), float(high - low) / 2


def figures() -> list[Figure]:
    """Return by how much the measured delay misses the known one."""
    (fast, fast_half), (slow, slow_half) = median_excess_ms(0), median_excess_ms(_DELAY_MS)
    allowed = _ALLOWED_MS + math.hypot(fast_half, slow_half)
    missed = abs(slow - fast - _DELAY_MS)
    name = f"delay of {_DELAY_MS} ms: measured, off by, ms"
    return [Figure(name, round(missed, 1), f"<= {allowed:.1f}", missed <= allowed)]


if __name__ == "__main__":
    show(figures())
