"""Which settings there are: those of every run in their groups, and those of each workload.

The settings of a workload are known to every source, so that one of another workload is told from a typing error. A
configuration holds those of its own workload alone. Workloads may have settings of one name, which then is one flag.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from windowbench.settings.consumers import ConsumerSettings
from windowbench.settings.engine import EngineSettings
from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.kafka import KafkaSettings
from windowbench.settings.knobs import ConfigError, Setting, nearest, settings_of
from windowbench.settings.load import LoadSettings
from windowbench.settings.run import RunSettings
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
"""The groups of a configuration; that of the workload stands for the class of the one in use."""


def known_settings(workload: str) -> dict[str, Setting]:
    """Return every setting that a run of a workload has, with the defaults that hold for it, in the order of groups."""
    chosen = WORKLOADS[workload]
    known = settings_of({**GROUPS, "workload": chosen})
    known["workload"] = dataclasses.replace(known["workload"], choices=tuple(WORKLOADS))
    for name, default in {**chosen.DEFAULTS, "workload": workload}.items():
        known[name] = dataclasses.replace(known[name], default=default)
    own = {field.name for field in dataclasses.fields(chosen)}
    return {name: dataclasses.replace(s, owners=(workload,)) if name in own else s for name, s in known.items()}


def _of_all() -> dict[str, Setting]:
    """Return the settings of all workloads together; one that several have is owned by each."""
    found: dict[str, Setting] = {}
    for workload in WORKLOADS:
        for name, setting in known_settings(workload).items():
            owners = (*found[name].owners, *setting.owners) if name in found else setting.owners
            found[name] = dataclasses.replace(found.get(name, setting), owners=owners)
    places = list(GROUPS)
    return dict(sorted(found.items(), key=lambda item: places.index(item[1].group)))


SETTINGS = _of_all()
OF_WORKLOAD = {workload: known_settings(workload) for workload in WORKLOADS}
TOPICS = ("events_topic", "result_topic", "watermarks_topic")
"""Settings that name topics, in every workload."""


def topic_settings(workload: WorkloadSettings | type[WorkloadSettings]) -> tuple[str, ...]:
    """Return the names of the settings that name topics of a run."""
    return (*TOPICS, *workload.FURTHER_TOPICS, *workload.FURTHER_RESULTS)


def check_owned(names: Iterable[str], workload: str, *, where: str = "") -> None:
    """Make sure that settings are those of a workload.

    Parameters
    ----------
    names : iterable of str
    workload : str
        Name of the workload in use.
    where : str
        Where the settings come from, for the message.

    Raises
    ------
    ConfigError
        When one is another workload's, or nobody's.
    """
    known: Mapping[str, Setting] = OF_WORKLOAD[workload]
    for name in names:
        if name in known:
            continue
        if name not in SETTINGS:
            raise ConfigError(f"unknown setting {name!r}{nearest(name, known)}")
        own = ", ".join(other for other, setting in known.items() if setting.owners) or "none"
        origin = f" (from {where})" if where else ""
        raise ConfigError(
            f"{name}{origin} is a setting of the workload {' and '.join(SETTINGS[name].owners)}, not of {workload};"
            f" settings of {workload} are: {own}"
        )
