"""What the report of a comparison says: ranking first, then what differs and how surely, then what stands behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

from windowbench.report import comparison_facts, comparison_plots
from windowbench.report.comparison_facts import (
    Content,
    Means,
    by_rank,
    change_of,
    judged,
    ranking_figure,
    span,
)
from windowbench.report.content import RunContent
from windowbench.report.document import (
    Document,
    Foreign,
    Line,
    Opening,
    Reason,
    Section,
    Tile,
    Words,
    joined,
    some,
)
from windowbench.report.latencies import ROW_TIMES, known, part_means, shows_updates
from windowbench.report.wording import ms, number, plural, sentence, shortened, signed

_NONE: Mapping[str, RunContent] = {}


def comparison_document(content: Content, runs: Mapping[str, RunContent] = _NONE) -> Document:
    """Return the report of the content of ``comparison.json``.

    What only `runs` know, by their ids as far as they could be read, is left out without them.
    """
    metric = content["ranked_by"]["metric"] if content["base"] is not None else ""
    parts = _means(content, runs, _parts_of)
    cpu, memory = (
        _means(content, runs, functools.partial(_resource, name))
        for name in ("cpu_seconds_per_million_events", "memory_bytes")
    )
    return Document(
        kind="comparison",
        opening=_opening(content),
        sections=[
            Section(title="Ranking", blocks=some(comparison_facts.ranking(content))),
            Section(
                title="Differences",
                lead="How far each arm is from the base, and how sure that is.",
                blocks=some(
                    comparison_plots.forest(content),
                    comparison_facts.thresholds(content),
                    *comparison_facts.differences(content),
                ),
            ),
            Section(
                title="Latency",
                lead="Over the rows of measured windows of all valid runs of an arm.",
                blocks=[
                    plot
                    for name in dict.fromkeys((metric, "since_window_end_ms"))
                    for plot in comparison_plots.distributions(content, name)
                ],
            ),
            Section(title="Windows", blocks=some(comparison_plots.windows(content, runs, metric))),
            Section(
                name="decomposition",
                title="Where the time went",
                lead="From the moment the last event of a row was due to the row itself.",
                blocks=some(comparison_plots.decomposition(parts), comparison_facts.decomposition(parts)),
            ),
            Section(
                title="Resources",
                lead="In the measured phase, by process tree: each with everything below it.",
                blocks=some(comparison_plots.cpu(cpu), comparison_facts.resources(cpu, memory)),
            ),
            Section(
                title="Parity",
                lead="The settings that decide latency, arm by arm.",
                blocks=some(comparison_facts.parity(content)),
            ),
            _circumstances(content),
            Section(
                title="Runs",
                lead="All of them, those that take no part with their reason.",
                blocks=[comparison_facts.runs(content)],
            ),
        ],
        footer="Made by windowbench from the samples of the runs; docs/measurement.md defines every figure.",
    )


# --- the top ----------------------------------------------------------------------------------------------------------


def _title(content: Content) -> Line:
    if content["name"]:
        return Foreign(content["name"])
    arms: list[Line] = [Foreign(shortened(arm["label"])) for arm in content["arms"]]
    return joined([*arms[:6], *(["…"] if len(arms) > 6 else [])], " · ") or "of nothing"


def _opening(content: Content) -> Opening:
    word, tone = _verdict(content)
    left_out = [run for run in content["runs"] if not run["ranked"]]
    return Opening(
        title=_title(content),
        subtitle=_subtitle(content),
        verdict=word,
        tone=tone,
        sentence=_meaning(content),
        reasons=[
            *_missed(content),
            *(Reason(text=Foreign(run["reason"] or "not ranked"), party=Foreign(run["run_id"])) for run in left_out),
        ],
        warnings=[Foreign(warning) for warning in content["warnings"]],
        headline=_headline(content),
        tiles=list(_tiles(content)),
    )


def _verdict(content: Content) -> tuple[str, str]:
    """Return the verdict on a comparison in a word or two, and its tone."""
    outcomes = {result["outcome"] for _, result in judged(content)}
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
    levels = sorted({entry["level"] for entry in content["differences"]})
    return f"{plural(valid, 'valid run')} of {total}" + (f", differences {' and '.join(levels)}" if levels else "")


def _missed(content: Content) -> Iterator[Reason]:
    for expression, result in judged(content):
        if result["outcome"] != "kept":
            text = (Foreign(expression), ": ", Foreign(result["text"]))
            yield Reason(text=text, party=Foreign(result["arm"]), code=result["outcome"])


def _subtitle(content: Content) -> Line:
    loads = [run["load"] for run in content["runs"] if run["load"].get("nominal_rate") is not None]
    kinds = dict.fromkeys(
        (load.get("arrivals"), f" load, {number(load['nominal_rate'], 0)} events/s") for load in loads
    )
    words: list[Line] = [plural(len(content["arms"]), "arm"), plural(len(content["runs"]), "run")]
    words += [(Foreign(str(arrivals)), rate) for arrivals, rate in list(kinds)[:2]]
    return joined(words, " · ")


def _headline(content: Content) -> Tile | None:
    ranked, first = content["ranked_by"], by_rank(content)[:1]
    if not first or first[0]["rank"] is None:
        return None
    label, best = first[0]["label"], ranking_figure(content, first[0])
    sure = f"95 % interval {span(best, ' ms')}." if best["interval"] else sentence(best["note"] or "")
    why = f". {sure} {sentence(ranked['why'])}"
    return Tile(
        label=Foreign(label),
        value=ms(best["value"]),
        note=(f"Least {ranked['metric']} P{ranked['percent']}: ", Foreign(label), why),
    )


def _tiles(content: Content) -> Iterator[Tile]:
    for arm in [arm for arm in by_rank(content) if arm["rank"] is not None][1:7]:
        figure, change = ranking_figure(content, arm), change_of(content, arm["label"])
        note: Line = "the base" if arm["label"] == content["base"] else ""
        if change is not None and change["change_percent"]["value"] is not None:
            percent = signed(change["change_percent"]["value"])
            note = (f"{percent} % against ", Foreign(change["base"]), f": {change['conclusion']}")
        yield Tile(label=Foreign(arm["label"]), value=ms(figure["value"]), note=note)


# --- the sections -----------------------------------------------------------------------------------------------------


def _circumstances(content: Content) -> Section:
    tables = some(
        comparison_facts.configuration(content),
        comparison_facts.by_run("Load", content["load_differences"]),
        comparison_facts.by_run("Environment", content["environment_differences"]),
    )
    nothing = Words(lines=["The runs differ in nothing else: neither configuration, nor load, nor environment."])
    return Section(
        name="circumstances",
        title="What else differs",
        lead="Every difference of configuration, load and environment.",
        blocks=tables or [nothing],
    )


# --- figures of runs, by arm ------------------------------------------------------------------------------------------


def _means(
    content: Content, runs: Mapping[str, RunContent], find: Callable[[Content], Mapping[str, float | None]]
) -> Means:
    """Return the means over the valid runs of each arm of what all of them know; arms without any are left out."""
    found: dict[str, Mapping[str, float]] = {}
    for arm in by_rank(content):
        ids = [run["run_id"] for run in content["runs"] if run["ranked"] and run["arm"] == arm["label"]]
        figures = [figure for run_id in ids if run_id in runs and (figure := known(find(runs[run_id].summary)))]
        if figures:
            names = [name for name in figures[0] if all(name in figure for figure in figures)]
            found[arm["label"]] = {name: sum(of[name] for of in figures) / len(figures) for name in names}
    return found


def _parts_of(summary: Content) -> Mapping[str, float]:
    """Return the mean parts of a run's rows, empty where one is missing or rows are updates."""
    means = {} if shows_updates(summary) else known(part_means(summary))
    return means if len(means) == len(ROW_TIMES) else {}


def _resource(name: str, summary: Content) -> Mapping[str, float | None]:
    return (summary.get("resources") or {}).get(name) or {}
