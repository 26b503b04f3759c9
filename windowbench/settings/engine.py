"""The stream processor under test."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from windowbench.settings.knobs import ConfigError, Pairs, knob, require, require_whole_ms

OutputMode = Literal["append", "update"]
PYTHON_WORKER = "windowbench.python_worker"
"""Name under which an engine says, among its settings, that rows pass a Python worker on their way."""
EXACT_ONLY = {
    "flink": "Flink's SQL counts approximately in batch jobs alone",
    "none": "the reference engine keeps every value",
}
"""Engines that approximate nothing, and why. What a command does is known to its author."""
LEAST_REALTIME_BATCH_SECONDS = 5.0
"""Below this Spark refuses a batch of Real-Time Mode."""


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
        "a partition without records for this long holds no watermark back (engine=none, flink but with preset=tuned"
        " only); 0: it always does",
    )
    engine_ui: bool = knob(False, "keep the engine's own web page, on a loopback port, during the run; it costs CPU")
    workload: str = knob("ad_ctr", "what is computed")
    preset: str = knob(
        "tuned",
        "settings of the engine: stock as it comes, default with the shuffle partitions and master any 2-core user"
        " sets, tuned with the project's best",
        choices=("stock", "default", "tuned"),
    )
    tuning: str = knob("", "parts of the preset tuned to add to the preset default, joined by +; see docs/tuning.md")
    spark_mode: str = knob(
        "append",
        "append and update are micro-batches in that output mode; realtime is Real-Time Mode, whose rows are updates",
        choices=("append", "update", "realtime"),
    )
    realtime_batch_seconds: float = knob(60.0, "length of a batch in Real-Time Mode; rows do not wait for its end")
    spark_master: str | None = knob(
        None, "Spark master; when none, as many local threads as the preset and the mode of the query ask for"
    )
    spark_conf: Pairs = knob((), "a Spark setting, key=value; may be given several times")
    spark_driver_memory: str | None = knob(
        None, "heap of the Spark driver; 2g in the preset tuned and Spark's own in the others, when none"
    )
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
    flink_memory: str | None = knob(
        None,
        "heap of the JVM that runs the Flink job; 1g in the preset tuned, Java's own choice in the others, when none",
    )

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
        require(
            not self.tuning or self.preset == "default",
            f"tuning adds to preset=default; the preset {self.preset} has all or none of it",
        )
        self._check_realtime()
        for name in ("spark_driver_memory", "flink_memory"):
            text = getattr(self, name)
            if text is None:
                continue
            amount, unit = text[:-1], text[-1:].lower()
            good = amount.isascii() and amount.isdigit() and int(amount) > 0 and unit in tuple("kmgt")
            require(good, f"{name} must be a number and k, m, g or t, such as 2g, not {text!r}")
        parallelism = self.flink_parallelism
        require(parallelism is None or 1 <= parallelism <= 1000, "flink_parallelism must be 1 to 1000")
        require(self.flink_checkpoint_interval_ms >= 10, "flink_checkpoint_interval_ms must be at least 10")

    @property
    def tuning_names(self) -> tuple[str, ...]:
        """The parts that `tuning` names."""
        return tuple(name for name in self.tuning.split("+") if name)

    def _check_realtime(self) -> None:
        require(
            self.spark_mode != "realtime" or self.trigger_interval_ms == 0,
            "trigger_interval_ms is for micro-batches; the length of a batch in Real-Time Mode is"
            " realtime_batch_seconds",
        )
        least = LEAST_REALTIME_BATCH_SECONDS
        require(
            least <= self.realtime_batch_seconds <= 86_400,
            f"realtime_batch_seconds must be {least:g} (Spark's own bound) to 86400, not {self.realtime_batch_seconds}",
        )
        require_whole_ms("realtime_batch_seconds", self.realtime_batch_seconds)
