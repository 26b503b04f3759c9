"""Bounds of a valid run; docs/measurement.md defines each."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require

USUAL_APPROXIMATION_ERROR = 0.25
LEAST_MAX_EXCESS_MS = 5_000
COMMIT_MARGIN_MS = 1_000
"""What a commit itself may take, beyond the time between two of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSettings:
    """Bounds of a valid run; docs/measurement.md defines each."""

    max_lateness_p99_ms: float = knob(50.0, "greatest P99 of produce time minus due time in a valid run")
    max_excess_ms: float | None = knob(
        None,
        "greatest P90 of what ranks, and of the wait for the last results; when none, the most of 5 s, a window, two"
        " triggers, a commit interval and 1 s",
    )
    max_steal: float = knob(0.10, "greatest share of CPU time stolen or throttled in a valid run")
    max_approximation_error: float | None = knob(
        None,
        "greatest relative error of an approximate count in a valid run; of their median it is half; 0.25 when none",
    )
    drain_timeout_seconds: float = knob(60.0, "how long the engine may take to finish after the end of load")

    def __post_init__(self) -> None:
        require(self.max_lateness_p99_ms > 0, "max_lateness_p99_ms must be positive")
        require(self.max_excess_ms is None or self.max_excess_ms > 0, "max_excess_ms must be positive")
        require(0 < self.max_steal <= 1, "max_steal must be above 0 and at most 1")
        error = self.max_approximation_error
        require(error is None or 0 < error <= 1, "max_approximation_error must be above 0 and at most 1")
        require(self.drain_timeout_seconds > 0, "drain_timeout_seconds must be positive")

    @property
    def approximation_error(self) -> float:
        """Greatest relative error of an approximate count: what was set, or the usual one."""
        told = self.max_approximation_error
        return USUAL_APPROXIMATION_ERROR if told is None else told
