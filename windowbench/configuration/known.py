"""Which settings there are: those of every run in their groups, those of each workload and of each engine.

The settings of all workloads and engines are known to every source, so that one of another workload or engine is told
from a typing error. A configuration holds those of its own two alone. Several may have a setting of one name, which
then is one flag.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from windowbench.engines import ENGINES
from windowbench.settings.consumers import ConsumerSettings
from windowbench.settings.engine import EngineSettings
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.kafka import KafkaSettings, TopicSettings
from windowbench.settings.knobs import ConfigError, Setting, nearest, settings_of
from windowbench.settings.load import LoadSettings
from windowbench.settings.run import JobSettings, RunSettings
from windowbench.settings.windows import WindowSettings
from windowbench.settings.workload import WorkloadSettings
from windowbench.workloads import WORKLOADS

GROUPS: dict[str, type] = {
    "run": RunSettings,
    "load": LoadSettings,
    "workload": WorkloadSettings,
    "events": EventSettings,
    "windows": WindowSettings,
    "kafka": KafkaSettings,
    "engine": EngineSettings,
    "consumers": ConsumerSettings,
    "judge": JudgeSettings,
}
"""The groups of a configuration; those of the workload and the engine stand for the classes of the ones in use."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The workload and the engine of a run; the first of each is the usual one."""

    workload: str
    engine: str

    @property
    def groups(self) -> dict[str, type]:
        """The class of each group of settings."""
        return {**GROUPS, "workload": WORKLOADS[self.workload], "engine": ENGINES[self.engine]}

    @property
    def job_groups(self) -> dict[str, type]:
        """The class of each group of settings that the engine is given."""
        return {
            "run": JobSettings,
            "workload": WORKLOADS[self.workload].QUERY,
            "windows": WindowSettings,
            "kafka": TopicSettings,
            "engine": ENGINES[self.engine],
        }


USUAL = Chosen(workload=next(iter(WORKLOADS)), engine=next(iter(ENGINES)))


@functools.cache
def known_settings(chosen: Chosen) -> Mapping[str, Setting]:
    """Return every setting of a run, with the defaults that hold for it, in the order of groups."""
    classes = chosen.groups
    known = settings_of(classes)
    aliases = {alias: name for name, settings in ENGINES.items() for alias in settings.ALIASES}
    known["workload"] = dataclasses.replace(known["workload"], choices=tuple(WORKLOADS))
    known["engine"] = dataclasses.replace(known["engine"], choices=tuple(ENGINES), aliases=aliases)
    defaults = {**WORKLOADS[chosen.workload].DEFAULTS, "workload": chosen.workload, "engine": chosen.engine}
    for name, default in defaults.items():
        if name not in known:
            continue  # of another engine
        known[name] = dataclasses.replace(known[name], default=default)
    for group in ("workload", "engine"):
        for field in dataclasses.fields(classes[group]):
            if field.name not in _common(group):
                known[field.name] = dataclasses.replace(known[field.name], owners=(getattr(chosen, group),))
    return known


def _common(group: str) -> set[str]:
    return {field.name for field in dataclasses.fields(GROUPS[group])}


def _of_all() -> dict[str, Setting]:
    """Return the settings of all workloads and engines together; one that several have is owned by each."""
    pairs = [dataclasses.replace(USUAL, workload=name) for name in WORKLOADS]
    pairs += [dataclasses.replace(USUAL, engine=name) for name in ENGINES]
    found: dict[str, Setting] = {}
    for chosen in pairs:
        for name, setting in known_settings(chosen).items():
            owners = dict.fromkeys((*found[name].owners, *setting.owners)) if name in found else setting.owners
            found[name] = dataclasses.replace(found.get(name, setting), owners=tuple(owners))
    places = list(GROUPS)
    return dict(sorted(found.items(), key=lambda item: places.index(item[1].group)))


SETTINGS = _of_all()
TOPICS = ("events_topic", "result_topic")
"""Settings that name topics, in every run."""


def topic_settings(
    workload: WorkloadSettings | type[WorkloadSettings], engine: EngineSettings | type[EngineSettings]
) -> tuple[str, ...]:
    """Return the names of the settings that name topics of a run."""
    return (*TOPICS, *engine.OWN_TOPICS, *workload.FURTHER_TOPICS, *workload.FURTHER_RESULTS)


def check_owned(names: Iterable[str], chosen: Chosen, *, where: str = "") -> None:
    """Make sure that settings are those of a run.

    Parameters
    ----------
    names : iterable of str
    chosen : Chosen
        The workload and the engine in use.
    where : str
        Where the settings come from, for the message.

    Raises
    ------
    ConfigError
        When one belongs to another workload or engine, or is unknown.
    """
    known = known_settings(chosen)
    for name in names:
        if name in known:
            continue
        if name not in SETTINGS:
            raise ConfigError(f"unknown setting {name!r}{nearest(name, known)}")
        group = SETTINGS[name].group
        in_use = chosen.engine if group == "engine" else chosen.workload
        own = ", ".join(other for other, setting in known.items() if setting.owners and setting.group == group)
        origin = f" (from {where})" if where else ""
        raise ConfigError(
            f"{name}{origin} is a setting of the {group} {' and '.join(SETTINGS[name].owners)}, not of {in_use};"
            f" settings of {in_use} are: {own or 'none'}"
        )


def without_other_engines(values: Mapping[str, object], chosen: Chosen) -> dict[str, object]:
    """Return the settings of a run's file without those of other engines.

    Earlier versions wrote the settings of all engines into ``config.json``; those of an engine that did not run had no
    effect. A file that lacks a setting of the run was written by hand, and is returned as it is.
    """
    known = known_settings(chosen)
    if not {name for name, setting in known.items() if setting.required} <= values.keys():
        return dict(values)
    return {name: value for name, value in values.items() if name in known or SETTINGS[name].group != "engine"}
