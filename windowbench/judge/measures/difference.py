"""How much the percentiles of two arms differ, and how sure that is. Pure and seeded.

An arm is one or several runs of the same configuration. Its figure is the mean of its runs' percentiles, so that
each run weighs the same. Two things make that figure uncertain: the windows of each run, and what differs from run
to run (placement in memory, compilation, neighbours on the machine). The first is in every run, the second is seen
in repeats only.

**Within runs.** The blocks of windows of each run are drawn anew (:mod:`windowbench.judge.measures.bootstrap`). With
fewer than 3 repeats in either arm that is all that can be said, and the interval is called so.

**Between runs.** From 3 repeats on, each replicate first draws as many runs as the arm has, with replacement, and then
the windows of each (hierarchical bootstrap; Davison & Hinkley 1997, section 3.8). Of R runs such a bootstrap gives the
mean a variance of (s^2 (R - 1) / R + w) / R, with s^2 the variance of the runs' percentiles and w that of one run's
replicates. The true one is s^2 / R in expectation, as s^2 contains w. So the bootstrap is wide where the windows decide
(w counts twice) and narrow where the runs do: few runs understate their spread by (R - 1) / R, and the normal quantile
that a bootstrap amounts to ignores how badly few runs know it (Hesterberg 2015, section 3.2). Therefore the interval is
never narrower than what the runs alone imply, t * sqrt(sum of (s^2 - w) / R), with the degrees of freedom of Welch.

**Pairs.** Repeats of equal seeds have one load path. Where that path decides the latency (bursts), it is the same
nuisance in both arms and cancels in the differences of pairs; runs are then drawn as pairs, with R - 1 degrees of
freedom. Whoever calls decides that before any latency is seen.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from windowbench.judge.measures.bootstrap import bounds_95

LEAST_REPEATS = 3
"""Fewer repeats say nothing about the spread between runs."""
REPLICATES = 4000
_SEED = 20_240_301


class Level(enum.StrEnum):
    """What an interval takes into account."""

    BETWEEN = "between runs"
    WITHIN = "within runs only"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFigure:
    """A percentile of one run, and what it was each time the run's windows were drawn anew; equally often in all."""

    value: float
    replicates: NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is sure."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How much an arm differs from its base.

    Attributes
    ----------
    absolute : Estimate
        Arm less base, in the unit of the values.
    relative : Estimate or None
        The same as a share of the base; None when the base, or a replicate of it, is not above 0.
    """

    absolute: Estimate
    relative: Estimate | None
    level: Level


def level_of(*arms: Sequence[RunFigure]) -> Level:
    """Return what an interval of these arms takes into account."""
    return Level.BETWEEN if min(map(len, arms)) >= LEAST_REPEATS else Level.WITHIN


def arm_figure(runs: Sequence[RunFigure]) -> Estimate:
    """Return the figure of an arm: the mean of its runs' percentiles."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    if level_of(runs) is Level.WITHIN:
        return _estimate(_mean(runs), _means(runs, None, rng), None)
    drawn = _means(runs, _draws(rng, len(runs)), rng)
    return _estimate(_mean(runs), drawn, _Spread.of([(runs, 1.0)], paired=False))


def difference(
    base: Sequence[RunFigure], arm: Sequence[RunFigure], *, paired: bool = False, seed: int = _SEED
) -> Difference:
    """Return how much the figure of an arm differs from that of its base, of at least one run each.

    `paired` says that run k of both had the same load path; both are equally long then.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    level = level_of(base, arm)
    of_base = of_arm = None
    if level is Level.BETWEEN:
        of_base = _draws(rng, len(base))
        of_arm = of_base if paired else _draws(rng, len(arm))
    bases, arms = _means(base, of_base, rng), _means(arm, of_arm, rng)
    base_value, value = _mean(base), _mean(arm)

    def estimate(figure: float, drawn: NDArray[np.float64], base_weight: float, arm_weight: float) -> Estimate:
        scaled = [(base, base_weight), (arm, arm_weight)]
        return _estimate(figure, drawn, _Spread.of(scaled, paired=paired) if level is Level.BETWEEN else None)

    absolute = estimate(value - base_value, arms - bases, 1.0, 1.0)
    relative = None
    if base_value > 0 and bases.min() > 0:
        # The ratio to first order: its spread is that of the arm / base value less the base * arm / base value squared.
        relative = estimate(value / base_value - 1, arms / bases - 1, value / base_value**2, 1 / base_value)
    return Difference(absolute=absolute, relative=relative, level=level)


# --- the bootstrap ----------------------------------------------------------------------------------------------------


def _mean(runs: Sequence[RunFigure]) -> float:
    return float(np.mean([run.value for run in runs]))


def _draws(rng: np.random.Generator, runs: int) -> NDArray[np.int64]:
    """Return which runs each replicate draws; int64[replicates, runs]."""
    return rng.integers(0, runs, size=(REPLICATES, runs))


def _means(runs: Sequence[RunFigure], draws: NDArray[np.int64] | None, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the mean of an arm in each replicate: of the drawn runs, or of every run when none are drawn."""
    replicates = np.stack([run.replicates for run in runs]).astype(np.float64)
    drawn = np.arange(len(runs))[None, :] if draws is None else draws
    picked = rng.integers(0, replicates.shape[1], size=(REPLICATES, len(runs)))
    means: NDArray[np.float64] = replicates[drawn, picked].mean(axis=1)
    return means


# --- the spread between runs ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spread:
    """Variance that the spread between runs adds to a figure, and how well it is known."""

    between: float
    freedom: float

    @classmethod
    def of(cls, arms: Sequence[tuple[Sequence[RunFigure], float]], *, paired: bool) -> _Spread:
        """Return the spread of the difference of two arms, or of the figure of one; each is taken times its weight."""
        variances = [np.array([np.var(run.replicates) for run in runs]) * weight**2 for runs, weight in arms]
        within = sum(float(of_arm.mean()) / len(of_arm) for of_arm in variances)
        values = [np.array([run.value for run in runs]) * weight for runs, weight in arms]
        varying = [values[1] - values[0]] if paired else values
        parts = [(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in varying]
        total = sum(part for part, _ in parts)
        spread = sum(part**2 / freedom for part, freedom in parts)
        return cls(between=max(total - within, 0.0), freedom=total**2 / spread if spread > 0 else 1.0)

    @property
    def reach(self) -> float:
        """Half the width of the 95 % interval that the runs alone imply."""
        return float(stats.t.ppf(0.975, self.freedom)) * math.sqrt(self.between)


def _estimate(value: float, drawn: NDArray[np.float64], spread: _Spread | None) -> Estimate:
    """Return a figure with the interval of its replicates, widened to what the spread between runs implies."""
    low, high = bounds_95(drawn)
    half = (high - low) / 2
    if spread is not None and spread.reach > half:
        if half > 0:  # keeps the shape of the bootstrap
            low, high = (value + (bound - value) * spread.reach / half for bound in (low, high))
        else:
            low, high = value - spread.reach, value + spread.reach
    return Estimate(value=value, low=float(low), high=float(high))


# --- descriptive ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MannWhitney:
    """How often one sample is above another.

    Attributes
    ----------
    probability : float
        That a value of the second sample is above one of the first; ties count half.
    p_value : float
        Two-sided, as if values were independent; windows are not, so it describes and decides nothing.
    """

    probability: float
    p_value: float


def mann_whitney(first: NDArray[np.int64], second: NDArray[np.int64]) -> MannWhitney | None:
    """Return how often values of the second sample are above those of the first; None when one is empty."""
    if len(first) == 0 or len(second) == 0:
        return None
    if first.min() == first.max() == second.min() == second.max():
        return MannWhitney(probability=0.5, p_value=1.0)  # the normal approximation has no variance here
    result = stats.mannwhitneyu(second, first, method="asymptotic")
    return MannWhitney(probability=float(result.statistic) / (len(first) * len(second)), p_value=float(result.pvalue))
