"""Plots of latencies: how they are distributed, and what they consist of.

Each takes plain data and returns None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from windowbench.judge.measures.latency import PARTS
from windowbench.report.curves import quantile_curve, spectrum_curve, stacked
from windowbench.report.document import Key, Plot
from windowbench.report.drawing import HALF, WIDE, colour, few_ticks
from windowbench.report.latencies import PART_WORDS
from windowbench.report.wording import ms, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"excess": "c1", "freshness": "c1", "since_window_end": "c3", "e2e": "c2", "first_excess": "c2"}
PART_COLOURS = dict(zip(PARTS, ("c5", "c3", "line", "c2", "c1"), strict=True))
_PERCENTILES = {0.0: "0", 0.30103: "50", 1.0: "90", 2.0: "99", 3.0: "99.9", 4.0: "99.99", 5.0: "99.999", 6.0: "99.9999"}
"""Where a percentile lies on an axis of -log10(1 - share), and how it is written."""


def colour_of(latency: str) -> str:
    """Return the colour of a latency; by visible time it is that by append time."""
    return _COLOURS.get(latency.removeprefix("visible_"), "c4")


def distribution(
    name: str, latencies: Mapping[str, Any], names: Sequence[str], interval: Sequence[float] | None = None
) -> Plot | None:
    """Draw the empirical distribution functions of some latencies.

    Parameters
    ----------
    name : str
        Of the plot.
    latencies : mapping of str to array
        Values in ms.
    names : sequence of str
        Which of them to draw.
    interval : (float, float), optional
        Interval of the first one's P90.
    """
    curves = {latency: quantile_curve(latencies[latency]) for latency in names if len(latencies.get(latency, ()))}
    if not curves:
        return None

    def paint(axes: Axes) -> None:
        if interval is not None:
            axes.axvspan(*interval, color=colour("c1"), alpha=0.16, linewidth=0)
        for latency, curve in curves.items():
            axes.step(curve.x, curve.y, where="post", color=colour(colour_of(latency)))
        axes.axhline(0.9, color=colour("muted"), linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set(xlabel="ms", ylim=(0, 1.02))
        few_ticks(axes, x=5)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1], ["0", "25", "50", "75", "90", "100 %"])

    legend = _legend(list(curves))
    if interval is not None:
        legend.append(Key(label="95 % interval of P90", colour="c1", mark="area"))
    words = f"Share of rows not above a latency. {_figures_of(latencies, list(curves))}."
    return Plot(name=name, title="Distribution", words=words, paint=paint, size=HALF, legend=legend, wide=False)


def spectrum(name: str, latencies: Mapping[str, Any], names: Sequence[str]) -> Plot | None:
    """Draw the percentile spectra of some latencies: the tail, stretched."""
    curves = {latency: spectrum_curve(latencies[latency]) for latency in names if len(latencies.get(latency, ()))}
    if not curves:
        return None
    end = max(float(curve.x[-1]) for curve in curves.values())

    def paint(axes: Axes) -> None:
        for latency, curve in curves.items():
            axes.step(curve.x, curve.y, where="post", color=colour(colour_of(latency)))
        axes.set(xlabel="percentile", ylabel="ms", xlim=(0, end))
        few_ticks(axes)
        percentile_ticks(axes, end)

    words = f"Latency by percentile, the tail stretched. {_figures_of(latencies, list(curves))}."
    return Plot(
        name=name,
        title="Percentile spectrum",
        words=words,
        paint=paint,
        size=HALF,
        legend=_legend(list(curves)),
        wide=False,
    )


def percentile_ticks(axes: Axes, end: float) -> None:
    """Write percentiles on the axis of a spectrum, as far as it reaches."""
    ticks = [tick for tick in _PERCENTILES if tick <= end]
    axes.set_xticks(ticks, [_PERCENTILES[tick] for tick in ticks])


def _legend(names: Sequence[str]) -> list[Key]:
    return [Key(label=f"{name}_ms", colour=colour_of(name)) for name in names]


def _figures_of(latencies: Mapping[str, Any], names: Sequence[str]) -> str:
    return "; ".join(f"{name}_ms of {percentiles_said(latencies[name])}" for name in names)


def percentiles_said(values: Any) -> str:  # noqa: ANN401 - any array
    """Return the percentiles of some rows in words."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    found = {p: float(ordered[max(-(-p * len(ordered) // 100), 1) - 1]) for p in (50, 90, 99)}
    words = ", ".join(f"P{percent} {ms(value)}" for percent, value in found.items())
    return f"{plural(len(ordered), 'row')}: {words}, greatest {ms(float(ordered[-1]))}"


def decomposition(parts: Mapping[str, Any]) -> Plot | None:
    """Draw the mean parts of a row's time: all of them to scale, and again without the configured delay."""
    found = {name: (parts.get(name) or {}).get("mean") for name in PARTS}
    means = {name: float(mean) for name, mean in found.items() if mean is not None}
    if len(means) < len(PARTS):
        return None

    def paint(*panels: Axes) -> None:
        for axes, bar, left_out in zip(panels, ("whole", "without the delay"), ("", "watermark_delay"), strict=True):
            kept = [name for name in PARTS if name != left_out]
            for name, (start, length) in zip(kept, stacked([means[name] for name in kept]), strict=True):
                axes.barh([0], [length], left=[start], height=0.62, color=colour(PART_COLOURS[name]), linewidth=0)
            axes.grid(visible=False, axis="y")
            axes.spines["left"].set_visible(False)
            few_ticks(axes, x=8)
            axes.set_yticks([0], [bar])
        panels[-1].set_xlabel("ms, mean over the rows of measured windows")

    words = ", ".join(f"{PART_WORDS[name]} {ms(mean)}" for name, mean in means.items())
    return Plot(
        name="decomposition",
        title="Mean time of a row, part by part",
        words=f"Mean parts of the time of a row: {words}.",
        paint=paint,
        size=(WIDE, 1.9),
        panels=2,
        note="Means add up exactly; a part below zero lies left of it.",
        legend=[Key(label=PART_WORDS[name], colour=PART_COLOURS[name], mark="solid") for name in PARTS],
    )
