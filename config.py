"""Every knob of windowbench as one value.

A :class:`Config` is built once, checked whole, written to the run directory and
passed on. Its groups of knobs, with defaults, help texts and the checks of each, are
the modules of ``windowbench/configuration``; here they are put together, checked
against each other and filled from all sources. Each knob is a flag, an environment
variable (``WINDOWBENCH_<NAME>``) and a key of a TOML or JSON file; later sources win:
defaults < profile < file < environment < command line. One group is that of the workload
in use, whose folder holds it.

Standard library only: it travels to the machines of a cluster.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windowbench.configuration.known import GROUPS, OF_WORKLOAD, SETTINGS, check_owned, topic_settings
from windowbench.configuration.profiles import PROFILES, profile_values
from windowbench.settings.command_line import Parser, add_flags, command_line_layer
from windowbench.settings.consumers import ConsumerSettings
from windowbench.settings.engine import EXACT_ONLY, EngineSettings, OutputMode
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.kafka import KafkaSettings
from windowbench.settings.knobs import ConfigError, Pairs, checked, require
from windowbench.settings.layers import Layer, environment_layer, mapping_layer, read_file, variables_layer
from windowbench.settings.load import MAX_RATE, LoadSettings
from windowbench.settings.run import RunSettings
from windowbench.settings.windows import MUST_COUNT_MARGIN_MS, WindowSettings
from windowbench.settings.workload import EXACT, WorkloadSettings
from windowbench.workloads import WORKLOADS

__all__ = [
    "GROUPS",
    "MAX_RATE",
    "MAX_TRANSACTION_MS",
    "MUST_COUNT_MARGIN_MS",
    "PROFILES",
    "SETTINGS",
    "Config",
    "ConfigError",
    "ConsumerSettings",
    "EngineSettings",
    "EventSettings",
    "JudgeSettings",
    "KafkaSettings",
    "LoadSettings",
    "Loaded",
    "OutputMode",
    "RunSettings",
    "WindowSettings",
    "WorkloadSettings",
    "config_json",
    "config_parser",
    "load",
    "read_run_config",
]

MAX_TRANSACTION_MS = 300_000
"""Longest time between two commits, well below the 15 minutes after which brokers end a transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All settings of one run, checked as a whole.

    Raises
    ------
    ConfigError
        From the constructor, when settings contradict each other.
    """

    run: RunSettings = field(default_factory=RunSettings)
    load: LoadSettings = field(default_factory=LoadSettings)
    workload: WorkloadSettings = field(default_factory=WORKLOADS["ad_ctr"])
    events: EventSettings = field(default_factory=EventSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    consumers: ConsumerSettings = field(default_factory=ConsumerSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        """Check what concerns more than one group."""
        owner = WORKLOADS[self.engine.workload]
        require(type(self.workload) is owner, f"the workload {self.engine.workload} has {owner.__name__}")
        size = self.windows.window_size_sec
        require(
            self.load.duration_seconds >= size,
            f"duration_seconds ({self.load.duration_seconds}) must hold at least one window of {size} s",
        )
        require(
            not self.kafka.keep_broker or self.kafka.embedded,
            "keep_broker is for the embedded broker; it contradicts bootstrap_servers",
        )
        limit = self.windows.delay_ms - MUST_COUNT_MARGIN_MS
        extent = self.events.out_of_order_extent_ms
        require(
            extent == 0 or extent <= limit,
            f"out_of_order_extent_ms ({extent}) must be at most the watermark delay less {MUST_COUNT_MARGIN_MS} ms"
            f" ({max(limit, 0)}): events further back would be dropped by chance;"
            " use too_late_share for events that must be dropped",
        )
        # A batch drops what was late when the batch before it began, and time stands still within both.
        held = 2 * self.engine.realtime_batch_seconds
        require(
            not self.real_time or self.events.too_late_share == 0 or self.events.late_guard_seconds >= held,
            f"in Real-Time Mode late events count until two batches are over: with too_late_share,"
            f" late_guard_seconds must be at least twice realtime_batch_seconds ({held:g}),"
            f" not {self.events.late_guard_seconds:g}",
        )
        self._check_transactions()
        self._check_topics()
        self._check_approximations()
        require(
            not self.workload.REVISES or self.output_mode == "append",
            f"late events revise the rows of the workload {self.engine.workload}, so spark_mode must be append",
        )
        require(
            not self.workload.APPEND_ONLY or self.output_mode == "append",
            f"rows of the workload {self.engine.workload} are final when they are written: spark_mode must be append",
        )
        master = self.engine.spark_master or "local"
        require(
            not self.engine.engine_ui or self.engine.engine != "spark" or master.startswith("local"),
            f"engine_ui is for Spark on this machine; with spark_master {master} its page would be open to other"
            " machines",
        )

    @property
    def real_time(self) -> bool:
        """Whether rows leave the engine one by one, within batches that last for a fixed time."""
        return self.engine.engine == "spark" and self.engine.spark_mode == "realtime"

    @property
    def output_mode(self) -> OutputMode:
        """What a result row is: ``append``, the one row of its key; ``update``, the newest of several."""
        return "update" if self.engine.engine == "spark" and self.engine.spark_mode != "append" else "append"

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Names of the topics that hold the events."""
        return (self.kafka.events_topic, *(getattr(self.workload, name) for name in self.workload.FURTHER_TOPICS))

    @property
    def result_topics(self) -> tuple[str, ...]:
        """Names of the topics that take the rows."""
        return (self.kafka.result_topic, *(getattr(self.workload, name) for name in self.workload.FURTHER_RESULTS))

    @property
    def topic_settings(self) -> tuple[str, ...]:
        """Names of the settings that name topics."""
        return topic_settings(self.workload)

    @property
    def own_topic_settings(self) -> dict[str, Mapping[str, str]]:
        """Kafka's settings of those topics that need others than the rest, by the name of the topic."""
        values = self.flat()
        return {values[name]: settings for name, settings in self.workload.TOPIC_SETTINGS.items()}

    @property
    def several_rows(self) -> bool:
        """Whether a key may have several rows, of which each replaces the one before it."""
        return self.output_mode == "update" or self.workload.REVISES

    def _check_topics(self) -> None:
        by_name: dict[str, str] = {}
        values = self.flat()
        for setting in self.topic_settings:
            other = by_name.setdefault(values[setting], setting)
            require(other == setting, f"{other} and {setting} must differ")

    def _check_approximations(self) -> None:
        engine, asked = self.engine.engine, self.workload.approximate
        require(
            not asked or engine not in EXACT_ONLY,
            f"{' and '.join(asked)} must be {EXACT} with engine {engine}: {EXACT_ONLY.get(engine)};"
            " only spark counts approximately, and a command that was written so",
        )

    def _check_transactions(self) -> None:
        """Rows of a transaction are seen after its commit, which comes with a checkpoint: refuse to wait in vain."""
        if not self.in_transactions:
            return
        interval, patience = self.engine.flink_checkpoint_interval_ms, self.judge.drain_timeout_seconds
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
        """Whether the engine writes its rows in transactions: then what ranks is when they became visible."""
        return self.engine.engine == "flink" and self.engine.flink_delivery == "exactly-once"

    @property
    def observes_visible_time(self) -> bool:
        """Whether a consumer notes when each row became visible."""
        return self.kafka.visible_time or self.in_transactions

    def flat(self) -> dict[str, Any]:
        """Return every setting by name, in the form a JSON file holds."""
        out: dict[str, Any] = {}
        for group in GROUPS:
            for name, value in dataclasses.asdict(getattr(self, group)).items():
                out[name] = dict(value) if SETTINGS[name].type == Pairs else value
        return out

    def replace(self, **values: object) -> Config:
        """Return a copy with the named settings changed, checked like any other.

        With another workload, settings that are at their default take that of the new one.
        """
        before = OF_WORKLOAD[self.engine.workload]
        after = OF_WORKLOAD.get(str(values.get("workload", self.engine.workload)), before)
        kept = {name: getattr(getattr(self, setting.group), name) for name, setting in before.items()}
        if after is not before:
            own = {name for name, setting in before.items() if setting.owners}
            kept = {name: value for name, value in kept.items() if name not in own and value != before[name].default}
        return _build({name: setting.default for name, setting in after.items()} | kept | values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A configuration, where each value came from, and the arguments that are not settings."""

    config: Config
    origins: dict[str, str]
    arguments: argparse.Namespace


def _build(values: Mapping[str, object]) -> Config:
    workload = str(values["workload"])
    require(workload in WORKLOADS, f"unknown workload {workload!r}; there are {', '.join(WORKLOADS)}")
    check_owned(values, workload)
    known = OF_WORKLOAD[workload]
    classes = {**GROUPS, "workload": WORKLOADS[workload]}
    groups = {
        group: cls(**{name: values[name] for name, s in known.items() if s.group == group})
        for group, cls in classes.items()
    }
    return Config(**groups)


def _chosen_workload(layers: list[Layer]) -> str:
    """Return the workload that the last layer to name one chooses."""
    named = [str(layer.values["workload"]) for layer in layers if "workload" in layer.values]
    return named[-1] if named else Config().engine.workload


def _merge(layers: list[Layer], workload: str) -> tuple[Config, dict[str, str]]:
    known = OF_WORKLOAD[workload]
    values: dict[str, object] = {name: setting.default for name, setting in known.items()}
    origins = dict.fromkeys(known, "default")
    for layer in layers:
        check_owned(layer.values, workload, where=layer.origin)
        rate, events = layer.values.get("rate"), layer.values.get("events_per_producer")
        require(
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
    if namespace.config is not None:
        path = Path(namespace.config)
        layers.append(mapping_layer(read_file(path), SETTINGS, origin=f"file {path.name}"))
    given = os.environ if environ is None else environ
    layers.append(environment_layer(given, SETTINGS))
    layers.append(command_line_layer(namespace, SETTINGS))
    workload = _chosen_workload(layers)
    layers.insert(-2, variables_layer(given, WORKLOADS[workload].VARIABLES, SETTINGS))
    if namespace.profile is not None:
        values = profile_values(namespace.profile, workload)
        layers.insert(0 if engine is None else 1, Layer(origin=f"profile {namespace.profile}", values=values))
    config, origins = _merge(layers, workload)
    return Loaded(config=config, origins=origins, arguments=namespace)


def read_run_config(path: Path) -> Config:
    """Read the ``config.json`` of a run, exactly as written: no other layer takes part.

    Raises
    ------
    ConfigError
        When the file is missing, damaged or of another version's settings.
    """
    values = read_file(path)
    layer = mapping_layer(values, SETTINGS, origin=str(path))
    workload = _chosen_workload([layer])
    known = OF_WORKLOAD[workload]
    missing = known.keys() - values.keys()
    require(not missing, f"{path} lacks the settings {', '.join(sorted(missing))}: was it written by another version?")
    check_owned(layer.values, workload, where=str(path))
    return _build({name: checked(known[name], layer.values[name], where=str(path)) for name in known})


def config_json(config: Config) -> str:
    """Return the text of a run's ``config.json``."""
    return json.dumps(config.flat(), indent=2) + "\n"
