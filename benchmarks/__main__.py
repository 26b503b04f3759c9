"""All benchmarks of windowbench itself: ``python -m benchmarks [NAME ...]``, or ``make bench``.

Every figure is a ratio to a named peer from the same run, or stands beside a target; machine and figures are
kept as JSON in ``artifacts/bench.json``. What takes longer is apart: ``make bench-capacity`` searches for the highest
sustainable rates, ``make bench-workloads`` measures every workload on Spark and Flink.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import calculator, comparing, encoding, engine_runs, producing
from benchmarks.marked import put
from benchmarks.stored import as_markdown, keep, machine
from benchmarks.table import Figure
from windowbench.errors import run_program
from windowbench.orchestration.environment import describe_environment

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "encoding": encoding.figures,
    "producing": producing.figures,
    "calculator": calculator.figures,
    "calculator_updates": lambda: calculator.figures(2_550, updates=True),
    "comparing": comparing.figures,
    **engine_runs.RUNS,
}


def main(argv: list[str] | None = None) -> int:
    """Run the named benchmarks, all when none is named; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which ones; all when none is named")
    parser.add_argument("--readme", action="store_true", help="put everything that is kept into README.md")
    arguments = parser.parse_args(argv)
    names = arguments.names or list(BENCHMARKS)
    print(machine(describe_environment(Path(), java=None, broker={})))
    found: dict[str, list[Figure]] = {}
    for name in names:
        print(f"\n{name}", flush=True)
        started = time.monotonic()
        found[name] = BENCHMARKS[name]()
        for figure in found[name]:
            print(f"  {figure.line()}", flush=True)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
        kept = keep({name: found[name]})  # at once: a benchmark that fails later must not lose what was found
    print(f"\nkept in {kept}")
    if arguments.readme:
        put(Path("README.md"), "figures", as_markdown())
    return 0 if all(figure.met for figures in found.values() for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(run_program(main))
