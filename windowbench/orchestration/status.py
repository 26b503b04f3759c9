"""How a run ended, as ``status.json`` says it."""

from __future__ import annotations

from typing import Any


def status_of(
    phase: str, *, status: str, exit_code: int | None, error: str | None = None, remedy: str | None = None
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
    remedy : str, optional
        What the user can do about it.
    """
    return {"status": status, "phase": phase, "exit_code": exit_code, "error": error, "remedy": remedy}
