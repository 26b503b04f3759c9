"""What ``summary.json`` says of a run's load: what was scheduled, what was sent, what its arrivals look like."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Hardship(enum.StrEnum):
    """What a load can ask of an engine beside its rate."""

    DISORDER = "disorder"
    LATE_EVENTS = "late_events"
    IDLE_PARTITION = "idle_partition"
    BURSTS = "bursts"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFigures:
    """The load of a run; rates are of all producers, in events per second of the measured phase.

    Attributes
    ----------
    arrivals : str
        Arrival process.
    producers : int
    events_per_producer : int
    nominal_rate, scheduled_rate : float
        Configured, and of the schedule that was drawn.
    path_rate : float or None
        Mean rate along the MMPP path; None for other processes.
    measured_seconds : float
    window_size_ms, slide_ms, watermark_delay_ms : int
    scope : dict of str to int
        How many there are of what rows are made for, by a word for it.
    seed : int
    blind : bool
        Whether a salt was added to the seed.
    lacking : tuple of Hardship or None
        What the load had none of, so that rows that are exact say nothing about it; None where nobody looked.
    """

    arrivals: str
    producers: int
    events_per_producer: int
    nominal_rate: float
    scheduled_rate: float
    path_rate: float | None
    measured_seconds: float
    window_size_ms: int
    slide_ms: int
    watermark_delay_ms: int
    scope: dict[str, int]
    seed: int
    blind: bool = False
    lacking: tuple[Hardship, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class SentFigures:
    """Counts and times of a run's load; "measured" is about events due in the measured phase.

    Attributes
    ----------
    scheduled, sent : int
        Events of the whole load; `sent` also holds any beyond the schedule.
    scheduled_measured, sent_measured : int
        Events due in the measured phase, and those of them that were sent before it ended, give or take the
        lateness that a valid run may show.
    early : int
        Events sent before they were due, by floored ms, in the whole load.
    lateness_p50_ms, lateness_p99_ms, lateness_max_ms : float or None
        Send time - due time in the measured phase.
    lateness_max_all_ms : float or None
        The same over the whole load.
    ack_p50_ms, ack_p99_ms, ack_max_ms : float or None
        Acknowledged - sent, of the sampled events of the measured phase.
    last_sent_ns : int or None
        When the last event was sent.
    """

    scheduled: int
    sent: int
    scheduled_measured: int
    sent_measured: int
    early: int
    lateness_p50_ms: float | None
    lateness_p99_ms: float | None
    lateness_max_ms: float | None
    lateness_max_all_ms: float | None
    ack_p50_ms: float | None
    ack_p99_ms: float | None
    ack_max_ms: float | None
    last_sent_ns: int | None


@dataclass(frozen=True, kw_only=True)
class TopicFigures:
    """What reading the events topic again found.

    Attributes
    ----------
    acknowledged, failed : int
        Events by what the producers' clients reported.
    missing : int
        Acknowledged events that are not in the topic.
    duplicated, time_mismatch : int
        Events that are in the topic more than once, or with another produce time than recorded.
    foreign : int
        Records of others.
    end_records : int
        END records of this run, of which the harness writes one for each partition.
    """

    acknowledged: int = 0
    failed: int = 0
    missing: int = 0
    duplicated: int = 0
    time_mismatch: int = 0
    foreign: int = 0
    end_records: int = 0


@dataclass(frozen=True, kw_only=True)
class GeneratorFigures(TopicFigures, SentFigures):
    """What the generator did, by its own record and by the events topic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KsTest:
    """A one-sample Kolmogorov-Smirnov test."""

    n: int
    statistic: float
    """Greatest distance between the empirical and the expected distribution function."""
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispersion:
    """The index of dispersion of counts: variance over mean of the counts in equal bins."""

    bin_ns: int
    bins: int
    index: float
    standard_error: float
    """Sampling error of `index`."""
    expected: float
    """Closed form for the process."""

    @property
    def z(self) -> float:
        """Distance from the closed form in standard errors."""
        return (self.index - self.expected) / self.standard_error


@dataclass(frozen=True, kw_only=True, slots=True)
class SojournMean:
    """How long a path stayed in one state at a time."""

    state: int
    exits: int
    """How often the path left the state."""
    mean_s: float | None
    """Time spent in the state by exits from it; None without an exit."""
    expected_s: float
    z: float | None
    """Distance of the exits from what the time in the state lets expect, in standard errors; None without any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoodnessOfFit:
    """How well a realised schedule fits its process; a figure that is None has its reason in `reasons`."""

    process: str
    events: int
    nominal_rate: float
    """Configured events per second of all producers."""
    realised_rate: float
    """Events of this schedule per second."""
    path_rate: float | None
    """Mean rate along the MMPP path; None for other processes."""
    state_changes: int | None
    """Of the MMPP path; None for other processes."""
    few_state_changes: bool
    """Whether the path changed state too rarely for its rate to be near the nominal one."""
    gaps: KsTest | None
    """Gaps against the exponential distribution, for MMPP after time rescaling along the path."""
    dispersion: Dispersion | None
    sojourns: tuple[SojournMean, ...]
    sojourn_shape: KsTest | None
    """Completed sojourns, each over its configured mean, against Exp(1)."""
    bin_spread: int | None
    """Uniform load: greatest less smallest count of equal bins."""
    reasons: dict[str, str]
