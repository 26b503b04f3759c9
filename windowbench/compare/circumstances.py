"""In what runs differ beside their results: configuration, load, machine. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from windowbench.compare.arms import Arm, differing
from windowbench.compare.finished import ReadRun
from windowbench.runs.files.comparison import EnvironmentDifference, LoadDifference, SettingDifference
from windowbench.settings.masking import mask_value

NOTICEABLE_LOAD = 0.01
"""Share by which the scheduled rates of arms may differ without being named."""
_STATE_AT_START = "_at_start"
"""Ends the names of fields that say in what state the machine was: shown with the run, never equal."""
_NO_OTHER_MACHINE = ("jvm_flags.", "windowbench.")
"""Begins the names of fields that follow from the engine, or say which state of windowbench measured: named alone."""
_LOOPBACK_PORT = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):\d+")


def configuration_differences(arms: Sequence[Arm]) -> tuple[SettingDifference, ...]:
    """Return every setting in which arms differ, with its value in each."""
    return tuple(
        SettingDifference(setting=name, values={arm.label: mask_value(name, arm.values.get(name)) for arm in arms})
        for name in differing(arms)
    )


def environment_differences(runs: Sequence[ReadRun]) -> tuple[EnvironmentDifference, ...]:
    """Return every field of the environment in which runs differ.

    Notes
    -----
    A difference is ``refused`` where two eligible runs both know the field: then their figures are
    of different machines, or of different software. A field that one of them does not know is named.
    """
    fields = {run.run_id: _fields(run) for run in runs if run.environment}
    eligible = {run.run_id for run in runs if run.eligible}
    found = []
    for name in dict.fromkeys(name for of_run in fields.values() for name in of_run):
        if _STATE_AT_START in name:
            continue
        values = {run: of_run.get(name) for run, of_run in fields.items()}
        if len(set(map(repr, values.values()))) > 1:
            known = {repr(value) for run, value in values.items() if run in eligible and value is not None}
            refused = len(known) > 1 and not name.startswith(_NO_OTHER_MACHINE)
            found.append(EnvironmentDifference(field=name, values=values, refused=refused))
    return tuple(found)


def _fields(run: ReadRun) -> dict[str, Any]:
    return {name: mask_value(name, portable(value, run)) for name, value in _flattened(run.environment)}


def _flattened(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flattened(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def portable(value: Any, run: ReadRun) -> Any:  # noqa: ANN401 - anything that JSON holds
    """Return a value without what names the run: its id and the ports of services that lived with it."""
    if isinstance(value, list):
        return [portable(item, run) for item in value]
    if isinstance(value, str):
        return _LOOPBACK_PORT.sub(r"\1:PORT", value).replace(run.run_id, "RUN")
    return value


def load_differences(arms: Sequence[Arm]) -> tuple[LoadDifference, ...]:
    """Return in what loads of arms differ although they are configured alike: seeds, salts, and what came of them."""
    found = []
    runs = [run for arm in arms for run in arm.eligible]
    for field, of in (("seed", seed_of), ("salt", salt_of)):
        drawn = [sorted(map(repr, map(of, arm.eligible))) for arm in arms if arm.eligible]
        by_run: dict[str, Any] = {run.run_id: of(run) for run in runs}
        if any(other != drawn[0] for other in drawn[1:]) and any(value is not None for value in by_run.values()):
            found.append(LoadDifference(field=field, values=by_run))
    for field in ("scheduled_rate", "path_rate"):
        values = {run.run_id: _rate(run, field) for run in runs}
        means = [_mean([values[run.run_id] for run in arm.eligible]) for arm in arms if arm.eligible]
        known = [mean for mean in means if mean is not None]
        if known and max(known) - min(known) > NOTICEABLE_LOAD * max(known):
            found.append(LoadDifference(field=field, values=values))
    return tuple(found)


def _rate(run: ReadRun, field: str) -> float | None:
    rate: float | None = None if run.summary is None else getattr(run.summary.load, field)
    return None if rate is None else round(rate, 1)


def seed_of(run: ReadRun) -> int:
    """Return the seed of a run."""
    assert run.config is not None
    return run.config.run.seed


def salt_of(run: ReadRun) -> str | None:
    """Return the salt of a blind run, that it is blind where the salt is not known, and None for any other run."""
    assert run.config is not None
    return (run.salt or f"unknown, of {run.run_id}") if run.config.run.blind else None


def load_of(run: ReadRun) -> tuple[int, str]:
    """Return what tells the load of a run from that of another run of equal settings."""
    return seed_of(run), salt_of(run) or ""


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
