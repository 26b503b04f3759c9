"""What a comparison says, as blocks: ranking and differences first, then what stands behind them. Pure.

Made from the content of ``comparison.json`` alone; :mod:`windowbench.compare` names what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windowbench.report.blocks import (
    Block,
    Bullets,
    Foreign,
    Heading,
    Line,
    Paragraph,
    Part,
    Table,
    markdown,
    plain_text,
)

Content = Mapping[str, Any]


def comparison_text(content: Content) -> str:
    """Return a comparison as text for a terminal."""
    return plain_text(comparison_blocks(content))


def comparison_markdown(content: Content) -> str:
    """Return a comparison as Markdown."""
    return markdown(comparison_blocks(content))


def comparison_blocks(content: Content) -> list[Block]:
    """Return the blocks of a comparison."""
    sections = (_ranking, _differences, _thresholds, _runs, _circumstances, _parity, _warnings)
    return [block for section in sections for block in section(content)]


def _joined(parts: Sequence[Line], separator: str = ", ") -> tuple[Part, ...]:
    out: list[Part] = []
    for part in parts:
        out += [separator] if out else []
        out += part if isinstance(part, tuple) else (part,)
    return tuple(out)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value + 0.0:.1f}"


def _span(figure: Content, unit: str = "") -> str:
    """Return an interval, a dash where there is none."""
    if figure["interval"] is None:
        return "-"
    low, high = figure["interval"]
    return f"{low:.1f} to {high:.1f}{unit}"


def _notes(figures: Sequence[Content]) -> list[Block]:
    """Return why figures have no interval."""
    notes = dict.fromkeys(str(figure["note"]) for figure in figures if figure["note"])
    return [Paragraph(f"no interval: {'; '.join(notes)}")] if notes else []


# --- sections ---------------------------------------------------------------------------------------------------------


def _ranking(content: Content) -> list[Block]:
    if content["base"] is None:
        return [Heading("comparison: no run can be compared")]
    ranked = content["ranked_by"]
    metric, percent = ranked["metric"], ranked["percent"]
    arms = sorted(content["arms"], key=lambda arm: (arm["rank"] is None, arm["rank"]))
    rows, figures = [], []
    for arm in arms:
        latency = arm["latencies_ms"].get(metric)
        figure = latency[f"p{percent}"] if latency else {"value": None, "interval": None, "note": None}
        figures.append(figure)
        base = " (base)" if arm["label"] == content["base"] else ""
        rows.append(
            (
                str(arm["rank"] or "-"),
                (Foreign(arm["label"]), base),
                _ms(figure["value"]),
                _span(figure),
                f"{arm['repeats']} of {len(arm['runs'])}",
                str(arm["windows"]),
            )
        )
    name = (" ", Foreign(content["name"])) if content["name"] else ()
    head: Line = ("comparison", *name, ": ", Foreign(metric), f" P{percent}")
    columns = ("rank", "arm", "ms", "95 % interval", "valid runs", "windows")
    return [
        Heading(head),
        Table(header=columns, rows=tuple(rows), figures=frozenset({0, 2, 5})),
        *_notes(figures),
        Paragraph(("ranked by ", Foreign(metric), f" P{percent}, mean of the runs' percentiles: {ranked['why']}")),
    ]


def _differences(content: Content) -> list[Block]:
    blocks: list[Block] = []
    for label in dict.fromkeys(entry["arm"] for entry in content["differences"]):
        entries = [entry for entry in content["differences"] if entry["arm"] == label]
        blocks += _of_arm(content, label, entries)
    return blocks


def _of_arm(content: Content, label: str, entries: Sequence[Content]) -> list[Block]:
    rows = tuple(
        (
            (Foreign(entry["metric"]), f" P{entry['percent']}", "" if entry["ranks"] else " *"),
            _ms(entry["base_value_ms"]),
            _ms(entry["value_ms"]),
            f"{entry['difference_ms']['value']:+.1f}",
            _span(entry["difference_ms"]),
            _change(entry["change_percent"]),
        )
        for entry in _distinct(entries)
    )
    some = entries[0]
    how = some["level"] + (", runs of equal seeds as pairs" if some["paired"] else "")
    counts = (
        f"{some['repeats'][1]} and {some['repeats'][0]} runs, {some['windows'][1]} and {some['windows'][0]} windows"
    )
    blocks: list[Block] = [
        Heading((Foreign(label), " against ", Foreign(some["base"]), *_sentence(content, entries))),
        Table(
            header=("ms", "base", "arm", "difference", "95 % interval", "change"),
            rows=rows,
            figures=frozenset({1, 2, 3, 5}),
        ),
        Paragraph(f"{counts}; interval {how}"),
        *_notes([entry["difference_ms"] for entry in entries]),
    ]
    if not all(entry["ranks"] for entry in entries):
        blocks.append(Paragraph("* does not mean the same for both arms and decides nothing"))
    described = _mann_whitney(content, entries)
    return [*blocks, Paragraph(described)] if described else blocks


def _distinct(entries: Sequence[Content]) -> list[Content]:
    """Leave out a latency that is another one under a second name, as freshness is ``e2e_ms`` in append mode."""
    seen: dict[str, Content] = {}
    for entry in entries:
        seen.setdefault(repr((entry["percent"], entry["base_value_ms"], entry["difference_ms"])), entry)
    return list(seen.values())


def _change(change: Content) -> str:
    return "-" if change["value"] is None else f"{change['value']:+.1f} %"


def _sentence(content: Content, entries: Sequence[Content]) -> tuple[Part, ...]:
    """Return what the ranking percentile says in words."""
    ranked = content["ranked_by"]
    for entry in entries:
        if (entry["metric"], entry["percent"]) == (ranked["metric"], ranked["percent"]):
            change = entry["change_percent"]
            sure = "" if change["interval"] is None else f" ({_span(change, ' %')})"
            return (f": {entry['conclusion']}, {_change(change)}{sure}",)
    return ()


def _mann_whitney(content: Content, entries: Sequence[Content]) -> Line | None:
    for entry in entries:
        found = entry["mann_whitney"]
        if found and entry["metric"] == content["ranked_by"]["metric"]:
            probability = f"{found['probability_slower']:.2f}, p {found['p_value']:.2g}"
            return (
                "Mann-Whitney, medians of windows, ",
                Foreign(entry["metric"]),
                f": a window of the arm is the slower one with probability {probability} ({found['note']})",
            )
    return None


def _thresholds(content: Content) -> list[Block]:
    items = tuple(
        (Foreign(threshold["expression"]), " of ", Foreign(result["arm"]), f": {result['outcome']}, {result['text']}")
        for threshold in content["thresholds"]
        for result in threshold["results"]
    )
    return [Heading("fail on"), Bullets(items)] if items else []


def _runs(content: Content) -> list[Block]:
    ranked = content["ranked_by"]
    metric, percent = ranked["metric"], f"p{ranked['percent']}"
    rows = tuple(
        (
            Foreign(run["run_id"]),
            Foreign(run["arm"]) if run["arm"] is not None else "-",
            Foreign(run["verdict"] if run["status"] == "completed" else run["status"]),
            "-" if run["seed"] is None else str(run["seed"]),
            str(run["windows"]),
            _ms(run["latencies_ms"].get(metric, {}).get(percent)) if run["ranked"] else "-",
        )
        for run in content["runs"]
    )
    header = ("run", "arm", "verdict", "seed", "windows", f"P{ranked['percent']}, ms")
    out: list[Block] = [Heading("runs"), Table(header=header, rows=rows, figures=frozenset({3, 4, 5}))]
    reasons = [(Foreign(run["run_id"]), ": ", Foreign(run["reason"])) for run in content["runs"] if run["reason"]]
    return [*out, Paragraph("not compared:"), Bullets(tuple(reasons))] if reasons else out


def _circumstances(content: Content) -> list[Block]:
    items: list[Line] = [
        (kind, " ", Foreign(entry[key]), ": ", *_valued(entry["values"]))
        for kind, name, key in (
            ("setting", "configuration_differences", "setting"),
            ("load", "load_differences", "field"),
            ("environment", "environment_differences", "field"),
        )
        for entry in content[name]
    ]
    if not items:
        return [Paragraph("configuration, load and environment of all runs are the same")] if content["base"] else []
    return [Heading("what differs beside the results"), Bullets(tuple(items))]


def _valued(values: Content) -> tuple[Part, ...]:
    """Return values with whose they are; those who share one stand together."""
    owners: dict[str, list[str]] = {}
    for owner, value in values.items():
        owners.setdefault("none" if value is None else str(value), []).append(owner)
    shown = [(Foreign(value), " (", *_joined([Foreign(o) for o in who]), ")") for value, who in owners.items()]
    return _joined(shown)


def _parity(content: Content) -> list[Block]:
    labels = [arm["label"] for arm in content["arms"]]
    if len(labels) < 2:
        return []
    rows = tuple(
        (("" if line["equal"] else "! ") + line["name"], *(_setting(line["values"][label]) for label in labels))
        for line in content["parity"]
    )
    marked = sum(not line["equal"] for line in content["parity"])
    note = f"{marked} of {len(rows)} differ or are not known of every arm, marked with !; (d) is the engine's default"
    if len(labels) <= _MOST_COLUMNS:
        header = ("setting", *(f"arm {number}" for number in range(1, len(labels) + 1)))
        names = _joined([(f"arm {number}: ", Foreign(label)) for number, label in enumerate(labels, start=1)])
        table: list[Block] = [Paragraph(names), Table(header=header, rows=rows)]
    else:
        table = [
            Bullets(tuple((row[0], ": ", *_joined(list(row[1:]))) for row in rows)),
        ]
    return [Heading("settings that decide latency"), *table, Paragraph(note)]


_MOST_COLUMNS = 4
"""With more arms, the table of settings becomes a list."""


def _setting(value: Content) -> Line:
    if value["value"] is None:
        return "?"
    return (Foreign(value["value"]), " (d)" if value["source"] == "default" else "")


def _warnings(content: Content) -> list[Block]:
    if not content["warnings"]:
        return []
    return [Heading("warnings"), Bullets(tuple(Foreign(warning) for warning in content["warnings"]))]
