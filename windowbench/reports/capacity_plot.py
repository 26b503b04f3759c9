"""Latency against load, with the sustainable rate marked: ``capacity.svg``, from the content of ``capacity.json``.

One file that stands alone. Equal contents give equal bytes. matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

import html
import io
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from windowbench.reports.capacity_text import answer, headline_p90

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Content = Mapping[str, Any]

_MARKS = {
    "sustainable": ("o", "#1b7f4d"),
    "unsustainable": ("x", "#b3261e"),
    "SLO missed": ("v", "#b3261e"),
    "inexact": ("P", "#b3261e"),
    "generator saturated": ("s", "#7a5c00"),
    "broker saturated": ("D", "#7a5c00"),
    "inconclusive": (".", "#6b6b6b"),
}
_STYLE: Any = {  # names and kinds of the values are matplotlib's
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: text is measured alike everywhere
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#d9d9d9",
    "svg.fonttype": "none",
    "svg.hashsalt": "capacity",
}


def draw_capacity(content: Content) -> str:
    """Return the plot as an SVG document."""
    import matplotlib as mpl  # noqa: PLC0415 - takes about a second, which only a program that draws need wait for
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # that it builds its cache of fonts is nobody's concern
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8.4, 4.2), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        _paint(axes, content)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside right upper", frameon=False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _with_words(out.getvalue(), alternative(content))


def alternative(content: Content) -> str:
    """Return what the plot says, for whoever cannot see it."""
    shown = []
    for probe in content["probes"]:
        value = headline_p90(content, probe)
        latency = "unknown" if value is None else f"{value:,.0f} ms"
        kind = "full run" if probe["full"] else "probe"
        what = f"{content['headline']} P90 {latency}"
        shown.append(f"{kind} at {probe['rate']:,.0f} events/s: {probe['outcome']}, {what}")
    return ". ".join([answer(content).rstrip("."), *shown]) + "."


def _paint(axes: Axes, content: Content) -> None:
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    measured = [(probe, p90) for probe in content["probes"] if (p90 := headline_p90(content, probe)) is not None]
    found = content["found"]
    for outcome, (mark, colour) in _MARKS.items():
        for full in (False, True):
            these = [(p["rate"], y) for p, y in measured if p["outcome"] == outcome and p["full"] is full]
            if these:
                axes.scatter(
                    [rate for rate, _ in these],
                    [p90 for _, p90 in these],
                    s=90 if full else 36,
                    marker=mark,
                    color=colour,
                    label=f"{outcome} (full run)" if full else outcome,
                    zorder=3,
                )
    if found["rate"] is not None:
        axes.axvline(found["rate"], color="#1b7f4d", label=f"sustained: {found['rate']:,.0f} events/s")
        if found["bound"] is not None:
            axes.axvspan(found["rate"], found["bound"], color="#b3261e", alpha=0.12, linewidth=0, label="uncertainty")
    for bound_ms in _bounds(content):
        axes.axhline(bound_ms, color="#6b6b6b", linestyle="--", label=f"SLO: P90 {bound_ms:,.0f} ms")
    axes.set_xlabel("offered load, events/s")
    axes.set_ylabel(f"{content['headline']} P90, ms")
    axes.set_xlim(left=0)
    if measured and all(p90 > 0 for _, p90 in measured):
        axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.10g}"))


def _bounds(content: Content) -> list[float]:
    """Return the bounds of the figure that is drawn."""
    own = f"{content['headline']}_p90_ms<"
    return [float(text.removeprefix(own).lstrip("=")) for text in content["objectives"] if text.startswith(own)]


def _with_words(svg: str, words: str) -> str:
    """Return the drawing with its text alternative."""
    start = svg.index("<svg ")
    end = svg.index(">", start)
    label = html.escape(words, quote=True)
    return f'{svg[:end]} role="img" aria-label="{label}"{svg[end:]}'
