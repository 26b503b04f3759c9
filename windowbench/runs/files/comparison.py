"""``comparison.json``: finished runs beside each other. Text, Markdown and the page are made from it alone.

Durations are in ms, shares in percent. All text is as its source gave it; whoever shows it escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from windowbench.runs.files.figures import Interval, Percentiles

# History of comparison.json; readers refuse a number they do not know.
# 1: as this module names it.
COMPARISON_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure with its 95 % interval.

    Attributes
    ----------
    value : float or None
        None of a share of a base that is not above 0.
    interval : tuple of two floats, or None
    note : str or None
        Why there is no interval.
    """

    value: float | None
    interval: Interval | None
    note: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedBy:
    """By what arms are ranked: a latency (``excess_ms``), its percentile, and a sentence that says why."""

    metric: str
    percent: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmLatency:
    """A latency of an arm: the mean of the runs' percentiles, and [percent, ms] over all rows for a curve."""

    p50: Figure
    p90: Figure
    quantiles: tuple[tuple[float, float], ...]

    def at(self, percent: int) -> Figure:
        """Return the figure of a percentile: 50 or 90."""
        return {50: self.p50, 90: self.p90}[percent]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedArm:
    """An engine with a configuration; its runs are repeats of each other.

    Attributes
    ----------
    label : str
        As shown, unique: "spark", "flink,idle_timeout_ms=0".
    engine, mode : str
        Engine; "append" or what else its rows are.
    settings : dict of str to value
        Settings in which the arm differs from another one.
    runs : tuple of str
        Ids of all its runs, eligible or not.
    repeats, windows, rows : int
        What its figures come from: eligible runs, measured windows, rows that count.
    level : str
        "between runs" (3 repeats or more) or "within runs only".
    latencies_ms : dict of str to ArmLatency
        By metric; empty without an eligible run.
    rank : int or None
        1 is least by ``ranked_by``; None without an eligible run.
    effective_settings : dict of str to str
        What the engine of its first run reported.
    """

    label: str
    engine: str
    mode: str
    settings: dict[str, Any]
    runs: tuple[str, ...]
    repeats: int
    windows: int
    rows: int
    level: str
    latencies_ms: dict[str, ArmLatency]
    rank: int | None
    effective_settings: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedLoad:
    """The load of a run, None each where its summary does not say."""

    arrivals: str | None
    nominal_rate: float | None
    scheduled_rate: float | None
    path_rate: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRun:
    """A run, in the order in which runs were given.

    Attributes
    ----------
    run_id, directory : str
        The directory as the user gave it.
    arm : str or None
        None when not even the configuration can be read.
    status, verdict : str
        "completed", "failed", "aborted", "damaged", "running", "unknown"; and a verdict.
    ranked : bool
        Whether its rows are in the figures.
    reason : str or None
        Why not.
    exit_code : int
        What the run says about itself in a command's exit code.
    seed : int or None
    blind : bool
        Whether a salt was added to the seed.
    started_ns : int or None
        Epoch of its load.
    windows, rows : int
    latencies_ms : dict of str to Percentiles
        As in the run's own summary; empty where it has none.
    load : ComparedLoad
    """

    run_id: str
    directory: str
    arm: str | None
    status: str
    verdict: str
    ranked: bool
    reason: str | None
    exit_code: int
    seed: int | None
    blind: bool
    started_ns: int | None
    windows: int
    rows: int
    latencies_ms: dict[str, Percentiles]
    load: ComparedLoad


@dataclass(frozen=True, kw_only=True, slots=True)
class MannWhitneyFigures:
    """How often a window of the arm is slower than one of the base; descriptive, it takes windows for independent.

    Attributes
    ----------
    probability_slower : float
        Ties count half.
    p_value : float
    windows : tuple of two ints
        Of the base and of the arm.
    note : str
    """

    probability_slower: float
    p_value: float
    windows: tuple[int, int]
    note: str


Conclusion = Literal["slower", "faster", "no difference shown", "undecided"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmDifference:
    """How an arm differs from the base in a percentile of a metric.

    Attributes
    ----------
    arm, base, metric : str
    percent : int
        50 or 90.
    ranks : bool
        Whether this metric may be compared between these arms.
    base_value_ms, value_ms : float
    difference_ms : Figure
        Arm less base.
    change_percent : Figure
        The difference in percent of the base.
    level : str
        "between runs" or "within runs only".
    paired : bool
        Whether runs of equal seeds were taken as pairs.
    repeats, windows : tuple of two ints
        Of the base and of the arm.
    conclusion : str
        "undecided" where there is no interval.
    mann_whitney : MannWhitneyFigures or None
    """

    arm: str
    base: str
    metric: str
    percent: int
    ranks: bool
    base_value_ms: float
    value_ms: float
    difference_ms: Figure
    change_percent: Figure
    level: str
    paired: bool
    repeats: tuple[int, int]
    windows: tuple[int, int]
    conclusion: Conclusion
    mann_whitney: MannWhitneyFigures | None


Outcome = Literal["kept", "missed", "inconclusive", "undecided"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdResult:
    """What a threshold says of an arm; "undecided" without a valid run, or without an interval."""

    arm: str
    value: float | None
    interval: Interval | None
    outcome: Outcome
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedThreshold:
    """A ``--fail-on`` and what it says of each arm but the base; the unit of its limit is ``%`` or ``ms``."""

    expression: str
    metric: str
    percent: int
    limit: float
    unit: str
    results: tuple[ThresholdResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDifference:
    """A setting in which arms differ, with its value by label of the arm."""

    setting: str
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadDifference:
    """A field of the load in which runs of an arm, or arms, differ; its value by run id."""

    field: str
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentDifference:
    """A field of the environment in which runs differ; `refused` where that needs ``--allow-different-environment``."""

    field: str
    values: dict[str, Any]
    refused: bool


Source = Literal["reported", "configured", "default", "fixed", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityValue:
    """A value with where it is known from: the engine, our configuration, its default, or how it works."""

    value: str | None
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityLine:
    """A setting that decides latency, with its value by label of the arm."""

    name: str
    values: dict[str, ParityValue]
    equal: bool
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Content of ``comparison.json``.

    Attributes
    ----------
    schema_version : int
    kind : str
        ``comparison``.
    name : str or None
        The comparison's own name (of ``versus``: its directory), None for runs picked by hand.
    base : str or None
        Label of the arm that the others are compared with; None when no run is eligible.
    ranked_by : RankedBy
    arms : tuple of ComparedArm
        The base first.
    runs : tuple of ComparedRun
    differences : tuple of ArmDifference
        One for each arm but the base, metric and percentile.
    thresholds : tuple of JudgedThreshold
    configuration_differences : tuple of SettingDifference
    load_differences : tuple of LoadDifference
    environment_differences : tuple of EnvironmentDifference
    parity : tuple of ParityLine
    warnings : tuple of str
    exit_code : int
        The worst of all runs and thresholds.
    """

    schema_version: int = COMPARISON_VERSION
    kind: Literal["comparison"] = "comparison"
    name: str | None = None
    base: str | None
    ranked_by: RankedBy
    arms: tuple[ComparedArm, ...]
    runs: tuple[ComparedRun, ...]
    differences: tuple[ArmDifference, ...]
    thresholds: tuple[JudgedThreshold, ...] = ()
    configuration_differences: tuple[SettingDifference, ...] = ()
    load_differences: tuple[LoadDifference, ...] = ()
    environment_differences: tuple[EnvironmentDifference, ...] = ()
    parity: tuple[ParityLine, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_code: int
