"""A comparison of runs as a page: ranking first, then what differs and how surely, then what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windowbench.judge.measures.latency import PARTS
from windowbench.report import comparison_facts, comparison_plots
from windowbench.report.comparison_facts import Content, Means, change_of, labels, ranking_figure, span
from windowbench.report.content import RunContent
from windowbench.report.layout import Block, Opening, Page, Section, Tile, Words
from windowbench.report.template import render_page
from windowbench.report.wording import ms, number, plural, sentence, shortened, signed


def render_comparison(content: Mapping[str, Any], runs: Mapping[str, RunContent]) -> str:
    """Return a comparison as one self-contained HTML file.

    Parameters
    ----------
    content : mapping
        Content of ``comparison.json``; :mod:`windowbench.compare` names what is in it.
    runs : mapping of str to RunContent
        The runs by their ids, as far as they could be read; what is missing is left out of the page.
    """
    return render_page(comparison_page(content, runs))


def comparison_page(content: Content, runs: Mapping[str, RunContent]) -> Page:
    """Return the page of a comparison."""
    metric = content["ranked_by"]["metric"] if content["base"] is not None else ""
    parts, cpu, memory = (_means(content, runs, find) for find in (_parts_of, _cpu_of, _memory_of))
    return Page(
        title=f"{_title(content)} · windowbench",
        opening=_opening(content),
        sections=[
            Section(name="ranking", title="Ranking", blocks=_some(comparison_facts.ranking(content))),
            Section(
                name="differences",
                title="Differences",
                lead="How far each arm is from the base, and how sure that is.",
                blocks=_some(
                    comparison_plots.forest(content),
                    comparison_facts.thresholds(content),
                    *comparison_facts.differences(content),
                ),
            ),
            _latency(content, metric),
            Section(name="windows", title="Windows", blocks=_some(comparison_plots.windows(content, runs, metric))),
            Section(
                name="decomposition",
                title="Where the time went",
                lead="From the moment the last event of a row was due to the row itself.",
                blocks=_some(comparison_plots.decomposition(parts), comparison_facts.decomposition(parts)),
            ),
            Section(
                name="resources",
                title="Resources",
                lead="In the measured phase, by process tree: each with everything below it.",
                blocks=_some(comparison_plots.cpu(cpu), comparison_facts.resources(cpu, memory)),
            ),
            Section(
                name="parity",
                title="Parity",
                lead="The settings that decide latency, arm by arm.",
                blocks=_some(comparison_facts.parity(content)),
            ),
            _circumstances(content),
            Section(
                name="runs",
                title="Runs",
                lead="All of them, those that take no part with their reason.",
                blocks=[comparison_facts.runs(content)],
            ),
        ],
        footer="Made by windowbench from the samples of the runs; docs/measurement.md defines every figure.",
    )


def _some(*blocks: Block | None) -> list[Block]:
    return [block for block in blocks if block is not None]


# --- the top ----------------------------------------------------------------------------------------------------------


def _title(content: Content) -> str:
    arms = [shortened(arm["label"]) for arm in content["arms"]]
    return str(content["name"] or (" · ".join(arms[:6]) + (" …" if len(arms) > 6 else "")) or "comparison")


def _opening(content: Content) -> Opening:
    word, tone = _verdict(content)
    left_out = [run for run in content["runs"] if not run["ranked"]]
    return Opening(
        kind="comparison",
        title=_title(content),
        subtitle=_subtitle(content),
        verdict=word,
        tone=tone,
        sentence=_meaning(content),
        reasons=[*_missed(content), *((run["run_id"], run["reason"] or "not ranked", "") for run in left_out)],
        warnings=content["warnings"],
        headline=_headline(content),
        tiles=_tiles(content),
    )


def _verdict(content: Content) -> tuple[str, str]:
    """Return the verdict on a comparison in a word or two, and its tone."""
    outcomes = {result["outcome"] for threshold in content["thresholds"] for result in threshold["results"]}
    if content["base"] is None:
        return "nothing to compare", "bad"
    if "missed" in outcomes:
        return "threshold missed", "bad"
    if outcomes & {"inconclusive", "undecided"}:
        return "inconclusive", "warn"
    if not all(run["ranked"] for run in content["runs"]):
        return "compared in part", "warn"
    return "compared", "good"


def _meaning(content: Content) -> str:
    valid, total = sum(run["ranked"] for run in content["runs"]), len(content["runs"])
    return f"{plural(valid, 'valid run')} of {total}" + (f", {_level(content)}" if content["differences"] else "")


def _level(content: Content) -> str:
    levels = {entry["level"] for entry in content["differences"]}
    return f"differences {' and '.join(sorted(levels))}"


def _missed(content: Content) -> Iterator[tuple[str, str, str]]:
    for threshold in content["thresholds"]:
        for result in threshold["results"]:
            if result["outcome"] != "kept":
                yield result["arm"], f"{threshold['expression']}: {result['text']}", result["outcome"]


def _subtitle(content: Content) -> str:
    loads = [run["load"] for run in content["runs"] if run["load"].get("nominal_rate") is not None]
    words = [plural(len(content["arms"]), "arm"), plural(len(content["runs"]), "run")]
    kinds = dict.fromkeys(f"{load.get('arrivals')} load, {number(load['nominal_rate'], 0)} events/s" for load in loads)
    words += list(kinds)[:2]
    return " · ".join(words)


def _arms(content: Content) -> list[Content]:
    """Return the arms that have a rank, best first."""
    arms = {arm["label"]: arm for arm in content["arms"]}
    return [arms[label] for label in labels(content) if arms[label]["rank"] is not None]


def _headline(content: Content) -> Tile | None:
    ranked, arms = content["ranked_by"], _arms(content)
    if not arms:
        return None
    best = ranking_figure(content, arms[0])
    words = [f"Least {ranked['metric']} P{ranked['percent']}: {arms[0]['label']}."]
    words.append(f"95 % interval {span(best, ' ms')}." if best["interval"] else sentence(best["note"] or ""))
    words.append(sentence(ranked["why"]))
    return Tile(label=arms[0]["label"], value=ms(best["value"]), note=" ".join(words))


def _tiles(content: Content) -> list[Tile]:
    tiles = []
    for arm in _arms(content)[1:7]:
        figure, change = ranking_figure(content, arm), change_of(content, arm["label"])
        note = "the base" if arm["label"] == content["base"] else ""
        if change is not None and change["change_percent"]["value"] is not None:
            note = f"{signed(change['change_percent']['value'])} % against {content['base']}: {change['conclusion']}"
        tiles.append(Tile(label=arm["label"], value=ms(figure["value"]), note=note))
    return tiles


# --- the sections -----------------------------------------------------------------------------------------------------


def _latency(content: Content, metric: str) -> Section:
    blocks: list[Block | None] = []
    for name in dict.fromkeys((metric, "since_window_end_ms")):
        short = name.removesuffix("_ms").replace("_", "-") or "none"
        blocks += [
            comparison_plots.distribution(content, name, f"cdf-{short}"),
            comparison_plots.spectrum(content, name, f"spectrum-{short}"),
        ]
    return Section(
        name="latency",
        title="Latency",
        lead="Over the rows of measured windows of all valid runs of an arm.",
        blocks=_some(*blocks),
    )


def _circumstances(content: Content) -> Section:
    tables = _some(
        comparison_facts.configuration(content), comparison_facts.load(content), comparison_facts.environment(content)
    )
    nothing = Words(lines=["The runs differ in nothing else: neither configuration, nor load, nor environment."])
    return Section(
        name="circumstances",
        title="What else differs",
        lead="Every difference of configuration, load and environment.",
        blocks=tables or [nothing],
    )


# --- figures of runs, by arm ------------------------------------------------------------------------------------------


def _means(content: Content, runs: Mapping[str, RunContent], find: Any) -> Means:  # noqa: ANN401 - one of the functions below
    """Return the means over the valid runs of each arm, arms without any left out."""
    found: dict[str, Mapping[str, float]] = {}
    for label in labels(content):
        ids = [run["run_id"] for run in content["runs"] if run["ranked"] and run["arm"] == label]
        figures = [figure for run_id in ids if run_id in runs and (figure := find(runs[run_id].summary))]
        if figures:
            found[label] = _mean(figures)
    return found


def _mean(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = [name for name in figures[0] if all(name in figure for figure in figures)]
    return {name: sum(figure[name] for figure in figures) / len(figures) for name in names}


def _parts_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean parts of a run's rows, empty where one is missing or rows are updates."""
    parts = summary.get("decomposition_ms") or {}
    means = {name: (parts.get(name) or {}).get("mean") for name in (*PARTS, "total")}
    updates = (summary.get("engine") or {}).get("output_mode") == "update"
    known = {name: float(mean) for name, mean in means.items() if mean is not None}
    return known if len(known) == len(means) and not updates else {}


def _cpu_of(summary: Mapping[str, Any]) -> dict[str, float]:
    found = (summary.get("resources") or {}).get("cpu_seconds_per_million_events") or {}
    return {tree: float(value) for tree, value in found.items() if value is not None}


def _memory_of(summary: Mapping[str, Any]) -> dict[str, float]:
    return dict((summary.get("resources") or {}).get("memory_bytes") or {})
