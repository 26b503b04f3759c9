"""What a search keeps of its probes, and the exit code that it stands for. Pure."""

from __future__ import annotations

from typing import Any

from windowbench.capacity.search import Probe
from windowbench.errors import ExitCode
from windowbench.runs.files.capacity import Found, Outcome, ProbeLatency, ProbeRecord
from windowbench.runs.files.summary import NotJudged, Summary

_CPU = ("engine", "broker", "producers", "harness")
_EXIT_CODES = {
    Outcome.UNSUSTAINABLE: ExitCode.UNSUSTAINABLE,
    Outcome.OBJECTIVE_MISSED: ExitCode.THRESHOLD_MISSED,
    Outcome.INCONCLUSIVE: ExitCode.VERDICT_UNKNOWN,
}


def probe_of(record: ProbeRecord) -> Probe:
    """Return what the search needs of a probe."""
    return Probe(rate=record.rate, outcome=record.outcome, full=record.full, throughput=record.throughput)


def figures_of(summary: Summary | NotJudged) -> dict[str, Any]:
    """Return the fields of :class:`ProbeRecord` that the run of a probe fills."""
    verdict = summary.verdict.status
    if isinstance(summary, NotJudged):
        return {"verdict": verdict}
    slope = summary.steady_state.slope
    return {
        "verdict": verdict,
        "latencies_ms": {
            name: ProbeLatency(p50=of.p50, p90=of.p90, p95=of.p95, p99=of.p99, max=of.max, windows=of.windows)
            for name, of in summary.latencies_ms.items()
        },
        "scheduled_rate": summary.load.scheduled_rate,
        "lateness_p99_ms": summary.generator.lateness_p99_ms,
        "ack_p99_ms": summary.generator.ack_p99_ms,
        "growth_ms_per_s": None if slope is None else slope.estimate,
        "results_lag_s": summary.steady_state.results_lag_s,
        "cores": {name: getattr(summary.host, f"cpu_{name}") for name in _CPU},
    }


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
