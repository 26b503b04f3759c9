"""Bounds of a valid run; docs/measurement.md defines each."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require

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
    drain_timeout_seconds: float = knob(60.0, "how long the engine may take to finish after the end of load")

    def __post_init__(self) -> None:
        require(self.max_lateness_p99_ms > 0, "max_lateness_p99_ms must be positive")
        require(self.max_excess_ms is None or self.max_excess_ms > 0, "max_excess_ms must be positive")
        require(0 < self.max_steal <= 1, "max_steal must be above 0 and at most 1")
        require(self.drain_timeout_seconds > 0, "drain_timeout_seconds must be positive")
