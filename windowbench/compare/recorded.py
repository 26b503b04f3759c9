"""Reading finished runs: one that is damaged or not fit to be compared is said to be, and is no exception."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import Config, ConfigError
from windowbench.compare.finished import ReadRun, Sample
from windowbench.errors import ExitCode
from windowbench.judge.verdict.verdict import Status, exit_code_of
from windowbench.processes.runlock import holder_of
from windowbench.runs.layout import MEASURED
from windowbench.runs.samples import read_latencies
from windowbench.runs.store import SCHEMA_VERSION, RunDirectory, RunDirectoryProblem


def read_run(directory: str, *, samples: bool = True) -> ReadRun:
    """Read a run directory.

    Parameters
    ----------
    directory : str
    samples : bool
        Whether to read the latencies of a valid run, too.

    Raises
    ------
    RunDirectoryProblem
        When there is no such directory. Whatever is wrong inside it is the run's ``reason``.
    """
    path = Path(directory)
    if not path.is_dir():
        raise RunDirectoryProblem(f"there is no run directory {directory}", remedy="name a directory below runs/")
    try:
        run = RunDirectory.open(path)
        config = run.read_config()
        return _read(run, directory, config, samples=samples)
    except (RunDirectoryProblem, ConfigError) as problem:
        return _damaged(path, directory, str(problem))


def _damaged(path: Path, directory: str, reason: str) -> ReadRun:
    return ReadRun(
        run_id=path.resolve().name,
        directory=directory,
        status="damaged",
        verdict=str(Status.UNKNOWN),
        reason=reason,
        exit_code=ExitCode.ENVIRONMENT,
    )


def _read(run: RunDirectory, directory: str, config: Config, *, samples: bool) -> ReadRun:
    word = run.read_json_if_present("status.json") or {}
    summary = run.read_json_if_present("summary.json") or {}
    schedule = run.read_schedule()
    status, verdict, reason, code = _standing(run, word, summary)
    if reason is None and schedule is None:
        raise RunDirectoryProblem(f"run {run.run_id}: schedule.json is missing")
    latencies: Mapping[str, Sample] = {}
    if reason is None and samples:
        latencies = _latencies(run, summary)
    return ReadRun(
        run_id=run.run_id,
        directory=directory,
        status=status,
        verdict=verdict,
        reason=reason,
        exit_code=code,
        config=config,
        summary=summary,
        environment=run.read_json_if_present("environment.json") or {},
        started_ns=None if schedule is None else schedule.epoch_ns,
        samples=latencies,
    )


def _standing(
    run: RunDirectory, word: Mapping[str, Any], summary: Mapping[str, Any]
) -> tuple[str, str, str | None, int]:
    """Return status, verdict, why the run is not fit to be compared, and its exit code."""
    status = str(word.get("status", "unknown"))
    if holder_of(run.path) is not None and status != "completed":
        return "running", str(Status.UNKNOWN), "it is still running", ExitCode.VERDICT_UNKNOWN
    judged = summary.get("verdict")
    if status in ("failed", "aborted"):
        reason = f"{status} in phase {word.get('phase', 'unknown')}: {word.get('error') or 'no reason is known'}"
        code = word.get("exit_code")
        return status, str(Status.UNKNOWN), reason, code if isinstance(code, int) else ExitCode.VERDICT_UNKNOWN
    if not isinstance(judged, Mapping):
        return status, str(Status.UNKNOWN), "it was not judged", ExitCode.VERDICT_UNKNOWN
    if summary.get("schema_version") != SCHEMA_VERSION:
        version = summary.get("schema_version")
        raise RunDirectoryProblem(
            f"run {run.run_id}: summary.json has layout {version}, this version reads layout {SCHEMA_VERSION};"
            " python latency_calculator.py RUN judges it again"
        )
    verdict = str(judged.get("verdict"))
    if verdict == Status.VALID:
        return status, verdict, None, ExitCode.OK
    reasons = [str(reason.get("text")) for reason in judged.get("reasons", []) if isinstance(reason, Mapping)]
    return status, verdict, f"{verdict}: " + ("; ".join(reasons) or "no reason is given"), exit_code_of(verdict)


def _latencies(run: RunDirectory, summary: Mapping[str, Any]) -> Mapping[str, Sample]:
    """Return the latencies of measured windows, which must be those that the summary was made from."""
    described = summary.get("latencies_ms")
    if not isinstance(described, Mapping) or not described:
        raise RunDirectoryProblem(f"run {run.run_id}: summary.json is damaged: a valid run has latencies_ms")
    found = read_latencies(run.judged_rows, list(described), MEASURED)
    for name, (values, _) in found.items():
        figures = described[name]
        if not isinstance(figures, Mapping) or figures.get("rows") != len(values):
            raise RunDirectoryProblem(f"run {run.run_id}: summary.json and samples/rows.parquet disagree about {name}")
    return found
