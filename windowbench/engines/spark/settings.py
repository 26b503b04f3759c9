"""Settings of Spark Structured Streaming."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windowbench.settings.engine import ENGINE_HELP, CheckpointSettings, OutputMode, require_heap
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.knobs import Pairs, knob, require, require_whole_ms

LEAST_REALTIME_BATCH_SECONDS = 5.0
"""Below this Spark refuses a batch of Real-Time Mode."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SparkSettings(CheckpointSettings):
    """Spark Structured Streaming."""

    MODE_SETTING: ClassVar[str] = "spark_mode"
    VARIANTS: ClassVar[tuple[str, ...]] = ("preset", "spark_mode")

    engine: str = knob("spark", ENGINE_HELP, everyday=True)
    spark_mode: str = knob(
        "append",
        "append and update are micro-batches in that output mode; realtime is Real-Time Mode, whose rows are updates",
        choices=("append", "update", "realtime"),
        everyday=True,
    )
    realtime_batch_seconds: float = knob(60.0, "length of a batch in Real-Time Mode; rows do not wait for its end")
    spark_master: str | None = knob(
        None, "Spark master; when none, as many local threads as the preset and the mode of the query ask for"
    )
    spark_conf: Pairs = knob((), "a Spark setting, key=value; may be given several times", everyday=True)
    spark_driver_memory: str | None = knob(
        None, "heap of the Spark driver; 2g in the preset tuned and Spark's own in the others, when none"
    )
    trigger_interval_ms: int = knob(0, "micro-batch trigger interval; 0 starts a batch as soon as the last one ended")

    def __post_init__(self) -> None:
        """Check the fields."""
        CheckpointSettings.__post_init__(self)
        require(self.trigger_interval_ms >= 0, "trigger_interval_ms must not be negative")
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
        require_heap("spark_driver_memory", self.spark_driver_memory)
        master = self.spark_master or "local"
        require(
            not self.engine_ui or master.startswith("local"),
            f"engine_ui is for Spark on this machine; with spark_master {master} its page would be open to other"
            " machines",
        )

    def check_with(self, *, events: EventSettings, judge: JudgeSettings) -> None:
        """Refuse late events that no one could say of whether they count."""
        del judge
        if self.real_time_batch_s is None or events.too_late_share == 0:
            return
        # A batch drops what was late when the batch before it began, and time stands still within both.
        held = 2 * self.real_time_batch_s
        require(
            events.late_guard_seconds >= held,
            f"in Real-Time Mode late events count until two batches are over: with too_late_share,"
            f" late_guard_seconds must be at least twice realtime_batch_seconds ({held:g}),"
            f" not {events.late_guard_seconds:g}",
        )

    @property
    def output_mode(self) -> OutputMode:
        """Rows are updates in every mode but append."""
        return "append" if self.spark_mode == "append" else "update"

    @property
    def real_time_batch_s(self) -> float | None:
        """Length of a batch in Real-Time Mode."""
        return self.realtime_batch_seconds if self.spark_mode == "realtime" else None

    @property
    def in_batches(self) -> bool:
        """Rows wait for the end of a micro-batch in every mode but Real-Time Mode."""
        return self.real_time_batch_s is None

    @property
    def trigger_interval_s(self) -> float:
        """The trigger interval of micro-batches."""
        return self.trigger_interval_ms / 1000
