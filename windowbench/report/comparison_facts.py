"""The tables of a comparison. Pure; each is made of the content of ``comparison.json``, or None where it says nothing.

:mod:`windowbench.compare` names what is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from windowbench.judge.measures.resources import TREES
from windowbench.report.document import Foreign, Line, Row, Table, joined
from windowbench.report.latencies import ROW_TIMES
from windowbench.report.setup_facts import shown_setting
from windowbench.report.wording import (
    NOTHING,
    count,
    number,
    p_value,
    plural,
    sentences,
    share,
    shortened,
    signed,
    size,
)

Content = Mapping[str, Any]
Means = Mapping[str, Mapping[str, float]]

_CONCLUSION_TAGS = {"slower": "bad", "faster": "good"}
_MOST_COLUMNS = 4
"""More arms are no columns of a table of settings."""
_OUTCOME_TAGS = {"kept": "good", "missed": "bad", "inconclusive": "warn", "undecided": "warn"}


def by_rank(content: Content) -> list[Content]:
    """Return the arms, the best first, those without a rank last."""
    return sorted(content["arms"], key=lambda arm: (arm["rank"] is None, arm["rank"] or 0))


def ranking_figure(content: Content, arm: Content, percent: int | None = None) -> Content:
    """Return a percentile of what arms are ranked by: value, interval and note, all None where there is no valid run.

    `percent` is that which ranks, unless it is given.
    """
    ranked = content["ranked_by"]
    latency = arm["latencies_ms"].get(ranked["metric"]) or {}
    return latency.get(f"p{percent or ranked['percent']}") or {"value": None, "interval": None, "note": None}


def change_of(content: Content, label: str, percent: int | None = None) -> Content | None:
    """Return how an arm differs from the base in what arms are ranked by; None of the base, and of no valid run."""
    ranked = content["ranked_by"]
    wanted = (label, ranked["metric"], percent or ranked["percent"])
    return next((e for e in content["differences"] if (e["arm"], e["metric"], e["percent"]) == wanted), None)


def span(figure: Content, unit: str = "") -> str:
    """Return an interval in words, a dash where there is none."""
    interval = figure.get("interval")
    return f"{number(interval[0])} to {number(interval[1])}{unit}" if interval else NOTHING


def ranking(content: Content) -> Table | None:
    """Return the arms in the order of their ranks."""
    if content["base"] is None:
        return None
    lines, notes = [], []
    for arm in by_rank(content):
        label, figure = arm["label"], ranking_figure(content, arm)
        change = change_of(content, label)
        notes.append(figure.get("note"))
        lines.append(
            Row(
                cells=[
                    (f"{arm['rank']}. " if arm["rank"] else "", Foreign(label)),
                    number(figure["value"]),
                    span(figure),
                    number(ranking_figure(content, arm, 50)["value"]),
                    "base" if label == content["base"] else _percent(change),
                    f"{count(arm['repeats'])} of {count(len(arm['runs']))}",
                    count(arm["windows"]),
                    change["conclusion"] if change else "",
                ],
                strong=arm["rank"] == 1,
                tag=_CONCLUSION_TAGS.get(change["conclusion"], "") if change else "",
            )
        )
    metric, percent, why = (content["ranked_by"][name] for name in ("metric", "percent", "why"))
    heads = ["", f"P{percent}, ms", "95 % interval", "P50, ms", "change", "valid runs", "windows", "against the base"]
    words = f"By {metric} P{percent}, the mean of the percentiles of the runs: {why}"
    return Table(title="", head=heads, rows=lines, note=_noted([words], notes), spare=frozenset({3, 7}))


def _noted(texts: Iterable[str], notes: Iterable[str | None]) -> str:
    """Return sentences, and why figures have no interval."""
    why = [f"no interval: {note}" for note in dict.fromkeys(notes) if note]
    return sentences([*texts, *why])


def _percent(entry: Content | None) -> str:
    value = entry["change_percent"]["value"] if entry else None
    return NOTHING if value is None else f"{signed(value)} %"


def differences(content: Content) -> list[Table]:
    """Return every difference from the base, a table for each arm, what ranks first."""
    tables, metric = [], content["ranked_by"]["metric"]
    for arm in by_rank(content):
        found = [entry for entry in content["differences"] if entry["arm"] == arm["label"]]
        if found:
            found.sort(key=lambda entry: (entry["metric"] != metric, entry["metric"], entry["percent"]))
            change = change_of(content, arm["label"])
            title: Line = (Foreign(arm["label"]), " against ", Foreign(found[0]["base"]))
            tables.append(
                Table(
                    title=joined([title, conclusion(change)], ": ") if change else title,
                    head=("", "base, ms", "arm, ms", "more, ms", "95 % interval", "change", "conclusion"),
                    rows=[_difference(entry) for entry in found],
                    note=_noted(_of_differences(found), (entry["difference_ms"]["note"] for entry in found)),
                    spare=frozenset({6}),
                )
            )
    return tables


def conclusion(entry: Content) -> str:
    """Return what a difference comes to, in words."""
    change = entry["change_percent"]
    sure = f" ({span(change, ' %')})" if change["interval"] else ""
    return entry["conclusion"] if change["value"] is None else f"{entry['conclusion']}, {_percent(entry)}{sure}"


def _difference(entry: Content) -> Row:
    return Row(
        cells=[
            (Foreign(entry["metric"]), f" P{entry['percent']}{'' if entry['ranks'] else ' *'}"),
            number(entry["base_value_ms"]),
            number(entry["value_ms"]),
            signed(entry["difference_ms"]["value"]),
            span(entry["difference_ms"]),
            _percent(entry),
            entry["conclusion"],
        ],
        tag=_CONCLUSION_TAGS.get(entry["conclusion"], "") if entry["ranks"] else "",
    )


def _of_differences(found: Sequence[Content]) -> Iterator[str]:
    for runs, windows in dict.fromkeys((tuple(entry["repeats"]), tuple(entry["windows"])) for entry in found):
        yield (
            f"{plural(runs[1], 'run')} with {plural(windows[1], 'window')} against {plural(runs[0], 'run')} with"
            f" {plural(windows[0], 'window')}"
        )
    paired = ", runs of equal seeds as pairs" if any(entry["paired"] for entry in found) else ""
    yield f"intervals hold {' and '.join(dict.fromkeys(entry['level'] for entry in found))}{paired}"
    if not all(entry["ranks"] for entry in found):
        yield "* means something else in one of the arms, and ranks nothing"
    described = {entry["metric"]: entry["mann_whitney"] for entry in found if entry["mann_whitney"]}
    if described:
        each = ", ".join(
            f"{metric} {share(of['probability_slower'])} ({p_value(of['p_value'])})" for metric, of in described.items()
        )
        yield (
            f"chance that a window of the arm is slower than one of the base, by medians of windows (Mann–Whitney):"
            f" {each}; {next(iter(described.values()))['note']}"
        )


def judged(content: Content) -> list[tuple[str, Content]]:
    """Return what each threshold says of each arm, with its expression."""
    return [(of["expression"], result) for of in content["thresholds"] for result in of["results"]]


def thresholds(content: Content) -> Table | None:
    """Return what was asked for by thresholds, and what came of it."""
    lines = [
        Row(
            cells=[*map(Foreign, (expression, result["arm"], result["text"])), result["outcome"]],
            tag=_OUTCOME_TAGS.get(result["outcome"], ""),
        )
        for expression, result in judged(content)
    ]
    return _words("Thresholds", ["", "arm", "found", "outcome"], lines)


def runs(content: Content) -> Table:
    """Return every run, those that take no part with their reason."""
    metric = content["ranked_by"]["metric"] if content["base"] is not None else "excess_ms"
    lines = []
    for run in content["runs"]:
        latency = run["latencies_ms"].get(metric) or {}
        word = run["verdict"] if run["status"] == "completed" else run["status"]
        lines.append(
            Row(
                cells=[
                    Foreign(run["run_id"]),
                    Foreign(run["arm"]) if run["arm"] else NOTHING,
                    NOTHING
                    if run["seed"] is None
                    else f"{run['seed']}, blind"
                    if run.get("blind")
                    else str(run["seed"]),
                    number((run["load"] or {}).get("scheduled_rate"), 0),
                    count(run["windows"]),
                    *(number(latency.get(name)) for name in ("p50", "p90", "p99", "max")),
                    Foreign(word if run["ranked"] else f"{word}: {run['reason'] or 'not ranked'}"),
                ],
                tag="good" if run["ranked"] else "bad",
            )
        )
    heads = ["", "arm", "seed", "events/s", "windows", "P50", "P90", "P99", "greatest", "verdict"]
    return Table(title=f"Runs, {metric}", head=heads, rows=lines, numbers_from=2, spare=frozenset({3, 5, 7, 8}))


def decomposition(means: Means) -> Table | None:
    """Return the mean parts of a row's time, arms as columns."""
    if not means:
        return None
    lines = [
        Row(cells=[words, *(number(means[label].get(part)) for label in means)], strong=part == "total")
        for part, words in ROW_TIMES.items()
    ]
    note = "Mean over the rows of measured windows, and over the runs of an arm."
    return Table(title="Parts, ms", head=["", *map(Foreign, means)], rows=lines, note=note)


def resources(cpu: Means, memory: Means) -> Table | None:
    """Return what a million events cost each arm, and its memory; arms are columns."""
    if not cpu:
        return None
    trees = [tree for tree in TREES if any(tree in found for found in cpu.values())]
    lines = [
        Row(
            cells=[f"{tree}, CPU-seconds per million events", *(number(cpu[label].get(tree)) for label in cpu)],
            strong=tree == "engine",
        )
        for tree in trees
    ]
    lines.append(Row(cells=["all of them", *(number(sum(cpu[label].values())) for label in cpu)]))
    lines += [
        Row(cells=[f"{tree}, greatest resident memory", *(size(memory.get(label, {}).get(tree)) for label in cpu)])
        for tree in trees
        if any(tree in found for found in memory.values())
    ]
    title, note = "What a million events cost", "Mean over the runs of an arm."
    return Table(title=title, head=["", *map(Foreign, cpu)], rows=lines, note=note)


Values = Mapping[str, Line]
"""What a setting is, by arm or by run."""


def parity(content: Content) -> Table | None:
    """Return the settings that decide latency, asymmetries marked."""
    arms, entries = [arm["label"] for arm in content["arms"]], content["parity"]
    rows = [
        Row(cells=[*cells, "" if cells[0] == "" else _differs(entry, len(arms))], tag=tag if cells[0] != "" else "")
        for entry in entries
        for tag in ["" if entry["equal"] else "warn"]
        for cells in _by_arm(
            arms, entry["name"], {arm: _sourced(entry["name"], value) for arm, value in entry["values"].items()}
        )
    ]
    note = "In brackets: who says so. What differs need not be unfair, but a reader should know."
    return _words("", _heads(arms, ""), rows, note)


def _differs(entry: Content, arms: int) -> Line:
    """Return what an asymmetry is; among many arms, which share lines by their values, that can be seen."""
    if entry["equal"]:
        return "equal"
    return ("differs: ", Foreign(entry["note"])) if entry.get("note") and arms <= _MOST_COLUMNS else "differs"


def _sourced(name: str, value: Content) -> Line:
    if value["value"] is None:
        return NOTHING
    return joined([shown_setting(name, value["value"]), f"({value['source']})"], " ")


def configuration(content: Content) -> Table | None:
    """Return the settings in which arms differ."""
    arms = [arm["label"] for arm in content["arms"]]
    rows = [
        Row(cells=cells)
        for entry in content["configuration_differences"]
        for cells in _by_arm(arms, entry["setting"], _shown(entry["setting"], entry["values"]))
    ]
    return _words("Configuration", _heads(arms), rows)


def _shown(name: str, values: Mapping[str, Any]) -> Values:
    return {owner: shown_setting(name, value) for owner, value in values.items()}


def _heads(arms: Sequence[str], *behind: Line) -> list[Line]:
    return ["", *map(Foreign, arms), *behind] if len(arms) <= _MOST_COLUMNS else ["", "value", "arms", *behind]


def _by_arm(arms: Sequence[str], name: str, values: Values) -> list[list[Line]]:
    """Return the lines of a setting: arms are columns, or share lines by their values where there are many."""
    if len(arms) <= _MOST_COLUMNS:
        return [[Foreign(name), *(values.get(arm, NOTHING) for arm in arms)]]
    return _shared(name, [(shortened(arm), values.get(arm, NOTHING)) for arm in arms])


def _shared(name: str, values: Iterable[tuple[str, Line]]) -> list[list[Line]]:
    """Return a line for each value with whose it is; the first one has the name."""
    owners: dict[Line, list[Line]] = {}
    for owner, value in values:
        owners.setdefault(value, []).append(Foreign(owner))
    return [["" if i else Foreign(name), value, joined(of)] for i, (value, of) in enumerate(owners.items())]


def _words(title: str, head: Sequence[Line], rows: Sequence[Row], note: str = "") -> Table | None:
    return Table(title=title, head=head, rows=rows, numbers_from=None, note=note) if rows else None


def by_run(title: str, entries: Sequence[Content]) -> Table | None:
    """Return in what runs differ, such as their load or their machines; runs with equal values share a line."""
    rows = [
        Row(cells=cells, tag="warn" if entry.get("refused") else "")
        for entry in entries
        for cells in _shared(entry["field"], _shown(entry["field"], entry["values"]).items())
    ]
    return _words(title, ["", "value", "runs"], rows)
