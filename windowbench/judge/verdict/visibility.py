"""What speaks against the observation of when rows became visible. Pure."""

from __future__ import annotations

from windowbench.judge.verdict.reasons import Party, ReasonCode, charge
from windowbench.runs.files.figures import VisibleFigures
from windowbench.runs.files.verdict import Reason

LEAST_CALIBRATION = 30
"""Calibration records of the measured phase; they come ten times a second."""


def visible_reasons(figures: VisibleFigures | None, *, needed: bool = False) -> list[Reason]:
    """Return what makes a run invalid: a wrong clock, or a ranking figure without all its rows or its calibration.

    The figures are `needed` where rows came in transactions: nobody had them before they became visible.
    """
    if figures is None:
        text = "rows came in transactions, and nobody looked when they became visible"
        return [charge(Party.HARNESS, ReasonCode.VISIBLE_TIME_UNKNOWN, text)] if needed else []
    found: list[Reason] = []
    if figures.before_append:
        text = f"{figures.before_append} rows were visible before they were appended"
        found.append(charge(Party.HOST, ReasonCode.VISIBLE_BEFORE_APPEND, text))
    if figures.ranks and figures.rows_not_seen:
        text = f"{figures.rows_not_seen} rows of measured windows were never seen by the observer of visible time"
        found.append(charge(Party.HARNESS, ReasonCode.ROWS_NOT_OBSERVED, text))
    if figures.ranks and figures.calibration < LEAST_CALIBRATION:
        text = (
            f"{figures.calibration} records say what the observer of visible time itself takes, not {LEAST_CALIBRATION}"
        )
        found.append(charge(Party.HARNESS, ReasonCode.OBSERVER_NOT_CALIBRATED, text))
    return found


def visible_warnings(figures: VisibleFigures | None) -> list[str]:
    """Return what a reader should know where something else ranks."""
    if figures is None or figures.ranks or not figures.rows_not_seen:
        return []
    return [f"{figures.rows_not_seen} rows of measured windows were never seen by the observer of visible time"]
