"""From finished runs to a comparison. Pure."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from windowbench.compare.arms import differing, group
from windowbench.compare.circumstances import (
    configuration_differences,
    environment_differences,
    load_differences,
    seed_of,
)
from windowbench.compare.figures import ArmFigures, describe_latencies, differences, figures_of
from windowbench.compare.finished import ReadRun
from windowbench.compare.parity import effective_settings, parity
from windowbench.compare.ranking import PERCENT, VISIBLE, ranking_metric
from windowbench.compare.thresholds import evaluate, exit_code_of
from windowbench.errors import EnvironmentProblem
from windowbench.judge.measures.difference import LEAST_REPEATS, Level
from windowbench.runs.files.comparison import (
    ComparedArm,
    ComparedLoad,
    ComparedRun,
    Comparison,
    EnvironmentDifference,
    JudgedThreshold,
    RankedBy,
)
from windowbench.runs.files.figures import Percentiles
from windowbench.settings.masking import mask_named, mask_value

T = TypeVar("T", Percentiles, ComparedLoad)


def compare_runs(
    runs: Sequence[ReadRun],
    *,
    base: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    thresholds: Sequence[JudgedThreshold] = (),
    allow_different_environment: bool = False,
    name: str | None = None,
) -> Comparison:
    """Return the comparison of runs; `base` and `labels` as in :func:`~windowbench.compare.arms.group`.

    Raises
    ------
    EnvironmentProblem
        When environments differ and that is not allowed.
    ConfigError
        When the base or a threshold makes no sense for these runs.
    """
    arms = group(runs, base=base, labels=labels)
    environment = environment_differences(runs)
    if not allow_different_environment:
        _refuse(environment)
    first = itertools.accumulate((len(arm.eligible) for arm in arms), initial=0)
    figures = [figures_of(arm, number) for arm, number in zip(arms, first, strict=False)]
    found = [entry for arm in figures[1:] for entry in differences(figures[0], arm) if figures[0].arm.eligible]
    metric, why = ranking_metric([arm.answer for arm in arms]) if arms else ("excess", "there is nothing to rank")
    described = _ranked([_arm(arm, differing(arms)) for arm in figures], f"{metric}_ms")
    known = list(dict.fromkeys(name for arm in described for name in arm.latencies_ms))
    judged = tuple(evaluate(t, [arm.label for arm in arms[1:]], found, known) for t in thresholds)
    arm_of = {run.run_id: arm.label for arm in arms for run in arm.runs} | dict(labels or {})
    return Comparison(
        name=name,
        base=arms[0].label if arms else None,
        ranked_by=RankedBy(metric=f"{metric}_ms", percent=PERCENT, why=why),
        arms=described,
        runs=tuple(describe_run(run, arm_of.get(run.run_id)) for run in runs),
        differences=tuple(found),
        thresholds=judged,
        configuration_differences=configuration_differences(arms),
        load_differences=load_differences(arms),
        environment_differences=environment,
        parity=parity(arms),
        warnings=tuple(_warnings(described, f"{metric}_ms", environment)),
        exit_code=max([int(run.exit_code) for run in runs] + [int(exit_code_of(judged))]),
    )


def _refuse(environment: Sequence[EnvironmentDifference]) -> None:
    refused = [entry for entry in environment if entry.refused]
    if not refused:
        return
    words = []
    for entry in refused:
        of_value: dict[str, str] = {}
        for run, value in entry.values.items():
            of_value.setdefault(repr(value), f"{value} in {run}")
        words.append(f"{entry.field} ({', '.join(of_value.values())})")
    msg = f"the runs were made in different environments: {'; '.join(words)}"
    raise EnvironmentProblem(msg, remedy="compare runs of one machine, or give --allow-different-environment")


def _arm(figures: ArmFigures, settings: Sequence[str]) -> ComparedArm:
    arm = figures.arm
    rows, windows = (
        max((sum(getattr(run, what) for run in runs) for runs in figures.runs.values()), default=0)
        for what in ("rows", "windows")
    )
    return ComparedArm(
        label=arm.label,
        engine=arm.config.engine.engine,
        mode=arm.answer.mode,
        settings={n: mask_value(n, arm.values[n]) for n in settings if n != "engine" and n in arm.values},
        runs=tuple(run.run_id for run in arm.runs),
        repeats=len(arm.eligible),
        windows=windows,
        rows=rows,
        level=Level.BETWEEN if len(arm.eligible) >= LEAST_REPEATS else Level.WITHIN,
        latencies_ms=describe_latencies(figures),
        rank=None,
        effective_settings=effective_settings(arm.runs[0].summary),
    )


def _ranked(arms: Sequence[ComparedArm], metric: str) -> tuple[ComparedArm, ...]:
    """Return the arms, each that has the metric with its rank, 1 for the least."""
    having = sorted(
        (arm for arm in arms if metric in arm.latencies_ms),
        key=lambda arm: arm.latencies_ms[metric].at(PERCENT).value or 0.0,
    )
    rank = {arm.label: number for number, arm in enumerate(having, start=1)}
    return tuple(dataclasses.replace(arm, rank=rank.get(arm.label)) for arm in arms)


def describe_run(run: ReadRun, arm: str | None) -> ComparedRun:
    """Return a run as the comparison holds it."""
    latencies = {} if run.summary is None else run.summary.latencies_ms
    load = None if run.summary is None else run.summary.load
    return ComparedRun(
        run_id=run.run_id,
        directory=run.directory,
        arm=arm,
        status=run.status,
        verdict=run.verdict,
        ranked=run.eligible,
        reason=None if run.reason is None else mask_named(run.reason),
        exit_code=int(run.exit_code),
        seed=None if run.config is None else seed_of(run),
        blind=run.config is not None and run.config.run.blind,
        started_ns=run.started_ns,
        windows=max((of.windows for of in latencies.values()), default=0),
        rows=max((of.rows for of in latencies.values()), default=0),
        latencies_ms={f"{name}_ms": _fields_of(of, Percentiles) for name, of in latencies.items()},
        load=_fields_of(load, ComparedLoad),
    )


def _fields_of(figures: object | None, kind: type[T]) -> T:
    """Return those figures that a type names, None each where there are none."""
    names = [field.name for field in dataclasses.fields(kind)]
    found: dict[str, Any] = {name: None if figures is None else getattr(figures, name) for name in names}
    return kind(**found)


def _warnings(arms: Sequence[ComparedArm], metric: str, environment: Sequence[EnvironmentDifference]) -> list[str]:
    warnings = []
    some = [arm for arm in arms if arm.repeats]
    if len(some) < 2:
        warnings.append("fewer than two arms have a valid run: there is nothing to compare")
    few = [arm.label for arm in some if arm.repeats < LEAST_REPEATS]
    if few:
        warnings.append(
            f"fewer than {LEAST_REPEATS} valid runs of {', '.join(few)}: intervals hold within these runs only,"
            " and say nothing about the next run"
        )
    lacking = [arm.label for arm in some if metric not in arm.latencies_ms]
    if lacking:
        remedy = "; --visible-time records it" if metric.startswith(VISIBLE) else ""
        warnings.append(f"{', '.join(lacking)}: no {metric} was recorded, so it does not rank{remedy}")
    if any(entry.refused for entry in environment):
        warnings.append("the runs were made in different environments")
    return warnings
