"""Bounds of a valid run; docs/measurement.md defines each."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSettings:
    """Bounds of a valid run; docs/measurement.md defines each."""

    max_lateness_p99_ms: float = knob(50.0, "greatest P99 of produce time minus due time in a valid run")
    max_steal: float = knob(0.10, "greatest share of CPU time stolen or throttled in a valid run")
    drain_timeout_seconds: float = knob(60.0, "how long the engine may take to finish after the end of load")

    def __post_init__(self) -> None:
        require(self.max_lateness_p99_ms > 0, "max_lateness_p99_ms must be positive")
        require(0 < self.max_steal <= 1, "max_steal must be above 0 and at most 1")
        require(self.drain_timeout_seconds > 0, "drain_timeout_seconds must be positive")
