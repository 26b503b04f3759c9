"""Plots of latencies: how they are distributed, and what they consist of.

Each takes plain data and returns nothing where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from windowbench.judge.measures.latency import PARTS
from windowbench.report.curves import Curve, quantile_curve, spectrum_curve
from windowbench.report.document import Key, Plot
from windowbench.report.drawing import HALF, WIDE, colour, few_ticks, stacked_bar
from windowbench.report.latencies import PART_WORDS, known, part_means, shows_updates
from windowbench.report.wording import ms, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"excess": "c1", "freshness": "c1", "since_window_end": "c3", "e2e": "c2", "first_excess": "c2"}
PART_COLOURS = dict(zip(PARTS, ("c5", "c3", "line", "c2", "c1"), strict=True))
_PERCENTILES = {0.0: "0", 0.30103: "50", 1.0: "90", 2.0: "99", 3.0: "99.9", 4.0: "99.99", 5.0: "99.999", 6.0: "99.9999"}
"""Where a percentile lies on an axis of -log10(1 - share), and how it is written."""

Lines = Sequence[tuple[str, Curve]]
"""Curves, each with the name of its colour."""


def colour_of(latency: str) -> str:
    """Return the colour of a latency; by visible time it is that by append time."""
    return _COLOURS.get(latency.removeprefix("visible_"), "c4")


def distribution_plot(
    name: str,
    title: str,
    words: str,
    lines: Lines,
    legend: Sequence[Key],
    *,
    log: bool = False,
    interval: Sequence[float] | None = None,
) -> Plot:
    """Return the plot of distribution functions; `log`: latencies by their magnitude, `interval`: that of P90."""

    def paint(axes: Axes) -> None:
        if log:
            axes.set_xscale("log")
        if interval is not None:
            axes.axvspan(*interval, color=colour("c1"), alpha=0.16, linewidth=0)
        for tint, curve in lines:
            axes.step(curve.x, curve.y, where="post", color=colour(tint))
        axes.axhline(0.9, color=colour("muted"), linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set(xlabel="ms, logarithmic" if log else "ms", ylim=(0, 1.02))
        few_ticks(axes, x=5, log="x" if log else "")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1], ["0", "25", "50", "75", "90", "100 %"])

    return Plot(name=name, title=title, words=words, paint=paint, size=HALF, legend=legend, wide=False)


def spectrum_plot(
    name: str,
    words: str,
    lines: Lines,
    legend: Sequence[Key],
    *,
    where: Literal["pre", "post"] = "post",
    log: bool = False,
) -> Plot:
    """Return the plot of percentile spectra: the tail, stretched; `where` a step lies, `log` as above."""
    end = max(float(curve.x[-1]) for _, curve in lines)

    def paint(axes: Axes) -> None:
        if log:
            axes.set_yscale("log")
        for tint, curve in lines:
            axes.step(curve.x, curve.y, where=where, color=colour(tint))
        axes.set(xlabel="percentile", ylabel="ms", xlim=(0, end))
        few_ticks(axes, log="y" if log else "")
        ticks = [tick for tick in _PERCENTILES if tick <= end]
        axes.set_xticks(ticks, [_PERCENTILES[tick] for tick in ticks])

    title = "Percentile spectrum"
    return Plot(name=name, title=title, words=words, paint=paint, size=HALF, legend=legend, wide=False)


def distributions(
    latencies: Mapping[str, Any], names: Iterable[str], suffix: str = "", interval: Sequence[float] | None = None
) -> list[Plot]:
    """Draw the distribution functions and the percentile spectra of those latencies, in ms, that `names` names.

    `suffix` ends the plots' names; `interval` is that of the first one's P90.
    """
    found = {name: latencies[name] for name in names if len(latencies.get(name, ()))}
    if not found:
        return []
    keys = [Key(label=f"{name}_ms", colour=colour_of(name)) for name in found]
    shown = [Key(label="95 % interval of P90", colour="c1", mark="area")] if interval is not None else []
    said = "; ".join(f"{name}_ms of {_percentiles_said(values)}" for name, values in found.items())
    shares, spectra = (
        [(colour_of(name), curve_of(values)) for name, values in found.items()]
        for curve_of in (quantile_curve, spectrum_curve)
    )
    words = f"Share of rows not above a latency. {said}."
    return [
        distribution_plot(f"cdf{suffix}", "Distribution", words, shares, [*keys, *shown], interval=interval),
        spectrum_plot(f"spectrum{suffix}", f"Latency by percentile, the tail stretched. {said}.", spectra, keys),
    ]


def _percentiles_said(values: Any) -> str:  # noqa: ANN401 - any array
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    found = {p: float(ordered[max(-(-p * len(ordered) // 100), 1) - 1]) for p in (50, 90, 99)}
    words = ", ".join(f"P{percent} {ms(value)}" for percent, value in found.items())
    return f"{plural(len(ordered), 'row')}: {words}, greatest {ms(float(ordered[-1]))}"


def decomposition(summary: Mapping[str, Any]) -> Plot | None:
    """Draw the mean parts of a row's time: all of them to scale, and again without the configured delay."""
    found = known(part_means(summary))
    means = {name: found[name] for name in PARTS if name in found}
    if shows_updates(summary) or len(means) < len(PARTS):
        return None

    def paint(*panels: Axes) -> None:
        for axes, bar, left_out in zip(panels, ("whole", "without the delay"), ("", "watermark_delay"), strict=True):
            stacked_bar(axes, 0, {name: mean for name, mean in means.items() if name != left_out}, PART_COLOURS)
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
