"""Everything the judge found, and its form in ``summary.json``. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config import Config, OutputMode
from data_generation_mmpp import MmppPath
from windowbench.judge.first_values import FIRST_LATENCIES, FirstValues
from windowbench.judge.measured import MeasuredRows, Phase, RowValues, states_at
from windowbench.judge.measures.bootstrap import RunSample, percentile_intervals, too_few
from windowbench.judge.measures.goodness_of_fit import FEW_STATE_CHANGES
from windowbench.judge.measures.latency import LATENCIES, PARTS
from windowbench.judge.measures.quantiles import percentiles, window_maxima
from windowbench.judge.measures.steady_state import trend_note
from windowbench.judge.truth.comparison import Comparison, RowClass, Truth
from windowbench.judge.updates import Updates
from windowbench.judge.verdict.exercise import Exercise
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.load_series import LoadSeries
from windowbench.judge.verdict.verdict import RowFigures, SustainFigures
from windowbench.judge.visible import VISIBLE_LATENCIES, VisibleRows
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule
from windowbench.runs.files.figures import (
    ClockFigures,
    EngineFigures,
    HostFigures,
    Latency,
    Part,
    Percentiles,
    Resources,
    Slope,
)
from windowbench.runs.files.load import GeneratorFigures, GoodnessOfFit, LoadFigures
from windowbench.runs.files.summary import (
    SUMMARY_VERSION,
    Headline,
    MetricFigures,
    MissingExample,
    RowCounts,
    StateFigures,
    States,
    SteadyState,
    Summary,
)
from windowbench.runs.files.verdict import Status, Verdict
from windowbench.workloads.kit.joined import JoinedCells

HEADLINE_PERCENT = 90
_MISSING_SHOWN = 10


def headline_of(mode: OutputMode) -> str:
    """Return the latency that stands for an engine: what it adds, or how old its newest answer is."""
    return "excess" if mode == "append" else "freshness"


def ranking_latency(mode: OutputMode, *, in_transactions: bool) -> str:
    """Return the latency that ranks: rows of a transaction are of no use to anybody before its commit."""
    by_append_time = headline_of(mode)
    return f"visible_{by_append_time}" if in_transactions else by_append_time


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Rows beside the truth, and what was measured of them."""

    config: Config
    truth: Truth
    comparison: Comparison
    measured: MeasuredRows
    updates: Updates
    phases: NDArray[np.int8]
    row_figures: RowFigures

    def values(self, name: str) -> RowValues:
        """Return a latency over all windows: freshness of every update, any other of the rows that count."""
        if name == "freshness":
            return self.updates.valued(self.updates.freshness)
        return self.measured.valued(getattr(self.measured.latencies, name))

    def sample(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the values of a latency over measured windows, in ns, and the id of each one's window."""
        found = self.values(name)
        return found.ns[found.is_measured], self.truth.cells.closing.ids[found.window[found.is_measured]]


@dataclass(frozen=True, kw_only=True)
class Findings(Compared):
    """Everything the judge found about a run."""

    schedule: Schedule
    generator: GeneratorFigures
    host: HostFigures
    clock: ClockOffset
    engine: EngineFigures
    slope: Slope | None
    sustain: SustainFigures
    path: MmppPath | None
    arrivals: GoodnessOfFit
    load: LoadSeries
    exercise: Exercise
    resources: Resources | None
    in_transactions: bool
    visible: VisibleRows | None = None
    first: FirstValues | None = None
    metrics: tuple[str, ...] = ()
    remarks: Mapping[str, float] = field(default_factory=dict)

    def metric_of(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of the types of rows each cell is of, -1 for no cell."""
        assert isinstance(self.truth.cells, JoinedCells)
        return self.truth.cells.part_of(cells)

    @property
    def by_append_time(self) -> str:
        """The latency by append time that stands for the engine."""
        return headline_of(self.config.output_mode)

    @property
    def headline(self) -> str:
        """The latency that ranks."""
        return ranking_latency(self.config.output_mode, in_transactions=self.in_transactions)

    @property
    def latency_names(self) -> tuple[str, ...]:
        """Every latency of this run; of first values where they are revised, visible ones where somebody looked."""
        first = () if self.first is None else FIRST_LATENCIES
        return (*LATENCIES, *first, *(() if self.visible is None else VISIBLE_LATENCIES))

    def values(self, name: str) -> RowValues:
        """Return a latency over all windows; that until rows were visible of the rows that somebody saw."""
        if self.first is not None and name in FIRST_LATENCIES:
            return self.first.valued(self.first.of(name))
        if self.visible is not None and name in VISIBLE_LATENCIES:
            return self.measured.valued(self.visible.of(name), self.visible.seen)
        return super().values(name)

    @property
    def measured_windows(self) -> int:
        """How many windows of the measured phase must have a row."""
        window = self.truth.cells.window_index(np.flatnonzero(self.truth.required))
        return len(np.unique(window[self.phases[window] == Phase.MEASURED]))

    @property
    def state_changes(self) -> int | None:
        """How often the load changed its MMPP state in the measured phase."""
        if self.path is None:
            return None
        starts = self.path.starts_ns + self.schedule.epoch_ns
        inside = (starts > self.schedule.base_time_ns) & (starts < self.schedule.measure_end_ns)
        return int(np.count_nonzero(inside))

    @property
    def load_warnings(self) -> list[str]:
        """What a reader should know about the load."""
        changes = self.state_changes
        if changes is None or changes >= FEW_STATE_CHANGES:
            return []
        return [f"the load changed its state {changes} times in the measured phase: too few to call its rate typical"]


def summary_of(findings: Findings, verdict: Verdict, *, run_id: str, seed: int) -> Summary:
    """Return every reported number of a run; how it ended and the files that the judge wrote are added by who knows.

    The seed is that of the settings, to which a blind run adds its salt.
    """
    found = latencies(findings, findings.latency_names)
    return Summary(
        schema_version=SUMMARY_VERSION,
        run_id=run_id,
        verdict=verdict,
        headline=_headline(findings.headline, found) if verdict.status is Status.VALID else None,
        load=_load(findings, seed),
        latencies_ms=found,
        visible=None if findings.visible is None else findings.visible.figures,
        revisions=None if findings.first is None else findings.first.figures(),
        by_metric=by_metric(findings),
        remarks=dict(findings.remarks),
        window_maxima_ms=maxima(findings, findings.latency_names),
        decomposition_ms=_decomposition(findings),
        partition_wait_ms=_partition_wait(findings),
        rows=row_counts(findings),
        windows={phase.label: int(np.count_nonzero(findings.phases == phase)) for phase in Phase},
        generator=findings.generator,
        host=findings.host,
        external_clock_ms=ClockFigures(
            offset=findings.clock.offset_ns / NS_PER_MS, bound=findings.clock.bound_ns / NS_PER_MS
        ),
        resources=findings.resources,
        engine=findings.engine,
        steady_state=_steady_state(findings),
        states=_states(findings),
        arrivals=findings.arrivals,
    )


def _load(findings: Findings, seed: int) -> LoadFigures:
    config, schedule = findings.config, findings.schedule
    seconds = (schedule.measure_end_ns - schedule.base_time_ns) / NS_PER_S
    return LoadFigures(
        arrivals=config.load.data_generator,
        producers=config.load.num_producers,
        events_per_producer=config.load.events_label,
        nominal_rate=float(config.load.total_rate),
        scheduled_rate=findings.generator.scheduled_measured / seconds,
        path_rate=None if findings.path is None else _path_rate(findings.path, schedule),
        measured_seconds=seconds,
        window_size_ms=config.windows.size_ms,
        slide_ms=config.windows.slide_ms,
        watermark_delay_ms=config.windows.delay_ms,
        scope=config.workload.scope,
        seed=seed,
        blind=config.run.blind,
        lacking=findings.exercise.lacking(),
    )


def _path_rate(path: MmppPath, schedule: Schedule) -> float:
    """Return the mean rate along the path in the measured phase."""
    low, high = schedule.base_time_ns - schedule.epoch_ns, schedule.measure_end_ns - schedule.epoch_ns
    bounds = np.clip(np.append(path.starts_ns, path.until_ns), low, high)
    return float(np.dot(path.rates, np.diff(bounds)) / (high - low))


def latencies(found: Compared, names: Iterable[str]) -> dict[str, Latency]:
    """Return percentiles over rows of measured windows, with the interval of P90."""
    samples = {name: found.sample(name) for name in names}
    intervals = _intervals(samples)
    described = {}
    for name, (values, window) in samples.items():
        windows, interval = len(np.unique(window)), intervals[name]
        described[name] = Latency(
            rows=len(values),
            windows=windows,
            **dataclasses.asdict(percentiles(values)),
            p90_interval=None if interval is None else (interval[0] / NS_PER_MS, interval[1] / NS_PER_MS),
            interval_note=too_few(windows) if interval is None else None,
        )
    return described


def _intervals(samples: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]) -> dict[str, tuple[int, int] | None]:
    """Return the interval of each latency; those of the same rows share the draws.

    In append mode freshness usually equals ``e2e`` and needs no bootstrap of its own.
    """
    of_rows = [name for name in LATENCIES if name != "freshness"]
    groups = [of_rows, ["freshness"], list(FIRST_LATENCIES), list(VISIBLE_LATENCIES)]
    if np.array_equal(samples["freshness"][0], samples["e2e"][0]):
        groups.remove(["freshness"])
    intervals: dict[str, tuple[int, int] | None] = {}
    for group in groups:
        values = {name: samples[name][0] for name in group if name in samples}
        if values:
            sample = RunSample(values=values, windows=samples[group[0]][1])
            intervals |= percentile_intervals(sample, HEADLINE_PERCENT)
    intervals.setdefault("freshness", intervals["e2e"])
    return intervals


def _headline(name: str, described: Mapping[str, Latency]) -> Headline:
    chosen = described[name]
    return Headline(
        name=f"{name}_ms",
        percent=HEADLINE_PERCENT,
        value_ms=chosen.p90,
        interval_ms=chosen.p90_interval,
        interval_note=chosen.interval_note,
        rows=chosen.rows,
        windows=chosen.windows,
    )


def by_metric(findings: Findings) -> tuple[MetricFigures, ...]:
    """Return rows and latencies of each type of row; of a workload with one type, nothing."""
    if not findings.metrics:
        return ()
    comparison, measured = findings.comparison, findings.measured
    of_row = findings.metric_of(comparison.cells)
    of_missing = findings.metric_of(comparison.missing)
    of_required = findings.metric_of(np.flatnonzero(findings.truth.required))
    of_measured = findings.metric_of(measured.cell)

    def figures(number: int, name: str) -> MetricFigures:
        classes, chosen = comparison.classes[of_row == number], measured.is_measured & (of_measured == number)
        return MetricFigures(
            metric=name,
            expected=int(np.count_nonzero(of_required == number)),
            exact=int(np.count_nonzero(classes == RowClass.EXACT)),
            undecidable=int(np.count_nonzero(classes == RowClass.UNDECIDABLE)),
            wrong_value=int(np.count_nonzero(classes == RowClass.WRONG_VALUE)),
            missing=int(np.count_nonzero(of_missing == number)),
            measured=int(np.count_nonzero(chosen)),
            **{f"{latency}_ms": percentiles(getattr(measured.latencies, latency)[chosen]) for latency in LATENCIES},
        )

    return tuple(figures(number, name) for number, name in enumerate(findings.metrics))


def maxima(found: Compared, names: Iterable[str]) -> dict[str, Percentiles]:
    """Return the percentiles of the greatest value of each window."""
    return {name: percentiles(window_maxima(*found.sample(name))[1]) for name in names}


def _decomposition(findings: Findings) -> dict[str, Part]:
    chosen = findings.measured.latencies.of(findings.measured.is_measured)
    parts = {}
    for name in (*PARTS, "total"):
        values = getattr(chosen, name)
        mean = float(values.mean()) / NS_PER_MS if len(values) else None
        parts[name] = Part(**dataclasses.asdict(percentiles(values)), mean=mean)
    return parts


def _partition_wait(findings: Findings) -> Percentiles:
    return percentiles(findings.truth.cells.closing.partition_wait_ns[findings.phases == Phase.MEASURED])


def row_counts(found: Compared) -> RowCounts:
    """Return the rows by class."""
    figures = found.row_figures
    return RowCounts(
        **{row_class.name.lower(): figures.counts[row_class] for row_class in RowClass},
        missing=figures.missing,
        explained_by_generator=figures.missing_explained + figures.explained.total(),
        expected=int(np.count_nonzero(found.truth.required)),
        not_log_append_time=figures.not_log_append_time,
        impossible=figures.impossible,
        missing_examples=_missing_examples(found),
    )


def _missing_examples(found: Compared) -> tuple[MissingExample, ...]:
    cells = found.comparison.missing[:_MISSING_SHOWN]
    starts = found.truth.cells.closing.starts_ms[found.truth.cells.window_index(cells)]
    keys = found.truth.cells.keys_of(cells)
    return tuple(MissingExample(window_start=int(s), key=int(k)) for s, k in zip(starts, keys, strict=True))


def _steady_state(findings: Findings) -> SteadyState:
    windows = len(np.unique(findings.sample("excess")[1]))
    slope, of_excess = findings.slope, findings.by_append_time == "excess"
    return SteadyState(
        excess_slope_ms_per_s=slope if of_excess else None,
        freshness_slope_ms_per_s=None if of_excess else slope,
        judged=findings.sustain.slope is not None,
        note=trend_note(slope, windows, "windows" if of_excess else "seconds"),
        results_lag_s=findings.sustain.results_lag_s,
        results_lag_limit_s=findings.sustain.lag_limit_s,
    )


def _states(findings: Findings) -> States | None:
    """Return latencies by the MMPP state that held when the last event of each row was due."""
    path = findings.path
    if path is None:
        return None
    measured, updates, epoch_ns = findings.measured, findings.updates, findings.schedule.epoch_ns
    of_final = states_at(path, measured.times.last_due_ns[measured.is_measured], epoch_ns)
    of_update = states_at(path, updates.newest_produce_ns[updates.is_measured], epoch_ns)
    state = dict.fromkeys(LATENCIES, of_final)
    if findings.config.several_rows:
        state["freshness"] = of_update
    rule = "state when the last event of the row was due"
    if findings.config.several_rows:
        rule += "; of freshness, when the newest event of the update was produced"
    return States(
        changes=findings.state_changes,
        rule=rule,
        by_state=tuple(
            StateFigures(
                state=int(number),
                rate=float(path.rates[path.states == number][0]),
                rows=int(np.count_nonzero(of_final == number)),
                **{f"{name}_ms": percentiles(findings.sample(name)[0][state[name] == number]) for name in LATENCIES},
            )
            for number in np.unique(path.states)
        ),
    )
