"""The plots of a comparison: arms side by side, each in its colour. None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from windowbench.judge.measures.resources import TREES
from windowbench.load.schedule import NS_PER_S
from windowbench.report.comparison_facts import Content, Means, by_rank, change_of
from windowbench.report.content import RunContent
from windowbench.report.curves import Band, Curve, band
from windowbench.report.document import Key, Plot
from windowbench.report.drawing import SERIES, WIDE, colour, end_label, few_ticks, stacked_bar
from windowbench.report.latencies import PART_WORDS
from windowbench.report.latency_plots import PART_COLOURS, distribution_plot, spectrum_plot
from windowbench.report.time_plots import TREE_COLOURS
from windowbench.report.wording import ms, number, plural, shortened, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FAR_APART = 12.0
"""Arms whose latencies differ by more than this factor are drawn on a logarithmic axis."""


def arm_colours(content: Content) -> dict[str, str]:
    """Return the colour of each arm, in the order of the content; colours repeat after six."""
    return {arm["label"]: SERIES[i % len(SERIES)] for i, arm in enumerate(content["arms"])}


def _keys(content: Content, arms: Sequence[str]) -> list[Key]:
    tints = arm_colours(content)
    return [Key(label=arm, colour=tints[arm]) for arm in arms]


def forest(content: Content) -> Plot | None:
    """Draw the differences of every arm from the base with their intervals."""
    ranked, tints = content["ranked_by"], arm_colours(content)
    arms = [arm["label"] for arm in by_rank(content)]
    found = [(arm, percent, change_of(content, arm, percent)) for arm in arms for percent in (50, 90)]
    shown = [(arm, percent, entry["difference_ms"]) for arm, percent, entry in found if entry is not None]
    if content["base"] is None or not shown:
        return None

    def paint(axes: Axes) -> None:
        axes.axvline(0, color=colour("muted"), linewidth=1)
        for row, (arm, _, figure) in enumerate(shown):
            tint = colour(tints[arm])
            if figure["interval"] is not None:
                axes.plot(figure["interval"], [row, row], color=tint, linewidth=2.2)
            axes.plot([figure["value"]], [row], color=tint, marker="o", markersize=6)
            edge = max([figure["value"], *(figure["interval"] or ())])
            end_label(axes, f"{signed(figure['value'])} ms", (edge, row), 8)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.margins(x=0.16)
        few_ticks(axes, x=8)
        axes.set_yticks(range(len(shown)), [f"{shortened(arm, 22)} P{percent}" for arm, percent, _ in shown])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ms more than the base (left of zero: faster)")

    said = "; ".join(
        f"{arm} P{percent} {signed(figure['value'])} ms, 95 % interval {interval}"
        for arm, percent, figure in shown
        for interval in [" to ".join(map(signed, figure["interval"])) + " ms" if figure["interval"] else "none"]
    )
    words = f"Differences of {ranked['metric']} from {content['base']}: {said}."
    return Plot(
        name="forest",
        title=f"{ranked['metric']}: difference from {content['base']}",
        words=words,
        paint=paint,
        size=(WIDE, 0.75 + 0.27 * len(shown)),
        note="A line is the 95 % interval. Where it does not cross zero, the difference is shown.",
    )


def _quantiles(content: Content, metric: str) -> dict[str, Any]:
    """Return for each arm the percents and the values of its rows."""
    found = {arm["label"]: (arm["latencies_ms"].get(metric) or {}).get("quantiles") for arm in content["arms"]}
    return {arm: np.array(pairs, dtype=np.float64).T for arm, pairs in found.items() if pairs}


def far_apart(values: Sequence[Any]) -> bool:
    """Whether curves are better drawn on a logarithmic axis: all above 0, and the medians far apart."""
    if any(np.min(value) <= 0 for value in values):
        return False
    medians = [float(np.median(value)) for value in values]
    return max(medians) > _FAR_APART * min(medians)


def distributions(content: Content, metric: str) -> list[Plot]:
    """Draw the distribution functions and the percentile spectra of a latency, an arm each."""
    found, tints = _quantiles(content, metric), arm_colours(content)
    if not found:
        return []
    rows = {arm["label"]: max(arm["rows"], 1) for arm in content["arms"]}
    apart = far_apart([values for _, values in found.values()])
    said, keys = _said(found), _keys(content, list(found))
    name = metric.removesuffix("_ms").replace("_", "-")
    shares = [(tints[arm], Curve(x=values, y=percents / 100)) for arm, (percents, values) in found.items()]
    spectra = [
        (tints[arm], Curve(x=-np.log10(np.maximum(1 - percents / 100, 0.5 / rows[arm])), y=values))
        for arm, (percents, values) in found.items()
    ]
    words = f"Share of rows not above a latency, {metric}. {said}."
    stretched = f"{metric} by percentile, the tail stretched. {said}."
    return [
        distribution_plot(f"cdf-{name}", f"Distribution of {metric}", words, shares, keys, log=apart),
        spectrum_plot(f"spectrum-{name}", stretched, spectra, keys, where="pre", log=apart),
    ]


def _said(curves: Mapping[str, Any]) -> str:
    words = []
    for arm, (percents, values) in curves.items():
        found = {p: float(values[np.searchsorted(percents, p)]) for p in (50, 90)}
        words.append(f"{arm}: P50 {ms(found[50])}, P90 {ms(found[90])}, greatest {ms(float(values[-1]))}")
    return "; ".join(words)


def windows(content: Content, runs: Mapping[str, RunContent], metric: str) -> Plot | None:
    """Draw a latency window by window, a line for each run in the colour of its arm."""
    lines = [
        (run["arm"], line) for run in content["runs"] if run["ranked"] if (line := _window_line(runs, run, metric))
    ]
    tints = arm_colours(content)
    if not lines:
        return None
    apart = far_apart([line.mid for _, line in lines])

    def paint(axes: Axes) -> None:
        if apart:
            axes.set_yscale("log")
        for arm, line in lines:
            axes.plot(line.x, line.mid, color=colour(tints[arm]), linewidth=1, alpha=0.85)
        axes.set_xlabel("end of the window, s from the start of measuring")
        axes.set_ylabel("ms, logarithmic" if apart else "ms")
        if not apart:
            axes.set_ylim(min(0.0, *(float(line.low.min()) for _, line in lines)), None)
        few_ticks(axes, x=10, log="y" if apart else "")

    arms = list(dict.fromkeys(arm for arm, _ in lines))
    medians = {arm: float(np.median(np.concatenate([line.mid for a, line in lines if a == arm]))) for arm in arms}
    said = ", ".join(f"{arm} {ms(value)}" for arm, value in medians.items())
    return Plot(
        name="windows",
        title=f"{metric}, window by window",
        words=f"{metric} of {plural(len(lines), 'run')} over time; median of windows: {said}.",
        paint=paint,
        size=(WIDE, 2.8),
        note="Each line is a run, each point the median of a measured window.",
        legend=_keys(content, arms),
    )


def _window_line(runs: Mapping[str, RunContent], run: Content, metric: str) -> Band | None:
    found, plain = runs.get(run["run_id"]), metric.removesuffix("_ms")
    if found is None or found.schedule is None or "window_end_ms" not in found.windows:
        return None
    column = next((name for name in (f"{plain}_p50_ms", f"{plain}_max_ms") if name in found.windows), None)
    if column is None:
        return None
    ends, values = (np.array(found.windows[name], dtype=np.float64) for name in ("window_end_ms", column))
    measured = np.array([phase == "measured" for phase in found.windows["phase"]])
    return band(ends[measured] / 1000 - found.schedule.base_time_ns / NS_PER_S, values[measured])


def decomposition(means: Means) -> Plot | None:
    """Draw the mean parts of a row's time without the configured delay, a bar for each arm."""
    tints = {part: tint for part, tint in PART_COLOURS.items() if part != "watermark_delay"}
    return _bars(
        means,
        tints,
        PART_WORDS,
        ms,
        name="decomposition",
        title="Mean time of a row, part by part",
        words="Mean parts of the time of a row",
        scale="ms, mean over the rows of measured windows, without the configured watermark delay",
    )


def cpu(found: Means) -> Plot | None:
    """Draw what a million events cost each arm, process tree by process tree."""
    tints = {tree: TREE_COLOURS[tree] for tree in TREES if any(tree in spent for spent in found.values())}
    names, words = {tree: tree for tree in tints}, "CPU-seconds per million events"
    return _bars(found, tints, names, number, name="cpu", title=words, words=words, scale=words)


def _bars(
    means: Means,
    tints: Mapping[str, str],
    names: Mapping[str, str],
    figure: Callable[[float], str],
    *,
    name: str,
    title: str,
    words: str,
    scale: str,
) -> Plot | None:
    """Draw a bar for each arm that is made of parts: their colours, their names and how a figure of one is said."""
    if not means:
        return None
    arms = {arm: {part: of.get(part, 0.0) for part in tints} for arm, of in means.items()}

    def paint(axes: Axes) -> None:
        for row, lengths in enumerate(arms.values()):
            stacked_bar(axes, row, lengths, tints)
        few_ticks(axes, x=8)
        axes.set_yticks(range(len(arms)), [shortened(arm) for arm in arms])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(scale)

    said = "; ".join(
        f"{arm}: " + ", ".join(f"{names[part]} {figure(length)}" for part, length in lengths.items())
        for arm, lengths in arms.items()
    )
    return Plot(
        name=name,
        title=title,
        words=f"{words}. {said}.",
        paint=paint,
        size=(WIDE, 0.7 + 0.36 * len(arms)),
        legend=[Key(label=names[part], colour=tint, mark="solid") for part, tint in tints.items()],
    )
