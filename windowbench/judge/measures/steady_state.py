"""Whether latency keeps growing: the slope of a per-window figure over time. Pure.

Theil-Sen: the slope is the median of the slopes between all pairs of points, and its interval follows
from the distribution of Kendall's rank statistic (Sen 1968). One long pause in one window tilts a
least-squares line through ten points; it moves this estimate hardly at all. A slope counts as growth when the lower
end of its 90 % interval, the one-sided 95 % lower bound, lies above a limit.

Of few points it must also be much in all: where batches and windows come at regular distances of their own, windows
meet a batch later and later within it, and for some of them in a row that looks like growth by up to a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from windowbench.runs.files.figures import Slope

LEAST_POINTS = 5
FEW_POINTS = 10
GROWTH_OF_FEW_MS = 1000.0
"""By how much fewer than that many points must have grown between the first and the last, by the lower bound."""
GROWTH_LIMIT_MS_PER_S = 10.0
GROWTH_NOT_JUDGED = f"growth not judged: it takes {LEAST_POINTS} points"
_MOST_POINTS = 600
"""Beyond this, neighbouring points are taken together: pairs grow with the square."""
_BOTH_BOUNDS = 0.90
"""Confidence of the interval of which each end is a one-sided 95 % bound."""


def theil_sen(x: NDArray[np.float64], y: NDArray[np.float64]) -> Slope | None:
    """Return the slope of y over x, which ascends; None of fewer than :data:`LEAST_POINTS` points."""
    if len(x) < LEAST_POINTS:
        return None
    if len(x) > _MOST_POINTS:
        x, y = _thinned(x, y)
    if x[0] == x[-1]:
        return None
    found = theilslopes(y, x, alpha=_BOTH_BOUNDS)
    return Slope(
        estimate=float(found.slope),
        low=float(found.low_slope),
        high=float(found.high_slope),
        points=len(x),
        span=float(x[-1] - x[0]),
    )


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean x and median y of groups of neighbouring points."""
    groups = np.array_split(np.arange(len(x)), _MOST_POINTS)
    return np.array([x[g].mean() for g in groups]), np.array([np.median(y[g]) for g in groups])


def grows(slope: Slope | None) -> bool:
    """Whether a slope in ms per s is growth that cannot be sustained."""
    if slope is None or slope.low <= GROWTH_LIMIT_MS_PER_S:
        return False
    return slope.points >= FEW_POINTS or slope.low * slope.span >= GROWTH_OF_FEW_MS


def trend_note(slope: Slope | None, windows: int, points: str = "windows") -> str:
    """Say in words whether measured windows still trend; the slope, of a figure per `points`, is in ms per s."""
    if slope is None:
        return f"{windows} windows, too few to see a trend" if points == "windows" else f"too few {points} for a trend"
    figures = f"{slope.estimate:+.1f} ms/s (95 % bounds {slope.low:+.1f} and {slope.high:+.1f})"
    if not slope.trends:
        return f"measured windows show no trend: {figures}"
    direction = "rise" if slope.estimate > 0 else "fall"
    return f"measured windows still {direction}: {figures}"
