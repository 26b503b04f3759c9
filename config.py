"""Every knob of windowbench, in one place.

A :class:`Config` is a value: it is built once, checked whole, written to the run
directory and passed on. Each knob is a flag, an environment variable
(``WINDOWBENCH_<NAME>``) and a key of a TOML or JSON file; later sources win:
defaults < profile < file < environment < command line.

Standard library only: this file travels to the machines of a cluster.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from windowbench.settings import (
    ConfigError,
    Layer,
    Matrix,
    Pairs,
    Parser,
    add_flags,
    checked,
    command_line_layer,
    environment_layer,
    knob,
    mapping_layer,
    nearest,
    read_file,
    settings_of,
)

__all__ = ["Config", "ConfigError", "Loaded", "config_parser", "load", "read_run_config"]

EVENT_TYPES = ("view", "click", "purchase")
MAX_RATE = 10_000_000
MUST_COUNT_MARGIN_MS = 500
"""M of docs/measurement.md: an event due this long before its window may close must count."""


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence at every call
    if not condition:
        raise ConfigError(message)


def _require_whole_ms(name: str, seconds: float | None) -> None:
    """Finer times would be rounded by the clocks and engines, and the load would miss its nominal rate."""
    whole = seconds is None or abs(seconds * 1000 - round(seconds * 1000)) < 1e-6
    _require(whole, f"{name} must be a whole number of milliseconds, not {seconds} s")


def _irreducible(jumps: Matrix) -> bool:
    """Tell whether every state can be reached from every other; only then the mean rate is defined."""
    for start in range(len(jumps)):
        seen, frontier = {start}, [start]
        while frontier:
            fresh = {j for j, p in enumerate(jumps[frontier.pop()]) if p > 0} - seen
            seen |= fresh
            frontier += fresh
        if len(seen) < len(jumps):
            return False
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What identifies a run and bounds it."""

    run_id: str | None = knob(None, "name of the run; made from time and seed when none")
    runs_dir: str = knob("runs", "directory that holds the run directories")
    seed: int = knob(42, "master seed; every random stream of the run derives from it")
    run_timeout_seconds: float | None = knob(None, "end a run that takes longer than this", flag="--run-timeout")
    quiet: bool = knob(False, "print the result only, no progress")
    cache_dir: str | None = knob(None, "where jars are kept between runs; the user's cache directory when none")
    ivy_settings: str | None = knob(None, "Ivy settings file that names another repository to retrieve the jars from")

    def __post_init__(self) -> None:
        """Check the fields."""
        _require(0 <= self.seed < 2**128, "seed must not be negative, and below 2**128")
        _require(self.runs_dir != "", "runs_dir must name a directory")
        _require(
            self.run_timeout_seconds is None or self.run_timeout_seconds > 0, "run_timeout_seconds must be positive"
        )
        if self.run_id is not None:
            allowed = self.run_id.replace("-", "").replace("_", "").replace(".", "")
            _require(
                allowed.isascii() and allowed.isalnum() and len(self.run_id) <= 100 and self.run_id[0] not in ".-",
                f"run_id {self.run_id!r} may hold letters, digits, '-', '_' and '.' only, at most 100 of them",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSettings:
    """How many events come when."""

    num_producers: int = knob(2, "producer processes")
    events_per_producer: int | None = knob(20_000, "events of one producer in the measured phase")
    rate: float | None = knob(None, "events per second of all producers, instead of events_per_producer")
    duration_seconds: float = knob(60.0, "length of the measured phase", flag="--duration")
    warmup_seconds: float = knob(30.0, "least length of the load before the measured phase", flag="--warmup")
    cooldown_seconds: float = knob(
        3.0, "how long the load goes on after the watermark passed the last measured window", flag="--cooldown"
    )
    data_generator: str = knob("poisson", "arrival process", choices=("uniform", "poisson", "mmpp"))
    mmpp_burst_ratio: float = knob(5.0, "rate in the burst state over rate in the calm state")
    mmpp_sojourn_seconds: tuple[float, ...] = knob((4.0, 1.0), "mean sojourn time of each MMPP state")
    mmpp_multipliers: tuple[float, ...] = knob(
        (), "relative rate of each MMPP state, instead of the burst ratio; the mean rate is kept"
    )
    mmpp_jump_matrix: Matrix = knob((), "jump probabilities between MMPP states; uniform over the others when none")

    def __post_init__(self) -> None:
        """Check the fields."""
        _require(1 <= self.num_producers <= 64, f"num_producers must be 1 to 64, not {self.num_producers}")
        _require(
            (self.rate is None) != (self.events_per_producer is None),
            "give either rate or events_per_producer, not both",
        )
        _require(
            self.rate is None or 0.001 <= self.rate <= MAX_RATE,
            f"rate must be 0.001 to {MAX_RATE} events/s, not {self.rate}",
        )
        _require(
            self.events_per_producer is None or self.events_per_producer > 0, "events_per_producer must be positive"
        )
        _require(self.duration_seconds > 0, "duration_seconds must be positive")
        _require(self.duration_seconds <= 7 * 86_400, "duration_seconds must be at most a week")
        _require(self.warmup_seconds >= 0, "warmup_seconds must not be negative")
        _require(self.cooldown_seconds >= 0, "cooldown_seconds must not be negative")
        for name in ("duration_seconds", "warmup_seconds", "cooldown_seconds"):
            _require_whole_ms(name, getattr(self, name))
        _require(
            self.total_rate <= MAX_RATE,
            f"events_per_producer ({self.events_per_producer}) is above {MAX_RATE} events/s within the duration",
        )
        self._check_mmpp()

    def _check_mmpp(self) -> None:
        states = len(self.mmpp_sojourn_seconds)
        _require(states >= 2, "mmpp_sojourn_seconds needs at least two states")
        _require(all(s >= 0.001 for s in self.mmpp_sojourn_seconds), "mmpp_sojourn_seconds must be at least 0.001 each")
        _require(self.mmpp_burst_ratio >= 1, f"mmpp_burst_ratio must be at least 1, not {self.mmpp_burst_ratio}")
        if self.mmpp_multipliers:
            _require(
                len(self.mmpp_multipliers) == states,
                f"mmpp_multipliers names {len(self.mmpp_multipliers)} states, mmpp_sojourn_seconds {states}",
            )
            _require(
                all(m >= 0 for m in self.mmpp_multipliers) and any(self.mmpp_multipliers),
                "mmpp_multipliers must not be negative, nor all zero",
            )
        else:
            _require(states == 2, "more than two MMPP states need mmpp_multipliers")
        if self.mmpp_jump_matrix:
            square = len(self.mmpp_jump_matrix) == states and all(len(r) == states for r in self.mmpp_jump_matrix)
            _require(square, f"mmpp_jump_matrix must be {states} x {states}")
            for i, row in enumerate(self.mmpp_jump_matrix):
                good = all(p >= 0 for p in row) and abs(sum(row) - 1) < 1e-9 and row[i] == 0
                _require(good, f"row {i} of mmpp_jump_matrix must sum to 1, with 0 for staying and nothing negative")
            _require(
                _irreducible(self.mmpp_jump_matrix), "mmpp_jump_matrix must lead from every state to every other one"
            )

    @property
    def total_rate(self) -> Fraction:
        """Nominal events per second of all producers together, exact."""
        if self.rate is not None:
            return Fraction(self.rate).limit_denominator(10_000)
        assert self.events_per_producer is not None
        seconds = Fraction(self.duration_seconds).limit_denominator(10_000)
        return self.num_producers * self.events_per_producer / seconds

    @property
    def events_label(self) -> int:
        """Return the ``{events}`` of the latency report's file name: events of one producer in the measured phase."""
        if self.events_per_producer is not None:
            return self.events_per_producer
        return round(self.total_rate * Fraction(self.duration_seconds).limit_denominator(10_000) / self.num_producers)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSettings:
    """What is in an event."""

    num_campaigns: int = knob(10, "advertising campaigns")
    ads_per_campaign: int = knob(100, "ads of each campaign")
    event_type_weights: tuple[float, ...] = knob((0.80, 0.15, 0.05), "weights of view, click and purchase events")
    campaign_skew: float = knob(0.0, "Zipf exponent of the campaigns; 0 is even")
    out_of_order_share: float = knob(0.0, "share of events whose event time lies before their due time")
    out_of_order_extent_ms: int = knob(0, "greatest distance of an out-of-order event time from its due time")
    too_late_share: float = knob(0.0, "share of events placed so late that they must not count")
    late_guard_seconds: float = knob(10.0, "distance of too-late events from the closing of their window")
    payload_bytes: int = knob(0, "least size of an event's payload, padded when shorter; 0 adds nothing")

    def __post_init__(self) -> None:
        """Check the fields."""
        _require(1 <= self.num_campaigns <= 100_000, "num_campaigns must be 1 to 100000")
        _require(1 <= self.ads_per_campaign <= 100_000, "ads_per_campaign must be 1 to 100000")
        _require(self.num_campaigns * self.ads_per_campaign <= 5_000_000, "at most 5000000 ads in all")
        weights = self.event_type_weights
        _require(
            len(weights) == len(EVENT_TYPES) and all(w >= 0 for w in weights) and sum(weights) > 0,
            "event_type_weights needs three numbers (view, click, purchase), none negative, not all zero",
        )
        _require(0 <= self.campaign_skew <= 10, "campaign_skew must be 0 to 10")
        _require(0 <= self.out_of_order_share <= 1, "out_of_order_share must be 0 to 1")
        _require(self.out_of_order_extent_ms >= 0, "out_of_order_extent_ms must not be negative")
        _require(
            (self.out_of_order_share > 0) == (self.out_of_order_extent_ms > 0),
            "out_of_order_share and out_of_order_extent_ms go together: set both or neither",
        )
        _require(0 <= self.too_late_share < 1, "too_late_share must be at least 0 and below 1")
        _require(self.late_guard_seconds > 0, "late_guard_seconds must be positive")
        _require(0 <= self.payload_bytes <= 900_000, "payload_bytes must be 0 to 900000")


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSettings:
    """Event-time windows and their watermark."""

    window_size_sec: float = knob(10.0, "length of a window")
    slide_sec: float | None = knob(None, "distance between window starts of sliding windows; tumbling when none")
    watermark_delay_sec: float = knob(3.0, "how far the watermark stays behind the greatest event time")

    def __post_init__(self) -> None:
        """Check the fields."""
        _require(self.window_size_sec > 0, "window_size_sec must be positive")
        _require(0 <= self.watermark_delay_sec <= 86_400, "watermark_delay_sec must be 0 to 86400")
        _require(self.slide_sec is None or self.slide_sec > 0, "slide_sec must be positive")
        for name in ("window_size_sec", "slide_sec", "watermark_delay_sec"):
            _require_whole_ms(name, getattr(self, name))
        _require(self.size_ms > 0 and self.slide_ms > 0, "windows and slides last at least one millisecond")
        _require(
            self.size_ms % self.slide_ms == 0,
            f"window_size_sec must be a multiple of slide_sec:"
            f" {self.window_size_sec} is not a multiple of {self.slide_sec}",
        )

    @property
    def size_ms(self) -> int:
        """Length of a window in ms."""
        return round(self.window_size_sec * 1000)

    @property
    def slide_ms(self) -> int:
        """Distance between window starts in ms; the window size for tumbling windows."""
        return round((self.slide_sec or self.window_size_sec) * 1000)

    @property
    def delay_ms(self) -> int:
        """Watermark delay in ms."""
        return round(self.watermark_delay_sec * 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class KafkaSettings:
    """The broker, the topics and how producers write to them."""

    bootstrap_servers: str | None = knob(
        None, "an external broker (host:port,...); an embedded one is started when none"
    )
    broker: str | None = knob(
        None, "whose broker it is; follows from bootstrap_servers when none", choices=("embedded", "external")
    )
    kafka_config: str | None = knob(None, "file of client settings (TLS, SASL, ...), one key=value a line")
    keep_broker: bool = knob(False, "leave the embedded broker running after the run")
    broker_heap_mb: int = knob(512, "heap of the embedded broker")
    events_topic: str = knob("events_spark", "topic of the ad events")
    result_topic: str = knob("results_spark", "topic of the result rows")
    watermarks_topic: str = knob("local-watermarks", "topic on which the consumers of engine=none say how far they are")
    partitions: int = knob(2, "partitions of the events topic")
    result_partitions: int = knob(1, "partitions of the results topic")
    replication_factor: int = knob(1, "replicas of each topic")
    partition_skew: float = knob(0.0, "Zipf exponent of the partitions; 0 deals events out in turn")
    idle_partitions: int = knob(0, "partitions, the last ones, that get no event")
    clear_topics: bool = knob(False, "empty topics of the given names that already hold records")
    dump_topics: str = knob(
        "none", "keep both topics in the run directory before the broker goes", choices=("none", "parquet", "jsonl")
    )
    compression: str = knob("none", "compression of the events", choices=("none", "gzip", "snappy", "lz4", "zstd"))
    linger_ms: float = knob(5.0, "how long a producer may wait to fill a batch")
    ack_sample_every: int = knob(100, "every how manieth event's acknowledgement is timed")

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("events_topic", "result_topic", "watermarks_topic"):
            topic = getattr(self, name)
            plain = topic.replace("-", "").replace("_", "").replace(".", "")
            legal = plain.isascii() and plain.isalnum() and len(topic) <= 200
            _require(legal, f"{name} {topic!r} may hold letters, digits, '-', '_' and '.' only, at most 200 of them")
        _require(self.events_topic != self.result_topic, "events_topic and result_topic must differ")
        _require(
            self.watermarks_topic not in (self.events_topic, self.result_topic),
            "watermarks_topic must differ from events_topic and result_topic",
        )
        _require(1 <= self.partitions <= 1000, "partitions must be 1 to 1000")
        _require(1 <= self.result_partitions <= 1000, "result_partitions must be 1 to 1000")
        _require(1 <= self.replication_factor <= 100, "replication_factor must be 1 to 100")
        _require(0 <= self.partition_skew <= 10, "partition_skew must be 0 to 10")
        _require(
            0 <= self.idle_partitions < self.partitions,
            f"idle_partitions must leave at least one of the {self.partitions} partitions in use",
        )
        _require(0 <= self.linger_ms <= 1000, "linger_ms must be 0 to 1000")
        _require(self.ack_sample_every >= 1, "ack_sample_every must be at least 1")
        _require(self.broker_heap_mb >= 128, "broker_heap_mb must be at least 128")
        _require(
            self.broker != "external" or self.bootstrap_servers is not None, "broker=external needs bootstrap_servers"
        )
        for address in () if self.bootstrap_servers is None else self.bootstrap_servers.split(","):
            host, _, port = address.strip().rpartition(":")
            good = bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65_536
            _require(good, f"bootstrap_servers must be host:port, or several with commas between, not {address!r}")

    @property
    def embedded(self) -> bool:
        """Whether the run starts its own broker."""
        return self.broker == "embedded" or (self.broker is None and self.bootstrap_servers is None)


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
        _require(self.engine_command is None or bool(words), "engine_command must name a program")
        _require(
            (self.engine == "command") == (self.engine_command is not None),
            "engine=command and engine_command go together: set both or neither",
        )
        _require(self.engine_ready_seconds > 0, "engine_ready_seconds must be positive")
        _require(1 <= self.num_consumers <= 1000, "num_consumers must be 1 to 1000")
        _require(self.idle_timeout_ms >= 0, "idle_timeout_ms must not be negative")
        _require(self.trigger_interval_ms >= 0, "trigger_interval_ms must not be negative")
        for name in ("spark_driver_memory", "flink_memory"):
            text = getattr(self, name)
            amount, unit = text[:-1], text[-1:].lower()
            good = amount.isascii() and amount.isdigit() and int(amount) > 0 and unit in tuple("kmgt")
            _require(good, f"{name} must be a number and k, m, g or t, such as 2g, not {text!r}")
        parallelism = self.flink_parallelism
        _require(parallelism is None or 1 <= parallelism <= 1000, "flink_parallelism must be 1 to 1000")
        _require(self.flink_checkpoint_interval_ms >= 10, "flink_checkpoint_interval_ms must be at least 10")


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSettings:
    """Bounds of a valid run; docs/measurement.md defines each."""

    max_lateness_p99_ms: float = knob(50.0, "greatest P99 of produce time minus due time in a valid run")
    max_steal: float = knob(0.10, "greatest share of CPU time stolen or throttled in a valid run")
    drain_timeout_seconds: float = knob(60.0, "how long the engine may take to finish after the end of load")

    def __post_init__(self) -> None:
        """Check the fields."""
        _require(self.max_lateness_p99_ms > 0, "max_lateness_p99_ms must be positive")
        _require(0 < self.max_steal <= 1, "max_steal must be above 0 and at most 1")
        _require(self.drain_timeout_seconds > 0, "drain_timeout_seconds must be positive")


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All settings of one run, checked as a whole.

    Raises
    ------
    ConfigError
        From the constructor, when settings contradict each other.
    """

    run: RunSettings = RunSettings()
    load: LoadSettings = LoadSettings()
    events: EventSettings = EventSettings()
    windows: WindowSettings = WindowSettings()
    kafka: KafkaSettings = KafkaSettings()
    engine: EngineSettings = EngineSettings()
    judge: JudgeSettings = JudgeSettings()

    def __post_init__(self) -> None:
        """Check what concerns more than one group."""
        size = self.windows.window_size_sec
        _require(
            self.load.duration_seconds >= size,
            f"duration_seconds ({self.load.duration_seconds}) must hold at least one window of {size} s",
        )
        _require(
            not self.kafka.keep_broker or self.kafka.embedded,
            "keep_broker is for the embedded broker; it contradicts bootstrap_servers",
        )
        limit = self.windows.delay_ms - MUST_COUNT_MARGIN_MS
        extent = self.events.out_of_order_extent_ms
        _require(
            extent == 0 or extent <= limit,
            f"out_of_order_extent_ms ({extent}) must be at most the watermark delay less {MUST_COUNT_MARGIN_MS} ms"
            f" ({max(limit, 0)}): events further back would be dropped by chance;"
            " use too_late_share for events that must be dropped",
        )

    def flat(self) -> dict[str, Any]:
        """Return every setting by name, in the form a JSON file holds."""
        out: dict[str, Any] = {}
        for group in GROUPS:
            for name, value in dataclasses.asdict(getattr(self, group)).items():
                out[name] = dict(value) if SETTINGS[name].type == Pairs else value
        return out

    def replace(self, **values: object) -> Config:
        """Return a copy with the named settings changed, checked like any other."""
        for name in values.keys() - SETTINGS.keys():
            _require(False, f"unknown setting {name!r}{nearest(name, SETTINGS)}")
        return _build({**{k: getattr(getattr(self, s.group), k) for k, s in SETTINGS.items()}, **values})


GROUPS: dict[str, type] = {
    "run": RunSettings,
    "load": LoadSettings,
    "events": EventSettings,
    "windows": WindowSettings,
    "kafka": KafkaSettings,
    "engine": EngineSettings,
    "judge": JudgeSettings,
}
SETTINGS = settings_of(GROUPS)

PROFILES: dict[str, dict[str, object]] = {
    "smoke": {
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "warmup_seconds": 6.0,
        "duration_seconds": 12.0,
        "cooldown_seconds": 2.0,
        "rate": 500.0,
        "max_lateness_p99_ms": 100.0,
    },
    "bench": {"window_size_sec": 2.0, "duration_seconds": 120.0, "rate": 10_000.0},
}
"""Named sets of settings.

``smoke`` is a whole valid run within a minute; ``bench`` has windows enough for confidence intervals.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A configuration, where each value came from, and the arguments that are not settings."""

    config: Config
    origins: dict[str, str]
    arguments: argparse.Namespace


def _build(values: Mapping[str, object]) -> Config:
    groups = {
        group: cls(**{name: values[name] for name, s in SETTINGS.items() if s.group == group})
        for group, cls in GROUPS.items()
    }
    return Config(**groups)


def _merge(layers: list[Layer]) -> tuple[Config, dict[str, str]]:
    values: dict[str, object] = {name: setting.default for name, setting in SETTINGS.items()}
    origins = dict.fromkeys(SETTINGS, "default")
    for layer in layers:
        rate, events = layer.values.get("rate"), layer.values.get("events_per_producer")
        _require(
            rate is None or events is None,
            f"rate and events_per_producer are two ways to say the same; {layer.origin} sets both, keep one",
        )
        if rate is not None:  # the later of the two ways wins over an earlier layer's other way
            values["events_per_producer"], origins["events_per_producer"] = None, layer.origin
        elif events is not None:
            values["rate"], origins["rate"] = None, layer.origin
        for name, value in layer.values.items():
            values[name] = value
            origins[name] = layer.origin
    return _build(values), origins


def config_parser(prog: str, description: str, *, epilog: str = "") -> Parser:
    """Return an argument parser with a flag for every setting, ``--config`` and ``--profile``."""
    parser = Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="TOML or JSON file of settings; a run's config.json is one")
    parser.add_argument("--profile", metavar="{" + ",".join(PROFILES) + "}", help="a named set of settings")
    add_flags(parser, SETTINGS)
    return parser


def load(
    parser: Parser,
    argv: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    prepare: Callable[[argparse.Namespace], None] | None = None,
    engine: str | None = None,
) -> Loaded:
    """Build the configuration from all layers.

    Parameters
    ----------
    parser : Parser
        Made by :func:`config_parser`; may hold further arguments of the program.
    argv : list of str, optional
        Arguments without the program's name; the process's own when None.
    environ : mapping, optional
        Environment variables; the process's own when None.
    prepare : callable, optional
        Gets the parsed arguments before the layers are merged, to check or fill in what is not a setting.
    engine : str, optional
        The engine that the program's name stands for; every layer that names another one wins.

    Raises
    ------
    ConfigError
        For anything unknown, malformed or contradictory, in any layer.
    """
    namespace = parser.parse_all(argv)
    if prepare is not None:
        prepare(namespace)
    layers = [] if engine is None else [Layer(origin=parser.prog, values={"engine": engine})]
    if namespace.profile is not None:
        if namespace.profile not in PROFILES:
            msg = f"unknown profile {namespace.profile!r}; there are {', '.join(PROFILES)}"
            raise ConfigError(msg)
        layers.append(Layer(origin=f"profile {namespace.profile}", values=PROFILES[namespace.profile]))
    if namespace.config is not None:
        path = Path(namespace.config)
        layers.append(mapping_layer(read_file(path), SETTINGS, origin=f"file {path.name}"))
    layers.append(environment_layer(os.environ if environ is None else environ, SETTINGS))
    layers.append(command_line_layer(namespace, SETTINGS))
    config, origins = _merge(layers)
    return Loaded(config=config, origins=origins, arguments=namespace)


def read_run_config(path: Path) -> Config:
    """Read the ``config.json`` of a run, exactly as written: no other layer takes part.

    Raises
    ------
    ConfigError
        When the file is missing, damaged or of another version's settings.
    """
    values = read_file(path)
    missing = SETTINGS.keys() - values.keys()
    _require(not missing, f"{path} lacks the settings {', '.join(sorted(missing))}: was it written by another version?")
    layer = mapping_layer(values, SETTINGS, origin=str(path))
    return _build({name: checked(SETTINGS[name], layer.values[name], where=str(path)) for name in SETTINGS})


def config_json(config: Config) -> str:
    """Return the text of a run's ``config.json``."""
    return json.dumps(config.flat(), indent=2) + "\n"
