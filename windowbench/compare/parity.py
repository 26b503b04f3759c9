"""Do the engines run under the same terms? A table of the settings that decide latency, as far as they say. Pure.

Engines call the same thing by different names and have different things altogether. Each line of the table names,
for each engine, the settings that it may report, the setting of ours that decides it, what the engine itself
takes where neither is set, or how it works where nothing can be set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config import Config
from windowbench.compare.arms import Arm
from windowbench.runs.files.comparison import ParityLine, ParityValue
from windowbench.runs.files.summary import Summary
from windowbench.settings.engine import PYTHON_WORKER
from windowbench.settings.workload import APPROXIMATE, EXACT


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where an engine's value of a line is found.

    Attributes
    ----------
    reported : tuple of str
        Names in its effective settings; the first one that it reported counts.
    configured : callable, optional
        Gives the value from our configuration.
    default : str
        What the engine takes when nothing is set.
    fixed : str
        How it works, where that cannot be set.
    """

    reported: tuple[str, ...] = ()
    configured: Callable[[Config], str] | None = None
    default: str = ""
    fixed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One setting, engine by engine.

    Attributes
    ----------
    name : str
    sources : mapping of str to Source
        By the name of the engine.
    concerns : callable
        Whether a run has such a thing at all; the line is left out where no arm has.
    """

    name: str
    sources: Mapping[str, Source]
    concerns: Callable[[Config], bool] = lambda _: True


def _trigger(config: Config) -> str:
    if config.real_time:
        return "rows as they come, one by one"
    interval = config.engine.trigger_interval_ms
    return f"a batch every {interval} ms" if interval else "a batch as soon as the last one ended"


def _batch(config: Config) -> str:
    return f"{config.engine.realtime_batch_seconds:g} s" if config.real_time else "every batch"


def _same(configured: Callable[[Config], str]) -> dict[str, Source]:
    return dict.fromkeys(("spark", "flink", "none", "command"), Source(configured=configured))


def _counting(config: Config) -> str:
    return APPROXIMATE if config.workload.approximate else EXACT


_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|m|h)")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
_ACKS = ("acks", "kafka.acks")
LINES = (
    Line(name="producers: acknowledgements", sources=_same(lambda _: "all")),
    Line(name="producers: linger", sources=_same(lambda config: f"{config.kafka.linger_ms:g} ms")),
    Line(name="partitions of the events topic", sources=_same(lambda config: str(config.kafka.partitions))),
    Line(
        name="results: acknowledgements",
        sources={
            "spark": Source(reported=("writeStream.kafka.acks",), default="all"),
            "flink": Source(reported=("sink.properties.acks",), default="all"),
            "none": Source(reported=_ACKS),
            "command": Source(reported=_ACKS),
        },
    ),
    Line(
        name="results: linger, ms",
        sources={
            # What the Kafka clients take that each of them brings: 3.9 with Spark, 4.2 with Flink.
            "spark": Source(reported=("writeStream.kafka.linger.ms",), default="0"),
            "flink": Source(reported=("sink.properties.linger.ms",), default="5"),
            "none": Source(reported=("linger.ms",)),
            "command": Source(reported=("linger.ms",)),
        },
    ),
    Line(
        name="results: delivery",
        sources={
            "spark": Source(fixed="at-least-once"),
            "flink": Source(reported=("sink.sink.delivery-guarantee",), default="at-least-once"),
            "none": Source(fixed="at-least-once"),
        },
    ),
    Line(
        name="trigger or watermark interval",
        sources={
            "spark": Source(configured=_trigger),
            "flink": Source(reported=("pipeline.auto-watermark-interval",), default="200 ms"),
            "none": Source(fixed="with every read of the topic"),
        },
    ),
    Line(
        name="idle partitions",
        sources={
            "spark": Source(fixed="hold nothing back"),
            "flink": Source(reported=("table.exec.source.idle-timeout",), default="hold the watermark back"),
            "none": Source(configured=lambda config: f"{config.engine.idle_timeout_ms} ms"),
        },
    ),
    Line(
        name="wait for a network buffer",
        sources={
            "spark": Source(fixed="none"),
            "flink": Source(reported=("execution.buffer-timeout.interval",), default="100 ms"),
            "none": Source(fixed="none"),
        },
    ),
    Line(
        name="parallelism",
        sources={
            "spark": Source(reported=("spark.master",), default="local[*]"),
            "flink": Source(reported=("parallelism.default",), default="1"),
            "none": Source(reported=("consumers",)),
        },
    ),
    Line(
        name="parallelism of the aggregation",
        sources={
            "spark": Source(reported=("spark.sql.shuffle.partitions",), default="200"),
            "flink": Source(reported=("parallelism.default",), default="1"),
            "none": Source(fixed="1"),
        },
    ),
    Line(
        name="checkpoint interval",
        sources={
            "spark": Source(configured=_batch),
            "flink": Source(reported=("execution.checkpointing.interval",), default="no checkpoints"),
            "none": Source(fixed="no checkpoints"),
        },
    ),
    Line(
        name="Python worker",
        sources={
            "spark": Source(reported=(PYTHON_WORKER,), default="none"),
            "flink": Source(reported=(PYTHON_WORKER,), default="none"),
            "none": Source(fixed="the engine itself is Python"),
        },
    ),
    Line(
        name="counts of distinct values",
        sources=_same(_counting),
        concerns=lambda config: bool(config.workload.APPROXIMATIONS),
    ),
    Line(
        name="state store",
        sources={
            "spark": Source(
                reported=("spark.sql.streaming.stateStore.providerClass",), default="HDFSBackedStateStoreProvider"
            ),
            "flink": Source(reported=("state.backend.type",), default="hashmap"),
            "none": Source(fixed="memory of the process"),
        },
    ),
)
"""Every line of the table."""


def effective_settings(summary: Summary | None) -> dict[str, str]:
    """Return what the engine of a run reported as its settings."""
    return {} if summary is None else {name: str(value) for name, value in summary.engine.settings.items()}


def parity(arms: Sequence[Arm]) -> tuple[ParityLine, ...]:
    """Return the table for arms, asymmetries marked."""
    return tuple(_line(line, arms) for line in LINES if any(line.concerns(arm.config) for arm in arms))


def _line(line: Line, arms: Sequence[Arm]) -> ParityLine:
    values = {arm.label: _value(line.sources.get(arm.config.engine.engine, Source()), arm) for arm in arms}
    unknown = [label for label, value in values.items() if value.source == "unknown"]
    shown = {_comparable(value.value) for value in values.values()}
    note = f"not known of {', '.join(unknown)}" if unknown else ""
    return ParityLine(name=line.name, values=values, equal=len(shown) <= 1 and not unknown, note=note)


def _comparable(value: str | None) -> str | None:
    """Return a value so that equal durations are equal, whatever their unit."""
    match = _DURATION.fullmatch(value or "")
    return f"{float(match[1]) * _MS[match[2]]:g} ms" if match else value


def _value(source: Source, arm: Arm) -> ParityValue:
    reported = next((s for run in arm.eligible + arm.runs if (s := effective_settings(run.summary))), {})
    for name in source.reported:
        if name in reported:
            return ParityValue(value=reported[name], source="reported")
    if source.fixed:
        return ParityValue(value=source.fixed, source="fixed")
    if source.configured is not None:
        return ParityValue(value=source.configured(arm.config), source="configured")
    if source.default and reported:
        return ParityValue(value=source.default, source="default")
    return ParityValue(value=None, source="unknown")
