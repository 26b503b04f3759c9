"""The judge: one recorded run in, verdict and figures out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config, OutputMode
from windowbench.engines.protocol import UNASKED, recorded_messages
from windowbench.judge.engine import engine_figures
from windowbench.judge.figures import Compared, Findings, headline_of, summary_of
from windowbench.judge.first_values import find_first_values
from windowbench.judge.measured import (
    answered_ms,
    append_ns,
    measure_rows,
    results_lag_s,
    row_figures,
    window_phases,
)
from windowbench.judge.measures.goodness_of_fit import goodness_of_fit
from windowbench.judge.measures.latency import impossible
from windowbench.judge.measures.resources import Span, resources
from windowbench.judge.recorded import Recorded, read_recorded
from windowbench.judge.tables import row_table, window_table, write_tables
from windowbench.judge.truth.comparison import Truth, compare
from windowbench.judge.truth.oracle import NOTHING_SEEN, Evidence, Oracle, TruthBuilder
from windowbench.judge.truth.replay import ScheduledEvents, TwoLooks
from windowbench.judge.truth.rows import ResultRows, RowModel
from windowbench.judge.updates import find_updates, latency_slope
from windowbench.judge.verdict.exercise import Exercise
from windowbench.judge.verdict.generator import GeneratorLedger
from windowbench.judge.verdict.host import ClockOffset, host_figures
from windowbench.judge.verdict.load_series import LoadSeries
from windowbench.judge.verdict.reasons import Party, ReasonCode, charge
from windowbench.judge.verdict.topics import shared_blame, strangers, topic_reasons
from windowbench.judge.verdict.verdict import (
    SustainFigures,
    decide,
    generator_reasons,
    host_reasons,
    nothing_measured,
    row_reasons,
    sustain_reasons,
    unknown,
    warnings_of,
)
from windowbench.judge.verdict.visibility import visible_reasons, visible_warnings
from windowbench.judge.visible import visible_rows
from windowbench.load.arrivals import modulating_path
from windowbench.load.numbering import input_partitions
from windowbench.load.schedule import NS_PER_S, Schedule
from windowbench.runs.files.load import GeneratorFigures
from windowbench.runs.files.status import RunStatus, StatusFile
from windowbench.runs.files.summary import SUMMARY_VERSION, NotJudged, Summary
from windowbench.runs.files.topics import TopicsFile
from windowbench.runs.files.verdict import Verdict, VerdictFile
from windowbench.runs.store import RunDirectory, RunDirectoryProblem, SaltMissing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What judging a run gave.

    Attributes
    ----------
    windows : dict of str to list
        Columns of ``windows.csv``; empty where the run could not be judged.
    rows : dict of str to array
        Columns of ``samples/rows.parquet``; likewise.
    load : dict of str to array
        Columns of ``samples/load.parquet``; likewise.
    """

    verdict: Verdict
    summary: Summary | NotJudged
    windows: dict[str, list[Any]] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)


def judge_run(run: RunDirectory, *, salt: str | None = None) -> Evaluation:
    """Judge a recorded run and write what was found into its directory.

    The salt of a blind run is taken from its directory where it is not given.

    Raises
    ------
    ConfigError
        When the run's ``config.json`` cannot be read.
    RunDirectoryProblem
        When the directory cannot be written.
    """
    evaluation = evaluate(run, salt=salt)
    config = run.read_config()
    files = write_tables(run, config, evaluation.windows, evaluation.rows, evaluation.load)
    names = tuple(str(path.relative_to(run.path)) for path in (run.summary, run.verdict, *files))
    summary = dataclasses.replace(evaluation.summary, status=_status_of(run), files=names)
    run.write_json("verdict.json", VerdictFile.of(evaluation.verdict))
    run.write_json("summary.json", summary)
    return dataclasses.replace(evaluation, summary=summary)


def _status_of(run: RunDirectory) -> RunStatus:
    """Return how the run says that it ended, unknown where it does not say."""
    try:
        return run.read_status().status
    except RunDirectoryProblem:
        return RunStatus.UNKNOWN


def evaluate(run: RunDirectory, *, salt: str | None = None) -> Evaluation:
    """Judge a recorded run from its raw samples alone; nothing is written.

    The salt of a blind run is taken from its directory where it is not given.

    Raises
    ------
    ConfigError
        When the run's ``config.json`` cannot be read. Anything else that goes wrong is an unknown verdict.
    """
    nominal = run.read_config()
    try:
        schedule = run.read_schedule()
        if schedule is None:
            return _unknown(run, ReasonCode.NO_SCHEDULE, "no schedule is known: the run ended before its load began")
        return judge(read_recorded(run, run.read_load_config(salt), schedule), seed=nominal.run.seed)
    except SaltMissing as problem:
        return _unknown(run, ReasonCode.SALT_MISSING, f"{problem}; {problem.remedy}")
    except RunDirectoryProblem as problem:
        return _unknown(run, ReasonCode.JUDGE_FAILED, str(problem))
    except Exception as error:  # noqa: BLE001 - whatever fails in the judge must not look like a valid run
        _log.debug("the judge failed", exc_info=True)
        return _unknown(run, ReasonCode.JUDGE_FAILED, f"the judge failed: {type(error).__name__}: {error}")


def _unknown(run: RunDirectory, code: ReasonCode, text: str) -> Evaluation:
    verdict = unknown(code, text)
    summary = NotJudged(schema_version=SUMMARY_VERSION, run_id=run.run_id, verdict=verdict)
    return Evaluation(verdict=verdict, summary=summary)


def judge(recorded: Recorded, *, seed: int) -> Evaluation:
    """Compare, measure and weigh what a run recorded; `seed` is that of its settings, whatever was added to it."""
    findings = find(recorded)
    warnings = [*consumer_warnings(recorded.consumer), *unasked_warnings(recorded.progress)]
    verdict = weigh(findings, recorded.status, recorded.topics, warnings)
    return Evaluation(
        verdict=verdict,
        summary=summary_of(findings, verdict, run_id=recorded.config.run.run_id or recorded.run.run_id, seed=seed),
        windows=window_table(findings),
        rows=row_table(findings, recorded.rows),
        load=findings.load.columns(),
    )


def compare_rows(
    config: Config, rows: ResultRows, truth: Truth, phases: NDArray[np.int8], clock: ClockOffset, *, mode: OutputMode
) -> Compared:
    """Compare rows with the truth and measure those that count.

    `phases` is the phase of every window. `mode` says when it is known when a row could come first: no excess is too
    low in any other than ``append``.
    """
    newest = RowModel.of(config.engine.workload).newest_produce
    comparison = compare(rows, truth, Oracle.of(config.engine.workload).rules(config))
    measured = measure_rows(
        rows, truth, comparison, phases, clock, delay_ms=config.windows.delay_ms, newest_produce=newest
    )
    updates = find_updates(rows, truth, comparison, phases, clock, newest_produce=newest, several=config.several_rows)
    odd = impossible(measured.latencies, updates.freshness, clock.bound_ns, mode=mode)
    return Compared(
        config=config,
        truth=truth,
        comparison=comparison,
        measured=measured,
        updates=updates,
        phases=phases,
        row_figures=row_figures(rows, comparison, odd),
    )


def find(recorded: Recorded) -> Findings:
    """Compare and measure what a run recorded."""
    config, schedule, rows, clock = recorded.config, recorded.schedule, recorded.rows, recorded.clock
    mode = config.output_mode
    truth, generator, load, exercise = replay(recorded)
    closing = truth.cells.closing
    found = compare_rows(config, rows, truth, window_phases(closing, schedule), clock, mode=mode)
    measured, updates, figures = found.measured, found.updates, found.row_figures
    first = find_first_values(rows, truth, found.comparison, updates, clock) if config.workload.REVISES else None
    if first is not None:
        early = figures.impossible.excess_too_low + first.too_early(clock.bound_ns)
        odd = dataclasses.replace(figures.impossible, excess_too_low=early)
        figures = dataclasses.replace(figures, impossible=odd)
    engine = engine_figures(config, recorded.progress, schedule)
    slope = latency_slope(measured, updates, closing, mode, base_ns=schedule.base_time_ns)
    last_sent_ns = max(schedule.load_end_ns, generator.last_sent_ns or 0)
    path = modulating_path(config, schedule.load_length_ns)
    measured_span = Span(name="measured", start_ns=schedule.base_time_ns, end_ns=schedule.measure_end_ns)
    return Findings(
        **{**vars(found), "row_figures": figures},
        schedule=schedule,
        generator=generator,
        host=host_figures(recorded.host, schedule),
        clock=clock,
        engine=engine,
        slope=slope,
        sustain=SustainFigures(
            slope=None if path is not None else slope,
            slope_of=headline_of(mode),
            results_lag_s=results_lag_s(
                measured,
                append_ns(rows, clock),
                last_sent_ns,
                by_end=closing.by_end,
                end_written_ns=recorded.end_written_ns if mode == "append" else None,
            ),
            # In Real-Time Mode no row waits for the end of its batch.
            longest_trigger_s=0.0 if config.real_time else engine.batch_max_ms / 1000,
            trigger_interval_s=config.engine.trigger_interval_s,
            measured_s=(schedule.measure_end_ns - schedule.base_time_ns) / NS_PER_S,
        ),
        path=path,
        arrivals=goodness_of_fit(config, schedule),
        load=load,
        exercise=exercise,
        resources=resources(recorded.host, recorded.phases, measured_span, generator.sent_measured),
        visible=visible_rows(rows, measured, recorded.visible, schedule, clock, ranks=recorded.in_transactions),
        in_transactions=recorded.in_transactions,
        first=first,
        metrics=RowModel.of(config.engine.workload).metrics,
        remarks=truth.remarks(found.comparison, rows.parsed),
    )


def replay(recorded: Recorded) -> tuple[Truth, GeneratorFigures, LoadSeries, Exercise]:
    """Make the schedule again; look at it for the closing of windows, then beside what was sent."""
    config, schedule = recorded.config, recorded.schedule
    load = TwoLooks(config, schedule)
    evidence = Evidence(
        greatest_ack_ms=recorded.greatest_ack_ms,
        withheld=recorded.withheld,
        withheld_unnamed=recorded.withheld_unnamed,
    )
    builder = truth_builder(config, schedule, recorded.rows, recorded.clock, load.at_schedule(), evidence=evidence)
    ledger = GeneratorLedger(config, schedule, recorded.acks)
    series, exercise = LoadSeries(schedule), Exercise(config, schedule)
    for events in load.beside(recorded.sent_ns):
        builder.add(events)
        ledger.add(events)
        series.add(events)
        exercise.add(events)
    return builder.finish(), ledger.figures(recorded.topic, recorded.recorded_sends), series, exercise


def truth_builder(
    config: Config,
    schedule: Schedule,
    rows: ResultRows,
    clock: ClockOffset,
    scheduled: Iterable[ScheduledEvents],
    *,
    evidence: Evidence = NOTHING_SEEN,
) -> TruthBuilder:
    """Return what adds up the truth, for windows that close as the scheduled events say.

    The rows say which events an answer cannot hold any more, the evidence what is known of events that were sent late
    or not at all.
    """
    outline = Oracle.of(config.engine.workload).outline(config, schedule, scheduled)
    answered = answered_ms(rows, outline.cells, clock, several=config.several_rows)
    return outline.builder(dataclasses.replace(evidence, answered_ms=answered))


def consumer_warnings(consumer: Mapping[str, Any]) -> list[str]:
    """Return what a reader should know of the results that were to go to PostgreSQL."""
    warnings = []
    if consumer.get("error"):
        warnings.append(f"the result consumer failed: {consumer['error']}")
    if consumer.get("left"):
        warnings.append(f"{consumer['left']} records of the results topic did not reach PostgreSQL")
    return warnings


def unasked_warnings(progress: Sequence[dict[str, Any]]) -> list[str]:
    """Return what a reader should know of messages of the engine that nobody had asked for."""
    said = [message.text("said") for message in recorded_messages(progress) if message.kind == UNASKED]
    return [f"the engine said {kind} {said.count(kind)} times without being asked" for kind in dict.fromkeys(said)]


def weigh(
    findings: Findings, ended: StatusFile, topics: TopicsFile | None = None, warnings: Sequence[str] = ()
) -> Verdict:
    """Weigh everything that was found; what the topics say and the generator's faults come first."""
    generator = generator_reasons(findings.generator, findings.config)
    config, figures = findings.config, findings.row_figures
    others = strangers(findings.generator, partitions=input_partitions(config).count)
    only_the_engine_writes = config.kafka.embedded
    rows = row_reasons(figures, sent_early=findings.generator.early > 0, foreign_counts=only_the_engine_writes)
    rows = shared_blame(rows, others)
    visible = None if findings.visible is None else findings.visible.figures
    reasons = [
        *([] if topics is None else topic_reasons(topics, rows_read=sum(figures.counts.values()))),
        *generator,
        *nothing_measured(events=findings.generator.sent_measured, windows=findings.measured_windows),
        *(reason for reason in rows if reason.party is Party.GENERATOR),
        *host_reasons(findings.host, findings.clock, config),
        *visible_reasons(visible, needed=findings.in_transactions),
        *(reason for reason in rows if reason.party is not Party.GENERATOR),
    ]
    if ended.status is not RunStatus.COMPLETED:
        why = f"the run did not complete: {ended.status}" + (f" ({ended.error})" if ended.error else "")
        reasons.insert(0, charge(Party.HARNESS, ReasonCode.NOT_COMPLETED, why))
    found = warnings_of(findings.generator, findings.host, figures, config)
    found += [*findings.load_warnings, *visible_warnings(visible), *warnings]
    return decide(reasons, sustain_reasons(findings.sustain), found)
