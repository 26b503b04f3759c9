"""How a run ended, as ``status.json`` says it."""

from __future__ import annotations

from windowbench.errors import HarnessError
from windowbench.runs.files.status import STATUS_VERSION, RunStatus, StatusFile


def status_of(
    phase: str,
    *,
    status: RunStatus,
    exit_code: int | None,
    error: str | None = None,
    failure: HarnessError | None = None,
) -> StatusFile:
    """Return the content of ``status.json``.

    The exit code is None as long as it is not known. A failure says what went wrong, its remedy and the last lines of
    the log of the service at fault; `error` is for what is none.
    """
    return StatusFile(
        schema_version=STATUS_VERSION,
        status=status,
        phase=phase,
        exit_code=exit_code,
        error=error if failure is None else str(failure),
        remedy=None if failure is None else failure.remedy or None,
        log_tail=() if failure is None else tuple(failure.log_tail),
    )
