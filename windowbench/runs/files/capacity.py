"""``capacity.json``: a search for the highest rate that an engine sustains. Rates are in events per second."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

from windowbench.runs.files.verdict import Status

# History of capacity.json; readers refuse a number they do not know.
# 1: found, plan, objectives, probes with their figures, environment, config.
# 2: every probe has all its fields, null or empty where its run measured nothing.
CAPACITY_VERSION = 2


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
class ProbeLatency:
    """A latency of a probe, in ms, and the windows that it comes from."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None
    windows: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeRecord:
    """One attempt at a rate, with what its run measured.

    Attributes
    ----------
    number : int
        From 1.
    rate : float
        Offered.
    full : bool
        Whether it was a full run.
    why : str
        What the search wanted to know.
    outcome : Outcome
    words : str
        What speaks for the outcome.
    throughput : float or None
        What got through where that was less than offered.
    seconds : float
        From its start until it was judged.
    run : str
        Its directory, relative to that of the search.
    verdict : Status or None
        None of a run that failed, which measured nothing of what follows either.
    latencies_ms : dict of str to ProbeLatency
    scheduled_rate : float or None
    lateness_p99_ms, ack_p99_ms : float or None
        P99 of the lateness of sends and of the time to acknowledgement.
    growth_ms_per_s : float or None
        Slope of the latency that is judged.
    results_lag_s : float or None
    cores : dict of str to float
        Mean cores used in the measured phase, by process tree.
    """

    number: int
    rate: float
    full: bool
    why: str
    outcome: Outcome
    words: str
    throughput: float | None
    seconds: float
    run: str
    verdict: Status | None = None
    latencies_ms: dict[str, ProbeLatency] = field(default_factory=dict)
    scheduled_rate: float | None = None
    lateness_p99_ms: float | None = None
    ack_p99_ms: float | None = None
    growth_ms_per_s: float | None = None
    results_lag_s: float | None = None
    cores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The end of a search.

    Attributes
    ----------
    rate : float or None
        Highest rate that passed and that no full run refuted; None where none did.
    confirmed : bool
        Whether a full run passed at it.
    bound : float or None
        Lowest rate above it that did not pass; None where no higher one was tried.
    limited_by : Outcome or None
        What stopped at the bound. The generator's or the broker's where it was theirs even once: a limit is the
        engine's only if nothing else was in its way.
    converged : bool
        Whether the bracket is as narrow as asked for; else probes or time were spent first.
    lower_bound : bool
        Whether the engine may well sustain more than the rate: nothing above it was tried, or what stopped there was not
        the engine.
    """

    rate: float | None
    confirmed: bool
    bound: float | None
    limited_by: Outcome | None
    converged: bool
    lower_bound: bool = False

    @classmethod
    def of(
        cls, *, rate: float | None, confirmed: bool, bound: float | None, limited_by: Outcome | None, converged: bool
    ) -> Found:
        """Return what was found, with whether it is a lower bound."""
        engines_limit = limited_by is not None and limited_by.is_the_engines
        return cls(
            rate=rate,
            confirmed=confirmed,
            bound=bound,
            limited_by=limited_by,
            converged=converged,
            lower_bound=rate is not None and not engines_limit,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Where to search and how finely.

    Attributes
    ----------
    start, lowest, highest : float
        No other rate than from lowest to highest is tried.
    factor : float
        Of one rate to the next while there is no bracket.
    tolerance : float
        Width of the bracket at which the search is over, as a share of its lower end.
    most_probes, most_full : int
        Short probes and full runs at most.
    """

    start: float
    lowest: float = 1.0
    highest: float = 10_000_000.0
    factor: float = 2.0
    tolerance: float = 0.03
    most_probes: int = 16
    most_full: int = 4


SearchStatus = Literal["searching", "completed", "aborted"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """Content of ``capacity.json``.

    Attributes
    ----------
    schema_version : int
    name : str
        Of the search, and of its directory.
    status : str
        "searching", "completed" or "aborted".
    error : str or None
        Why it was aborted.
    engine, headline : str
        The latency that stands for the engine: "excess" and so on.
    objectives : tuple of str
        All must be met.
    plan : Plan
    time_limit_s, seconds : float
        Time allowed and taken.
    environment, config, origins : dict
        As a run has them.
    found : Found or None
        None as long as the search goes on.
    probes : tuple of ProbeRecord
    """

    schema_version: int = CAPACITY_VERSION
    name: str
    status: SearchStatus
    error: str | None
    engine: str
    headline: str
    objectives: tuple[str, ...]
    plan: Plan
    time_limit_s: float
    seconds: float
    environment: dict[str, Any]
    config: dict[str, Any]
    origins: dict[str, str]
    found: Found | None
    probes: tuple[ProbeRecord, ...]
