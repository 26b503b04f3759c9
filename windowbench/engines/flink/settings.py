"""Settings of Flink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windowbench.settings.engine import ENGINE_HELP, IDLE_TIMEOUT_HELP, CheckpointSettings, require_heap
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.knobs import Pairs, knob, require

EXACTLY_ONCE = "exactly-once"
MAX_TRANSACTION_MS = 300_000
"""Longest time between two commits, well below the 15 minutes after which brokers end a transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlinkSettings(CheckpointSettings):
    """Flink SQL."""

    EXACT_ONLY: ClassVar[str | None] = "Flink's SQL counts approximately in batch jobs alone"

    engine: str = knob("flink", ENGINE_HELP, everyday=True)
    idle_timeout_ms: int = knob(1000, IDLE_TIMEOUT_HELP)
    flink_parallelism: int | None = knob(
        None, "parallelism of the Flink job; the partitions of the events topic, at most one a core, when none"
    )
    flink_delivery: str = knob(
        "at-least-once", "delivery guarantee of Flink's sink", choices=("at-least-once", EXACTLY_ONCE), everyday=True
    )
    flink_checkpoint_interval_ms: int = knob(
        10_000, "time between Flink's checkpoints; rows of exactly-once delivery become visible with one"
    )
    flink_python: str | None = knob(
        None, "Python that builds Flink's environment on first use; this one when PyFlink supports it"
    )
    flink_conf: Pairs = knob((), "a Flink setting, key=value; may be given several times", everyday=True)
    flink_memory: str | None = knob(
        None,
        "heap of the JVM that runs the Flink job; 1g in the preset tuned, Java's own choice in the others, when none",
    )

    def __post_init__(self) -> None:
        """Check the fields."""
        CheckpointSettings.__post_init__(self)
        require(self.idle_timeout_ms >= 0, "idle_timeout_ms must not be negative")
        parallelism = self.flink_parallelism
        require(parallelism is None or 1 <= parallelism <= 1000, "flink_parallelism must be 1 to 1000")
        require(self.flink_checkpoint_interval_ms >= 10, "flink_checkpoint_interval_ms must be at least 10")
        require_heap("flink_memory", self.flink_memory)

    def check_with(self, *, events: EventSettings, judge: JudgeSettings) -> None:
        """Refuse to wait in vain: rows of a transaction are seen after its commit, which comes with a checkpoint."""
        del events
        if not self.in_transactions:
            return
        interval, patience = self.flink_checkpoint_interval_ms, judge.drain_timeout_seconds
        require(
            interval <= MAX_TRANSACTION_MS,
            f"flink_checkpoint_interval_ms ({interval}) must be at most {MAX_TRANSACTION_MS} with exactly-once"
            " delivery: a broker ends longer transactions, and their rows are lost",
        )
        require(
            interval < patience * 1000,
            f"flink_checkpoint_interval_ms ({interval}) must be below drain_timeout_seconds ({patience:g} s) with"
            " exactly-once delivery: the last rows are seen with the checkpoint after the load",
        )

    @property
    def in_transactions(self) -> bool:
        """Rows of exactly-once delivery come in transactions."""
        return self.flink_delivery == EXACTLY_ONCE

    @property
    def commit_interval_s(self) -> float:
        """A transaction is committed with a checkpoint."""
        return self.flink_checkpoint_interval_ms / 1000 if self.in_transactions else 0.0
