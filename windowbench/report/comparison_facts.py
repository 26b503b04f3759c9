"""The tables of a comparison. Pure; each is made of the content of ``comparison.json``, or None where it says nothing.

:mod:`windowbench.compare` names what is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from windowbench.judge.measures.latency import PARTS
from windowbench.judge.measures.resources import TREES
from windowbench.report.layout import Row, Table
from windowbench.report.run_facts import PART_WORDS
from windowbench.report.setup_facts import shown_setting
from windowbench.report.wording import count, number, p_value, sentence, share, signed, size

Content = Mapping[str, Any]
Means = Mapping[str, Mapping[str, float]]

_CONCLUSION_TAGS = {"slower": "bad", "faster": "good"}
_OUTCOME_TAGS = {"kept": "good", "missed": "bad", "inconclusive": "warn", "undecided": "warn"}


def labels(content: Content) -> list[str]:
    """Return the arms by their labels, the best first, those without a rank last."""
    arms = sorted(content["arms"], key=lambda arm: (arm["rank"] is None, arm["rank"] or 0))
    return [arm["label"] for arm in arms]


def ranking_figure(content: Content, arm: Content) -> Content:
    """Return what an arm is ranked by: value, interval and note, all None where it has no valid run."""
    ranked = content["ranked_by"]
    latency = arm["latencies_ms"].get(ranked["metric"]) or {}
    return latency.get(f"p{ranked['percent']}") or {"value": None, "interval": None, "note": None}


def change_of(content: Content, label: str, percent: int | None = None) -> Content | None:
    """Return how an arm differs from the base in what arms are ranked by; None of the base, and of no valid run."""
    ranked = content["ranked_by"]
    wanted = (label, ranked["metric"], ranked["percent"] if percent is None else percent)
    found = [e for e in content["differences"] if (e["arm"], e["metric"], e["percent"]) == wanted]
    return found[0] if found else None


def span(figure: Content, unit: str = "") -> str:
    """Return an interval in words, a dash where there is none."""
    interval = figure.get("interval")
    return f"{number(interval[0])} to {number(interval[1])}{unit}" if interval else "–"


def ranking(content: Content) -> Table | None:
    """Return the arms in the order of their ranks."""
    if content["base"] is None:
        return None
    ranked = content["ranked_by"]
    arms = {arm["label"]: arm for arm in content["arms"]}
    lines, notes = [], []
    for label in labels(content):
        arm, change = arms[label], change_of(content, label)
        figure = ranking_figure(content, arm)
        notes.append(figure.get("note"))
        middle = (arm["latencies_ms"].get(ranked["metric"]) or {}).get("p50") or {}
        lines.append(
            Row(
                cells=[
                    f"{arm['rank'] or '–'}. {label}" if arm["rank"] else label,
                    number(figure["value"]),
                    span(figure),
                    number(middle.get("value")),
                    "base" if label == content["base"] else _percent(change),
                    f"{count(arm['repeats'])} of {count(len(arm['runs']))}",
                    count(arm["windows"]),
                    change["conclusion"] if change else "",
                ],
                strong=arm["rank"] == 1,
                tag=_CONCLUSION_TAGS.get(change["conclusion"], "") if change else "",
            )
        )
    metric, percent = ranked["metric"], ranked["percent"]
    heads = ["", f"P{percent}, ms", "95 % interval", "P50, ms", "change", "valid runs", "windows", "against the base"]
    words = f"By {metric} P{percent}, the mean of the percentiles of the runs: {ranked['why']}"
    return Table(title="", head=heads, rows=lines, note=" ".join([sentence(words), *_distinct(notes)]))


def _distinct(notes: Iterable[str | None]) -> list[str]:
    return [f"No interval: {note}." for note in dict.fromkeys(notes) if note]


def _percent(entry: Content | None) -> str:
    value = entry["change_percent"]["value"] if entry else None
    return "–" if value is None else f"{signed(value)} %"


def differences(content: Content) -> list[Table]:
    """Return every difference from the base, a table for each arm, what ranks first."""
    metric = content["ranked_by"]["metric"] if content["base"] is not None else ""
    tables = []
    for label in labels(content):
        found = [entry for entry in content["differences"] if entry["arm"] == label]
        if found:
            found.sort(key=lambda entry: (entry["metric"] != metric, entry["metric"], entry["percent"]))
            lines = [_difference(entry) for entry in found]
            tables.append(
                Table(title=f"{label} against {content['base']}", head=_HEADS, rows=lines, note=_difference_note(found))
            )
    return tables


_HEADS = ("", "base, ms", "arm, ms", "difference, ms", "95 % interval", "change", "slower window", "conclusion")


def _difference(entry: Content) -> Row:
    described = entry.get("mann_whitney")
    slower = f"{share(described['probability_slower'])}, {p_value(described['p_value'])}" if described else "–"
    return Row(
        cells=[
            f"{entry['metric']} P{entry['percent']}{'' if entry['ranks'] else ' *'}",
            number(entry["base_value_ms"]),
            number(entry["value_ms"]),
            signed(entry["difference_ms"]["value"]),
            span(entry["difference_ms"]),
            _percent(entry),
            slower,
            entry["conclusion"],
        ],
        tag=_CONCLUSION_TAGS.get(entry["conclusion"], "") if entry["ranks"] else "",
    )


def _difference_note(found: Sequence[Content]) -> str:
    words = [f"Differences {'; '.join(dict.fromkeys(entry['level'] for entry in found))}."]
    if any(entry["paired"] for entry in found):
        words.append("Runs of equal seeds are taken as pairs.")
    if not all(entry["ranks"] for entry in found):
        words.append("* means something else in one of the arms, and ranks nothing.")
    described = [entry["mann_whitney"]["note"] for entry in found if entry.get("mann_whitney")]
    if described:
        words.append(
            f"Slower window: the chance that a window of the arm is slower than one of the base (Mann–Whitney);"
            f" {described[0]}."
        )
    return " ".join([*words, *_distinct(entry["difference_ms"]["note"] for entry in found)])


def thresholds(content: Content) -> Table | None:
    """Return what was asked for by thresholds, and what came of it."""
    lines = [
        Row(
            cells=[threshold["expression"], result["arm"], result["text"], result["outcome"]],
            tag=_OUTCOME_TAGS.get(result["outcome"], ""),
        )
        for threshold in content["thresholds"]
        for result in threshold["results"]
    ]
    if not lines:
        return None
    return Table(title="Thresholds", head=["", "arm", "found", "outcome"], rows=lines, numbers_from=None)


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
                    run["run_id"],
                    run["arm"] or "–",
                    "–" if run["seed"] is None else str(run["seed"]),
                    number((run["load"] or {}).get("scheduled_rate"), 0),
                    count(run["windows"]),
                    *(number(latency.get(name)) for name in ("p50", "p90", "p99", "max")),
                    word if run["ranked"] else f"{word}: {run['reason'] or 'not ranked'}",
                ],
                tag="good" if run["ranked"] else "bad",
            )
        )
    heads = ["", "arm", "seed", "events/s", "windows", "P50", "P90", "P99", "greatest", "verdict"]
    return Table(title=f"Runs, {metric}", head=heads, rows=lines, numbers_from=2)


def decomposition(means: Means) -> Table | None:
    """Return the mean parts of a row's time, arms as columns."""
    if not means:
        return None
    lines = [
        Row(cells=[PART_WORDS[part], *(number(means[label].get(part)) for label in means)], strong=part == "total")
        for part in (*PARTS, "total")
    ]
    note = "Mean over the rows of measured windows, and over the runs of an arm."
    return Table(title="Parts, ms", head=["", *means], rows=lines, note=note)


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
    return Table(title="What a million events cost", head=["", *cpu], rows=lines, note="Mean over the runs of an arm.")


def parity(content: Content) -> Table | None:
    """Return the settings that decide latency, asymmetries marked."""
    found = content["parity"]
    if not found:
        return None
    arms = [arm["label"] for arm in content["arms"]]
    lines = [
        Row(
            cells=[
                entry["name"],
                *(_sourced(entry["name"], entry["values"].get(arm)) for arm in arms),
                "equal" if entry["equal"] else f"differs{': ' + entry['note'] if entry.get('note') else ''}",
            ],
            tag="" if entry["equal"] else "warn",
        )
        for entry in found
    ]
    note = "In brackets: who says so. What differs need not be unfair, but a reader should know."
    return Table(title="", head=["", *arms, ""], rows=lines, numbers_from=None, note=note)


def _sourced(name: str, value: Content | None) -> str:
    return "–" if value is None else f"{shown_setting(name, value['value'])} ({value['source']})"


def configuration(content: Content) -> Table | None:
    """Return the settings in which arms differ."""
    arms = [arm["label"] for arm in content["arms"]]
    lines = [
        Row(cells=[entry["setting"], *(_shown(entry["setting"], entry["values"], arm) for arm in arms)])
        for entry in content["configuration_differences"]
    ]
    return Table(title="Configuration", head=["", *arms], rows=lines, numbers_from=None) if lines else None


def load(content: Content) -> Table | None:
    """Return in what the load of the runs differs."""
    return _by_run("Load", content["load_differences"])


def environment(content: Content) -> Table | None:
    """Return in what the machines and their software differ."""
    return _by_run("Environment", content["environment_differences"])


def _by_run(title: str, entries: Sequence[Content]) -> Table | None:
    """Return fields with their values; runs with equal values share a line."""
    lines = []
    for entry in entries:
        groups: dict[str, list[str]] = {}
        for run, value in entry["values"].items():
            groups.setdefault(shown_setting(entry["field"], value), []).append(run)
        tag = "warn" if entry.get("refused") else ""
        names = [entry["field"], *[""] * (len(groups) - 1)]
        pairs = zip(names, groups.items(), strict=True)
        lines += [Row(cells=[name, value, ", ".join(found)], tag=tag) for name, (value, found) in pairs]
    return Table(title=title, head=["", "value", "runs"], rows=lines, numbers_from=None) if lines else None


def _shown(name: str, values: Content, key: str) -> str:
    return shown_setting(name, values[key]) if key in values else "–"
