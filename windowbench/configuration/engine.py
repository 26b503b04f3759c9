"""The stream processor under test."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from windowbench.settings import ConfigError, Pairs, knob, require


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSettings:
    """The stream processor under test."""

    engine: str = knob(
        "spark",
        "engine under test; none is the reference in plain Python",
        choices=("spark", "flink", "none", "command"),
    )
    engine_command: str | None = knob(None, "command line of the engine for engine=command")
    engine_ready_seconds: float = knob(120.0, "how long an engine may take to say that it is ready")
    num_consumers: int = knob(2, "consumer processes of engine=none; at most one a partition is started")
    idle_timeout_ms: int = knob(
        1000,
        "a partition without records for this long holds no watermark back (engine=none, flink); 0: it always does",
    )
    workload: str = knob("ad_ctr", "what is computed", choices=("ad_ctr",))
    spark_mode: str = knob("append", "output mode of the Spark query", choices=("append",))
    spark_master: str = knob("local[2]", "Spark master")
    spark_conf: Pairs = knob((), "a Spark setting, key=value; may be given several times")
    spark_driver_memory: str = knob("2g", "heap of the Spark driver")
    trigger_interval_ms: int = knob(0, "micro-batch trigger interval; 0 starts a batch as soon as the last one ended")
    checkpoint_dir: str | None = knob(None, "checkpoint directory of the engine; in the run directory when none")
    flink_parallelism: int | None = knob(
        None, "parallelism of the Flink job; the partitions of the events topic, at most one a core, when none"
    )
    flink_delivery: str = knob(
        "at-least-once", "delivery guarantee of Flink's sink", choices=("at-least-once", "exactly-once")
    )
    flink_checkpoint_interval_ms: int = knob(
        10_000, "time between Flink's checkpoints; rows of exactly-once delivery become visible with one"
    )
    flink_python: str | None = knob(
        None, "Python that builds Flink's environment on first use; this one when PyFlink supports it"
    )
    flink_conf: Pairs = knob((), "a Flink setting, key=value; may be given several times")
    flink_memory: str = knob("1g", "heap of the JVM that runs the Flink job")

    def __post_init__(self) -> None:
        """Check the fields."""
        try:
            words = shlex.split(self.engine_command or "")
        except ValueError as error:
            raise ConfigError(f"engine_command cannot be split into words: {error}") from None
        require(self.engine_command is None or bool(words), "engine_command must name a program")
        require(
            (self.engine == "command") == (self.engine_command is not None),
            "engine=command and engine_command go together: set both or neither",
        )
        require(self.engine_ready_seconds > 0, "engine_ready_seconds must be positive")
        require(1 <= self.num_consumers <= 1000, "num_consumers must be 1 to 1000")
        require(self.idle_timeout_ms >= 0, "idle_timeout_ms must not be negative")
        require(self.trigger_interval_ms >= 0, "trigger_interval_ms must not be negative")
        for name in ("spark_driver_memory", "flink_memory"):
            text = getattr(self, name)
            amount, unit = text[:-1], text[-1:].lower()
            good = amount.isascii() and amount.isdigit() and int(amount) > 0 and unit in tuple("kmgt")
            require(good, f"{name} must be a number and k, m, g or t, such as 2g, not {text!r}")
        parallelism = self.flink_parallelism
        require(parallelism is None or 1 <= parallelism <= 1000, "flink_parallelism must be 1 to 1000")
        require(self.flink_checkpoint_interval_ms >= 10, "flink_checkpoint_interval_ms must be at least 10")
