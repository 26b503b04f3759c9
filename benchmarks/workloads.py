"""Every workload on Spark and Flink, one run after the other, and how fast its events are made: make bench-workloads.

    python -m benchmarks.workloads                                 all, 5,000 events/s, about 5 minutes a run
    python -m benchmarks.workloads product_ctr --engines flink     one of them
    python -m benchmarks.workloads --rate product_ctr=2000         at another rate
    python -m benchmarks.workloads --resume --docs                 what is still missing, then docs/workloads.md

Broker, producers and engine share the machine. A run has the profile ``bench``: 120 s of warm-up, in which a JVM's
compiler does most of its work, and 120 s measured, in windows of 2 s. Figures are kept in artifacts/workloads.json as
soon as a run is over; ``--resume`` leaves out what is there under the same load. ``--docs`` puts the table of all that
is kept into docs/workloads.md. Exit code 1 says that a target was missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine_runs import Seen, run
from benchmarks.marked import put
from benchmarks.started import ROOT
from benchmarks.stored import keep, machine, stored
from benchmarks.table import Figure, show
from config import Config
from data_generation import encoder_of, event_blocks
from windowbench.configuration.profiles import profile_values
from windowbench.errors import HarnessError, run_program
from windowbench.judge.figures import headline_of
from windowbench.judge.verdict.reasons import BEHIND
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import NS_PER_S, plan
from windowbench.orchestrate.environment import describe_environment
from windowbench.report.run_facts import state_kept
from windowbench.workloads import WORKLOADS

ENGINES = ("spark", "flink")
RATE = 5_000.0
KEPT = Path("artifacts") / "workloads.json"
DOCUMENT = ROOT / "docs" / "workloads.md"
GENERATOR = "generator"
"""Stands in the place of an engine for the figures of a workload's events."""
MADE_TARGET = 100_000
MADE_EVENTS = 200_000
MADE_ROUNDS = 5
_BESIDE_SECONDS = 45
"""About what a run takes beside its load."""
_FAILED = "failed"
_COLUMNS = (
    "events/s", "verdict", "rows exact", "sustained", "latency", "P50, ms", "P90, ms", "state", "checkpoint P50, ms",
    "checkpoint max, ms", "CPU-s per million events",
)  # fmt: skip
_MADE = "events made, 1/s per core"


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """One run: which workload on which engine, events per second, s of warm-up and s measured."""

    workload: str
    engine: str
    rate: float
    warmup: float
    duration: float

    @property
    def name(self) -> str:
        """Name of its figures among those kept."""
        return f"{self.workload} {self.engine}"

    @property
    def minutes(self) -> float:
        """About how long it takes."""
        return (self.warmup + self.duration + _BESIDE_SECONDS) / 60

    @property
    def flags(self) -> tuple[str, ...]:
        """What makes the run so."""
        return (
            f"--workload={self.workload}",
            f"--engine={self.engine}",
            "--profile=bench",
            f"--rate={self.rate:g}",
            f"--warmup={self.warmup:g}",
            f"--duration={self.duration:g}",
        )

    def figures(self) -> list[Figure]:
        """Return the load as figures, by which it is known again."""
        lengths = {"events/s": self.rate, "warm-up, s": self.warmup, "measured, s": self.duration}
        return [Figure(name, round(value) if value.is_integer() else value) for name, value in lengths.items()]


def figures_of(load: Load, seen: Seen) -> list[Figure]:
    """Return what a run showed, each figure beside its target."""
    summary = seen.summary
    if "rows" not in summary:
        return failed(load)
    verdict, rows, engine = summary["verdict"], summary["rows"], summary["engine"]
    codes = [reason["code"] for reason in verdict["reasons"]]
    too_slow = BEHIND.intersection(codes)
    headline = summary["headline"]
    latency = headline["name"].removesuffix("_ms") if headline else headline_of(engine["output_mode"])
    spent = (summary["resources"] or {}).get("cpu_seconds_per_million_events", {}).get("engine")
    exact, expected = rows["exact"], rows["expected"]
    return [
        *load.figures(),
        Figure("verdict", verdict["verdict"], "valid", verdict["verdict"] == "valid"),
        Figure("rows exact", f"{exact:,} of {expected:,}", "all", exact >= expected > 0),
        Figure("sustained", "no" if too_slow else "yes", "yes", not too_slow),
        Figure("latency", f"{latency}_ms"),
        seen.figure("P50, ms", latency, 50),
        seen.figure("P90, ms", latency, 90),
        Figure("state", state_kept(engine) or "-"),
        Figure("checkpoint P50, ms", _rounded(engine["checkpoint_p50_ms"])),
        Figure("checkpoint max, ms", _rounded(engine["checkpoint_max_ms"])),
        Figure("CPU-s per million events", _rounded(spent)),
    ]


def failed(load: Load) -> list[Figure]:
    """Return the figures of a run that did not come to its end."""
    return [*load.figures(), Figure("verdict", _FAILED, "valid", met=False)]


def _rounded(value: float | None) -> float | str:
    return "-" if value is None else round(value)


def made(workload: str) -> list[Figure]:
    """Return how many events a second one core draws and renders, in blocks, as a producer does under a dense load."""
    config = Config().replace(workload=workload, rate=100_000.0, events_per_producer=None)
    schedule, encoder = plan(config, time.time_ns()), encoder_of(config)
    rates = []
    for _ in range(MADE_ROUNDS):
        count, started = 0, time.process_time()
        for block in event_blocks(config, 0, arrival_offsets(config, 0), 3600 * NS_PER_S):
            encoder.keys(block)
            count += len(encoder.encode(block, schedule))
            if count >= MADE_EVENTS:
                break
        rates.append(count / (time.process_time() - started))
    rate = round(statistics.median(rates))
    return [Figure(_MADE, rate, f">= {MADE_TARGET:,}", rate >= MADE_TARGET)]


def measured(load: Load) -> list[Figure]:
    """Make one run; one that fails says why itself, and the others go on."""
    try:
        seen = run(*load.flags)
    except (HarnessError, OSError, ValueError, KeyError):  # it left no summary, or no schedule
        return failed(load)
    for reason in (seen.summary.get("verdict") or {}).get("reasons", ()):
        print(f"  {reason['party']}: {reason['text']} [{reason['code']}]")
    return figures_of(load, seen)


def is_kept(load: Load, kept: Mapping[str, Sequence[Figure]]) -> bool:
    """Whether a run of this load came to its end before, on this machine."""
    figures = kept.get(load.name, ())
    return set(load.figures()) <= set(figures) and not any(figure.value == _FAILED for figure in figures)


def table(kept: Mapping[str, Sequence[Figure]]) -> str:
    """Return everything that is kept as a table, the targets in its first row, as Markdown."""
    by_name = {name: {figure.name: figure for figure in figures} for name, figures in kept.items()}
    targets = {f.name: f.target for figures in by_name.values() for f in figures.values() if f.target}
    columns = [*_COLUMNS, _MADE]
    lines = [
        "| workload | engine | " + " | ".join(columns) + " |",
        "| --- | --- |" + " ---: |" * len(columns),
        "| target | | " + " | ".join(targets.get(column, "") for column in columns) + " |",
    ]
    for name, found in by_name.items():
        workload, engine = name.split()
        if engine != GENERATOR:
            both = {**found, **by_name.get(f"{workload} {GENERATOR}", {})}
            lines.append(f"| {workload} | {engine} | " + " | ".join(_cell(both.get(one)) for one in columns) + " |")
    return "\n".join(lines)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    value = figure.value if isinstance(figure.value, str) else f"{figure.value:,.10g}"
    return value if figure.met else f"{value} (missed)"


def document(kept: Mapping[str, Sequence[Figure]]) -> str:
    """Return the table with what it was measured on, as it stands in the documentation."""
    about = (
        f"On {machine(describe_environment(Path(), java=None, broker={}))}, which held broker and producers as well;"
        f" {_values(kept, 'warm-up, s')} s of warm-up and {_values(kept, 'measured, s')} s measured. CPU-seconds are"
        " those of the engine."
    )
    return f"{about}\n\n{table(kept)}"


def _values(kept: Mapping[str, Sequence[Figure]], name: str) -> str:
    """Return every value that a figure has in any run."""
    found = {str(figure.value) for figures in kept.values() for figure in figures if figure.name == name}
    return " or ".join(sorted(found, key=float))


def rates_of(words: Sequence[str]) -> dict[str, float]:
    """Return the rates that were asked for, by workload.

    Raises
    ------
    ValueError
        For what is no NAME=RATE of a workload that there is.
    """
    found = {}
    for word in words:
        name, _, rate = word.partition("=")
        if name not in WORKLOADS:
            msg = f"--rate {word}: there is no workload {name!r}; there are {', '.join(WORKLOADS)}"
            raise ValueError(msg)
        try:
            found[name] = float(rate)
        except ValueError:
            found[name] = 0.0
        if not 0 < found[name] < float("inf"):
            msg = f"--rate {word}: give a number of events per second, as in --rate {name}=2000"
            raise ValueError(msg)
    return found


def loads(arguments: argparse.Namespace) -> Iterator[Load]:
    """Yield the runs that were asked for.

    Raises
    ------
    ValueError
        For a rate or an engine that cannot be.
    """
    rates, engines = rates_of(arguments.rate), arguments.engines.split(",")
    if unknown := [engine for engine in engines if engine not in ENGINES]:
        msg = f"--engines {arguments.engines}: there is no engine {unknown[0]!r} here; there are {', '.join(ENGINES)}"
        raise ValueError(msg)
    for workload in arguments.workloads or WORKLOADS:
        profile = profile_values("bench", workload)
        for engine in engines:
            yield Load(
                workload=workload,
                engine=engine,
                rate=rates.get(workload, RATE),
                warmup=float(str(arguments.warmup or profile["warmup_seconds"])),
                duration=float(str(arguments.duration or profile["duration_seconds"])),
            )


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.workloads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words.add_argument(
        "workloads",
        nargs="*",
        choices=[*WORKLOADS, []],
        metavar="WORKLOAD",
        help=f"which ones of {', '.join(WORKLOADS)}; all when none is named",
    )
    words.add_argument("--engines", default=",".join(ENGINES), help="which ones, with commas between")
    words.add_argument(
        "--rate", action="append", default=[], metavar="NAME=EVENTS", help="events/s of a workload instead of 5,000"
    )
    words.add_argument("--warmup", type=float, metavar="S", help="instead of the 120 s of the profile bench")
    words.add_argument("--duration", type=float, metavar="S", help="instead of the 120 s of the profile bench")
    words.add_argument("--resume", action="store_true", help="leave out what is kept of the same load and machine")
    words.add_argument("--docs", action="store_true", help="put the table of all that is kept into docs/workloads.md")
    return words


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return 1 when a target was missed."""
    command_line = parser()
    arguments = command_line.parse_args(argv)
    try:
        wanted = list(loads(arguments))
    except ValueError as error:
        command_line.error(str(error))
    kept = stored(KEPT) if arguments.resume else {}
    left = [load for load in wanted if not is_kept(load, kept)]
    print(machine(describe_environment(Path(), java=None, broker={})))
    print(f"{len(left)} of {len(wanted)} runs to make, about {sum(load.minutes for load in left):.0f} minutes")
    for workload in dict.fromkeys(load.workload for load in left):
        print(f"\n{workload}: how fast its events are made", flush=True)
        found = made(workload)
        show(found)
        keep({f"{workload} {GENERATOR}": found}, KEPT)
    for number, load in enumerate(left, start=1):
        about = f"{load.rate:,g} events/s, {load.warmup:g} s of warm-up, {load.duration:g} s measured"
        print(f"\nrun {number} of {len(left)}: {load.name}, {about}; {load.minutes:.0f} minutes", flush=True)
        found = measured(load)
        show(found)
        keep({load.name: found}, KEPT)
    everything = stored(KEPT)
    print(f"\n{table(everything)}\n\nkept in {KEPT}")
    if arguments.docs:
        put(DOCUMENT, "benchmark of workloads", document(everything))
        print(f"put into {DOCUMENT.relative_to(ROOT)}")
    names = [*(load.name for load in wanted), *(f"{load.workload} {GENERATOR}" for load in wanted)]
    return 0 if all(figure.met for name in names for figure in everything.get(name, ())) else 1


if __name__ == "__main__":
    sys.exit(run_program(main))
