"""The plots of a comparison: arms side by side, each in its colour. None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from windowbench.judge.measures.latency import PARTS
from windowbench.judge.measures.resources import TREES
from windowbench.load.schedule import NS_PER_S
from windowbench.report.comparison_facts import Content, Means, change_of, labels
from windowbench.report.content import RunContent
from windowbench.report.curves import band, stacked
from windowbench.report.document import Key, Plot
from windowbench.report.drawing import HALF, SERIES, WIDE, colour, few_ticks
from windowbench.report.latencies import PART_WORDS
from windowbench.report.latency_plots import PART_COLOURS, percentile_ticks
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
    found = [(arm, percent, change_of(content, arm, percent)) for arm in labels(content) for percent in (50, 90)]
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
            axes.annotate(
                f"{signed(figure['value'])} ms",
                (edge, row),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=colour("muted"),
            )
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.margins(x=0.16)
        few_ticks(axes, x=8)
        axes.set_yticks(range(len(shown)), [f"{shortened(arm, 22)} P{percent}" for arm, percent, _ in shown])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ms more than the base (left of zero: faster)")

    said = "; ".join(
        f"{arm} P{percent} {signed(figure['value'])} ms, 95 % interval {_interval_said(figure)}"
        for arm, percent, figure in shown
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


def _interval_said(figure: Mapping[str, Any]) -> str:
    interval = figure["interval"]
    return f"{signed(interval[0])} to {signed(interval[1])} ms" if interval else "none"


def _quantiles(content: Content, metric: str) -> dict[str, tuple[Any, Any]]:
    """Return for each arm the percents and values of its rows."""
    found = {}
    for arm in content["arms"]:
        pairs = (arm["latencies_ms"].get(metric) or {}).get("quantiles") or []
        if pairs:
            percents, values = zip(*pairs, strict=True)
            found[arm["label"]] = (np.array(percents, dtype=np.float64), np.array(values, dtype=np.float64))
    return found


def far_apart(values: Sequence[Any]) -> bool:
    """Whether curves are better drawn on a logarithmic axis: all above 0, and the medians far apart."""
    if any(np.min(value) <= 0 for value in values):
        return False
    medians = [float(np.median(value)) for value in values]
    return max(medians) > _FAR_APART * min(medians)


def distribution(content: Content, metric: str, name: str) -> Plot | None:
    """Draw the distribution functions of a latency, an arm each."""
    curves, tints = _quantiles(content, metric), arm_colours(content)
    if not curves:
        return None
    apart = far_apart([values for _, values in curves.values()])

    def paint(axes: Axes) -> None:
        if apart:
            axes.set_xscale("log")
        for arm, (percents, values) in curves.items():
            axes.step(values, percents / 100, where="post", color=colour(tints[arm]))
        axes.axhline(0.9, color=colour("muted"), linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set(xlabel="ms, logarithmic" if apart else "ms", ylim=(0, 1.02))
        few_ticks(axes, x=5, log="x" if apart else "")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1], ["0", "25", "50", "75", "90", "100 %"])

    return Plot(
        name=name,
        title=f"Distribution of {metric}",
        words=f"Share of rows not above a latency, {metric}. {_said(curves)}.",
        paint=paint,
        size=HALF,
        legend=_keys(content, list(curves)),
        wide=False,
    )


def spectrum(content: Content, metric: str, name: str) -> Plot | None:
    """Draw the percentile spectra of a latency, an arm each."""
    curves, tints = _quantiles(content, metric), arm_colours(content)
    rows = {arm["label"]: max(arm["rows"], 1) for arm in content["arms"]}
    if not curves:
        return None
    apart = far_apart([values for _, values in curves.values()])
    places = {}
    for arm, (percents, _) in curves.items():
        above = np.maximum(1 - percents / 100, 0.5 / rows[arm])
        places[arm] = -np.log10(above)

    def paint(axes: Axes) -> None:
        if apart:
            axes.set_yscale("log")
        for arm, (_, values) in curves.items():
            axes.step(places[arm], values, where="pre", color=colour(tints[arm]))
        end = max(float(place[-1]) for place in places.values())
        axes.set(xlabel="percentile", ylabel="ms", xlim=(0, end))
        few_ticks(axes, log="y" if apart else "")
        percentile_ticks(axes, end)

    return Plot(
        name=name,
        title="Percentile spectrum",
        words=f"{metric} by percentile, the tail stretched. {_said(curves)}.",
        paint=paint,
        size=HALF,
        legend=_keys(content, list(curves)),
        wide=False,
    )


def _said(curves: Mapping[str, tuple[Any, Any]]) -> str:
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


def _window_line(runs: Mapping[str, RunContent], run: Content, metric: str) -> Any:  # noqa: ANN401 - a Band or None
    found = runs.get(run["run_id"])
    plain = metric.removesuffix("_ms")
    if found is None or found.schedule is None or "window_end_ms" not in found.windows:
        return None
    columns = [name for name in (f"{plain}_p50_ms", f"{plain}_max_ms") if name in found.windows]
    if not columns:
        return None
    ends, values = (np.array(found.windows[name], dtype=np.float64) for name in ("window_end_ms", columns[0]))
    measured = np.array([phase == "measured" for phase in found.windows["phase"]])
    line = band(ends[measured] / 1000 - found.schedule.base_time_ns / NS_PER_S, values[measured])
    return line if len(line) else None


def decomposition(means: Means) -> Plot | None:
    """Draw the mean parts of a row's time without the configured delay, a bar for each arm."""
    if not means:
        return None
    kept = [part for part in PARTS if part != "watermark_delay"]

    def paint(axes: Axes) -> None:
        for row, parts in enumerate(means.values()):
            for part, (start, length) in zip(kept, stacked([parts[part] for part in kept]), strict=True):
                axes.barh([row], [length], left=[start], height=0.62, color=colour(PART_COLOURS[part]), linewidth=0)
        few_ticks(axes, x=8)
        _arm_axis(axes, list(means))
        axes.set_xlabel("ms, mean over the rows of measured windows, without the configured watermark delay")

    said = "; ".join(
        f"{arm}: " + ", ".join(f"{PART_WORDS[part]} {ms(parts[part])}" for part in kept) for arm, parts in means.items()
    )
    return Plot(
        name="decomposition",
        title="Mean time of a row, part by part",
        words=f"Mean parts of the time of a row. {said}.",
        paint=paint,
        size=(WIDE, 0.7 + 0.36 * len(means)),
        legend=[Key(label=PART_WORDS[part], colour=PART_COLOURS[part], mark="solid") for part in kept],
    )


def cpu(found: Means) -> Plot | None:
    """Draw what a million events cost each arm, process tree by process tree."""
    if not found:
        return None
    trees = [tree for tree in TREES if any(tree in spent for spent in found.values())]

    def paint(axes: Axes) -> None:
        for row, spent in enumerate(found.values()):
            for tree, (start, length) in zip(trees, stacked([spent.get(tree, 0.0) for tree in trees]), strict=True):
                axes.barh([row], [length], left=[start], height=0.62, color=colour(TREE_COLOURS[tree]), linewidth=0)
        few_ticks(axes, x=8)
        _arm_axis(axes, list(found))
        axes.set_xlabel("CPU-seconds per million events")

    said = "; ".join(
        f"{arm}: " + ", ".join(f"{tree} {number(spent.get(tree, 0.0))}" for tree in trees)
        for arm, spent in found.items()
    )
    return Plot(
        name="cpu",
        title="CPU-seconds per million events",
        words=f"CPU-seconds per million events. {said}.",
        paint=paint,
        size=(WIDE, 0.7 + 0.36 * len(found)),
        legend=[Key(label=tree, colour=TREE_COLOURS[tree], mark="solid") for tree in trees],
    )


def _arm_axis(axes: Axes, arms: Sequence[str]) -> None:
    axes.set_yticks(range(len(arms)), [shortened(arm) for arm in arms])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
