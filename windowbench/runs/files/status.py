"""``status.json``: how a run ended."""

from __future__ import annotations

import enum
from dataclasses import dataclass

# History of status.json; readers refuse a number they do not know.
# 1: status, phase, exit_code, error; of some failures remedy and log_tail. It held no number.
# 2: schema_version, and all fields in every file.
STATUS_VERSION = 2


class RunStatus(enum.StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusFile:
    """Content of ``status.json``.

    Attributes
    ----------
    status : RunStatus
    phase : str
        The phase the run was in.
    exit_code : int or None
        None as long as it is not known.
    error : str or None
        What went wrong.
    remedy : str or None
        What to do about it.
    log_tail : tuple of str
        Last lines of the log of the service at fault.
    """

    schema_version: int = 1
    status: RunStatus = RunStatus.UNKNOWN
    phase: str = "unknown"
    exit_code: int | None = None
    error: str | None = None
    remedy: str | None = None
    log_tail: tuple[str, ...] = ()
