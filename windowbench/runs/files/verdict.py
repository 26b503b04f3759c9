"""``verdict.json``: what a run is worth, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from windowbench.errors import ExitCode

# History of verdict.json; readers refuse a number they do not know.
# 1, 2: verdict, reasons and warnings. The number was that of the run directory.
VERDICT_VERSION = 2


class Status(enum.StrEnum):
    """What a run is worth."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUSTAINABLE = "unsustainable"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of a program that ends with this verdict."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Status.VALID: ExitCode.OK,
    Status.INVALID: ExitCode.RUN_INVALID,
    Status.UNKNOWN: ExitCode.VERDICT_UNKNOWN,
    Status.UNSUSTAINABLE: ExitCode.UNSUSTAINABLE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a run is not valid.

    Attributes
    ----------
    code : str
        Stable name of the reason.
    party : str
        Who is at fault.
    text : str
        A sentence with the figures.
    """

    code: str
    party: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The verdict on a run.

    Attributes
    ----------
    verdict : Status
    reasons : tuple of Reason
        Everything that speaks against the run; empty for a valid one.
    warnings : tuple of str
        What a reader should know and what does not count against the run.
    """

    verdict: Status
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """What the run is worth."""
        return self.verdict

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of a program that ends with this verdict."""
        return self.verdict.exit_code


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictFile:
    """Content of ``verdict.json``."""

    schema_version: int
    verdict: Status
    reasons: tuple[Reason, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictFile:
        """Return the file of a verdict."""
        return cls(
            schema_version=VERDICT_VERSION,
            verdict=verdict.verdict,
            reasons=verdict.reasons,
            warnings=verdict.warnings,
        )
