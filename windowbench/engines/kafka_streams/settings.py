"""Settings of Kafka Streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windowbench.settings.engine import ENGINE_HELP, IDLE_TIMEOUT_HELP, PresetSettings, require_heap
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.knobs import Pairs, knob, require

EXACTLY_ONCE = "exactly-once"
_MAX_TRANSACTION_MS = 10_000
"""As long as Kafka Streams lets a transaction be."""
_OWN_COMMIT_MS = 100
"""Time between commits with exactly-once delivery when none is set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KafkaStreamsSettings(PresetSettings):
    """Kafka Streams."""

    EXACT_ONLY: ClassVar[str | None] = "Kafka Streams has no approximate counts"

    engine: str = knob("kafka_streams", ENGINE_HELP, everyday=True)
    idle_timeout_ms: int = knob(1000, IDLE_TIMEOUT_HELP)
    kafka_streams_delivery: str = knob(
        "at-least-once",
        "delivery guarantee of Kafka Streams",
        choices=("at-least-once", EXACTLY_ONCE),
        everyday=True,
    )
    kafka_streams_commit_interval_ms: int | None = knob(
        None,
        "time between commits of Kafka Streams; rows of exactly-once delivery become visible with one; its own, 30 s or"
        " with exactly-once 100 ms, when none",
    )
    kafka_streams_threads: int | None = knob(
        None,
        "threads of Kafka Streams; in the preset stock one, in the others the partitions of the events topic, at most"
        " one a core, when none",
    )
    kafka_streams_memory: str | None = knob(
        None,
        "heap of the JVM of Kafka Streams; 512m in the preset tuned, Java's own choice in the others, when none",
    )
    kafka_streams_conf: Pairs = knob(
        (), "a setting of Kafka Streams or its clients, key=value; may be given several times", everyday=True
    )

    def __post_init__(self) -> None:
        """Check the fields."""
        PresetSettings.__post_init__(self)
        require(self.idle_timeout_ms >= 0, "idle_timeout_ms must not be negative")
        threads, commit = self.kafka_streams_threads, self.kafka_streams_commit_interval_ms
        require(threads is None or 1 <= threads <= 1000, "kafka_streams_threads must be 1 to 1000")
        require(commit is None or 1 <= commit <= 600_000, "kafka_streams_commit_interval_ms must be 1 to 600000")
        require_heap("kafka_streams_memory", self.kafka_streams_memory)
        require(
            "processing.guarantee" not in dict(self.kafka_streams_conf),
            "processing.guarantee is set by kafka_streams_delivery",
        )

    def check_with(self, *, events: EventSettings, judge: JudgeSettings) -> None:
        """Refuse to wait in vain: rows of a transaction are seen after its commit."""
        del events
        interval, patience = self.kafka_streams_commit_interval_ms, judge.drain_timeout_seconds
        if not self.in_transactions or interval is None:
            return
        require(
            interval <= _MAX_TRANSACTION_MS,
            f"kafka_streams_commit_interval_ms ({interval}) must be at most {_MAX_TRANSACTION_MS} with exactly-once"
            " delivery: Kafka Streams lets no transaction be longer",
        )
        require(
            interval < patience * 1000,
            f"kafka_streams_commit_interval_ms ({interval}) must be below drain_timeout_seconds ({patience:g} s) with"
            " exactly-once delivery: the last rows are seen with the commit after the load",
        )

    @property
    def in_transactions(self) -> bool:
        """Rows of exactly-once delivery come in transactions."""
        return self.kafka_streams_delivery == EXACTLY_ONCE

    @property
    def commit_interval_s(self) -> float:
        """What is set, or what Kafka Streams takes itself."""
        interval = self.kafka_streams_commit_interval_ms
        return (_OWN_COMMIT_MS if interval is None else interval) / 1000 if self.in_transactions else 0.0
