"""The phases of a run, each with its timestamps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PHASES = (
    "prepare",
    "start",
    "ready",
    "warm-up",
    "measure",
    "cool-down",
    "drain",
    "stop",
    "verify",
    "report",
)


@dataclass(slots=True)
class Timeline:
    """When each phase began, which `on_enter` is told; one phase ends where the next begins."""

    on_enter: Callable[[str], None]
    _entries: list[tuple[str, int]] = field(default_factory=list)

    @property
    def current(self) -> str:
        """Name of the phase the run is in."""
        return self._entries[-1][0] if self._entries else PHASES[0]

    @property
    def load_has_begun(self) -> bool:
        """Whether the run came as far as its load."""
        return PHASES.index(self.current) >= PHASES.index("warm-up")

    def enter(self, phase: str) -> None:
        """Begin `phase` now."""
        if phase not in PHASES:
            msg = f"there is no phase {phase!r}"
            raise ValueError(msg)
        self._entries.append((phase, time.time_ns()))
        self.on_enter(phase)

    def as_dict(self) -> dict[str, list[dict[str, object]]]:
        """Return the phases as ``timeline.json`` holds them; the last one ends now."""
        starts = [start for _, start in self._entries]
        ends = [*starts[1:], time.time_ns()]
        return {
            "phases": [
                {"name": name, "start_ns": start, "end_ns": end}
                for (name, start), end in zip(self._entries, ends, strict=True)
            ]
        }
