"""Which runs are repeats of each other. Pure.

Runs of one configuration are an arm; name, seed and place of a run are no part of it. Runs that the user names as the
base are an arm of their own, so that a new version can be compared with an old one of the same configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config import Config, ConfigError
from windowbench.compare.finished import ReadRun
from windowbench.compare.ranking import VISIBLE, Answer, answer_of
from windowbench.configuration.known import USUAL, known_settings, topic_settings
from windowbench.engines import ENGINES
from windowbench.settings.knobs import Pairs
from windowbench.settings.masking import mask_value
from windowbench.workloads import WORKLOADS

IDENTITY = frozenset(
    {
        "run_id", "runs_dir", "seed", "run_timeout_seconds", "quiet", "cache_dir", "ivy_settings", "broker",
        "keep_broker", "clear_topics", "dump_topics", "postgres_dir",
    }
).union(
    *(topic_settings(workload, ENGINES[USUAL.engine]) for workload in WORKLOADS.values()),
    *(topic_settings(WORKLOADS[USUAL.workload], engine) + engine.PLACES for engine in ENGINES.values()),
)  # fmt: skip
"""Settings that name a run or its places, and change no latency."""
_MOST_SHOWN = 3

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """An engine with a configuration, and its runs."""

    label: str
    config: Config
    runs: tuple[ReadRun, ...]

    @property
    def eligible(self) -> tuple[ReadRun, ...]:
        """The runs that its figures come from."""
        return tuple(run for run in self.runs if run.eligible)

    @property
    def answer(self) -> Answer:
        """What kind of rows it writes."""
        found = [run.summary.headline for run in self.eligible if run.summary is not None]
        visible = any(headline is not None and headline.name.startswith(VISIBLE) for headline in found)
        return answer_of(self.config, in_transactions=visible)

    @property
    def values(self) -> Values:
        """Its settings, by name, without those that identify a run."""
        return arm_settings(self.config)


def arm_settings(config: Config) -> Values:
    """Return the settings that make an arm."""
    values = {name: value for name, value in config.flat().items() if name not in IDENTITY}
    if config.kafka.embedded:
        values["bootstrap_servers"] = None  # the address of a broker that lived with its run
    return values


def group(runs: Sequence[ReadRun], *, base: Sequence[str] = (), labels: Mapping[str, str] | None = None) -> list[Arm]:
    """Return the arms of runs, the base first.

    Parameters
    ----------
    runs : sequence of ReadRun
        Those whose configuration cannot be read belong to no arm.
    base : sequence of str
        Directories of the runs that are the base; the arm of the first run when none are named.
    labels : mapping of str to str, optional
        Label by run id, where whoever made the runs knows which belong together; in the order of the arms.

    Raises
    ------
    ConfigError
        When the runs named as base have different configurations.
    """
    readable = [run for run in runs if run.config is not None]
    if labels is not None:
        members: dict[str, list[ReadRun]] = {label: [] for label in labels.values()}
        for run in readable:
            members[labels[run.run_id]].append(run)
        return [_arm(label, found) for label, found in members.items() if found]
    first = [run for run in readable if run.directory in base]
    if len({_key(run) for run in first}) > 1:
        msg = "the runs named by --base have different configurations; name repeats of one configuration"
        raise ConfigError(msg)
    groups = [first] if first else []
    same: dict[str, list[ReadRun]] = {}
    for run in readable:
        if run not in first:
            same.setdefault(_key(run), []).append(run)
    groups += same.values()
    if len(groups) == 1 and not base:  # repeats only, or new against old: each stands beside the first
        return [_arm(run.run_id, [run]) for run in groups[0]]
    return _labelled(groups)


def _key(run: ReadRun) -> str:
    assert run.config is not None
    return repr(sorted(arm_settings(run.config).items()))


def _arm(label: str, runs: Sequence[ReadRun]) -> Arm:
    config = runs[0].config
    assert config is not None
    return Arm(label=label, config=config, runs=tuple(runs))


def _labelled(groups: Sequence[list[ReadRun]]) -> list[Arm]:
    """Name each arm by its engine, and by what tells it from other arms of that engine."""
    arms, labelled = [_arm("", runs) for runs in groups], dict[str, Arm]()
    for arm in arms:
        others = [other for other in arms if other.config.engine.engine == arm.config.engine.engine]
        label = unused_label(_described(arm, [name for name in differing(others) if name != "engine"]), labelled)
        labelled[label] = dataclasses.replace(arm, label=label)
    return list(labelled.values())


def _described(arm: Arm, settings: Sequence[str]) -> str:
    variants = arm.config.engine.VARIANTS
    words = [str(arm.values[name]) for name in variants if name in settings]
    others = [name for name in settings if name not in variants]
    shown = [f"{name}={short(mask_value(name, arm.values.get(name)))}" for name in others[:_MOST_SHOWN]]
    more = [f"{len(others) - _MOST_SHOWN} more"] if len(others) > _MOST_SHOWN else []
    return ",".join([":".join([arm.config.engine.engine, *words]), *shown, *more])


def unused_label(label: str, taken: Collection[str], mark: str = "#") -> str:
    """Return a label, with `mark` and a number where it is taken."""
    number, candidate = 1, label
    while candidate in taken:
        number += 1
        candidate = f"{label}{mark}{number}"
    return candidate


def differing(arms: Sequence[Arm]) -> list[str]:
    """Return the settings in which arms differ; one that a workload or an engine lacks counts as at its default."""
    known = {name: setting for arm in arms for name, setting in known_settings(arm.config.chosen).items()}
    defaults = {name: dict(s.default) if s.type == Pairs else s.default for name, s in known.items()}
    values = [arm.values for arm in arms]
    names = dict.fromkeys(name for of_arm in values for name in of_arm)
    of_all = {name: [of_arm.get(name, defaults[name]) for of_arm in values] for name in names}
    return [name for name, found in of_all.items() if any(value != found[0] for value in found)]


def short(value: object, most: int = 40) -> str:
    """Return a setting's value as a label shows it."""
    text = ";".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
