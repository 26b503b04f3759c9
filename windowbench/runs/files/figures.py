"""Figures of a run that several parts of ``summary.json`` hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentiles:
    """Percentiles by nearest rank, in ms; None each where there are no values, P99.9 where there are fewer than 1,000."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: float | None = None
    max: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part(Percentiles):
    """A part of the decomposition, in ms; the means of the parts add up to that of the whole."""

    mean: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """A latency over the rows of measured windows.

    Attributes
    ----------
    rows, windows : int
        What it comes from.
    p50, p90, p95, p99, p99_9, max : float or None
        As in :class:`Percentiles`.
    p90_interval : tuple of two floats, or None
        95 % interval of P90.
    interval_note : str or None
        Why there is none.
    """

    rows: int
    windows: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: float | None = None
    max: float | None
    p90_interval: Interval | None = None
    interval_note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slope:
    """A slope with the one-sided 95 % bound on either side, in units of y per unit of x.

    Attributes
    ----------
    estimate, low, high : float
    points : int
        How many it comes from.
    span : float
        From the first x to the last; 0 where an earlier version did not say.
    """

    estimate: float
    low: float
    high: float
    points: int
    span: float = 0.0

    @property
    def trends(self) -> bool:
        """Whether the slope differs from 0 beyond what its bounds allow."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Impossible:
    """How many rows show a latency that cannot be; none of them is clipped or left out."""

    e2e_negative: int = 0
    freshness_negative: int = 0
    excess_too_low: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleFigures:
    """Figures of the observation of when rows became visible.

    Attributes
    ----------
    ranks : bool
        Whether what ranks is when rows became visible.
    rows_seen, rows_not_seen : int
        Rows of measured windows that count, by whether the observer was given them.
    before_append : int
        Rows that were seen before they had been appended, of any window.
    calibration : int
        Calibration records of the measured phase.
    overhead_p50_ms, overhead_p90_ms, overhead_max_ms : float or None
        Their visible time - append time: what the observer itself takes; None without any.
    """

    ranks: bool
    rows_seen: int
    rows_not_seen: int
    before_append: int
    calibration: int
    overhead_p50_ms: float | None
    overhead_p90_ms: float | None
    overhead_max_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Revisions:
    """How much late events revised in measured windows.

    Attributes
    ----------
    results, revised : int
        Results that have a value, and those of them that were revised.
    revisions, most : int
        Rows that revised one, in all and of one result at most.
    """

    results: int
    revised: int
    revisions: int
    most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CountError:
    """How far approximate counts are from the truth, in % of it; None each of no rows.

    Attributes
    ----------
    rows : int
        Rows whose true number is one value.
    p50, p90, max : float or None
        Of the error without its sign.
    bias : float or None
        Mean of the error with its sign.
    """

    rows: int
    p50: float | None = None
    p90: float | None = None
    max: float | None = None
    bias: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """CPU time and memory of the process trees; a tree that was not sampled is in none of the mappings.

    Attributes
    ----------
    cpu_seconds : dict of str to (dict of str to float)
        CPU-seconds of each tree in each phase that was sampled.
    cpu_seconds_per_million_events : dict of str to (float or None)
        CPU-seconds of the measured phase over the events sent in it, times a million; None without events.
    memory_bytes : dict of str to int
        Greatest resident memory of each tree.
    """

    cpu_seconds: dict[str, dict[str, float]]
    cpu_seconds_per_million_events: dict[str, float | None]
    memory_bytes: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFigures:
    """Figures of the machine.

    Attributes
    ----------
    samples : int
        Samples in the measured phase.
    longest_gap_s : float
        Longest time without a sample that reaches into the measured phase.
    greatest_step_ms : float
        Greatest change of wall clock - monotonic clock between two samples since the load was planned; signed.
    drift_ppm : float
        Slow change of wall clock - monotonic clock over the run.
    steal, throttled : float
        Mean share of CPU time in the measured phase.
    cpu_harness, cpu_producers, cpu_engine, cpu_broker, cpu_consumer : float
        Mean cores used in the measured phase; that of the result consumer includes its embedded database.
    rss_engine_bytes, rss_broker_bytes, rss_producers_bytes, rss_consumer_bytes : int
        Greatest resident memory.
    """

    samples: int
    longest_gap_s: float = 0.0
    greatest_step_ms: float
    drift_ppm: float
    steal: float
    throttled: float
    cpu_harness: float
    cpu_producers: float
    cpu_engine: float
    cpu_broker: float
    cpu_consumer: float = 0.0
    rss_engine_bytes: int
    rss_broker_bytes: int
    rss_producers_bytes: int
    rss_consumer_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFigures:
    """How far the broker's clock is ahead of ours, and how well that is known, in ms."""

    offset: float
    bound: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFigures:
    """What the engine said of itself, and how it was set up.

    Attributes
    ----------
    name : str
    output_mode : str
        ``append`` or ``update``.
    preset : str or None
        None where its settings are not ours to choose.
    approximate : tuple of str
        What it may count approximately.
    real_time_batch_s : float or None
        Length of a batch in Real-Time Mode, None in any other.
    batches : int
        Micro-batches of the measured phase.
    batch_p50_ms, batch_max_ms : float
        Their length; 0 where the engine reports none.
    state_rows, state_bytes : int or None
        Most that it kept at a time in the measured phase; None where it does not say.
    checkpoints : int
        Those of the measured phase of which it said how long they took.
    checkpoint_p50_ms, checkpoint_max_ms : float or None
        How long; None without any.
    rejected : int
        Records it could not read or believe.
    settings : dict
        The effective settings it reported.
    """

    name: str
    output_mode: str
    preset: str | None = None
    approximate: tuple[str, ...] = ()
    real_time_batch_s: float | None = None
    batches: int
    batch_p50_ms: float
    batch_max_ms: float
    state_rows: int | None = None
    state_bytes: int | None = None
    checkpoints: int = 0
    checkpoint_p50_ms: float | None = None
    checkpoint_max_ms: float | None = None
    rejected: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
