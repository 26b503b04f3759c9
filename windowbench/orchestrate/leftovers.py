"""Cleaning up after runs whose process was killed, before another run begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from windowbench.errors import ExitCode
from windowbench.orchestrate.status import status_of
from windowbench.processes.runlock import clean_leftovers
from windowbench.runs.files.status import RunStatus
from windowbench.runs.store import RunDirectory, RunDirectoryProblem


def clean_up(runs: Path, note: Callable[[str], None]) -> None:
    """Clean up after every run of a directory that died; each says from now on how it ended.

    One that had recorded everything did complete: it is judged by who looks at it next.
    """
    for leftover in clean_leftovers(runs):
        note(f"cleaned up after an earlier run that died: {leftover}")
        run = RunDirectory(runs / leftover.run)
        if run.config.is_file() and not _is_complete(run):
            word = status_of(
                "unknown", status=RunStatus.ABORTED, exit_code=ExitCode.TERMINATED, error="its process was killed"
            )
            run.write_json("status.json", word)


def _is_complete(run: RunDirectory) -> bool:
    try:
        return run.read_status().status is RunStatus.COMPLETED
    except RunDirectoryProblem:
        return False
