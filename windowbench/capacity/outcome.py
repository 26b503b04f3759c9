"""What one probe of a rate says, read from the summary of its run. Pure.

A probe is judged by the code that judges every run; here its verdict becomes one of a few outcomes. The order
of blame is the verdict's: generator, broker, machine, engine. A load that was not offered says nothing about who
should have carried it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config import MUST_COUNT_MARGIN_MS
from windowbench.capacity.objective import Objective
from windowbench.judge.verdict.verdict import Party, Status

BUSY_BROKER = 0.9
"""Share of all cores that an embedded broker takes when it is the broker that cannot go on."""
_GENERATOR_CODES = frozenset({"sent_differs_from_schedule", "lateness_p99", "lateness_exceeds_watermark"})
_BEHIND_CODES = frozenset({"excess_grows", "freshness_grows", "results_lag"})
_BEHIND_OR_LOST = frozenset({"rows_missing"})
Summary = Mapping[str, Any]


class Outcome(enum.StrEnum):
    """What became of a rate."""

    SUSTAINABLE = "sustainable"
    UNSUSTAINABLE = "unsustainable"
    OBJECTIVE_MISSED = "SLO missed"
    INEXACT = "inexact"
    GENERATOR_SATURATED = "generator saturated"
    BROKER_SATURATED = "broker saturated"
    INCONCLUSIVE = "inconclusive"

    @property
    def is_the_engines(self) -> bool:
        """Whether it is the engine that did not pass."""
        return self in (Outcome.UNSUSTAINABLE, Outcome.OBJECTIVE_MISSED, Outcome.INEXACT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """An outcome, the words behind it, and the events/s that got through where fewer did than were offered."""

    outcome: Outcome
    why: str = ""
    throughput: float | None = None


def assess(summary: Summary, objectives: Sequence[Objective], *, cores: int) -> Assessment:
    """Return what the run of a probe says about its rate.

    Parameters
    ----------
    summary : mapping
        Content of the run's ``summary.json``.
    objectives : sequence of Objective
        All must be met.
    cores : int
        Of the machine.
    """
    verdict = summary["verdict"]
    if verdict["verdict"] == Status.VALID:
        return _valid(summary, objectives)
    codes = {reason["code"] for reason in verdict["reasons"]}
    words = "; ".join(reason["text"] for reason in verdict["reasons"])
    late = bool(codes & _GENERATOR_CODES)
    broker = _broker_words(summary, cores, late=late)
    if broker:
        return Assessment(outcome=Outcome.BROKER_SATURATED, why=f"{broker}; {words}", throughput=_sent_rate(summary))
    if late:
        return Assessment(outcome=Outcome.GENERATOR_SATURATED, why=words, throughput=_sent_rate(summary))
    if any(reason["party"] != Party.ENGINE for reason in verdict["reasons"]):
        return Assessment(outcome=Outcome.INCONCLUSIVE, why=words)
    if codes <= _BEHIND_CODES | _BEHIND_OR_LOST and codes & _BEHIND_CODES:
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
    generator, host = summary.get("generator") or {}, summary.get("host") or {}
    if generator.get("failed"):
        return f"the broker took {generator['failed']} events not in time or not at all"
    ack = generator.get("ack_p99_ms")
    if late and ack is not None and ack > MUST_COUNT_MARGIN_MS:
        return f"P99 of acknowledgement is {ack:.0f} ms, above {MUST_COUNT_MARGIN_MS} ms"
    busy = host.get("cpu_broker", 0.0)
    if busy > BUSY_BROKER * cores:
        return f"the broker took {busy:.2f} of {cores} cores"
    return ""


def _sent_rate(summary: Summary) -> float | None:
    """Return the events/s that were sent in time in the measured phase, None where that was the whole load."""
    generator, load = summary["generator"], summary["load"]
    if generator["sent_measured"] >= generator["scheduled_measured"]:
        return None
    return float(generator["sent_measured"] / load["measured_seconds"])


def _kept_rate(summary: Summary) -> float | None:
    """Return the events/s that an overloaded engine got through, None where its latency did not grow.

    Notes
    -----
    Offered r and served s, the backlog after t seconds is (r - s) t events, which takes (r - s) t / s seconds:
    excess, and the age of an update, grow by r / s - 1 seconds a second.
    """
    slope = growth_of(summary)
    if slope is None or slope["estimate"] <= 0:
        return None
    return float(summary["load"]["scheduled_rate"] / (1 + slope["estimate"] / 1000))


def growth_of(summary: Summary) -> Mapping[str, float] | None:
    """Return the slope of the latency that is judged, in ms per s, None where there was none to see."""
    steady = summary.get("steady_state") or {}
    return steady.get("excess_slope_ms_per_s") or steady.get("freshness_slope_ms_per_s")
