"""Latency against load, with the sustainable rate marked, from the content of ``capacity.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from windowbench.report.document import Key, Plot
from windowbench.report.drawing import WIDE, colour, few_ticks, thousands
from windowbench.report.wording import count, ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Content = Mapping[str, Any]
Points = Sequence[tuple[Content, float]]
"""Probes that show a latency, each with its P90."""

_MARKS = {
    "sustainable": ("o", "c3"),
    "unsustainable": ("X", "c5"),
    "SLO missed": ("v", "c2"),
    "inexact": ("P", "c4"),
    "generator saturated": ("s", "c6"),
    "broker saturated": ("D", "c1"),
    "inconclusive": (".", "muted"),
}
_PROBE_SIZE, _FULL_SIZE = 30, 90


def latency_against_load(content: Content) -> Plot:
    """Draw every probe that shows a latency, the rate that was found, its uncertainty and the objectives."""
    points = [(probe, p90) for probe in content["probes"] if (p90 := headline_p90(content, probe)) is not None]
    bounds, found = _bounds(content), content["found"]

    def paint(axes: Axes) -> None:
        _paint_points(axes, points)
        if found["rate"] is not None:
            axes.axvline(found["rate"], color=colour("c3"))
            if found["bound"] is not None:
                axes.axvspan(found["rate"], found["bound"], color=colour("c5"), alpha=0.16, linewidth=0)
        for bound_ms in bounds:
            axes.axhline(bound_ms, color=colour("muted"), linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set(xlabel="offered load, events/s", ylabel=f"{content['headline']}_ms P90, ms")
        _scale(axes, positive=bool(points) and all(p90 > 0 for _, p90 in points))

    return Plot(
        name="latency",
        title=f"{content['headline']}_ms P90 against load",
        words=alternative(content),
        paint=paint,
        size=(WIDE, 3.6),
        note="Each mark is a run; a large one is a full run." if points else "",
        legend=_keys(content, points, bounds),
    )


def alternative(content: Content) -> str:
    """Return what the plot says, for whoever cannot see it."""
    shown = [
        f"{'full run' if probe['full'] else 'probe'} at {count(round(probe['rate']))} events/s: {probe['outcome']},"
        f" P90 {ms(headline_p90(content, probe))}"
        for probe in content["probes"]
    ]
    return f"{content['headline']}_ms against load. {'. '.join(shown) or 'No probe was made'}."


def _paint_points(axes: Axes, points: Points) -> None:
    for outcome, (mark, its_colour) in _MARKS.items():
        these = [(probe, p90) for probe, p90 in points if probe["outcome"] == outcome]
        axes.scatter(
            [probe["rate"] for probe, _ in these],
            [p90 for _, p90 in these],
            s=[_FULL_SIZE if probe["full"] else _PROBE_SIZE for probe, _ in these],
            marker=mark,
            color=colour(its_colour),
            linewidth=0,
            zorder=3,
        )


def _scale(axes: Axes, *, positive: bool) -> None:
    """Set the axes: load from 0, latencies by their magnitude, because beyond the limit they are many times greater."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - loaded when something is drawn

    few_ticks(axes, x=8)
    axes.set_xlim(left=0)
    if positive:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        thousands(axes.yaxis)


def _keys(content: Content, points: Points, bounds: Sequence[float]) -> list[Key]:
    found, met = content["found"], {probe["outcome"] for probe, _ in points}
    keys = [Key(label=outcome, colour=its, mark="dot") for outcome, (_, its) in _MARKS.items() if outcome in met]
    if found["rate"] is not None:
        words = f"{'at least ' if found['lower_bound'] else ''}{count(round(found['rate']))} events/s"
        unsure = "" if found["confirmed"] else ", not confirmed"
        keys.append(Key(label=f"sustained{unsure}: {words}", colour="c3"))
        if found["bound"] is not None:
            keys.append(Key(label="uncertainty", colour="c5", mark="area"))
    keys += [Key(label=f"SLO: P90 {ms(bound_ms)}", colour="muted", mark="dash") for bound_ms in bounds]
    return keys


def _bounds(content: Content) -> list[float]:
    """Return the bounds of the figure that is drawn."""
    own = f"{content['headline']}_p90_ms<"
    return [float(text.removeprefix(own).lstrip("=")) for text in content["objectives"] if text.startswith(own)]


def headline_p90(content: Content, probe: Content) -> float | None:
    """Return the P90 of the latency that stands for the engine, None where the probe shows none."""
    value = ((probe.get("latencies_ms") or {}).get(content["headline"]) or {}).get("p90")
    return None if value is None else float(value)
