"""What ``capacity.json`` holds of a search, and the exit code that it stands for. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windowbench.capacity.outcome import Assessment, Outcome, growth_of
from windowbench.capacity.search import Found, Probe
from windowbench.errors import ExitCode

# History of the layout of capacity.json; readers refuse a number they do not know.
# 1: found, plan, objectives, probes with their figures, environment, config.
CAPACITY_SCHEMA_VERSION = 1

_CPU = ("engine", "broker", "producers", "harness")
_EXIT_CODES = {
    Outcome.UNSUSTAINABLE: ExitCode.UNSUSTAINABLE,
    Outcome.OBJECTIVE_MISSED: ExitCode.THRESHOLD_MISSED,
    Outcome.INCONCLUSIVE: ExitCode.VERDICT_UNKNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeRecord:
    """One attempt at a rate, with what its run measured.

    Attributes
    ----------
    number : int
        From 1.
    rate : float
        Events/s offered.
    full : bool
        Whether it was a full run.
    why : str
        What the search wanted to know.
    assessment : Assessment
    seconds : float
        From its start until it was judged.
    run : str
        Its directory, relative to that of the search.
    figures : dict
        See :func:`figures_of`; empty where there was nothing to measure.
    """

    number: int
    rate: float
    full: bool
    why: str
    assessment: Assessment
    seconds: float
    run: str
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def probe(self) -> Probe:
        """What the search needs of it."""
        return Probe(
            rate=self.rate,
            outcome=self.assessment.outcome,
            full=self.full,
            throughput=self.assessment.throughput,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``capacity.json`` holds it."""
        return {
            "number": self.number,
            "rate": self.rate,
            "full": self.full,
            "why": self.why,
            "outcome": str(self.assessment.outcome),
            "words": self.assessment.why,
            "throughput": self.assessment.throughput,
            "seconds": round(self.seconds, 1),
            "run": self.run,
            **self.figures,
        }


def figures_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a search keeps of the run of a probe, from the content of its ``summary.json``."""
    latencies = summary.get("latencies_ms") or {}
    generator, host, steady = (summary.get(name) or {} for name in ("generator", "host", "steady_state"))
    slope = growth_of(summary) or {}
    percents = ("p50", "p90", "p95", "p99", "max", "windows")
    return {
        "verdict": summary["verdict"]["verdict"],
        "latencies_ms": {name: {percent: of.get(percent) for percent in percents} for name, of in latencies.items()},
        "scheduled_rate": (summary.get("load") or {}).get("scheduled_rate"),
        "lateness_p99_ms": generator.get("lateness_p99_ms"),
        "ack_p99_ms": generator.get("ack_p99_ms"),
        "growth_ms_per_s": slope.get("estimate"),
        "results_lag_s": steady.get("results_lag_s"),
        "cores": {name: host.get(f"cpu_{name}") for name in _CPU},
    }


def content_of(
    found: Found | None, probes: Sequence[Mapping[str, Any]], *, circumstances: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what ``capacity.json`` holds.

    Parameters
    ----------
    found : Found or None
        None as long as the search goes on.
    probes : sequence of mapping
        As :meth:`ProbeRecord.as_dict` gives them.
    circumstances : mapping
        Name, engine, the latency that stands for it, objectives, plan, times, environment and configuration.
    """
    return {
        "schema_version": CAPACITY_SCHEMA_VERSION,
        **circumstances,
        "found": None if found is None else found_as_dict(found),
        "probes": list(probes),
    }


def found_as_dict(found: Found) -> dict[str, Any]:
    """Return what was found, in JSON's own types."""
    fields = dataclasses.asdict(found)
    return {**fields, "limited_by": None if found.limited_by is None else str(found.limited_by)}


def exit_code_of(found: Found) -> ExitCode:
    """Return the exit code of a search.

    0 for a rate that a full run confirmed, 21 for one that none did. Where no rate passed, what stood in the way
    decides: 22 unsustainable, 99 an objective was missed, 21 nothing could be said, and 20 everything else.
    """
    if found.confirmed:
        return ExitCode.OK
    if found.rate is not None or found.limited_by is None:
        return ExitCode.VERDICT_UNKNOWN
    return _EXIT_CODES.get(found.limited_by, ExitCode.RUN_INVALID)
