"""What one probe of a rate says, read from the summary of its run. Pure.

A probe is judged by the code that judges every run; here its verdict becomes one of a few outcomes. The order
of blame is the verdict's: generator, broker, machine, engine. A load that was not offered says nothing about who
should have carried it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config import MUST_COUNT_MARGIN_MS
from windowbench.capacity.objective import Objective
from windowbench.judge.verdict.reasons import BEHIND, Party, ReasonCode
from windowbench.runs.files.capacity import Outcome
from windowbench.runs.files.summary import NotJudged, Summary
from windowbench.runs.files.verdict import Status

BUSY_BROKER = 0.9
"""Share of all cores that an embedded broker takes when it is the broker that cannot go on."""
_GENERATOR_CODES = frozenset(
    {ReasonCode.SENT_DIFFERS_FROM_SCHEDULE, ReasonCode.LATENESS_P99, ReasonCode.LATENESS_EXCEEDS_WATERMARK}
)
_BEHIND_OR_LOST = BEHIND | {ReasonCode.ROWS_MISSING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """An outcome, the words behind it, and the events/s that got through where fewer did than were offered."""

    outcome: Outcome
    why: str = ""
    throughput: float | None = None


def assess(summary: Summary | NotJudged, objectives: Sequence[Objective], *, cores: int) -> Assessment:
    """Return what the run of a probe says about its rate, on a machine of so many cores; all objectives must be met."""
    reasons = summary.verdict.reasons
    words = "; ".join(reason.text for reason in reasons)
    if isinstance(summary, NotJudged):
        return Assessment(outcome=Outcome.INCONCLUSIVE, why=words)
    if summary.verdict.status is Status.VALID:
        return _valid(summary, objectives)
    codes = {reason.code for reason in reasons}
    late = bool(codes & _GENERATOR_CODES)
    broker = _broker_words(summary, cores, late=late)
    if broker or late:
        outcome = Outcome.BROKER_SATURATED if broker else Outcome.GENERATOR_SATURATED
        why = f"{broker}; {words}" if broker else f"{words}; {_who_had_the_cores(summary, cores)}"
        return Assessment(outcome=outcome, why=why, throughput=_sent_rate(summary))
    if any(reason.party != Party.ENGINE for reason in reasons):
        return Assessment(outcome=Outcome.INCONCLUSIVE, why=words)
    if codes <= _BEHIND_OR_LOST and codes & BEHIND:
        return Assessment(outcome=Outcome.UNSUSTAINABLE, why=words, throughput=_kept_rate(summary))
    return Assessment(outcome=Outcome.INEXACT, why=words)


def _valid(summary: Summary, objectives: Sequence[Objective]) -> Assessment:
    missed = [objective for objective in objectives if not objective.met_by(summary)]
    if not missed:
        return Assessment(outcome=Outcome.SUSTAINABLE)
    words = "; ".join(f"{o.statistic.name} is {_shown(o.statistic.of(summary))}, not {o}" for o in missed)
    return Assessment(outcome=Outcome.OBJECTIVE_MISSED, why=words)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def _broker_words(summary: Summary, cores: int, *, late: bool) -> str:
    """Return what says that the broker could not go on, empty where nothing does.

    Acknowledgements count only where the load was `late` as well: on a machine shared with a busy engine they take
    long, but as long as every event is handed over in time nobody is held up.
    """
    generator, busy = summary.generator, summary.host.cpu_broker
    if generator.failed:
        return f"the broker took {generator.failed} events not in time or not at all"
    ack = generator.ack_p99_ms
    if late and ack is not None and ack > MUST_COUNT_MARGIN_MS:
        return f"P99 of acknowledgement is {ack:.0f} ms, above {MUST_COUNT_MARGIN_MS} ms"
    if busy > BUSY_BROKER * cores:
        return f"the broker took {busy:.2f} of {cores} cores"
    return ""


def _who_had_the_cores(summary: Summary, cores: int) -> str:
    """Return how much of the machine each had: a generator that gave out may have been left nothing by the engine."""
    host = summary.host
    had = (("engine", host.cpu_engine), ("broker", host.cpu_broker), ("producers", host.cpu_producers))
    return f"of {cores} cores " + ", ".join(f"{name} had {taken:.2f}" for name, taken in had)


def _sent_rate(summary: Summary) -> float | None:
    """Return the events/s that were sent in time in the measured phase, None where that was the whole load."""
    generator = summary.generator
    if generator.sent_measured >= generator.scheduled_measured:
        return None
    return generator.sent_measured / summary.load.measured_seconds


def _kept_rate(summary: Summary) -> float | None:
    """Return the events/s that an overloaded engine got through, None where its latency did not grow.

    Notes
    -----
    Offered r and served s, the backlog after t seconds is (r - s) t events, which takes (r - s) t / s seconds:
    excess, and the age of an update, grow by r / s - 1 seconds a second.
    """
    slope = summary.steady_state.slope
    if slope is None or slope.estimate <= 0:
        return None
    return summary.load.scheduled_rate / (1 + slope.estimate / 1000)
