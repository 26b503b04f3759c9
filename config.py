"""Every knob of windowbench as one value.

A :class:`Config` is built once, checked whole, written to the run directory and
passed on. Its groups of knobs, with defaults, help texts and the checks of each, are
the modules of ``windowbench/settings``; here they are put together, checked
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
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from windowbench.configuration.job import JobConfig
from windowbench.configuration.known import (
    GROUPS,
    SETTINGS,
    USUAL,
    Chosen,
    check_owned,
    known_settings,
    topic_settings,
    without_other_engines,
)
from windowbench.configuration.profiles import PROFILES, profile_values
from windowbench.engines import ENGINES
from windowbench.settings.command_line import Layout, Parser, command_line_layer
from windowbench.settings.consumers import ConsumerSettings
from windowbench.settings.engine import EngineSettings, OutputMode
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import COMMIT_MARGIN_MS, LEAST_MAX_EXCESS_MS, JudgeSettings
from windowbench.settings.kafka import KafkaSettings
from windowbench.settings.knobs import ConfigError, checked, require
from windowbench.settings.layers import Layer, environment_layer, mapping_layer, read_file, variables_layer
from windowbench.settings.load import MAX_RATE, LoadSettings
from windowbench.settings.run import RunSettings
from windowbench.settings.windows import MUST_COUNT_MARGIN_MS, WindowSettings
from windowbench.settings.workload import EXACT, WorkloadSettings
from windowbench.workloads import WORKLOADS

__all__ = [
    "GROUPS",
    "MAX_RATE",
    "MUST_COUNT_MARGIN_MS",
    "PROFILES",
    "SETTINGS",
    "Config",
    "ConfigError",
    "ConsumerSettings",
    "EngineSettings",
    "EventSettings",
    "JobConfig",
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
    "job_config",
    "load",
    "load_job",
    "read_job_config",
    "read_run_config",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(JobConfig):
    """All settings of one run, checked as a whole.

    Raises
    ------
    ConfigError
        From the constructor, when settings contradict each other.
    """

    GROUPS: ClassVar[tuple[str, ...]] = tuple(GROUPS)

    run: RunSettings = field(default_factory=RunSettings)
    load: LoadSettings = field(default_factory=LoadSettings)
    workload: WorkloadSettings = field(default_factory=WORKLOADS[USUAL.workload])
    events: EventSettings = field(default_factory=EventSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    engine: EngineSettings = field(default_factory=ENGINES[USUAL.engine])
    consumers: ConsumerSettings = field(default_factory=ConsumerSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        """Check what concerns more than one group."""
        for group, owner in self.chosen.groups.items():
            require(type(getattr(self, group)) is owner, f"the settings of {self.chosen} are {owner.__name__}")
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
        self.engine.check_with(events=self.events, judge=self.judge)
        self._check_topics()
        self._check_approximations()
        require(
            not self.workload.REVISES or self.output_mode == "append",
            f"late events revise the rows of the workload {self.engine.workload}, so"
            f" {self.engine.MODE_SETTING} must be append",
        )
        require(
            not self.workload.APPEND_ONLY or self.output_mode == "append",
            f"rows of the workload {self.engine.workload} are final when they are written:"
            f" {self.engine.MODE_SETTING} must be append",
        )

    @property
    def chosen(self) -> Chosen:
        """The workload and the engine."""
        return Chosen(workload=self.engine.workload, engine=self.engine.engine)

    @property
    def expected_rate(self) -> float:
        """Events per second that the engine is to be prepared for: those of the load, unless it is told others."""
        told = self.engine.expected_rate
        return float(self.load.total_rate) if told is None else told

    @property
    def expected_warmup_seconds(self) -> float:
        """How long the engine may get ready before latency counts: the warm-up, unless it is told another time."""
        told = self.engine.expected_warmup_seconds
        return self.load.warmup_seconds if told is None else told

    @property
    def engine_topics(self) -> tuple[str, ...]:
        """Names of the topics that the engine alone writes and reads."""
        return tuple(getattr(self.engine, name) for name in self.engine.OWN_TOPICS)

    @property
    def topic_settings(self) -> tuple[str, ...]:
        """Names of the settings that name topics."""
        return topic_settings(self.workload, self.engine)

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
        asked, reason = self.workload.approximate, self.engine.EXACT_ONLY
        require(
            not asked or reason is None,
            f"{' and '.join(asked)} must be {EXACT} with engine {self.engine.engine}: {reason}",
        )

    @property
    def in_transactions(self) -> bool:
        """Whether the engine writes its rows in transactions: then what ranks is when they became visible."""
        return self.engine.in_transactions

    @property
    def observes_visible_time(self) -> bool:
        """Whether a consumer notes when each row became visible."""
        return self.kafka.visible_time or self.in_transactions or self.engine.may_use_transactions

    @property
    def load_seconds(self) -> float:
        """How long the load lasts, as planned: warm-up, measured phase, watermark delay and cool-down."""
        load = self.load
        return load.warmup_seconds + load.duration_seconds + self.windows.watermark_delay_sec + load.cooldown_seconds

    @property
    def planned_seconds(self) -> float:
        """How long a run may take with an engine that takes all the time it has to get ready and to finish."""
        return self.load_seconds + self.engine.engine_ready_seconds + self.judge.drain_timeout_seconds

    @property
    def max_excess_ms(self) -> float:
        """How far behind its load an engine may be: what was set, or what the settings of a run make unavoidable."""
        told, engine = self.judge.max_excess_ms, self.engine
        commit_ms = (engine.commit_interval_s * 1000 + COMMIT_MARGIN_MS) if engine.in_transactions else 0.0
        usual = max(LEAST_MAX_EXCESS_MS, self.windows.size_ms, 2 * engine.trigger_interval_s * 1000, commit_ms)
        return float(usual if told is None else told)

    def replace(self, **values: object) -> Config:
        """Return a copy with the named settings changed, checked like any other.

        With another workload or engine, settings that are at their default take that of the new one, and the old one's
        own go.
        """
        before, chosen = known_settings(self.chosen), _chosen_of(values, self.chosen)
        after = known_settings(chosen)
        kept = {name: getattr(getattr(self, setting.group), name) for name, setting in before.items()}
        if chosen != self.chosen:
            changed = {
                group for group in ("workload", "engine") if getattr(chosen, group) != getattr(self.chosen, group)
            }
            own = {name for name, setting in before.items() if setting.owners and setting.group in changed}
            kept = {name: value for name, value in kept.items() if name not in own and value != before[name].default}
        names = {"workload": chosen.workload, "engine": chosen.engine}
        return _build({name: setting.default for name, setting in after.items()} | kept | values | names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A configuration, where each value came from, and the arguments that are not settings.

    Attributes
    ----------
    file : Path or None
        The file of settings among its sources.
    """

    config: Config
    origins: dict[str, str]
    arguments: argparse.Namespace
    file: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedJob:
    """The configuration of an engine's job, and what a :class:`Loaded` has beside it.

    Attributes
    ----------
    runs_dir : str
        Where a job that is part of no run makes its directory.
    """

    config: JobConfig
    origins: dict[str, str]
    arguments: argparse.Namespace
    runs_dir: str


def _build(values: Mapping[str, object]) -> Config:
    chosen = _chosen_of(values, USUAL)
    check_owned(values, chosen)
    return Config(**_groups(chosen.groups, values))


def _groups(classes: Mapping[str, type], values: Mapping[str, object]) -> dict[str, Any]:
    return {group: cls(**{f.name: values[f.name] for f in dataclasses.fields(cls)}) for group, cls in classes.items()}


def job_config(config: Config) -> JobConfig:
    """Return what the engine of a run is given."""
    groups = config.chosen.job_groups
    values = {
        item.name: getattr(getattr(config, name), item.name)
        for name in groups
        for item in dataclasses.fields(groups[name])
    }
    expected = {"expected_rate": config.expected_rate, "expected_warmup_seconds": config.expected_warmup_seconds}
    return JobConfig(**_groups(groups, values | expected))


def _chosen_of(values: Mapping[str, object], otherwise: Chosen) -> Chosen:
    """Return the workload and the engine that settings name, those of `otherwise` where they name none."""
    names = {
        name: str(checked(SETTINGS[name], values.get(name, getattr(otherwise, name)), where="a setting"))
        for name in ("workload", "engine")
    }
    return Chosen(**names)


def _chosen(layers: list[Layer], engine: str = USUAL.engine) -> Chosen:
    """Return the workload and the engine that the last layers to name them choose."""
    found = dataclasses.replace(USUAL, engine=engine)
    for layer in layers:
        found = _chosen_of(layer.values, found)
    return found


def _merge(layers: list[Layer], chosen: Chosen) -> tuple[dict[str, object], dict[str, str]]:
    """Return the value of each setting and the layer it comes from."""
    known = known_settings(chosen)
    values: dict[str, object] = {name: setting.default for name, setting in known.items()}
    origins = dict.fromkeys(known, "default")
    for layer in layers:
        check_owned(layer.values, chosen, where=layer.origin)
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
    return values, origins


def config_parser(prog: str, description: str, *, epilog: str = "", engine: str = USUAL.engine) -> Parser:
    """Return an argument parser with a flag for every setting, ``--config`` and ``--profile``.

    Parameters
    ----------
    prog, description, epilog : str
        For the help text.
    engine : str, optional
        The engine whose settings the help shows where the command line names none.
    """
    parser = Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        add_help=False,
        formatter_class=Layout,
    )
    parser.add_argument("--config", metavar="FILE", help="TOML or JSON file of settings; a run's config.json is one")
    parser.add_argument("--profile", metavar="{" + ",".join(PROFILES) + "}", help="a named set of settings")
    parser.take_settings(SETTINGS, lambda asked: known_settings(_chosen([command_line_layer(asked, SETTINGS)], engine)))
    return parser


def load(
    parser: Parser,
    argv: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    prepare: Callable[[argparse.Namespace], None] | None = None,
    engine: str | None = None,
    beside: Collection[str] = (),
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
    beside : collection of str, optional
        Other engines that the same arguments are for; what is a setting of theirs alone is passed over.

    Raises
    ------
    ConfigError
        For anything unknown, malformed or contradictory, in any layer.
    """
    namespace = parser.parse_all(argv)
    if prepare is not None:
        prepare(namespace)
    layers, chosen = _layers(parser.prog, namespace, environ, engine)
    values, origins = _merge([_without(layer, chosen, beside) for layer in layers], chosen)
    file = None if namespace.config is None else Path(namespace.config)
    return Loaded(config=_build(values), origins=origins, arguments=namespace, file=file)


def load_job(
    parser: Parser, argv: list[str] | None, environ: Mapping[str, str] | None = None, *, engine: str
) -> LoadedJob:
    """Build the configuration of an engine's job from all layers.

    Parameters
    ----------
    parser : Parser
        Made by :func:`config_parser`.
    argv : list of str, optional
        Arguments without the program's name; the process's own when None.
    environ : mapping, optional
        Environment variables; the process's own when None.
    engine : str
        The engine that the program's name stands for.

    Raises
    ------
    ConfigError
        For anything unknown, malformed or contradictory, in any layer, and where another engine is named.
    """
    namespace = parser.parse_all(argv)
    layers, chosen = _layers(parser.prog, namespace, environ, engine)
    require(
        chosen.engine == engine,
        f"{parser.prog} is the job of the engine {engine}, not of {chosen.engine}: leave out --engine",
    )
    values, origins = _merge(layers, chosen)
    load = _groups({"load": LoadSettings}, values)["load"]
    for name, of_load in (("expected_rate", load.total_rate), ("expected_warmup_seconds", load.warmup_seconds)):
        if values[name] is None:
            values[name] = float(of_load)
    return LoadedJob(
        config=JobConfig(**_groups(chosen.job_groups, values)),
        origins=origins,
        arguments=namespace,
        runs_dir=str(values["runs_dir"]),
    )


def _layers(
    program: str, namespace: argparse.Namespace, environ: Mapping[str, str] | None, engine: str | None
) -> tuple[list[Layer], Chosen]:
    """Return the layers of a program's settings, later ones win, and the workload and engine that they choose."""
    layers = [] if engine is None else [Layer(origin=program, values={"engine": engine})]
    if namespace.config is not None:
        path = Path(namespace.config)
        layers.append(_file_layer(read_file(path), origin=f"file {path.name}"))
    given = os.environ if environ is None else environ
    layers.append(environment_layer(given, SETTINGS))
    layers.append(command_line_layer(namespace, SETTINGS))
    chosen = _chosen(layers)
    layers.insert(-2, variables_layer(given, WORKLOADS[chosen.workload].VARIABLES, SETTINGS))
    if namespace.profile is not None:
        values = profile_values(namespace.profile, chosen.workload)
        layers.insert(0 if engine is None else 1, Layer(origin=f"profile {namespace.profile}", values=values))
    return layers, chosen


def _without(layer: Layer, chosen: Chosen, beside: Collection[str]) -> Layer:
    """Return a layer without the settings of engines that run beside the one in use."""
    known = known_settings(chosen)
    values = {
        name: value
        for name, value in layer.values.items()
        if name in known or SETTINGS[name].group != "engine" or not set(SETTINGS[name].owners) & set(beside)
    }
    return Layer(origin=layer.origin, values=values)


def _file_layer(values: Mapping[str, object], *, origin: str) -> Layer:
    layer = mapping_layer(values, SETTINGS, origin=origin)
    return Layer(origin=origin, values=without_other_engines(layer.values, _chosen([layer])))


def read_run_config(path: Path) -> Config:
    """Read the ``config.json`` of a run, exactly as written: no other layer takes part.

    Raises
    ------
    ConfigError
        When the file is missing, damaged or of another version's settings.
    """
    chosen, values = _exact(path, lambda chosen: chosen.groups)
    return Config(**_groups(chosen.groups, values))


def read_job_config(path: Path) -> JobConfig:
    """Read the ``engine.json`` of a run, exactly as written: no other layer takes part.

    Raises
    ------
    ConfigError
        When the file is missing, damaged or of another version's settings.
    """
    chosen, values = _exact(path, lambda chosen: chosen.job_groups)
    return JobConfig(**_groups(chosen.job_groups, values))


def _exact(path: Path, groups: Callable[[Chosen], Mapping[str, type]]) -> tuple[Chosen, dict[str, object]]:
    layer = _file_layer(read_file(path), origin=str(path))
    chosen = _chosen([layer])
    known = known_settings(chosen)
    wanted = {item.name for cls in groups(chosen).values() for item in dataclasses.fields(cls)}
    lacking = wanted - layer.values.keys()
    missing = {name for name in lacking if known[name].required}
    require(not missing, f"{path} lacks the settings {', '.join(sorted(missing))}: was it written by another version?")
    check_owned(layer.values, chosen, where=str(path))
    values = {name: None if known[name].optional else known[name].default for name in lacking} | dict(layer.values)
    return chosen, {name: checked(known[name], values[name], where=str(path)) for name in wanted}


def config_json(config: JobConfig) -> str:
    """Return the text of a run's ``config.json``, or of its ``engine.json``."""
    return json.dumps(config.flat(), indent=2) + "\n"
