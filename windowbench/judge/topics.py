"""A pair of topics without a run directory: what can be said when no schedule is known.

The events in the topic stand in for the schedule, with their produce times as due times. That gives the
truth of every window and every latency but the excess: when a window could first be emitted follows from
a schedule alone. So the verdict is unknown, whatever is found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config, ConfigError, OutputMode
from windowbench.judge.figures import latencies, maxima, row_counts
from windowbench.judge.judgement import compare_rows, truth_builder
from windowbench.judge.measured import Phase
from windowbench.judge.measures.quantiles import window_maxima
from windowbench.judge.recorded import joined_rows
from windowbench.judge.truth.comparison import Comparison, RowClass
from windowbench.judge.truth.oracle import BareTopics, Oracle
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.rows import ResultRows, RowKind, RowModel
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.reasons import ReasonCode
from windowbench.judge.verdict.verdict import unknown
from windowbench.load.events import EventSource
from windowbench.load.record import Record
from windowbench.load.schedule import GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS, Schedule
from windowbench.runs.files.summary import SUMMARY_VERSION, PairSummary, PairTopics
from windowbench.runs.samples import RECORD_NUMBERS

_LATENCIES = ("e2e", "since_window_end", "freshness")
"""No schedule tells when a window could be emitted, so there is no excess."""


def _bare_topics(config: Config) -> BareTopics:
    """Return what a workload knows of topics whose configuration is not known.

    Raises
    ------
    ConfigError
        When it knows nothing.
    """
    found = Oracle.of(config.engine.workload).bare_topics
    if found is None:
        raise ConfigError(
            f"topics of the workload {config.engine.workload} can be judged with the directory of their run only"
        )
    return found


def _read_events(config: Config, batches: Iterable[Sequence[Record]]) -> tuple[ScheduledEvents, NDArray[np.int64], int]:
    """Return the events an engine would accept, their window ids, and how many records were none."""
    parse_events = _bare_topics(config).parse_events
    contents = EventSource.of(config.engine.workload).contents
    names = (*contents, "event_time_ns", "produce_ms", "window_id", "partition")
    columns: dict[str, list[NDArray[Any]]] = {name: [np.empty(0, dtype=np.int64)] for name in names}
    rejected = 0
    for batch in batches:
        parsed = parse_events([record.value for record in batch])
        stamped = np.array([record.timestamp_ms for record in batch], dtype=np.int64)[parsed.position]
        partition = np.array([record.partition for record in batch], dtype=np.int32)[parsed.position]
        ahead = parsed.event_time_ns // NS_PER_MS - stamped
        good = (ahead >= -GUARD_PAST_MS) & (ahead <= GUARD_FUTURE_MS)
        rejected += len(batch) - int(np.count_nonzero(good))
        found = {
            **parsed.contents,
            "event_time_ns": parsed.event_time_ns,
            "produce_ms": parsed.produce_ms,
            "window_id": parsed.window_id,
            "partition": partition,
        }
        for name in names:
            columns[name].append(found[name][good])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.argsort(joined["produce_ms"], kind="stable")
    produced_ns = joined["produce_ms"][order].astype(np.int64) * NS_PER_MS
    events = ScheduledEvents(
        producer=0,
        first=0,
        due_ns=produced_ns,
        event_time_ns=joined["event_time_ns"][order],
        sent_ns=produced_ns,
        partition=joined["partition"][order].astype(np.int32),
        contents={name: joined[name][order] for name in contents},
    )
    return events, joined["window_id"][order], rejected


def _read_results(config: Config, batches: Iterable[Sequence[Record]]) -> tuple[ResultRows, str]:
    """Return the rows of the configured run, or of the one that most of the first rows belong to."""
    model, usual_run_id = RowModel.of(config.engine.workload), _bare_topics(config).usual_run_id
    numbers, parsed = [], []
    run_id = config.run.run_id
    for batch in batches:
        values = [record.value for record in batch]
        if run_id is None:
            run_id = usual_run_id(values)
        parsed.append(model.parse(values, run_id or ""))
        places = [(r.partition, r.offset, r.timestamp_ms, r.timestamp_type) for r in batch]
        numbers.append(dict(zip(RECORD_NUMBERS, np.array(places, dtype=np.int64).reshape(-1, 4).T, strict=True)))
    rows = joined_rows(numbers, parsed, model)
    sound = rows.parsed.kind == RowKind.SOUND
    lengths = (rows.parsed.integers["window_end"] - rows.parsed.integers["window_start"])[sound]
    usual = int(np.median(lengths)) if len(lengths) else config.windows.size_ms
    if usual != config.windows.size_ms:
        raise ConfigError(
            f"the rows are of windows of {usual / 1000:g} s, the settings say {config.windows.window_size_sec:g} s;"
            f" give --window-size-sec {usual / 1000:g}"
        )
    return rows, run_id or ""


def judge_pair(
    config: Config, event_records: Iterable[Sequence[Record]], results: Iterable[Sequence[Record]]
) -> tuple[PairSummary, list[tuple[int, float]]]:
    """Read, compare and measure a pair of topics, given as batches of records.

    Returns
    -------
    PairSummary
        With an unknown verdict, and what was found as warnings.
    list of (int, float)
        Id and greatest ``e2e_ms`` of every window.

    Raises
    ------
    ConfigError
        When the rows are of windows of another size than configured.
    """
    events, window_ids, rejected = _read_events(config, event_records)
    rows, run_id = _read_results(config, results)
    slide_ns = config.windows.slide_ms * NS_PER_MS
    bases, counts = np.unique(events.event_time_ns // slide_ns - window_ids, return_counts=True)
    base_ns = int(bases[counts.argmax()]) * slide_ns if len(bases) else 0
    # The configuration as far as the events tell it; events and rows are numbered as it says.
    shape, contents = _bare_topics(config).fitted(config, events.contents, rows.parsed)
    events = dataclasses.replace(events, contents=contents)
    last_ns = int(events.due_ns[-1]) + 1 if len(events.due_ns) else 0
    schedule = Schedule(epoch_ns=0, base_time_ns=base_ns, measure_end_ns=last_ns, load_end_ns=last_ns)
    shape = shape.replace(partitions=int(events.partition.max(initial=0)) + 1, idle_partitions=0)
    clock = ClockOffset()
    builder = truth_builder(shape, schedule, rows, clock, iter([events]))
    builder.add(events)
    truth = builder.finish()
    closing = truth.cells.closing
    phases = np.where((closing.ids >= 0) & ~closing.by_end, Phase.MEASURED, Phase.COOL_DOWN).astype(np.int8)
    found = compare_rows(shape, rows, truth, phases, clock, mode="update")
    text = "no schedule is known for a bare pair of topics"
    summary = PairSummary(
        schema_version=SUMMARY_VERSION,
        run_id=run_id,
        verdict=unknown(ReasonCode.NO_SCHEDULE, text, _warnings(found.comparison, config.output_mode)),
        topics=PairTopics(
            events_topic=config.kafka.events_topic,
            result_topic=config.kafka.result_topic,
            events=len(events.due_ns),
            rejected=rejected,
            results=len(rows),
        ),
        latencies_ms=latencies(found, _LATENCIES),
        window_maxima_ms=maxima(found, _LATENCIES),
        rows=row_counts(found),
    )
    ids, greatest = window_maxima(*found.sample("e2e"))
    return summary, [(int(i), ns / NS_PER_MS) for i, ns in zip(ids, greatest, strict=True)]


def _warnings(comparison: Comparison, mode: OutputMode) -> list[str]:
    words = {
        RowClass.WRONG_VALUE: "rows differ from the events in the topic",
        RowClass.CONFLICTING: "rows conflict with the row of their key",
        RowClass.BACKWARDS: "rows count fewer events than a row of their key before them",
        RowClass.UNEXPECTED: "rows have keys that follow from no event in the topic",
        RowClass.DUPLICATE: "rows are repeated with equal values",
        RowClass.FOREIGN: "records are not rows of this run",
    }
    found = [f"{comparison.count(c)} {text}" for c, text in words.items() if comparison.count(c)]
    if len(comparison.missing):
        row = "final row" if mode == "update" else "row"
        found.append(f"{len(comparison.missing)} windows and campaigns with events have no {row}")
    return found
