"""The judge's tables: one line per window, one per row, and the latency report."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.figures import Findings
from windowbench.judge.measured import Phase
from windowbench.judge.measures.quantiles import window_maxima, window_medians
from windowbench.judge.truth.comparison import NO_CELL, RowClass
from windowbench.judge.truth.rows import ResultRows
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.samples import named_column, nullable_column, write_parquet
from windowbench.runs.store import RunDirectory
from windowbench.workloads.kit.joined import JoinedCells

WORD_COLUMNS = frozenset({"phase", "closed_by", "metric"})
"""Columns of ``windows.csv`` that hold words; all others hold numbers."""


def window_table(findings: Findings) -> dict[str, list[Any]]:
    """Return the columns of ``windows.csv``: one entry per window, from the first that holds an event to the last."""
    truth, comparison = findings.truth, findings.comparison
    closing = truth.cells.closing
    metrics = truth.cells.window_metrics(findings.metrics) if isinstance(truth.cells, JoinedCells) else None
    count = len(closing.closing_ns)
    has_cell = np.flatnonzero(comparison.cells != NO_CELL)
    window_of_row = truth.cells.window_index(comparison.cells[has_cell])

    def per_window(windows: NDArray[np.int64]) -> list[int]:
        return [int(n) for n in np.bincount(windows, minlength=count)]

    table: dict[str, list[Any]] = {
        **({} if metrics is None else {"metric": metrics}),
        "window_id": closing.ids.tolist(),
        "window_start_ms": closing.starts_ms.tolist(),
        "window_end_ms": closing.ends_ms.tolist(),
        "phase": [Phase(phase).label for phase in findings.phases],
        "expected": per_window(truth.cells.window_index(np.flatnonzero(truth.required))),
    }
    for row_class in RowClass:
        if row_class not in (RowClass.UNEXPECTED, RowClass.FOREIGN, RowClass.MALFORMED):  # these have no window
            of_class = comparison.classes[has_cell] == row_class
            table[row_class.name.lower()] = per_window(window_of_row[of_class])
    table["missing"] = per_window(truth.cells.window_index(comparison.missing))
    for name in findings.latency_names:
        found = findings.values(name)
        if name in (findings.by_append_time, findings.headline):
            table[f"{name}_p50_ms"] = _scattered(*window_medians(found.ns, found.window), count)
        table[f"{name}_max_ms"] = _scattered(*window_maxima(found.ns, found.window), count)
    table["partition_wait_ms"] = [_shown(ns) for ns in closing.partition_wait_ns.tolist()]
    table["closed_by"] = ["END" if by_end else "event" for by_end in closing.by_end.tolist()]
    return table


def _scattered(windows: NDArray[np.int64], values_ns: NDArray[np.int64], count: int) -> list[float | int | None]:
    """Return a value in ms for every window, None for those without."""
    column: list[float | int | None] = [None] * count
    for window, value in zip(windows.tolist(), values_ns.tolist(), strict=True):
        column[window] = _shown(value)
    return column


def _shown(ns: int) -> float | int:
    """Return ms, as a whole number where it is one."""
    return ns // NS_PER_MS if ns % NS_PER_MS == 0 else ns / NS_PER_MS


def row_table(findings: Findings, rows: ResultRows) -> dict[str, Any]:
    """Return the columns of ``samples/rows.parquet``: one entry per judged row, null for a latency it does not have."""
    comparison, counts = findings.comparison, np.zeros(len(rows), dtype=np.bool_)
    counts[findings.measured.row] = True
    closing = findings.truth.cells.closing
    known = comparison.cells != NO_CELL
    window = findings.truth.cells.window_index(comparison.cells[known])
    ids = np.zeros(len(rows), dtype=np.int64)
    ids[known] = closing.ids[window]
    phases = np.full(len(rows), -1, dtype=np.int8)
    phases[known] = findings.phases[window]
    several = findings.metrics
    metric = {"metric": named_column(findings.metric_of(comparison.cells), several)} if several else {}
    table: dict[str, Any] = {
        "partition": rows.partition,
        "offset": rows.offset,
        "append_time_ms": rows.append_ms,
        "row_class": named_column(comparison.classes, [row_class.name.lower() for row_class in RowClass]),
        "window_id": nullable_column(ids, known),
        **metric,
        "phase": named_column(phases, [phase.label for phase in Phase]),
        "key": nullable_column(findings.truth.cells.keys_of(comparison.cells), known),
        "counts": counts,
    }
    for name in findings.latency_names:
        found = findings.values(name)
        column, has = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.bool_)
        column[found.row], has[found.row] = found.ns, True
        table[f"{name}_ns"] = nullable_column(column, has)
    return table


def write_tables(
    run: RunDirectory,
    config: Config,
    windows: Mapping[str, list[Any]],
    rows: Mapping[str, Any],
    load: Mapping[str, Any],
) -> list[Path]:
    """Write the tables of a judged run and return the paths; a run that could not be judged has none, old or new."""
    report = run.latency_report(config)
    if not windows:
        for stale in (run.windows_csv, report, run.judged_rows, run.load_series):
            stale.unlink(missing_ok=True)
        return []
    run.write_text(run.windows_csv.name, _csv(windows.keys(), zip(*windows.values(), strict=True)))
    run.write_text(report.name, latency_csv(latency_report(windows)))
    write_parquet(run.judged_rows, rows)
    write_parquet(run.load_series, load)
    return [run.windows_csv, report, run.judged_rows, run.load_series]


def latency_report(windows: Mapping[str, list[Any]]) -> Iterable[tuple[int, float | int]]:
    """Return id and greatest ``e2e_ms`` of the measured windows that have a row that counts."""
    greatest: dict[int, float | int] = {}
    for i, phase, value in zip(windows["window_id"], windows["phase"], windows["e2e_max_ms"], strict=True):
        if phase == Phase.MEASURED.label and value is not None:
            greatest[i] = max(value, greatest.get(i, value))
    return greatest.items()


def latency_csv(report: Iterable[tuple[int, float | int]]) -> str:
    """Return the text of the latency report."""
    return _csv(("window_id", "max_latency_ms"), report)


def _csv(header: Iterable[str], lines: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return out.getvalue()
