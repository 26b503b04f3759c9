"""Telling the salt of blind runs that had it in common, when the last of their engines has ended."""

from __future__ import annotations

from collections.abc import Sequence

from windowbench.orchestrate.benchmark import leave_report
from windowbench.orchestrate.salt import tell_salt
from windowbench.report.run_files import REPORT
from windowbench.runs.store import RunDirectory


def tell_salts(runs: Sequence[RunDirectory], salt: str) -> None:
    """Write the salt into the directories of runs; where loads have bursts, the pages of runs then show them."""
    for run in runs:
        if run.read_salt() is None and run.config.exists():
            tell_salt(run, salt)
            if run.file("mmpp_path.json").exists() and run.file(REPORT).exists():
                leave_report(run, lambda _: None)
