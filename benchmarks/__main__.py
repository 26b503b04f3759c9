"""All benchmarks of windowbench itself: ``python -m benchmarks [NAME ...]``, or ``make bench``.

Every figure is a ratio to a named peer from the same run, or stands beside a target; machine and figures are
kept as JSON in ``artifacts/bench.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import calculator, comparing, encoding, producing, spark_batches, spark_run
from benchmarks.table import Figure
from windowbench.orchestration.environment import describe_environment

STORED = Path("artifacts") / "bench.json"
BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "encoding": encoding.figures,
    "producing": producing.figures,
    "calculator": calculator.figures,
    "calculator_updates": lambda: calculator.figures(2_550, updates=True),
    "comparing": comparing.figures,
    "spark_batches": spark_batches.figures,
    "spark_run": spark_run.figures,
}


def main() -> int:
    """Run the named benchmarks, all when none is named; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which ones; all when none is named")
    names = parser.parse_args().names or list(BENCHMARKS)
    environment = describe_environment(Path(), java=None, broker={})
    print(f"{environment['cpu_count']} x {environment['cpu_model']}, {environment['memory_bytes'] / 1e9:.0f} GB")
    found: dict[str, list[Figure]] = {}
    for name in names:
        print(f"\n{name}", flush=True)
        found[name] = BENCHMARKS[name]()
        for figure in found[name]:
            print(f"  {figure.line()}", flush=True)
    STORED.parent.mkdir(exist_ok=True)
    content = {
        "environment": environment,
        "figures": {name: [asdict(figure) for figure in figures] for name, figures in found.items()},
    }
    STORED.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"\nkept in {STORED}")
    return 0 if all(figure.met for figures in found.values() for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
