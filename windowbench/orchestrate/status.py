"""How a run ended, as ``status.json`` says it."""

from __future__ import annotations

from typing import Any

from windowbench.errors import HarnessError


def status_of(
    phase: str, *, status: str, exit_code: int | None, error: str | None = None, failure: HarnessError | None = None
) -> dict[str, Any]:
    """Return the content of ``status.json``.

    Parameters
    ----------
    phase : str
        The phase the run was in.
    status : str
        ``completed``, ``failed`` or ``aborted``.
    exit_code : int or None
        None as long as it is not known.
    error : str, optional
        What went wrong.
    failure : HarnessError, optional
        What went wrong, with its remedy and the last lines of the log of the service at fault.
    """
    word: dict[str, Any] = {"status": status, "phase": phase, "exit_code": exit_code, "error": error}
    if failure is not None:
        word |= {"error": str(failure), "remedy": failure.remedy or None, "log_tail": list(failure.log_tail)}
    return word
