"""The highest sustainable rate of each engine on this machine: ``make bench-capacity``.

python -m benchmarks.capacity [--engines spark,flink,none] [FLAG OF THE SEARCH ...]

Broker, producers and engine share the machine. Where the load generator or the broker saturates first, the figure says
so: it is then no limit of the engine. The rates are added to ``artifacts/bench.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.started import windowbench
from benchmarks.stored import keep, machine
from benchmarks.table import Figure, show
from windowbench.errors import run_program

ENGINES = ("spark", "flink", "none")
TARGETS = {"spark": 60_000.0}
START_RATES = {"spark": 30_000.0, "flink": 20_000.0, "none": 10_000.0}


def search(engine: str, flags: Sequence[str]) -> dict[str, Any]:
    """Search for the capacity of an engine and return the content of ``capacity.json``."""
    with tempfile.TemporaryDirectory() as directory:
        place = f"--runs-dir={directory}"
        windowbench("capacity", f"--engine={engine}", place, f"--rate={START_RATES[engine]:g}", *flags)
        (content,) = Path(directory).glob("*/capacity.json")
        found: dict[str, Any] = json.loads(content.read_text(encoding="utf-8"))
        return found


def figures_of(engine: str, content: dict[str, Any]) -> list[Figure]:
    """Return the rate, what limits it, and the latency at it."""
    found, name = content["found"], f"highest sustainable rate of {engine}, events/s"
    target = TARGETS.get(engine)
    wanted = "" if target is None else f">= {target:,.0f}"
    if found is None or found["rate"] is None:
        return [Figure(name, "none", wanted, met=target is None)]
    at_rate = [p for p in content["probes"] if p["rate"] == found["rate"] and p["outcome"] == "sustainable"][-1]
    return [
        Figure(name, round(found["rate"]), wanted, target is None or found["rate"] >= target),
        Figure(f"  {engine}: confirmed by a full run", "yes" if found["confirmed"] else "no"),
        Figure(f"  {engine}: not sustained, events/s", "-" if found["bound"] is None else round(found["bound"])),
        Figure(f"  {engine}: limited by", found["limited_by"] or "the highest rate allowed"),
        Figure(f"  {engine}: excess P90 at the rate, ms", round(at_rate["latencies_ms"]["excess"]["p90"])),
        Figure(f"  {engine}: minutes", round(content["seconds"] / 60, 1)),
    ]


def main(argv: list[str] | None = None) -> int:
    """Search for each engine; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), help="which ones, with commas between")
    arguments, flags = parser.parse_known_args(argv)
    met = True
    for engine in arguments.engines.split(","):
        content = search(engine, flags)
        figures = figures_of(engine, content)
        print(machine(content["environment"]))
        show(figures)
        keep({f"capacity_{engine}": figures})
        met = met and all(figure.met for figure in figures)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(run_program(main))
