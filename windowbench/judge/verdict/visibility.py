"""What speaks against the observation of when rows became visible. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.judge.verdict.verdict import Party, Reason

LEAST_CALIBRATION = 30
"""Calibration records of the measured phase; they come ten times a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VisibleFigures:
    """Figures of the observation.

    Attributes
    ----------
    ranks : bool
        Whether what ranks is when rows became visible.
    rows_seen, rows_not_seen : int
        Rows of measured windows that count, by whether the observer was given them.
    before_append : int
        Rows that were seen before they had been appended, of any window.
    calibration : int
        Calibration records of the measured phase.
    overhead_p50_ms, overhead_p90_ms, overhead_max_ms : float or None
        Their visible time - append time: what the observer itself takes; None without any.
    """

    ranks: bool
    rows_seen: int
    rows_not_seen: int
    before_append: int
    calibration: int
    overhead_p50_ms: float | None
    overhead_p90_ms: float | None
    overhead_max_ms: float | None


def visible_reasons(figures: VisibleFigures | None) -> list[Reason]:
    """Return what makes a run invalid: a wrong clock, or a ranking figure without all its rows or its calibration."""
    if figures is None:
        return []
    found: list[Reason] = []
    if figures.before_append:
        text = f"{figures.before_append} rows were visible before they were appended"
        found.append(Reason(code="visible_before_append", party=Party.HOST, text=text))
    if figures.ranks and figures.rows_not_seen:
        text = f"{figures.rows_not_seen} rows of measured windows were never seen by the observer of visible time"
        found.append(Reason(code="rows_not_observed", party=Party.HARNESS, text=text))
    if figures.ranks and figures.calibration < LEAST_CALIBRATION:
        text = (
            f"{figures.calibration} records say what the observer of visible time itself takes, not {LEAST_CALIBRATION}"
        )
        found.append(Reason(code="observer_not_calibrated", party=Party.HARNESS, text=text))
    return found


def visible_warnings(figures: VisibleFigures | None) -> list[str]:
    """Return what a reader should know where something else ranks."""
    if figures is None or figures.ranks or not figures.rows_not_seen:
        return []
    return [f"{figures.rows_not_seen} rows of measured windows were never seen by the observer of visible time"]
