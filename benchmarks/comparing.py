"""Measure how long ``compare`` takes: ten finished runs with a million rows in all, as a user starts it.

    python benchmarks/comparing.py [--runs N] [--windows N] [--campaigns N]

The runs are made first and take no part in the figures. Target: 10 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.table import Figure, show
from benchmarks.taken import taken_by
from config import Config
from tests.unit.summaries import content
from windowbench.judge.measured import Phase
from windowbench.judge.measures.latency import LATENCIES
from windowbench.load.schedule import NS_PER_MS, plan
from windowbench.runs.samples import named_column, write_parquet
from windowbench.runs.store import RunDirectory

ROOT = Path(__file__).resolve().parent.parent
TARGET_SECONDS = 10
_ENGINES = ("spark", "reference")


def make_run(parent: Path, number: int, windows: int, campaigns: int) -> Path:
    """Write a valid run of the engines in turn, whose latencies differ from row to row."""
    config = Config().replace(
        run_id=f"r{number}",
        seed=number,
        engine=_ENGINES[number % len(_ENGINES)],
        broker="embedded",
        window_size_sec=1.0,
        duration_seconds=float(windows),
    )
    run = RunDirectory.create(parent / f"r{number}")
    run.write_config(config)
    run.write_schedule(plan(config, 1_760_000_000_000_000_000))
    run.write_json("status.json", {"status": "completed", "phase": "report", "exit_code": 0, "error": None})
    run.write_json("environment.json", {"kernel": "6.1"})
    rng = np.random.default_rng(number)
    rows = windows * campaigns
    ids = np.repeat(np.arange(windows), campaigns)
    noise = np.repeat(rng.normal(size=windows), campaigns) + rng.normal(size=rows)
    excess = (100 * NS_PER_MS * np.exp(0.1 * noise)).astype(np.int64)
    values = {name: excess + i * rng.integers(0, NS_PER_MS, rows) for i, name in enumerate(LATENCIES)}
    described = {name: {"rows": rows, "windows": windows} for name in LATENCIES}
    verdict = {"verdict": "valid", "reasons": [], "warnings": []}
    run.write_json("summary.json", content(run_id=run.run_id, verdict=verdict, latencies_ms=described))
    columns = {f"{name}_ns": column for name, column in values.items()}
    phase = named_column(np.full(rows, Phase.MEASURED), [phase.label for phase in Phase])
    write_parquet(run.judged_rows, {"window_id": ids, "phase": phase, "counts": np.ones(rows, dtype=bool), **columns})
    return run.path


def figures(runs: int = 10, windows: int = 1000, campaigns: int = 100) -> list[Figure]:
    """Make `runs` runs of `windows` times `campaigns` rows and return what comparing them costs."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = [make_run(Path(scratch), number, windows, campaigns) for number in range(runs)]
        command = [sys.executable, "-m", "windowbench", "compare", *map(str, paths)]
        taken = taken_by(command)
    return [
        Figure("rows compared", runs * windows * campaigns),
        Figure("compare, wall s", round(taken.wall, 2), f"<= {TARGET_SECONDS}", taken.wall <= TARGET_SECONDS),
        Figure("compare, CPU s", round(taken.cpu, 2)),
        Figure("compare, GB", round(taken.gigabytes, 2)),
    ]


def main() -> int:
    """Make runs, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--campaigns", type=int, default=100)
    arguments = parser.parse_args()
    show(figures(arguments.runs, arguments.windows, arguments.campaigns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
