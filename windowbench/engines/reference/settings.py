"""Settings of the reference engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windowbench.settings.engine import ENGINE_HELP, IDLE_TIMEOUT_HELP, EngineSettings
from windowbench.settings.knobs import knob, require, require_topic


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSettings(EngineSettings):
    """The reference engine: plain Python, without a framework."""

    ALIASES: ClassVar[tuple[str, ...]] = ("none",)
    EXACT_ONLY: ClassVar[str | None] = "the reference engine keeps every value"
    OWN_TOPICS: ClassVar[tuple[str, ...]] = ("watermarks_topic",)

    engine: str = knob("reference", ENGINE_HELP, everyday=True)
    num_consumers: int = knob(
        2, "consumer processes of the reference engine; at most one a partition is started", everyday=True
    )
    idle_timeout_ms: int = knob(1000, IDLE_TIMEOUT_HELP)
    watermarks_topic: str = knob("local-watermarks", "topic on which its consumers say how far they are")

    def __post_init__(self) -> None:
        """Check the fields."""
        EngineSettings.__post_init__(self)
        require(1 <= self.num_consumers <= 1000, "num_consumers must be 1 to 1000")
        require(self.idle_timeout_ms >= 0, "idle_timeout_ms must not be negative")
        require_topic("watermarks_topic", self.watermarks_topic)
