"""Reports from run directories: ``report.html`` and the text of a run, and the page of a comparison.

A run that failed, was ended early or is damaged in places has a report as well: what cannot be read is left out, and
the page says so.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from config import ConfigError
from data_generation_mmpp import MmppPath
from windowbench.judge.recorded import read_phases
from windowbench.judge.tables import WORD_COLUMNS
from windowbench.load.arrivals import modulating_path
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.report.comparison_document import comparison_document
from windowbench.report.content import RunContent
from windowbench.report.curves import Progress, by_time, progress_curves
from windowbench.report.page import html_page
from windowbench.report.run_document import run_document
from windowbench.report.terminal import terminal_text
from windowbench.runs.samples import read_columns, read_latencies
from windowbench.runs.store import RunDirectory, RunDirectoryProblem

REPORT = "report.html"
_VALUE = TypeVar("_VALUE")


def write_report(run: RunDirectory) -> Path:
    """Write a run's ``report.html`` from the files in its directory and return its path.

    Raises
    ------
    RunDirectoryProblem
        When it cannot be written.
    """
    return run.write_text(REPORT, html_page(run_document(read_content(run))))


def run_text(run: RunDirectory, *, long: bool = False) -> str:
    """Return a judged run's report as a terminal shows it: what is wanted first, or all of it."""
    return terminal_text(run_document(read_content(run, samples=False), directory=str(run.path)), long=long)


def read_content(run: RunDirectory, *, samples: bool = True) -> RunContent:
    """Read what a report is made of, without what is only drawn unless `samples`; what a run lacks is no error."""
    reader = _Reader(run)
    schedule = reader.attempt("schedule.json", run.read_schedule)
    config = reader.attempt("config.json", run.read_config)
    summary = reader.mapping("summary.json")
    return RunContent(
        run_id=run.run_id,
        summary=summary,
        status=reader.mapping("status.json"),
        config=config.flat() if config is not None else {},
        origins=reader.mapping("origins.json"),
        environment=reader.mapping("environment.json"),
        schedule=schedule,
        phases=reader.attempt("timeline.json", lambda: read_phases(run, schedule)) or [],
        path=None if config is None or schedule is None else reader.attempt("salt.json", lambda: _path(run, schedule)),
        problems=reader.problems,
        **(_samples(reader, run, schedule, list(summary.get("latencies_ms") or ())) if samples else {}),
    )


def _path(run: RunDirectory, schedule: Schedule) -> MmppPath | None:
    """Return the states of the load; those of a blind run nobody knows before its salt is told."""
    if run.read_config().load.data_generator != "mmpp":
        return None
    return modulating_path(run.read_load_config(), schedule.load_length_ns)


def _samples(reader: _Reader, run: RunDirectory, schedule: Schedule | None, names: Sequence[str]) -> dict[str, Any]:
    """Return the parts of a run's content that are drawn."""
    return {
        "windows": reader.windows(),
        "latencies_ms": reader.attempt("rows.parquet", lambda: latencies_ms(run.judged_rows, names)) or {},
        "load": reader.columns(run.load_series),
        "host": reader.columns(run.host_samples),
        "progress": reader.attempt("progress.jsonl", lambda: _read_progress(run, schedule)),
    }


def _outline(run: RunDirectory) -> RunContent:
    """Read what a comparison shows of a run beside its figures: the summary and the line of its windows."""
    reader = _Reader(run)
    return RunContent(
        run_id=run.run_id,
        summary=reader.mapping("summary.json"),
        schedule=reader.attempt("schedule.json", run.read_schedule),
        windows=reader.windows(),
    )


def comparison_page(content: Mapping[str, Any]) -> str:
    """Return the content of ``comparison.json`` as HTML; runs that are gone or damaged lack what only they know."""
    runs = {run["run_id"]: RunDirectory(Path(run["directory"]).resolve()) for run in content["runs"] if run["ranked"]}
    return html_page(comparison_document(content, {name: _outline(run) for name, run in runs.items()}))


class _Reader:
    """Reads files of a run and keeps what went wrong."""

    def __init__(self, run: RunDirectory) -> None:
        self.problems: list[str] = []
        self._run = run

    def attempt(self, name: str, read: Callable[[], _VALUE]) -> _VALUE | None:
        """Return what `read` returns, None where the file `name` does not let it."""
        try:
            return read()
        except (RunDirectoryProblem, ConfigError) as error:
            self.problems.append(str(error))
        except (KeyError, TypeError, ValueError) as error:
            self.problems.append(f"run {self._run.run_id}: {name} is damaged: {error!r}")
        return None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return the object in a JSON file, empty where there is none."""
        return self.attempt(name, lambda: self._run.read_json_if_present(name)) or {}

    def columns(self, path: Path) -> dict[str, NDArray[Any]]:
        """Return the columns of a file of samples, none where there is no file."""
        return self.attempt(path.name, lambda: read_columns(path) if path.exists() else {}) or {}

    def windows(self) -> dict[str, list[Any]]:
        """Return the columns of ``windows.csv``."""
        return self.attempt("windows.csv", lambda: read_windows(self._run.windows_csv)) or {}


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
        found[name] = list(cells) if name in WORD_COLUMNS else [float(cell) if cell else None for cell in cells]
    return by_time(found) if "metric" in found else found


def latencies_ms(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return latencies in ms over measured windows, by name; empty where a run was not judged.

    Every update has its freshness, the final row of a window and campaign all of them.
    """
    if not path.exists():
        return {}
    found = read_latencies(path, names)
    return {name: values / NS_PER_MS for name, (values, _) in found.items() if len(values)}


def _read_progress(run: RunDirectory, schedule: Schedule | None) -> Progress | None:
    """Return what the engine said while the load lasted; line by line, as it says a lot in an hour."""
    if schedule is None:
        return None
    lines = run.iter_json_lines("progress.jsonl")
    return progress_curves(lines, schedule.base_time_ns, schedule.epoch_ns, schedule.load_end_ns)
