"""The judge: one recorded run in, verdict and figures out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windowbench.judge.arrival_fit import arrival_fit
from windowbench.judge.engine import engine_figures
from windowbench.judge.figures import Findings, headline_of, summary_of
from windowbench.judge.first_values import find_first_values
from windowbench.judge.measured import (
    answered_ms,
    append_ns,
    measure_rows,
    results_lag_s,
    row_figures,
    window_phases,
)
from windowbench.judge.measures.latency import impossible
from windowbench.judge.measures.resources import Resources, Span, resources
from windowbench.judge.recorded import Recorded, read_recorded
from windowbench.judge.tables import row_table, window_table, write_tables
from windowbench.judge.truth.comparison import Truth, compare
from windowbench.judge.truth.oracle import Evidence, Oracle
from windowbench.judge.truth.replay import TwoLooks
from windowbench.judge.truth.rows import RowModel
from windowbench.judge.updates import find_updates, latency_slope
from windowbench.judge.verdict.generator import GeneratorFigures, GeneratorLedger
from windowbench.judge.verdict.host import host_figures
from windowbench.judge.verdict.load_series import LoadSeries
from windowbench.judge.verdict.verdict import (
    Party,
    Reason,
    SustainFigures,
    Verdict,
    decide,
    generator_reasons,
    host_reasons,
    row_reasons,
    sustain_reasons,
    unknown,
    warnings_of,
)
from windowbench.judge.verdict.visibility import visible_reasons, visible_warnings
from windowbench.judge.visible import visible_rows
from windowbench.load.arrivals import modulating_path
from windowbench.load.schedule import NS_PER_S
from windowbench.runs.store import SCHEMA_VERSION, RunDirectory, RunDirectoryProblem

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What judging a run gave.

    Attributes
    ----------
    verdict : Verdict
    summary : dict
        What ``summary.json`` holds.
    windows : dict of str to list
        Columns of ``windows.csv``; empty where the run could not be judged.
    rows : dict of str to array
        Columns of ``samples/rows.parquet``; likewise.
    load : dict of str to array
        Columns of ``samples/load.parquet``; likewise.
    """

    verdict: Verdict
    summary: dict[str, Any]
    windows: dict[str, list[Any]] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)


def judge_run(run: RunDirectory) -> Evaluation:
    """Judge a recorded run and write what was found into its directory.

    Raises
    ------
    ConfigError
        When the run's ``config.json`` cannot be read.
    RunDirectoryProblem
        When the directory cannot be written.
    """
    evaluation = evaluate(run)
    config = run.read_config()
    files = write_tables(run, config, evaluation.windows, evaluation.rows, evaluation.load)
    evaluation.summary["status"] = _status_of(run)
    evaluation.summary["files"] = [str(path.relative_to(run.path)) for path in (run.summary, run.verdict, *files)]
    run.write_json("verdict.json", {"schema_version": SCHEMA_VERSION, **evaluation.verdict.as_dict()})
    run.write_json("summary.json", evaluation.summary)
    return evaluation


def _status_of(run: RunDirectory) -> str:
    """Return how the run says that it ended, ``unknown`` where it does not say."""
    try:
        return str(run.read_json("status.json").get("status", "unknown"))
    except RunDirectoryProblem:
        return "unknown"


def evaluate(run: RunDirectory) -> Evaluation:
    """Judge a recorded run from its raw samples alone; nothing is written.

    Raises
    ------
    ConfigError
        When the run's ``config.json`` cannot be read. Anything else that goes wrong is an unknown verdict.
    """
    config = run.read_config()
    try:
        schedule = run.read_schedule()
        if schedule is None:
            return _unknown(run, "no_schedule", "no schedule is known: the run ended before its load began")
        return judge(read_recorded(run, config, schedule))
    except RunDirectoryProblem as problem:
        return _unknown(run, "judge_failed", str(problem))
    except Exception as error:  # noqa: BLE001 - whatever fails in the judge must not look like a valid run
        _log.debug("the judge failed", exc_info=True)
        return _unknown(run, "judge_failed", f"the judge failed: {type(error).__name__}: {error}")


def _unknown(run: RunDirectory, code: str, text: str) -> Evaluation:
    verdict = unknown(code, text)
    summary = {"schema_version": SCHEMA_VERSION, "run_id": run.run_id, "verdict": verdict.as_dict()}
    return Evaluation(verdict=verdict, summary=summary)


def judge(recorded: Recorded) -> Evaluation:
    """Compare, measure and weigh what a run recorded."""
    findings = find(recorded)
    verdict = weigh(findings, recorded.status, consumer_warnings(recorded.consumer))
    return Evaluation(
        verdict=verdict,
        summary=summary_of(findings, verdict, run_id=recorded.config.run.run_id or recorded.run.run_id),
        windows=window_table(findings),
        rows=row_table(findings, recorded.rows),
        load=findings.load.columns(),
    )


def find(recorded: Recorded) -> Findings:
    """Compare and measure what a run recorded."""
    config, schedule, rows, clock = recorded.config, recorded.schedule, recorded.rows, recorded.clock
    mode = config.output_mode
    model = RowModel.of(config.engine.workload)
    newest = model.newest_produce
    truth, generator, load = replay(recorded)
    closing = truth.cells.closing
    comparison = compare(rows, truth, Oracle.of(config.engine.workload).rules(config))
    phases = window_phases(closing, schedule)
    measured = measure_rows(
        rows, truth, comparison, phases, clock, delay_ms=config.windows.delay_ms, newest_produce=newest
    )
    updates = find_updates(rows, truth, comparison, phases, clock, newest_produce=newest, several=config.several_rows)
    odd = impossible(measured.latencies, updates.freshness, clock.bound_ns, mode=mode)
    first = find_first_values(rows, truth, comparison, updates, clock) if config.workload.REVISES else None
    if first is not None:
        early = odd.excess_too_low + first.too_early(clock.bound_ns)
        odd = dataclasses.replace(odd, excess_too_low=early)
    engine = engine_figures(recorded.progress, schedule)
    slope = latency_slope(measured, updates, closing, mode, base_ns=schedule.base_time_ns)
    last_sent_ns = max(schedule.load_end_ns, generator.last_sent_ns or 0)
    path = modulating_path(config, schedule.load_length_ns)
    return Findings(
        config=config,
        schedule=schedule,
        truth=truth,
        comparison=comparison,
        measured=measured,
        updates=updates,
        phases=phases,
        row_figures=row_figures(rows, comparison, odd),
        generator=generator,
        topic=recorded.topic,
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
        fit=arrival_fit(config, schedule),
        load=load,
        resources=run_resources(recorded, generator),
        visible=visible_rows(rows, measured, recorded.visible, schedule, clock, ranks=config.in_transactions),
        first=first,
        metrics=model.metrics,
        remarks=truth.remarks(comparison, rows.parsed),
    )


def run_resources(recorded: Recorded, generator: GeneratorFigures) -> Resources | None:
    """Return what the run cost."""
    schedule = recorded.schedule
    measured = Span(name="measured", start_ns=schedule.base_time_ns, end_ns=schedule.measure_end_ns)
    return resources(recorded.host, recorded.phases, measured, generator.sent_measured)


def replay(recorded: Recorded) -> tuple[Truth, GeneratorFigures, LoadSeries]:
    """Make the schedule again; look at it for the closing of windows, then beside what was sent."""
    config, schedule = recorded.config, recorded.schedule
    load = TwoLooks(config, schedule)
    outline = Oracle.of(config.engine.workload).outline(config, schedule, load.at_schedule())
    evidence = Evidence(
        answered_ms=answered_ms(recorded.rows, outline.cells, recorded.clock, several=config.several_rows),
        greatest_ack_ms=recorded.greatest_ack_ms,
        withheld=recorded.withheld,
        withheld_unnamed=recorded.withheld_unnamed,
    )
    builder = outline.builder(evidence)
    ledger = GeneratorLedger(config, schedule, recorded.acks)
    series = LoadSeries(schedule)
    for events in load.beside(recorded.sent_ns):
        builder.add(events)
        ledger.add(events)
        series.add(events)
    return builder.finish(), ledger.figures(recorded.recorded_sends), series


def consumer_warnings(consumer: Mapping[str, Any]) -> list[str]:
    """Return what a reader should know of the results that were to go to PostgreSQL."""
    warnings = []
    if consumer.get("error"):
        warnings.append(f"the result consumer failed: {consumer['error']}")
    if consumer.get("left"):
        warnings.append(f"{consumer['left']} records of the results topic did not reach PostgreSQL")
    return warnings


def weigh(findings: Findings, status: Mapping[str, Any], warnings: Sequence[str] = ()) -> Verdict:
    """Weigh everything that was found; the generator's faults come first."""
    generator = generator_reasons(findings.generator, findings.topic, findings.config)
    rows = row_reasons(findings.row_figures, sent_early=findings.generator.early > 0)
    visible = None if findings.visible is None else findings.visible.figures
    reasons = [
        *generator,
        *(reason for reason in rows if reason.party is Party.GENERATOR),
        *host_reasons(findings.host, findings.clock, findings.config),
        *visible_reasons(visible),
        *(reason for reason in rows if reason.party is not Party.GENERATOR),
    ]
    ended = status.get("status", "unknown")
    if ended != "completed":
        why = f"the run did not complete: {ended}" + (f" ({status['error']})" if status.get("error") else "")
        reasons.insert(0, Reason(code="not_completed", party=Party.HARNESS, text=why))
    found = warnings_of(findings.generator, findings.topic, findings.host, findings.row_figures, findings.config)
    found += [*findings.load_warnings, *visible_warnings(visible), *warnings]
    return decide(reasons, sustain_reasons(findings.sustain), found)
