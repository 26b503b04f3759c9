"""The highest sustainable rate of each engine on this machine: ``make bench-capacity``, in 48 minutes at most.

python -m benchmarks.capacity [--engines spark,spark-realtime,flink,none] [FLAG OF THE SEARCH ...]

Broker, producers and engine share the machine. Where the load generator or the broker saturates first, the figure says
so: it is then no limit of the engine. The rates are added to ``artifacts/bench.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.running import run_all
from benchmarks.started import left_by
from benchmarks.table import Figure
from windowbench.errors import run_program

SEARCHES: Mapping[str, Sequence[str]] = {
    "spark": ("--engine=spark", "--rate=30000"),
    "spark-realtime": ("--engine=spark", "--spark-mode=realtime", "--rate=10000"),
    "flink": ("--engine=flink", "--rate=20000"),
    "reference": ("--engine=reference", "--rate=10000"),
}
"""What is searched, with its flags and where it begins."""
TARGETS = {"spark": 60_000.0}


def search(engine: str, flags: Sequence[str]) -> list[Figure]:
    """Search for the capacity of an engine and return what was found."""
    with left_by("capacity", "capacity.json", *SEARCHES[engine], *flags) as left:
        return figures_of(engine, json.loads(left.read_text(encoding="utf-8")))


def figures_of(engine: str, content: dict[str, Any]) -> list[Figure]:
    """Return the rate, what limits it, and the latency at it."""
    found, headline = content["found"], content["headline"]
    name = f"highest sustainable rate of {engine}, events/s"
    target = TARGETS.get(engine)
    wanted = "" if target is None else f">= {target:,.0f}"
    if found is None or found["rate"] is None:
        return [Figure(name, "none", wanted, met=target is None)]
    at_rate = [p for p in content["probes"] if p["rate"] == found["rate"] and p["outcome"] == "sustainable"][-1]
    rate = f"at least {found['rate']:,.0f}" if found["lower_bound"] else f"{found['rate']:,.0f}"
    unsure = "" if found["confirmed"] else ", not confirmed"
    return [
        Figure(name, f"{rate}{unsure}", wanted, target is None or found["rate"] >= target),
        Figure(f"  {engine}: confirmed by a full run", "yes" if found["confirmed"] else "no"),
        Figure(f"  {engine}: not sustained, events/s", "-" if found["bound"] is None else round(found["bound"])),
        Figure(f"  {engine}: limited by", found["limited_by"] or "the highest rate allowed"),
        Figure(f"  {engine}: {headline} P90 at the rate, ms", round(at_rate["latencies_ms"][headline]["p90"])),
        Figure(f"  {engine}: minutes", round(content["seconds"] / 60, 1)),
    ]


def main(argv: list[str] | None = None) -> int:
    """Search for each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(SEARCHES), help="which ones, with commas between")
    parser.add_argument("--docs", action="store_true", help="put everything that is kept into docs/performance.md")
    arguments, flags = parser.parse_known_args(argv)
    engines = arguments.engines.split(",")
    if unknown := set(engines) - set(SEARCHES):
        parser.error(f"no search for {', '.join(sorted(unknown))}; there are {', '.join(SEARCHES)}")
    searches = {f"capacity_{name}": partial(search, name, flags) for name in engines}
    return run_all(searches, docs=arguments.docs)


if __name__ == "__main__":
    sys.exit(run_program(main))
