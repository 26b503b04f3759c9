"""What each part of the preset ``tuned`` does: it alone added to ``default``, between ``default`` and ``tuned`` whole.

    python -m benchmarks.tuning [spark|flink ...] [--repeats N]      (make tuning-study)

``python -m windowbench versus`` runs the arms interleaved, at 10,000 events/s with broker and producers on this
machine; a study that was interrupted goes on where it stopped. Its tables go into docs/tuning.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.marked import put
from benchmarks.started import ROOT, windowbench
from benchmarks.stored import machine
from config import Config
from windowbench.compare.arms import short
from windowbench.engines.flink import tuning as flink
from windowbench.engines.parts import Part
from windowbench.engines.spark import tuning as spark
from windowbench.errors import run_program
from windowbench.orchestrate.environment import describe_environment

STUDIES = ROOT / "artifacts" / "tuning"
DOCUMENT = ROOT / "docs" / "tuning.md"
RATE = 10_000
_LOADS: dict[str, dict[str, float]] = {
    # A Spark job's batches shrink for two minutes while its JVM compiles, most of it in the first; Flink has little
    # more than its job to start.
    "spark": {"warmup": 60, "duration": 30},
    "flink": {"warmup": 10, "duration": 24},
}


def factors(engine: str) -> Sequence[Part]:
    """Return the parts of an engine's preset ``tuned`` under the load of the study."""
    if engine == "flink":
        return flink.PARTS
    return spark.parts_of(Config().replace(warmup_seconds=_LOADS[engine]["warmup"]))


def study(engine: str, repeats: int) -> dict[str, Any]:
    """Run every arm `repeats` times, or what is missing of them, and return the comparison."""
    directory = STUDIES / engine
    if directory.exists():
        windowbench("versus", f"--resume={directory}")
    else:
        load = [f"--{name}={value}" for name, value in _LOADS[engine].items()]
        place = [f"--runs-dir={STUDIES}", f"--run-id={engine}", f"--repeats={repeats}"]
        arms = [label(engine), *(label(engine, part) for part in factors(engine)), f"{engine}:tuned"]
        windowbench("versus", *arms, "--profile=bench", f"--rate={RATE}", *load, *place)
    found: dict[str, Any] = json.loads((directory / "comparison.json").read_text(encoding="utf-8"))
    return found


def label(engine: str, part: Part | None = None) -> str:
    """Return the arm of the preset ``default``, with a part of ``tuned`` or without."""
    return f"{engine}:default" if part is None else f"{engine}:default,tuning={part.name}"


def shown(arms: dict[str, Any], engine: str, part: Part | None = None) -> dict[str, Any]:
    """Return what came out for an arm; a comparison shortens long labels."""
    found: dict[str, Any] = arms[short(label(engine, part))]
    return found


def row(arm: dict[str, Any], base: dict[str, Any], what: str, reason: str) -> str:
    """Return a line of the table: what is set, its excess and how that compares with the base."""
    if not arm["repeats"]:
        return f"| {what} | - | - | - | no valid run | {reason} |"
    ratio = f"{excess(arm, 90) / excess(base, 90):.2f}" if base["repeats"] else "-"
    return f"| {what} | {excess(arm, 50):,.0f} | {excess(arm, 90):,.0f} | {ratio} | {arm['repeats']} | {reason} |"


def excess(arm: dict[str, Any], percent: int) -> float:
    """Return a percentile of an arm's excess, in ms."""
    return float(arm["latencies_ms"]["excess_ms"][f"p{percent}"]["value"])


def table(engine: str, comparison: dict[str, Any]) -> str:
    """Return the table of an engine, as Markdown."""
    arms = {arm["label"]: arm for arm in comparison["arms"]}
    base = shown(arms, engine)
    load = _LOADS[engine]
    about = (
        f"{RATE:,} events/s, {load['warmup']:g} s of warm-up and {load['duration']:g} s measured, windows of 2 s, on"
        f" {machine(describe_environment(Path(), java=None, broker={}))}, which held broker and producers as well."
    )
    lines = [
        f"### {engine.capitalize()}",
        "",
        about,
        "",
        "| on top of `default` | excess P50, ms | P90, ms | P90 to `default`'s | valid runs | why |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        row(base, base, "nothing", "the engine's own settings"),
    ]
    lines += [
        row(
            shown(arms, engine, part),
            base,
            f"`{part.name}`: " + ", ".join(f"`{word}`" for word in part.words),
            part.reason,
        )
        for part in factors(engine)
    ]
    return "\n".join([*lines, row(arms[f"{engine}:tuned"], base, "all together: `tuned`", "")])


def main(argv: list[str] | None = None) -> int:
    """Make, or complete, the study of each engine and put its table into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", choices=[*_LOADS, []])
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args(argv)
    for engine in arguments.engines or list(_LOADS):
        new = table(engine, study(engine, arguments.repeats))
        print(new)
        put(DOCUMENT, engine, new)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
