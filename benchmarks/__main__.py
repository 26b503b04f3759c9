"""All benchmarks of windowbench itself: ``python -m benchmarks [NAME ...]``, or ``make bench``.

Every figure is a ratio to a named peer from the same run, or stands beside a target; machine and figures are
kept as JSON in ``artifacts/bench.json``. The others are tried all the same when one fails. What takes longer is apart:
``make bench-capacity`` searches for the highest sustainable rates, ``make bench-workloads`` measures every workload on
Spark and Flink.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import calculator, comparing, encoding, engine_runs, known_delay, producing
from benchmarks.running import run_all
from benchmarks.table import Figure
from windowbench.errors import run_program

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "encoding": encoding.figures,
    "producing": producing.figures,
    "calculator": calculator.figures,
    "calculator_updates": lambda: calculator.figures(2_550, updates=True),
    "comparing": comparing.figures,
    "known_delay": known_delay.figures,
    **engine_runs.RUNS,
}


def main(argv: list[str] | None = None) -> int:
    """Run the named benchmarks, all when none is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which ones; all when none is named")
    parser.add_argument("--docs", action="store_true", help="put everything that is kept into docs/performance.md")
    arguments = parser.parse_args(argv)
    names = arguments.names or list(BENCHMARKS)
    return run_all({name: BENCHMARKS[name] for name in names}, docs=arguments.docs)


if __name__ == "__main__":
    sys.exit(run_program(main))
