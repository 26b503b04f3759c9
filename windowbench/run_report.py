"""``report.html`` of a run: from its directory to what a page is made of, and the command that makes it again.

A run that failed, was ended early or is damaged in places has a report as well: what cannot be read is left out, and
the page says so.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from config import ConfigError
from windowbench.arrivals import modulating_path
from windowbench.judgement import judge_run
from windowbench.judgement.recorded import read_phases
from windowbench.metrics.latency import LATENCIES
from windowbench.process import tail
from windowbench.reports.content import RunContent
from windowbench.reports.run_page import render_run
from windowbench.results.samples import read_columns, read_table
from windowbench.results.store import RunDirectory, RunDirectoryProblem
from windowbench.schedule import NS_PER_MS
from windowbench.settings import Parser

REPORT = "report.html"
_SERVICES = ("engine", "producers", "broker")
_LOG_LINES = 20
_WORDS = frozenset({"phase", "closed_by"})
"""Columns of ``windows.csv`` that hold words."""
_VALUE = TypeVar("_VALUE")


def write_report(run: RunDirectory) -> Path:
    """Write a run's ``report.html`` from the files in its directory and return its path.

    Raises
    ------
    RunDirectoryProblem
        When it cannot be written.
    """
    return run.write_text(REPORT, render_run(read_content(run)))


def read_content(run: RunDirectory) -> RunContent:
    """Read what a report is made of; nothing that a run lacks is an error."""
    problems: list[str] = []

    def attempt(read: Callable[[], _VALUE], otherwise: _VALUE) -> _VALUE:
        try:
            return read()
        except (RunDirectoryProblem, ConfigError, KeyError, ValueError) as error:
            problems.append(str(error))
            return otherwise

    def mapping(name: str) -> Mapping[str, Any]:
        return attempt(lambda: run.read_json_if_present(name), None) or {}

    def columns(path: Path) -> dict[str, NDArray[Any]]:
        return attempt(lambda: read_columns(path) if path.exists() else {}, {})

    schedule = attempt(run.read_schedule, None)
    config = attempt(run.read_config, None)
    status = mapping("status.json")
    windows = attempt(lambda: read_windows(run.windows_csv), {})
    return RunContent(
        run_id=run.run_id,
        summary=mapping("summary.json"),
        status=status,
        config=config.flat() if config is not None else {},
        origins=mapping("origins.json"),
        environment=mapping("environment.json"),
        schedule=schedule,
        phases=attempt(lambda: read_phases(run, schedule), []),
        path=modulating_path(config, schedule.load_length_ns) if config is not None and schedule is not None else None,
        windows=windows,
        latencies_ms=attempt(lambda: read_latencies(run.judged_rows, windows), {}),
        load=columns(run.load_series),
        host=columns(run.host_samples),
        messages=attempt(lambda: run.read_json_lines("progress.jsonl"), []),
        log_tails=_log_tails(run) if status.get("status") not in (None, "completed") else {},
        problems=problems,
    )


def read_windows(path: Path) -> dict[str, list[Any]]:
    """Return the columns of ``windows.csv``, empty where there is none; figures as numbers, None where one is missing.

    Raises
    ------
    ValueError
        When a figure is none.
    """
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    found: dict[str, list[Any]] = {}
    for name, cells in zip(header, zip(*lines, strict=True), strict=False):
        found[name] = list(cells) if name in _WORDS else [float(cell) if cell else None for cell in cells]
    return found


def read_latencies(path: Path, windows: Mapping[str, list[Any]]) -> dict[str, NDArray[np.float64]]:
    """Return the latencies in ms of the rows of measured windows, by name; empty where a run was not judged."""
    if not path.exists() or not windows:
        return {}
    measured = [int(i) for i, phase in zip(windows["window_id"], windows["phase"], strict=True) if phase == "measured"]
    table = read_table(path)
    counts = np.asarray(table.column("counts"))
    inside = counts & np.isin(np.asarray(table.column("window_id").fill_null(0)), measured)
    found = {}
    for name in LATENCIES:
        if f"{name}_ns" in table.column_names:
            values = np.asarray(table.column(f"{name}_ns").fill_null(0))[inside] / NS_PER_MS
            if len(values):
                found[name] = values
    return found


def _log_tails(run: RunDirectory) -> dict[str, tuple[str, ...]]:
    """Return the last lines of the services' logs; secrets were taken out of them as they were written."""
    return {f"logs/{name}.log": tail(run.log(name), _LOG_LINES) for name in _SERVICES}


def body(argv: list[str] | None) -> int:
    """Judge a finished run again from its samples, write its report and return 0."""
    parser = Parser(
        prog="python -m windowbench report",
        description="Make report.html of a run again, from its stored samples alone.",
    )
    parser.add_argument("run_dir", metavar="RUN", help="directory of a run, whichever way it ended")
    run = RunDirectory.open(Path(parser.parse_all(argv).run_dir))
    judge_run(run)
    print(write_report(run))
    return 0
