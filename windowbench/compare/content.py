"""From finished runs to the content of a comparison, the format of which :mod:`windowbench.compare` names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windowbench.compare.arms import Arm, differing, group
from windowbench.compare.circumstances import (
    configuration_differences,
    environment_differences,
    load_differences,
    number,
    seed_of,
)
from windowbench.compare.figures import ArmFigures, describe_arm, differences, figures_of
from windowbench.compare.finished import ReadRun
from windowbench.compare.parity import effective_settings, parity
from windowbench.compare.ranking import PERCENT, VISIBLE, ranking_metric
from windowbench.compare.thresholds import Threshold, evaluate, exit_code_of
from windowbench.errors import EnvironmentProblem
from windowbench.judge.measures.difference import LEAST_REPEATS

# History of the format; readers refuse a number they do not know.
# 1: as windowbench.compare names it.
SCHEMA_VERSION = 1
_SHOWN = ("p50", "p90", "p95", "p99", "max")


def compare_runs(
    runs: Sequence[ReadRun],
    *,
    base: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    thresholds: Sequence[Threshold] = (),
    allow_different_environment: bool = False,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the content of the comparison of runs.

    Parameters
    ----------
    runs : sequence of ReadRun
    base, labels
        As in :func:`~windowbench.compare.arms.group`.
    thresholds : sequence of Threshold
    allow_different_environment : bool
        Compare runs of different machines or software all the same.
    name : str, optional
        The comparison's own name.

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
    figures = _all_figures(arms)
    found = [entry for arm in figures[1:] for entry in differences(figures[0], arm) if figures[0].arm.fit]
    metric, why = ranking_metric([arm.answer for arm in arms]) if arms else ("excess", "there is nothing to rank")
    described = [_arm(arm, differing(arms)) for arm in figures]
    _rank(described, f"{metric}_ms")
    known = list(dict.fromkeys(name for arm in described for name in arm["latencies_ms"]))
    judged = [evaluate(t, [arm.label for arm in arms[1:]], found, known) for t in thresholds]
    arm_of = {run.run_id: arm.label for arm in arms for run in arm.runs} | dict(labels or {})
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "comparison",
        "name": name,
        "base": arms[0].label if arms else None,
        "ranked_by": {"metric": f"{metric}_ms", "percent": PERCENT, "why": why},
        "arms": described,
        "runs": [describe_run(run, arm_of.get(run.run_id)) for run in runs],
        "differences": found,
        "thresholds": judged,
        "configuration_differences": configuration_differences(arms),
        "load_differences": load_differences(arms),
        "environment_differences": environment,
        "parity": parity(arms),
        "warnings": _warnings(described, f"{metric}_ms", environment),
        "exit_code": max([int(run.exit_code) for run in runs] + [int(exit_code_of(judged))]),
    }


def _refuse(environment: Sequence[Mapping[str, Any]]) -> None:
    refused = [entry for entry in environment if entry["refused"]]
    if not refused:
        return
    words = "; ".join(
        f"{entry['field']} ({', '.join(f'{value} in {run}' for run, value in _extremes(entry['values']))})"
        for entry in refused
    )
    msg = f"the runs were made in different environments: {words}"
    raise EnvironmentProblem(msg, remedy="compare runs of one machine, or give --allow-different-environment")


def _extremes(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return one run for each value."""
    seen: dict[str, tuple[str, Any]] = {}
    for run, value in values.items():
        seen.setdefault(repr(value), (run, value))
    return list(seen.values())


def _all_figures(arms: Sequence[Arm]) -> list[ArmFigures]:
    figures, number_of_runs = [], 0
    for arm in arms:
        figures.append(figures_of(arm, number_of_runs))
        number_of_runs += len(arm.fit)
    return figures


def _arm(figures: ArmFigures, settings: Sequence[str]) -> dict[str, Any]:
    arm = figures.arm
    return {
        "label": arm.label,
        "engine": arm.config.engine.engine,
        "mode": arm.answer.mode,
        "settings": {name: arm.values[name] for name in settings if name != "engine" and name in arm.values},
        "runs": [run.run_id for run in arm.runs],
        **describe_arm(figures),
        "rank": None,
        "effective_settings": effective_settings(arm.runs[0].summary),
    }


def _rank(arms: Sequence[dict[str, Any]], metric: str) -> None:
    """Give each arm that has the metric its rank, 1 for the least."""
    ranked = [arm for arm in arms if metric in arm["latencies_ms"]]
    ranked.sort(key=lambda arm: float(arm["latencies_ms"][metric][f"p{PERCENT}"]["value"]))
    for rank, arm in enumerate(ranked, start=1):
        arm["rank"] = rank


def describe_run(run: ReadRun, arm: str | None) -> dict[str, Any]:
    """Return a run as the comparison holds it."""
    latencies, load = (_mapping(run.summary.get(name)) for name in ("latencies_ms", "load"))
    described = {name: figures for name, figures in latencies.items() if isinstance(figures, Mapping)}
    return {
        "run_id": run.run_id,
        "directory": run.directory,
        "arm": arm,
        "status": run.status,
        "verdict": run.verdict,
        "ranked": run.fit,
        "reason": run.reason,
        "exit_code": int(run.exit_code),
        "seed": None if run.config is None else seed_of(run),
        "started_ns": run.started_ns,
        "windows": _greatest(described, "windows"),
        "rows": _greatest(described, "rows"),
        "latencies_ms": {f"{name}_ms": {p: number(of.get(p)) for p in _SHOWN} for name, of in described.items()},
        "load": {
            "arrivals": str(load.get("arrivals")) if "arrivals" in load else None,
            **{name: number(load.get(name)) for name in ("nominal_rate", "scheduled_rate", "path_rate")},
        },
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _greatest(described: Mapping[str, Mapping[str, Any]], what: str) -> int:
    return max((int(number(figures.get(what)) or 0) for figures in described.values()), default=0)


def _warnings(arms: Sequence[Mapping[str, Any]], metric: str, environment: Sequence[Mapping[str, Any]]) -> list[str]:
    warnings = []
    fit = [arm for arm in arms if arm["repeats"]]
    if len(fit) < 2:
        warnings.append("fewer than two arms have a valid run: there is nothing to compare")
    few = [arm["label"] for arm in fit if arm["repeats"] < LEAST_REPEATS]
    if few:
        warnings.append(
            f"fewer than {LEAST_REPEATS} valid runs of {', '.join(few)}: intervals hold within these runs only,"
            " and say nothing about the next run"
        )
    lacking = [arm["label"] for arm in fit if metric not in arm["latencies_ms"]]
    if lacking:
        remedy = "; --visible-time records it" if metric.startswith(VISIBLE) else ""
        warnings.append(f"{', '.join(lacking)}: no {metric} was recorded, so it does not rank{remedy}")
    if any(entry["refused"] for entry in environment):
        warnings.append("the runs were made in different environments")
    return warnings
