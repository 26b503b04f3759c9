"""Reading finished runs: one that is damaged or not eligible is said to be, and is no exception."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config import Config, ConfigError
from windowbench.compare.finished import ReadRun, Sample
from windowbench.errors import ExitCode
from windowbench.processes.runlock import holder_of
from windowbench.runs.files.status import RunStatus, StatusFile
from windowbench.runs.files.summary import AnySummary, Ended, Summary
from windowbench.runs.files.verdict import Status
from windowbench.runs.samples import read_latencies
from windowbench.runs.store import RunDirectory, RunDirectoryProblem


def read_run(directory: str, *, samples: bool = True) -> ReadRun:
    """Read a run directory, with the latencies of a valid run if `samples` are wanted.

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
        return _read(run, directory, run.read_config(), samples=samples)
    except (RunDirectoryProblem, ConfigError) as problem:
        return ReadRun(
            run_id=path.resolve().name,
            directory=directory,
            status="damaged",
            verdict=Status.UNKNOWN,
            reason=str(problem),
            exit_code=ExitCode.ENVIRONMENT,
        )


def _read(run: RunDirectory, directory: str, config: Config, *, samples: bool) -> ReadRun:
    ended, summary, schedule = run.read_status(), run.read_summary(), run.read_schedule()
    if ended.status is RunStatus.COMPLETED and summary is None and holder_of(run.path) is None:
        summary = _judged_late(run)
    status, verdict, reason, code = _standing(run, ended, summary)
    if reason is None and schedule is None:
        raise RunDirectoryProblem(f"run {run.run_id}: schedule.json is missing")
    judged = summary if isinstance(summary, Summary) else None
    return ReadRun(
        run_id=run.run_id,
        directory=directory,
        status=status,
        verdict=verdict,
        reason=reason,
        exit_code=code,
        config=config,
        salt=run.read_salt(),
        summary=judged,
        environment=run.read_json_if_present("environment.json") or {},
        started_ns=None if schedule is None else schedule.epoch_ns,
        samples=_latencies(run, judged) if reason is None and samples else {},
    )


def _judged_late(run: RunDirectory) -> AnySummary | None:
    """Judge a run whose process was killed when all was recorded and nothing judged."""
    from windowbench.judge.judgement import judge_run  # noqa: PLC0415 - loads SciPy, which a list hardly ever needs

    judge_run(run)
    return run.read_summary()


def _standing(run: RunDirectory, ended: StatusFile, summary: AnySummary | None) -> tuple[str, Status, str | None, int]:
    """Return status, verdict, why the run is not eligible for a comparison, and its exit code."""
    status = ended.status
    if holder_of(run.path) is not None and status is not RunStatus.COMPLETED:
        return "running", Status.UNKNOWN, "it is still running", ExitCode.VERDICT_UNKNOWN
    if status in (RunStatus.FAILED, RunStatus.ABORTED):
        reason = f"{status} in phase {ended.phase}: {ended.error or 'no reason is known'}"
        code = ExitCode.VERDICT_UNKNOWN if ended.exit_code is None else ended.exit_code
        return status, Status.UNKNOWN, reason, code
    if summary is None or isinstance(summary, Ended):
        return status, Status.UNKNOWN, "it was not judged", ExitCode.VERDICT_UNKNOWN
    verdict = summary.verdict
    if verdict.status is Status.VALID:
        return status, verdict.status, None, ExitCode.OK
    reasons = "; ".join(reason.text for reason in verdict.reasons) or "no reason is given"
    return status, verdict.status, f"{verdict.status}: {reasons}", verdict.exit_code


def _latencies(run: RunDirectory, summary: Summary | None) -> Mapping[str, Sample]:
    """Return the latencies of measured windows, which must be those that the summary was made from."""
    if summary is None or not summary.latencies_ms:
        raise RunDirectoryProblem(f"run {run.run_id}: summary.json is damaged: a valid run has latencies_ms")
    found = read_latencies(run.judged_rows, list(summary.latencies_ms))
    for name, (values, _) in found.items():
        if summary.latencies_ms[name].rows != len(values):
            raise RunDirectoryProblem(f"run {run.run_id}: summary.json and samples/rows.parquet disagree about {name}")
    return found
