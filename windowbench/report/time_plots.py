"""Plots of a run over time: windows, load, producers, engine, machine, phases.

Each takes a run's content and returns None where there is nothing to draw. Time is counted in seconds from the start of
the measured phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from windowbench.judge.measures.resources import TREES, sampled_trees
from windowbench.load.schedule import NS_PER_S
from windowbench.report.content import RunContent
from windowbench.report.curves import Curve, Spell, band, rates, spells
from windowbench.report.document import Key, Plot
from windowbench.report.drawing import HALF, SERIES, WIDE, colour, end_label, few_ticks
from windowbench.report.wording import count, ms, number, plural, shortened, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TREE_COLOURS = dict(zip(TREES, SERIES, strict=False))
_FROM_BASE = "s from the start of measuring"
_SHADES = (0.0, 0.16, 0.26, 0.36)
"""How dark the states of a load are shaded, from the lowest rate up."""


def load_spells(content: RunContent) -> tuple[list[Spell], dict[int, float]]:
    """Return the spells of a load's states, and the rate of each state; none of a load without states."""
    if content.path is None or content.schedule is None:
        return [], {}
    path = content.path
    offset = (content.schedule.epoch_ns - content.schedule.base_time_ns) / NS_PER_S
    found = spells(path.starts_ns / NS_PER_S + offset, path.states, path.until_ns / NS_PER_S + offset)
    return found, {int(state): float(path.rates[path.states == state][0]) for state in np.unique(path.states)}


def _time_axis(axes: Axes, content: RunContent, *, states: bool = True) -> None:
    """Set the axis of time: as long as the load, states shaded, the measured phase marked."""
    schedule = content.schedule
    few_ticks(axes, x=10)
    if schedule is None:
        return
    begin, end, last = (
        (instant - schedule.base_time_ns) / NS_PER_S
        for instant in (schedule.epoch_ns, schedule.measure_end_ns, schedule.load_end_ns)
    )
    axes.set_xlim(begin, last)
    _mark_measuring(axes, end)
    if not states:
        return
    found, rate = load_spells(content)
    for rank, state in enumerate(sorted(rate, key=rate.__getitem__)):
        shade = _SHADES[min(rank, len(_SHADES) - 1)]
        bars = [(spell.start, spell.end - spell.start) for spell in found if spell.state == state]
        if shade and bars:
            where = axes.get_xaxis_transform()
            axes.broken_barh(bars, (0, 1), transform=where, color=colour("c4"), alpha=shade, linewidth=0)


def _mark_measuring(axes: Axes, end: float) -> None:
    for edge in (0.0, end):
        axes.axvline(edge, color=colour("muted"), linewidth=0.8, linestyle=(0, (4, 3)))


def _over_time(
    content: RunContent,
    paint: Callable[[Axes], None],
    legend: Sequence[Key],
    words: str,
    *,
    name: str,
    title: str,
    height: float = 2.0,
    unit: str = "ms",
    least: float = 0.0,
    axis: str = _FROM_BASE,
    states: bool = True,
) -> Plot:
    """Return a plot as wide as the page: what `paint` draws over the axis of time, with its keys.

    Values are in `unit` and not below `least`; `states` shades those of bursty load, and says how often they were.
    """

    def painted(axes: Axes) -> None:
        paint(axes)
        axes.set(ylabel=unit, ylim=(min(0.0, least), None))
        axes.set_xlabel(axis)
        _time_axis(axes, content, states=states)

    keys = list(legend)
    found, rate = load_spells(content)
    if states and len(rate) > 1:
        keys.append(Key(label="load in a state of higher rate", colour="c4", mark="area"))
        least_rate = min(rate, key=rate.__getitem__)
        often = plural(sum(spell.state != least_rate for spell in found), "time")
        words += f" The load was in a state of higher rate {often}."
    if content.schedule is not None:
        keys.append(Key(label="start and end of measuring", colour="muted", mark="dash"))
    return Plot(name=name, title=title, words=words, paint=painted, size=(WIDE, height), legend=keys)


def window_line(content: RunContent, latency: str) -> Plot | None:
    """Draw a latency window by window, with the states of bursty load behind it."""
    windows, schedule = content.windows, content.schedule
    top_name, mid_name = f"{latency}_max_ms", f"{latency}_p50_ms"
    if schedule is None or top_name not in windows:
        return None
    ends = np.array(windows["window_end_ms"], dtype=np.float64) / 1000 - schedule.base_time_ns / NS_PER_S
    tops = np.array(windows[top_name], dtype=np.float64)
    mids = np.array(windows.get(mid_name, windows[top_name]), dtype=np.float64)
    if not np.isfinite(tops).any():
        return None
    top, mid = band(ends, tops), band(ends, mids)

    def paint(axes: Axes) -> None:
        axes.vlines(top.x, mid.mid, top.high, color=colour("c1"), alpha=0.35, linewidth=1.2)
        axes.plot(mid.x, mid.mid, color=colour("c1"), linewidth=1, marker="o", markersize=_marker(len(mid)))

    measured = np.array([phase == "measured" for phase in windows["phase"]])
    inside = tops[measured & np.isfinite(tops)]
    words = f"{latency}_ms of {plural(int(np.isfinite(tops).sum()), 'window')} over time."
    if len(inside):
        low, high = ms(float(inside.min())), ms(float(inside.max()))
        words += f" In the measured phase the greatest of a window lies between {low} and {high}."
    title, axis = f"{latency}_ms, window by window", f"end of the window, {_FROM_BASE}"
    legend, least = [Key(label="median of the window, up to its greatest", colour="c1", mark="dot")], np.nanmin(tops)
    return _over_time(
        content, paint, legend, words, name="windows", title=title, height=2.6, least=float(least), axis=axis
    )


def _marker(points: int) -> float:
    return 3.2 if points <= 60 else 2.2 if points <= 150 else 0


def load_line(content: RunContent) -> Plot | None:
    """Draw intended against achieved load."""
    load = content.load
    if not len(load.get("scheduled", ())):
        return None
    intended, achieved = (rates(load["start_s"], load[name]) for name in ("scheduled", "sent"))
    path = _path_rate(content)

    def paint(axes: Axes) -> None:
        axes.fill_between(intended.x, intended.y, step="post", color=colour("c2"), alpha=0.28, linewidth=0)
        axes.step(achieved.x, achieved.y, where="post", color=colour("c1"), linewidth=1.2)
        if path is not None:
            axes.step(path.x, path.y, where="post", color=colour("c4"), linewidth=0.9, linestyle=(0, (2, 1.5)))

    legend = [Key(label="scheduled", colour="c2", mark="area"), Key(label="sent", colour="c1")]
    if path is not None:
        legend.append(Key(label="rate of the load's state", colour="c4", mark="dash"))
    words = (
        f"Events per second, scheduled and sent: {count(int(load['scheduled'].sum()))} scheduled and"
        f" {count(int(load['sent'].sum()))} sent in all, {count(int(load['scheduled'].max()))} scheduled in the busiest"
        " second."
    )
    title = "Intended and achieved load"
    return _over_time(
        content, paint, legend, words, name="load", title=title, height=2.5, unit="events/s", states=False
    )


def _path_rate(content: RunContent) -> Curve | None:
    """Return the rate of the load's state, thinned out as its spells are."""
    found, rate = load_spells(content)
    if not found:
        return None
    return Curve(
        x=np.array([*(spell.start for spell in found), found[-1].end]),
        y=np.array([*(rate[spell.state] for spell in found), rate[found[-1].state]]),
    )


def lateness_line(content: RunContent) -> Plot | None:
    """Draw how late events were handed over, second by second."""
    load = content.load
    if not len(load.get("lateness_max_ms", ())) or not np.isfinite(load["lateness_max_ms"]).any():
        return None
    mean, greatest = (band(load["start_s"] + 0.5, load[f"lateness_{name}_ms"]) for name in ("mean", "max"))

    def paint(axes: Axes) -> None:
        axes.vlines(greatest.x, 0, greatest.high, color=colour("c5"), alpha=0.55, linewidth=1.4)
        axes.plot(mean.x, mean.mid, color=colour("c1"), linewidth=1.2)

    generator = content.summary.get("generator") or {}
    words = "Produce time less due time, second by second."
    if generator.get("lateness_p99_ms") is not None:
        p50, p99, top = (ms(generator[f"lateness_{name}_ms"]) for name in ("p50", "p99", "max"))
        words += f" In the measured phase P50 {p50}, P99 {p99}, greatest {top}."
    legend = [Key(label="mean of the second", colour="c1"), Key(label="greatest of the second", colour="c5")]
    least = float(mean.low.min())
    return _over_time(content, paint, legend, words, name="lateness", title="Send lateness", least=least, states=False)


def engine_line(content: RunContent, name: str, curve: Curve, title: str, unit: str) -> Plot | None:
    """Draw something that the engine said while it ran."""
    if not len(curve):
        return None
    shown = band(curve.x, curve.y)

    def paint(axes: Axes) -> None:
        axes.vlines(shown.x, shown.low, shown.high, color=colour("c1"), alpha=0.4, linewidth=1)
        marker = _marker(len(shown))
        axes.plot(
            shown.x, shown.mid, color=colour("c1"), linewidth=1.1, marker="o" if marker else "", markersize=marker
        )

    middle, top = number(float(np.median(curve.y))), number(float(curve.y.max()))
    words = f"{title}, {plural(len(curve), 'report')} of the engine: median {middle} {unit}, greatest {top} {unit}."
    legend, least = [Key(label="as reported", colour="c1", mark="dot")], float(shown.low.min())
    return _over_time(content, paint, legend, words, name=name, title=title, unit=unit, least=least)


def host_line(content: RunContent, kind: str) -> Plot | None:
    """Draw CPU (``cpu``) or memory (``rss``) of the process trees, from start to stop."""
    host, schedule = content.host, content.schedule
    trees = [tree for tree in sampled_trees(host) if len(host.get(f"{kind}_{tree}", ()))]
    if not trees:
        return None
    zero = int(host["wall_ns"][0]) if schedule is None else schedule.base_time_ns
    scale, unit = (1.0, "cores") if kind == "cpu" else (1e6, "MB")
    seconds = (host["wall_ns"] - zero) / NS_PER_S
    lines = {tree: band(seconds, host[f"{kind}_{tree}"] / scale, 200) for tree in trees}

    def paint(axes: Axes) -> None:
        for tree, line in lines.items():
            axes.plot(line.x, line.mid, color=colour(TREE_COLOURS[tree]), linewidth=1.2)
        axes.set(ylabel=unit, ylim=(0, None), xlabel="s from the first sample" if schedule is None else _FROM_BASE)
        few_ticks(axes)
        if schedule is not None:
            _mark_measuring(axes, (schedule.measure_end_ns - schedule.base_time_ns) / NS_PER_S)

    tops = {tree: float(host[f"{kind}_{tree}"].max()) for tree in trees}
    said = {tree: f"{number(top, 2)} cores" if kind == "cpu" else size(top) for tree, top in tops.items()}
    title = "CPU, cores used" if kind == "cpu" else "Resident memory"
    words = f"{title} over time; greatest: " + ", ".join(f"{tree} {top}" for tree, top in said.items()) + "."
    return Plot(
        name=kind,
        title=title,
        words=words,
        paint=paint,
        size=HALF,
        legend=[Key(label=tree, colour=TREE_COLOURS[tree]) for tree in trees],
        wide=False,
    )


def phase_bars(content: RunContent) -> Plot | None:
    """Draw where the seconds of a run went."""
    phases = content.phases
    if not phases:
        return None
    zero = phases[0].start_ns

    def paint(axes: Axes) -> None:
        for row, span in enumerate(phases):
            begin = (span.start_ns - zero) / NS_PER_S
            tint, depth = ("c1", 1.0) if span.name == "measure" else ("muted", 0.55)
            axes.barh([row], [span.seconds], left=[begin], height=0.62, color=colour(tint), alpha=depth, linewidth=0)
            end_label(axes, f"{number(span.seconds)} s", (begin + span.seconds, row), 5)
        axes.set_yticks(range(len(phases)), [shortened(span.name) for span in phases])
        axes.invert_yaxis()
        axes.margins(x=0.08)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("s from the start of the run")

    total = number((phases[-1].end_ns - zero) / NS_PER_S)
    words = ", ".join(f"{span.name} {number(span.seconds)} s" for span in phases)
    return Plot(
        name="phases",
        title="Length of each phase",
        words=f"Phases of a run of {total} s: {words}.",
        paint=paint,
        size=(WIDE, 0.6 + 0.2 * len(phases)),
    )
