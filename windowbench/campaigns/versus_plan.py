"""What ``versus`` is going to do: arms out of words, and which run comes when. No run is made here.

An arm is an engine, variants of it behind colons, and settings behind commas: ``spark``, ``spark:tuned``,
``flink:default,idle_timeout_ms=0``. In each repeat all arms run once, in an order drawn anew, under the same seed; so a
machine that gets slower over the hours, or an hour that is bad, falls on all of them alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import SETTINGS, ConfigError, Loaded, config_json, read_run_config
from windowbench.compare.arms import short, unused_label
from windowbench.configuration.known import USUAL, check_owned
from windowbench.engines import ENGINES
from windowbench.errors import EnvironmentProblem
from windowbench.load.streams import stream_rng
from windowbench.runs.files.codec import from_json
from windowbench.runs.files.salt import SALT_VERSION, SaltsFile
from windowbench.runs.store import RunDirectory, check_owner
from windowbench.settings.knobs import Pairs, nearest
from windowbench.settings.masking import mask_named

# History of versus.json; readers refuse a number they do not know.
# 1: repeats, arms with label, configuration and origins, runs in their order.
SCHEMA_VERSION = 1
PLAN_NAME = "versus.json"
SALTS_NAME = "salts.json"
_NOT_OF_AN_ARM = ("engine", "run_id", "runs_dir", "seed", "blind")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmWords:
    """An arm as the user wrote it: its label and the settings that it stands for, as texts."""

    label: str
    settings: tuple[tuple[str, str], ...]

    @property
    def engine(self) -> str:
        """Name of its engine."""
        return dict(self.settings)["engine"]


def parse_arm(text: str) -> ArmWords:
    """Return what the words of an arm mean.

    Raises
    ------
    ConfigError
        When the engine, a variant or a setting is not known.
    """
    words, *assignments = text.split(",")
    engine, *variants = words.split(":")
    engine = SETTINGS["engine"].aliases.get(engine, engine)
    engines = SETTINGS["engine"].choices
    if engine not in engines:
        msg = f"arm {text!r}: there is no engine {engine!r}{nearest(engine, engines)}; there are {', '.join(engines)}"
        raise ConfigError(msg)
    settings = [("engine", engine), *(_variant(text, engine, word) for word in variants)]
    settings += [_assignment(text, word) for word in assignments]
    of_engines = [name for name, _ in settings if SETTINGS[name].group == "engine"]
    check_owned(of_engines, dataclasses.replace(USUAL, engine=engine), where=f"arm {text!r}")
    return ArmWords(label=text, settings=tuple(settings))


def _variant(arm: str, engine: str, word: str) -> tuple[str, str]:
    """Return the setting that has a word among its choices."""
    known = {choice: name for name in ENGINES[engine].VARIANTS for choice in SETTINGS[name].choices}
    if word not in known:
        there = f"there are {', '.join(known)}" if known else f"{engine} has none"
        msg = f"arm {arm!r}: there is no variant {word!r}{nearest(word, known)}; {there}"
        raise ConfigError(msg)
    return known[word], word


def _assignment(arm: str, word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or name not in SETTINGS:
        msg = (
            f"arm {arm!r}: {word!r} is no setting; write name=value, such as idle_timeout_ms=0{nearest(name, SETTINGS)}"
        )
        raise ConfigError(msg)
    if name in _NOT_OF_AN_ARM:
        msg = f"arm {arm!r}: {name} is not for an arm to set"
        raise ConfigError(msg)
    return name, value


def configured(arm: ArmWords, parse: Callable[[Callable[[argparse.Namespace], None]], Loaded]) -> Loaded:
    """Return the configuration of an arm: that of the command line and what the arm adds to it.

    Parameters
    ----------
    parse : callable
        Gets what is to be done with the parsed arguments before the layers are merged; returns the configuration.
    """

    def add(namespace: argparse.Namespace) -> None:
        if namespace.setting_engine is not None:
            raise ConfigError("--engine contradicts the arms, which name their engines")
        for name, text in arm.settings:
            key = f"setting_{name}"
            several = SETTINGS[name].type == Pairs
            setattr(namespace, key, [*(getattr(namespace, key) or []), text] if several else text)

    return parse(add)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """One run of the plan."""

    run_id: str
    label: str
    repeat: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be run.

    Attributes
    ----------
    name : str
        Of the comparison, and of its directory.
    arms : dict of str to Loaded
        Configuration by label, the base first.
    runs : tuple of PlannedRun
        In their order.
    salts : tuple of str
        Of each repeat where runs are blind, else empty.
    """

    name: str
    repeats: int
    arms: Mapping[str, Loaded]
    runs: tuple[PlannedRun, ...]
    salts: tuple[str, ...] = ()

    def salt(self, run: PlannedRun) -> str | None:
        """Return the salt of a blind run, None for any other."""
        return self.salts[run.repeat - 1] if self.salts else None

    def is_last_of_repeat(self, number: int) -> bool:
        """Whether no run of the same repeat comes after the one in a place."""
        return all(run.repeat != self.runs[number].repeat for run in self.runs[number + 1 :])

    def loaded(self, run: PlannedRun) -> Loaded:
        """Return the configuration of a run."""
        arm = self.arms[run.label]
        config = arm.config.replace(run_id=run.run_id, seed=run.seed)
        return Loaded(config=config, origins=arm.origins, arguments=arm.arguments)

    def with_run(self, number: int, run: PlannedRun) -> Plan:
        """Return the plan with another run in a place."""
        runs = (*self.runs[:number], run, *self.runs[number + 1 :])
        return dataclasses.replace(self, runs=runs)


def make_plan(
    name: str, arms: Sequence[tuple[str, Loaded]], repeats: int, draw_salt: Callable[[], str] | None = None
) -> Plan:
    """Return the plan for arms: interleaved, every repeat in an order of its own and under a seed of its own.

    Where runs are to be blind, every repeat gets a salt of its own as well, which `draw_salt` gives.
    """
    by_label: dict[str, Loaded] = {}
    slugs: dict[str, str] = {}
    for label, loaded in arms:
        unused = unused_label(short(mask_named(label)), list(by_label))
        by_label[unused] = loaded
        slugs[unused] = unused_label(_slug(label), list(slugs.values()), "-")
    labels = list(by_label)
    seed = next(iter(by_label.values())).config.run.seed
    runs: list[PlannedRun] = []
    for repeat in range(repeats):
        order = stream_rng(seed, "versus-order", repeat).permutation(len(labels))
        for label in (labels[i] for i in order):
            run_id = f"{name}-{repeat + 1}-{slugs[label]}"
            runs.append(PlannedRun(run_id=run_id, label=label, repeat=repeat + 1, seed=seed + repeat))
    salts = () if draw_salt is None else tuple(draw_salt() for _ in range(repeats))
    return Plan(name=name, repeats=repeats, arms=by_label, runs=tuple(runs), salts=salts)


def _slug(label: str) -> str:
    """Return engine and variants as a part of a directory's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", label.partition(",")[0])


# --- kept in the directory of the comparison --------------------------------------------------------------------------


def write_plan(directory: Path, plan: Plan) -> None:
    """Write a plan, so that it can be gone on with; its salts into a file that nobody but the user can read."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "kind": "versus",
        "repeats": plan.repeats,
        "arms": [
            {"label": label, "config": f"arm-{number}.json", "origins": loaded.origins}
            for number, (label, loaded) in enumerate(plan.arms.items(), start=1)
        ],
        "runs": [dataclasses.asdict(run) for run in plan.runs],
    }
    kept = RunDirectory(directory)
    for number, loaded in enumerate(plan.arms.values(), start=1):
        kept.write_text(f"arm-{number}.json", config_json(loaded.config))
    if plan.salts:
        kept.write_json(SALTS_NAME, SaltsFile(schema_version=SALT_VERSION, salts=plan.salts), private=True)
    kept.write_json(PLAN_NAME, content)


def read_plan(directory: Path) -> Plan:
    """Read a plan.

    Raises
    ------
    EnvironmentProblem
        When there is none, or it is another user's, damaged or of another version.
    """
    if not (directory / PLAN_NAME).is_file():
        raise EnvironmentProblem(
            f"{directory} is no directory of a versus: it has no {PLAN_NAME}", remedy="name one below runs/"
        )
    check_owner(directory)
    content = RunDirectory(directory).read_json(PLAN_NAME)
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise EnvironmentProblem(
            f"{directory / PLAN_NAME} has layout {version}, this version reads layout {SCHEMA_VERSION}",
            remedy="go on with the version of windowbench that wrote it",
        )
    try:
        arms = {
            str(arm["label"]): Loaded(
                config=read_run_config(directory / Path(arm["config"]).name),
                origins=dict(arm["origins"]),
                arguments=argparse.Namespace(),
            )
            for arm in content["arms"]
        }
        runs = tuple(PlannedRun(**run) for run in content["runs"])
        repeats = int(content["repeats"])
        salts = _read_salts(directory, repeats) if any(arm.config.run.blind for arm in arms.values()) else ()
        return Plan(name=directory.resolve().name, repeats=repeats, arms=arms, runs=runs, salts=salts)
    except (KeyError, TypeError, ValueError) as error:
        raise EnvironmentProblem(f"{directory / PLAN_NAME} is damaged: {error}") from error


def _read_salts(directory: Path, repeats: int) -> tuple[str, ...]:
    """Return the salts of blind runs; without them, runs of one repeat would have loads that differ."""
    salts = from_json(RunDirectory(directory).read_json(SALTS_NAME), SaltsFile).salts
    if len(salts) != repeats:
        msg = f"{SALTS_NAME} has {len(salts)} salts for {repeats} repeats"
        raise ValueError(msg)
    return salts
