"""The report of a capacity search as text and as Markdown, from the content of ``capacity.json`` alone. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 80
Content = Mapping[str, Any]

HEADS = ("#", "events/s", "outcome", "latency P90", "lateness P99", "ack P99", "engine", "broker", "producers")
"""Of the columns of a table of probes."""
_NOT_THE_ENGINES = {
    "generator saturated": "the load generator saturates first",
    "broker saturated": "the broker saturates first",
    "inconclusive": "probes were disturbed and say nothing",
}


def answer(content: Content) -> str:
    """Return what was found in one paragraph."""
    found, engine = content["found"], content["engine"]
    bound = "" if found["bound"] is None else _rate(found["bound"])
    if found["rate"] is None and found["bound"] is None:
        return f"{engine}: no rate was tried to its end."
    if found["rate"] is None:
        return f"{engine}: no rate was sustained; the lowest tried, {bound}, was not: {found['limited_by']}."
    rate, limited_by = _rate(found["rate"]), found["limited_by"]
    sure = "a full run confirmed it" if found["confirmed"] else "short probes only; no full run confirmed it"
    if found["bound"] is None:
        return f"{engine}: at least {rate} sustained ({sure}); no higher rate was tried."
    if limited_by in _NOT_THE_ENGINES:
        why = f"at {bound} {_NOT_THE_ENGINES[limited_by]}; the engine's own limit was not reached"
        return f"{engine}: at least {rate} sustained ({sure}); {why}."
    width = (found["bound"] / found["rate"] - 1) * 100
    return f"{engine}: {rate} sustained ({sure}); {bound}, {width:.1f} % more, was not: {limited_by}."


def render_capacity(content: Content, *, directory: str = "") -> str:
    """Return the report for a terminal of 80 columns."""
    lines = _wrapped(answer(content))
    lines += _wrapped(f"conditions: {conditions(content)}", "  ")
    if not content["found"]["converged"]:
        lines += _wrapped("probes or time were spent before the bracket was as narrow as asked for", "  ")
    lines.append("")
    lines.append(_columns("", "events/s", "outcome", ("P90 ms", "late ms", "ack ms"), "cores e/b/p"))
    lines += [_terminal_row(content, probe) for probe in content["probes"]]
    lines += ["", *_wrapped(f"P90: of {content['headline']}_ms; {_TERMINAL_LEGEND}")]
    for probe in content["probes"]:
        if probe["words"]:
            lines += _wrapped(f"{probe['number']}: {probe['words']}", "  ")
    if directory:
        lines += ["", f"files in {directory}:", "  capacity.json", "  capacity.md", "  capacity.html"]
    return "\n".join(lines)


_TERMINAL_LEGEND = (
    "full: full run; late: P99 of send lateness; ack: P99 of acknowledgement; cores: mean cores taken"
    " by engine, broker and producers in the measured phase"
)
LEGEND = "Times in ms; the last three columns are mean cores taken in the measured phase."
"""Explains a table of probes."""


def probe_line(content: Content, number: int) -> str:
    """Return one probe as a line, for whoever watches."""
    probe = content["probes"][number - 1]
    words = f"  ({probe['words']})" if probe["words"] else ""
    return f"{_terminal_row(content, probe)}{words}"


def _terminal_row(content: Content, probe: Content) -> str:
    cores = probe.get("cores") or {}
    used = "/".join(_figure(cores.get(name), 1) for name in ("engine", "broker", "producers"))
    return _columns(
        f"{probe['number']:>2}{' full' if probe['full'] else ''}",
        f"{probe['rate']:,.0f}",
        probe["outcome"],
        [_figure(value, 0) for value in _latencies(content, probe)],
        used,
    )


def _columns(name: str, rate: str, outcome: str, figures: Sequence[str], cores: str) -> str:
    shown = "".join(f"{figure:>10}" for figure in figures)
    return f"{name:7}{rate:>10}  {outcome:19}{shown}{cores:>12}"


def render_markdown(content: Content) -> str:
    """Return the report as Markdown."""
    lines = [f"**{answer(content)}**", "", f"Conditions: {conditions(content)}.", ""]
    lines += [f"| {' | '.join(HEADS)} |", f"|{'---:|' * 2}---|{'---:|' * (len(HEADS) - 3)}"]
    lines += [f"| {' | '.join(cells(content, probe))} |" for probe in content["probes"]]
    lines += ["", f"Latency: `{content['headline']}_ms`. {LEGEND}", ""]
    return "\n".join(lines)


def cells(content: Content, probe: Content) -> Sequence[str]:
    """Return one probe as the cells of a table."""
    cores = probe.get("cores") or {}
    outcome = f"{probe['outcome']} (full run)" if probe["full"] else probe["outcome"]
    return (
        str(probe["number"]),
        f"{probe['rate']:,.0f}",
        outcome,
        *(_figure(value, 0) for value in _latencies(content, probe)),
        *(_figure(cores.get(name), 2) for name in ("engine", "broker", "producers")),
    )


def conditions(content: Content) -> str:
    """Return what a rate had to meet."""
    objectives = "".join(f", {objective}" for objective in content["objectives"])
    return f"every row exact, load as scheduled, latency not growing, results in time{objectives}"


def _latencies(content: Content, probe: Content) -> tuple[float | None, float | None, float | None]:
    return headline_p90(content, probe), probe.get("lateness_p99_ms"), probe.get("ack_p99_ms")


def headline_p90(content: Content, probe: Content) -> float | None:
    """Return the P90 of the latency that stands for the engine, None where the probe shows none."""
    value = ((probe.get("latencies_ms") or {}).get(content["headline"]) or {}).get("p90")
    return None if value is None else float(value)


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f} events/s"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
