"""``summary.json``: every reported number of a run.

It has three forms. :class:`Summary` is that of a run that was judged, :class:`NotJudged` that of one of which nothing
can be said, and :class:`Ended` that of one that ended before there was anything to judge.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from windowbench.runs.files.figures import (
    ClockFigures,
    EngineFigures,
    HostFigures,
    Impossible,
    Interval,
    Latency,
    Part,
    Percentiles,
    Resources,
    Revisions,
    Slope,
    VisibleFigures,
)
from windowbench.runs.files.load import GeneratorFigures, GoodnessOfFit, LoadFigures
from windowbench.runs.files.status import RunStatus, StatusFile
from windowbench.runs.files.verdict import Verdict

# History of summary.json; readers refuse a number they do not know.
# 1: the figures of one type of rows.
# 2: by_metric, the figures of several types. The number was that of the run directory.
# 3: load.scope holds numbers by word, which lay beside it; both slopes of steady_state, null where there is none;
#    P99.9 of latencies, null below 1,000 values.
SUMMARY_VERSION = 3
READABLE_VERSIONS = (2, SUMMARY_VERSION)


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """The latency that ranks; its percentile, with the rows and windows that it comes from.

    Attributes
    ----------
    name : str
        ``excess_ms``, ``freshness_ms``, or one of them from ``visible_``.
    percent : int
    value_ms : float or None
    interval_ms : tuple of two floats, or None
        95 % interval.
    interval_note : str or None
        Why there is none.
    """

    name: str
    percent: int
    value_ms: float | None
    interval_ms: Interval | None
    interval_note: str | None = None
    rows: int = 0
    windows: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricFigures:
    """Rows and latencies of one type of rows."""

    metric: str
    expected: int
    exact: int
    undecidable: int
    wrong_value: int
    missing: int
    measured: int
    e2e_ms: Percentiles
    since_window_end_ms: Percentiles
    excess_ms: Percentiles
    freshness_ms: Percentiles


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingExample:
    """A row that is missing: the start of its window in ms since the Unix epoch, and its key."""

    window_start: int
    key: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCounts:
    """Rows by class, over all windows from warm-up to cool-down.

    Attributes
    ----------
    exact, undecidable, wrong_value, duplicate, conflicting, unexpected, foreign, intermediate, backwards : int
    malformed : int
        As ``docs/measurement.md`` defines them.
    missing, expected : int
        Expected rows that are not there, and all of them.
    explained_by_generator : int
        Rows in error for which what the generator sent late, or not at all, is the reason.
    not_log_append_time : int
        Rows of this run that the broker did not stamp.
    impossible : Impossible
    missing_examples : tuple of MissingExample
    """

    exact: int
    undecidable: int
    wrong_value: int
    duplicate: int
    conflicting: int
    unexpected: int
    foreign: int
    intermediate: int
    backwards: int
    missing: int
    explained_by_generator: int
    expected: int
    not_log_append_time: int
    impossible: Impossible
    missing_examples: tuple[MissingExample, ...]
    malformed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyState:
    """Whether the engine kept up.

    Attributes
    ----------
    excess_slope_ms_per_s, freshness_slope_ms_per_s : Slope or None
        Growth of the latency that stands for the engine; the other one is None, as is one of too few points.
    judged : bool
        Whether growth counts against the run.
    note : str
        The same in words.
    results_lag_s : float or None
        How long the results took after the end of load to reach the last event that must count.
    results_lag_limit_s : float
    """

    excess_slope_ms_per_s: Slope | None = None
    freshness_slope_ms_per_s: Slope | None = None
    judged: bool
    note: str
    results_lag_s: float | None
    results_lag_limit_s: float

    @property
    def slope(self) -> Slope | None:
        """The slope that there is."""
        return self.excess_slope_ms_per_s or self.freshness_slope_ms_per_s


@dataclass(frozen=True, kw_only=True, slots=True)
class StateFigures:
    """Latencies of the rows of one MMPP state, and its rate in events per second."""

    state: int
    rate: float
    rows: int
    e2e_ms: Percentiles
    since_window_end_ms: Percentiles
    excess_ms: Percentiles
    freshness_ms: Percentiles


@dataclass(frozen=True, kw_only=True, slots=True)
class States:
    """Latencies by the MMPP state of the load.

    Attributes
    ----------
    changes : int or None
        How often the load changed its state in the measured phase.
    rule : str
        Which state a row is of.
    by_state : tuple of StateFigures
    """

    changes: int | None
    rule: str
    by_state: tuple[StateFigures, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """``summary.json`` of a run that was judged.

    Attributes
    ----------
    schema_version : int
    run_id : str
    verdict : Verdict
    headline : Headline or None
        None unless the run is valid.
    load : LoadFigures
    latencies_ms : dict of str to Latency
        By name, of the rows of measured windows.
    visible : VisibleFigures or None
        None where nobody looked when rows became visible.
    revisions : Revisions or None
        None where late events do not revise results.
    by_metric : tuple of MetricFigures
        One for each type of rows, empty where there is one type alone.
    remarks : dict of str to (int or float)
        What the workload has to say of its results.
    window_maxima_ms : dict of str to Percentiles
        Of the greatest value of each window, by latency.
    decomposition_ms : dict of str to Part
        From the due time of the last event of a row to its append time: the parts in their order, and the total.
    partition_wait_ms : Percentiles or None
        What windows waited for the last partition.
    rows : RowCounts
    windows : dict of str to int
        By phase.
    generator, host, external_clock_ms, engine, steady_state
        See their types.
    resources : Resources or None
        None where nothing was sampled.
    states : States or None
        None unless the load is MMPP.
    arrivals : GoodnessOfFit
    status : RunStatus
        How the run ended.
    files : tuple of str
        What the judge wrote, relative to the run's directory.
    """

    schema_version: int
    run_id: str
    verdict: Verdict
    headline: Headline | None
    load: LoadFigures
    latencies_ms: dict[str, Latency]
    visible: VisibleFigures | None = None
    revisions: Revisions | None = None
    by_metric: tuple[MetricFigures, ...] = ()
    remarks: dict[str, int | float] = field(default_factory=dict)
    window_maxima_ms: dict[str, Percentiles]
    decomposition_ms: dict[str, Part]
    partition_wait_ms: Percentiles | None = None
    rows: RowCounts
    windows: dict[str, int]
    generator: GeneratorFigures
    host: HostFigures
    external_clock_ms: ClockFigures
    resources: Resources | None = None
    engine: EngineFigures
    steady_state: SteadyState
    states: States | None = None
    arrivals: GoodnessOfFit
    status: RunStatus = RunStatus.UNKNOWN
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NotJudged:
    """``summary.json`` of a run of which nothing can be said."""

    schema_version: int
    run_id: str
    verdict: Verdict
    status: RunStatus = RunStatus.UNKNOWN
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """``summary.json`` of a run that ended before it was judged; as ``status.json`` says it."""

    schema_version: int
    run_id: str
    status: RunStatus
    phase: str
    exit_code: int | None
    error: str | None
    remedy: str | None = None
    log_tail: tuple[str, ...] = ()

    @classmethod
    def of(cls, run_id: str, ended: StatusFile) -> Ended:
        """Return the summary of a run from how it ended."""
        fields = {field.name: getattr(ended, field.name) for field in dataclasses.fields(ended)}
        return cls(**{**fields, "schema_version": SUMMARY_VERSION, "run_id": run_id})


@dataclass(frozen=True, kw_only=True, slots=True)
class PairTopics:
    """The topics of a pair; `rejected` is how many records of the first are no events."""

    events_topic: str
    result_topic: str
    events: int
    rejected: int
    results: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PairSummary:
    """``summary.json`` of two topics without a run directory; its fields are those of :class:`Summary`."""

    schema_version: int
    run_id: str
    verdict: Verdict
    topics: PairTopics
    latencies_ms: dict[str, Latency]
    window_maxima_ms: dict[str, Percentiles]
    rows: RowCounts
    files: tuple[str, ...] = ()


AnySummary = Summary | NotJudged | Ended


def form_of(content: dict[str, Any]) -> type[Summary] | type[NotJudged] | type[Ended]:
    """Return which form the content of a ``summary.json`` has."""
    if "verdict" not in content:
        return Ended
    return Summary if "load" in content else NotJudged


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a ``summary.json`` of any readable version as that of the newest one."""
    load = content.get("load")
    if isinstance(load, dict) and isinstance(load.get("scope"), list):
        words = load["scope"]
        scope = {word: load[word] for word in words if word in load}
        content = {**content, "load": {**{k: v for k, v in load.items() if k not in scope}, "scope": scope}}
    return content
