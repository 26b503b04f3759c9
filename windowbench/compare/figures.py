"""The figures of arms, and how arms differ from the base. Pure; durations in ns here, in ms in what is returned.

Each run's windows are drawn anew once for each latency (:class:`RunFigures`); what the comparison needs follows from
these draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.compare.arms import Arm
from windowbench.compare.circumstances import load_of
from windowbench.compare.finished import Sample
from windowbench.compare.ranking import ranks
from windowbench.judge.measures.bootstrap import LEAST_WINDOWS, RunSample, percentile_replicates, too_few
from windowbench.judge.measures.difference import (
    Estimate,
    Level,
    RunFigure,
    arm_figure,
    difference,
    mann_whitney,
)
from windowbench.judge.measures.quantiles import nearest_rank, window_medians
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.comparison import ArmDifference, ArmLatency, Conclusion, Figure, MannWhitneyFigures

PERCENTS = (50, 90)
CURVE_PER_MILLE = (*range(10, 1000, 10), 995, 999, 1000)
"""Which quantiles the curve of an arm shows."""
DESCRIPTIVE = "descriptive: takes windows for independent, which they are not, and decides nothing"
NO_BASE = "the base is not surely above 0, so there is no percentage of it"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFigures:
    """A run's percentiles of one latency with their replicates, and the median of each window."""

    rows: int
    windows: int
    of_percent: dict[int, RunFigure]
    window_medians: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmFigures:
    """An arm with the figures of its eligible runs, by latency."""

    arm: Arm
    runs: dict[str, list[RunFigures]]

    def windows(self, metric: str) -> int:
        """How many windows the figures of a latency come from."""
        return sum(run.windows for run in self.runs.get(metric, []))

    def of(self, metric: str, percent: int) -> list[RunFigure]:
        """Return a percentile of each run."""
        return [run.of_percent[percent] for run in self.runs[metric]]


def figures_of(arm: Arm, first_number: int) -> ArmFigures:
    """Return the figures of an arm; run k of it draws with a stream of its own, numbered from `first_number`."""
    found = dict.fromkeys(name for run in arm.eligible for name, (values, _) in run.samples.items() if len(values))
    names = [name for name in found if all(name in run.samples for run in arm.eligible)]
    runs: dict[str, list[RunFigures]] = {name: [] for name in names}
    for number, run in enumerate(arm.eligible, start=first_number):
        known: dict[bytes, RunFigures] = {}  # in append mode freshness is e2e
        for name in names:
            sample = run.samples[name]
            content = b"".join(column.tobytes() for column in sample)
            if content not in known:
                known[content] = _run_figures(sample, number)
            runs[name].append(known[content])
    return ArmFigures(arm=arm, runs=runs)


def _run_figures(sample: Sample, number: int) -> RunFigures:
    values, windows = sample
    drawn = percentile_replicates(RunSample(values={"": values}, windows=windows), PERCENTS, seed=number)[""]
    ids, medians = window_medians(values, windows)
    return RunFigures(
        rows=len(values),
        windows=len(ids),
        of_percent={p: RunFigure(value=nearest_rank(values, p), replicates=drawn[p]) for p in PERCENTS},
        window_medians=medians,
    )


def describe_latencies(figures: ArmFigures) -> dict[str, ArmLatency]:
    """Return the latencies of an arm by metric."""
    return {f"{name}_ms": _describe_latency(figures, name) for name in figures.runs}


def _describe_latency(figures: ArmFigures, name: str) -> ArmLatency:
    note = None if figures.windows(name) >= LEAST_WINDOWS else too_few(figures.windows(name))
    p50, p90 = (_described(arm_figure(figures.of(name, percent)), note) for percent in PERCENTS)
    values = np.sort(np.concatenate([run.samples[name][0] for run in figures.arm.eligible]))
    ranks_of = [max(-(-per_mille * len(values) // 1000), 1) - 1 for per_mille in CURVE_PER_MILLE]
    curve = zip(CURVE_PER_MILLE, values[ranks_of].tolist(), strict=True)
    return ArmLatency(p50=p50, p90=p90, quantiles=tuple((per_mille / 10, ns / NS_PER_MS) for per_mille, ns in curve))


def _described(estimate: Estimate, note: str | None, scale: float = 1 / NS_PER_MS) -> Figure:
    """Return an estimate in ms, or on another scale."""
    interval = None if note else (estimate.low * scale, estimate.high * scale)
    return Figure(value=estimate.value * scale, interval=interval, note=note)


# --- differences ------------------------------------------------------------------------------------------------------


def paired_runs(base: Arm, arm: Arm) -> bool:
    """Whether runs of equal seeds, and equal salts, are pairs: bursts on one shared path decide the latency of both.

    Without bursts the seed hardly shows in a percentile, and pairs would only cost degrees of freedom. Decided by
    configuration alone, before any latency is looked at.
    """
    bursts = all(a.config.load.data_generator == "mmpp" and a.config.load == base.config.load for a in (base, arm))
    loads, others = ([load_of(run) for run in a.eligible] for a in (base, arm))
    once = len(set(loads)) == len(loads)
    return bursts and once and sorted(loads) == sorted(others)


def differences(base: ArmFigures, arm: ArmFigures) -> list[ArmDifference]:
    """Return how an arm differs from the base, for each latency that both have and each percentile."""
    names = [name for name in base.runs if name in arm.runs]
    paired = paired_runs(base.arm, arm.arm)
    if paired:
        base, arm = (_by_load(figures) for figures in (base, arm))
    return [_difference(base, arm, name, percent, paired=paired) for name in names for percent in PERCENTS]


def _by_load(figures: ArmFigures) -> ArmFigures:
    loads = [load_of(run) for run in figures.arm.eligible]
    order = sorted(range(len(loads)), key=loads.__getitem__)
    return ArmFigures(arm=figures.arm, runs={name: [runs[i] for i in order] for name, runs in figures.runs.items()})


def _difference(base: ArmFigures, arm: ArmFigures, name: str, percent: int, *, paired: bool) -> ArmDifference:
    found = difference(base.of(name, percent), arm.of(name, percent), paired=paired)
    windows = base.windows(name), arm.windows(name)
    note = None if min(windows) >= LEAST_WINDOWS else too_few(min(windows))
    base_value = float(np.mean([run.value for run in base.of(name, percent)]))
    value = base_value + found.absolute.value
    if found.relative is not None:
        change = _described(found.relative, note, 100)
    else:
        share = found.absolute.value / base_value * 100 if base_value > 0 else None
        change = Figure(value=share, interval=None, note=NO_BASE)
    return ArmDifference(
        arm=arm.arm.label,
        base=base.arm.label,
        metric=f"{name}_ms",
        percent=percent,
        ranks=ranks(name, (base.arm.answer, arm.arm.answer)),
        base_value_ms=base_value / NS_PER_MS,
        value_ms=value / NS_PER_MS,
        difference_ms=_described(found.absolute, note),
        change_percent=change,
        level=found.level,
        paired=paired and found.level is Level.BETWEEN,
        repeats=(len(base.arm.eligible), len(arm.arm.eligible)),
        windows=windows,
        conclusion="undecided" if note else _conclusion(found.absolute),
        mann_whitney=_mann_whitney(base.runs[name], arm.runs[name]) if percent == PERCENTS[0] else None,
    )


def _conclusion(estimate: Estimate) -> Conclusion:
    if not estimate.excludes_zero:
        return "no difference shown"
    return "slower" if estimate.low > 0 else "faster"


def _mann_whitney(base: Sequence[RunFigures], arm: Sequence[RunFigures]) -> MannWhitneyFigures | None:
    first, second = (np.concatenate([run.window_medians for run in runs]) for runs in (base, arm))
    found = mann_whitney(first, second)
    if found is None:
        return None
    return MannWhitneyFigures(
        probability_slower=found.probability,
        p_value=found.p_value,
        windows=(len(first), len(second)),
        note=DESCRIPTIVE,
    )
