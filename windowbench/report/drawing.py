"""Drawing with matplotlib, and turning its SVG into a part of a page.

How it works:

* a plot is drawn in colours that stand for the page's own (:data:`COLOURS`); in the SVG each becomes a CSS variable,
  so one drawing follows light, dark and print;
* text stays text, in the page's type;
* the words of a legend are not drawn: the page sets them, from :class:`~windowbench.report.document.Key`. So no foreign
  word gets into a drawing, but for labels of axes, which go through :func:`~windowbench.report.wording.shortened`;
* nothing in it depends on time, on chance or on the machine: equal figures give equal bytes.

Importing this module is quick, drawing the first plot is not: matplotlib is loaded then.
"""

from __future__ import annotations

import html
import io
import logging
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from windowbench.report.curves import stacked
from windowbench.report.document import Plot
from windowbench.report.wording import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "ink": "#0a0b01",
    "muted": "#0a0b02",
    "line": "#0a0b03",
    "paper": "#0a0b04",
    **{f"c{number}": f"#0a0c0{number}" for number in range(1, 7)},
}
"""Colours of the page by name, and what stands for each while it is drawn."""
SERIES = ("c1", "c2", "c3", "c4", "c5", "c6")

WIDE = 8.4
HALF = (4.1, 2.6)

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: text is measured alike everywhere
    "font.size": 8.5,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.edgecolor": COLOURS["line"],
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "figure.facecolor": "none",
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "xtick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.color": COLOURS["line"],
    "ytick.labelcolor": COLOURS["muted"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "path.simplify": True,
}

_ROOT = re.compile(r"<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>")
_GEOMETRY = re.compile(r" (?:d|x|y|points|transform)=\"[^\"]*\"")
_NUMBER = re.compile(r"\d+\.\d{3,}")
_FAMILY = re.compile(r"(font(?:-family)?: )([^;\"]*)")
_FIRST_SIZE = re.compile(r"[\d.]+px")


def draw(plot: Plot) -> str:
    """Return a plot as SVG that can stand in a page."""
    import matplotlib as mpl  # noqa: PLC0415 - takes about a second, which only a program that draws need wait for
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # that it builds its cache of fonts is nobody's concern
    style: Any = {**_STYLE, "svg.hashsalt": plot.name}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # the page's fonts draw it
        figure = Figure(figsize=plot.size, layout="constrained")
        FigureCanvasSVG(figure)
        grid = figure.subplots(plot.panels, 1, squeeze=False)
        plot.paint(*grid[:, 0])
        layout = figure.get_layout_engine()
        if layout is not None:  # once is enough: saving would arrange it all again
            layout.execute(figure)
            figure.set_layout_engine("none")
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        return _page_svg(out.getvalue(), plot.words)


def _page_svg(svg: str, alternative: str) -> str:
    """Return the drawing without what a page does not need, in the page's colours and type."""
    body = svg[svg.index("<svg ") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>\s*", "", body, flags=re.DOTALL)  # it would hold for the whole page
    body = re.sub(r"<g id=\"[^\"]*\"", "<g", body)  # nothing refers to them, and each plot has the same
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = _FAMILY.sub(_without_family, body)
    body = _GEOMETRY.sub(_shorter, body)
    for colour, stand_in in COLOURS.items():
        body = body.replace(stand_in, f"var(--{colour})")
    label_text = html.escape(visible(alternative), quote=True)
    return _ROOT.sub(
        lambda match: (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            f' viewBox="{match[1]}" role="img" aria-label="{label_text}">'
        ),
        body,
        count=1,
    ).strip()


def _shorter(match: re.Match[str]) -> str:
    """Return an attribute of places and lengths, to a hundredth of a point."""
    words = " " + " ".join(match[0].split())
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), words)


def _without_family(match: re.Match[str]) -> str:
    size = _FIRST_SIZE.search(match[2])
    return f"font-size: {size[0]}" if size else f"{match[1]}inherit"


def colour(name: str) -> str:
    """Return what stands for a colour of the page while drawing."""
    return COLOURS[name]


def thousands(axis: Any) -> None:  # noqa: ANN401 - an axis of matplotlib
    """Write the ticks of an axis with groups of three digits."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.10g}".replace("-", "−")))


def few_ticks(axes: Axes, *, x: int = 6, y: int = 5, log: str = "") -> None:
    """Leave an axes no more ticks than can be read, with groups of three digits; `log` names a logarithmic axis."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter  # noqa: PLC0415

    for name, axis, most in (("x", axes.xaxis, x), ("y", axes.yaxis, y)):
        if name == log:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=most + 4))
            axis.set_minor_formatter(NullFormatter())
            axis.set_tick_params(which="minor", length=0)
        else:
            axis.set_major_locator(MaxNLocator(most))
        thousands(axis)


def end_label(axes: Axes, text: str, place: tuple[float, float], gap: int) -> None:
    """Write a figure to the right of a place, `gap` points away."""
    axes.annotate(
        text, place, xytext=(gap, 0), textcoords="offset points", va="center", fontsize=8, color=colour("muted")
    )


def stacked_bar(axes: Axes, row: int, lengths: Mapping[str, float], colours: Mapping[str, str]) -> None:
    """Draw named lengths as one bar, what is below zero to the left of it."""
    for name, (start, length) in zip(lengths, stacked(list(lengths.values())), strict=True):
        axes.barh([row], [length], left=[start], height=0.62, color=colour(colours[name]), linewidth=0)
