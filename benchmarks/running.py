"""Running benchmarks one after the other: each told as it ends, kept, and no hindrance to the next when it fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.marked import put
from benchmarks.stored import STORED, as_markdown, keep, machine
from benchmarks.table import Figure
from windowbench.errors import told
from windowbench.orchestrate.environment import describe_environment

DOCUMENT = Path("docs") / "performance.md"


def run_all(benchmarks: Mapping[str, Callable[[], list[Figure]]], *, docs: bool = False) -> int:
    """Run benchmarks and keep what they find in ``artifacts/bench.json``.

    Parameters
    ----------
    benchmarks : mapping of str to callable
        By the name that their figures are kept under.
    docs : bool, optional
        Whether everything that is kept, of earlier benchmarks as well, replaces the table of docs/performance.md.

    Returns
    -------
    int
        The exit code: that of the last benchmark that failed, else 1 when a target was missed, else 0.
    """
    print(machine(describe_environment(Path(), java=None, broker={})))
    met, failed = True, 0
    for name, benchmark in benchmarks.items():
        print(f"\n{name}", flush=True)
        started = time.monotonic()
        try:
            figures = benchmark()
        except Exception as error:  # noqa: BLE001 - told at once; what the others find is wanted all the same
            text, failed = told(error)
            print(text, file=sys.stderr, flush=True)
            continue
        for figure in figures:
            print(f"  {figure.line()}", flush=True)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
        keep({name: figures})  # at once: whatever ends the benchmarks later must not lose what was found
        met = met and all(figure.met for figure in figures)
    print(f"\nkept in {STORED}")
    if docs:
        put(DOCUMENT, "figures", as_markdown())
    return failed or (0 if met else 1)
