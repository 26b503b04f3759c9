"""What the report of a run says: which sections there are, in which order, and what is said in each.

Whatever a run does not have is left out or said: one that failed early has a report like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from windowbench.load.schedule import NS_PER_S
from windowbench.report import latency_plots, run_facts, setup_facts, time_plots
from windowbench.report.content import RunContent
from windowbench.report.document import (
    Document,
    Files,
    Foreign,
    Line,
    Opening,
    Reason,
    Section,
    Tile,
    Words,
    beside,
    joined,
    some,
)
from windowbench.report.latencies import definitions_of, shows_updates
from windowbench.report.wording import count, ms, number, plural, sentence, sentences

_VERDICTS = {
    "valid": ("good", "every row was right, and the load was what it claims to be"),
    "invalid": ("bad", "no figure of this run is worth quoting"),
    "unsustainable": ("warn", "the results are right, but the engine did not keep up with the load"),
    "unknown": ("none", "this run could not be judged"),
    "failed": ("bad", "the run ended before its results were recorded"),
    "aborted": ("none", "the run was ended from outside"),
}
"""The tone of each, and what it means."""
_FIRST = "first_excess"
"""Beside the latency that ranks, where late events revise results."""


def run_document(content: RunContent, *, directory: str = "") -> Document:
    """Return the report of a run; `directory` is where its files are, if that is to be said."""
    summary = content.summary
    names = [str(name) for name in summary.get("files", ())]
    return Document(
        kind="run",
        opening=_opening(content),
        sections=[
            _log(content),
            _latency(content),
            _windows(content),
            Section(
                name="decomposition",
                title="Where the time went",
                lead="From the moment the last event of a row was due to the row itself.",
                blocks=some(latency_plots.decomposition(summary), run_facts.decomposition(summary)),
                detail=True,
            ),
            Section(
                title="Load",
                lead="When each event is due was decided before the run; no stall of broker or engine slows it down.",
                blocks=some(
                    time_plots.load_line(content),
                    run_facts.topics(summary),
                    beside(run_facts.load(summary), run_facts.arrivals(summary)),
                ),
            ),
            Section(
                title="Producers",
                lead="How well the load generator kept its own schedule.",
                blocks=some(time_plots.lateness_line(content), run_facts.generator(summary)),
                detail=True,
            ),
            _engine(content),
            Section(
                title="Resources",
                lead="By process tree: each with everything below it. The harness is what starts and watches.",
                blocks=some(
                    time_plots.host_line(content, "cpu"),
                    time_plots.host_line(content, "rss"),
                    run_facts.spent(summary),
                    run_facts.resources(summary),
                    run_facts.machine(summary),
                ),
            ),
            Section(
                title="Phases",
                lead="Where the seconds of the run went.",
                blocks=some(time_plots.phase_bars(content)),
            ),
            *setup_facts.setup_sections(
                content.config,
                content.origins,
                content.environment,
                "Every setting, and which layer set it. What somebody set is bold.",
                "What can change a latency, as it was found when the run began.",
            ),
            Section(
                title="Engine settings",
                lead="As the engine itself reported them when it started; secrets are masked.",
                blocks=some(setup_facts.engine_settings(summary)),
                detail=True,
            ),
        ],
        footer="Made by windowbench from the samples of the run; docs/measurement.md defines every figure.",
        files=Files(directory=directory, names=names) if directory else None,
    )


# --- the top ----------------------------------------------------------------------------------------------------------


def _opening(content: RunContent) -> Opening:
    verdict = content.summary.get("verdict") or {}
    ended = str(content.status.get("status") or "unknown")
    word = ended if ended in ("failed", "aborted") else str(verdict.get("verdict") or ended)
    tone, meaning = _VERDICTS.get(word, ("none", ""))
    return Opening(
        title=Foreign(content.run_id),
        subtitle=_subtitle(content),
        verdict=word if word in _VERDICTS else Foreign(word),
        tone=tone,
        sentence=meaning,
        reasons=[
            *_ending(content.status),
            *(
                Reason(text=Foreign(reason["text"]), party=Foreign(reason["party"]), code=Foreign(reason["code"]))
                for reason in verdict.get("reasons", ())
            ),
            *(Reason(text=Foreign(problem)) for problem in content.problems),
        ],
        warnings=[Foreign(str(warning)) for warning in verdict.get("warnings", ())],
        headline=_headline(content.summary),
        tiles=list(_tiles(content.summary)),
    )


def _ending(status: Mapping[str, Any]) -> Iterator[Reason]:
    """Say how a run ended that did not come to its end."""
    if status.get("status") in (None, "completed"):
        return
    phase, error = str(status.get("phase", "unknown")), str(status.get("error") or "no reason given")
    yield Reason(text=("in phase ", Foreign(phase), ": ", Foreign(error)))
    if status.get("remedy"):
        yield Reason(text=Foreign(str(status["remedy"])), party="remedy")


def _subtitle(content: RunContent) -> Line:
    config, load = content.config, content.summary.get("load")
    engine = (content.summary.get("engine") or {}).get("name") or config.get("engine")
    words: list[Line] = []
    if engine is not None:
        words.append(("engine ", Foreign(str(engine))))
    if "workload" in config:
        words.append(("workload ", Foreign(str(config["workload"]))))
    if load:
        words.append((Foreign(str(load["arrivals"])), f" load, {number(load['nominal_rate'], 0)} events/s"))
        words.append(f"windows of {load['window_size_ms'] / 1000:g} s")
    elif "data_generator" in config:
        words.append((Foreign(str(config["data_generator"])), " load"))
    if content.phases:
        began = datetime.fromtimestamp(content.phases[0].start_ns / NS_PER_S, tz=UTC)
        words.append(began.strftime("%Y-%m-%d %H:%M UTC"))
    return joined(words, " · ")


def _headline(summary: Mapping[str, Any]) -> Tile | None:
    headline = summary.get("headline")
    if not headline:
        return None
    interval, what = headline["interval_ms"], "update" if shows_updates(summary) else "row"
    sure = headline["interval_note"] or (
        f"95 % interval {number(interval[0])} to {ms(interval[1])}" if interval else "no interval"
    )
    definition = definitions_of(summary).get(str(headline["name"]).removesuffix("_ms"), "")
    over = f"nearest rank over {plural(headline['rows'], what)} of {plural(headline['windows'], 'window')}"
    return Tile(
        label=f"{headline['name']} P{headline['percent']}",
        value=ms(headline["value_ms"]),
        note=sentences([*headline.get("caveats", ()), sure, f"{definition}; {over}"]),
    )


def _tiles(summary: Mapping[str, Any]) -> Iterator[Tile]:
    rows, load, found = summary.get("rows"), summary.get("load"), summary.get("resources")
    if rows and "expected" in rows:
        wrong = sum(rows.get(name, 0) for name in ("wrong_value", "missing", "conflicting", "unexpected"))
        yield Tile(
            label="right rows",
            value=f"{count(rows['exact'])} of {count(rows['expected'])}",
            note="none wrong, missing or unexpected" if not wrong else f"{count(wrong)} wrong or missing",
        )
    for name in (_FIRST, "since_window_end", "e2e"):
        latency = (summary.get("latencies_ms") or {}).get(name)
        if latency:
            yield Tile(label=f"{name}_ms P90", value=ms(latency["p90"]), note=f"median {ms(latency['p50'])}")
    if load:
        yield Tile(
            label="load, measured phase",
            value=f"{number(load['scheduled_rate'], 0)}/s",
            note=f"{number(load['nominal_rate'], 0)}/s nominal, for {load['measured_seconds']:g} s",
        )
    each = found["cpu_seconds_per_million_events"].get("engine") if found else None
    if each is not None:
        yield Tile(label="engine's CPU", value=f"{number(each, 0)} s", note="CPU-seconds per million events")
    memory = found["memory_bytes"].get("engine") if found else None
    if memory:
        yield Tile(label="engine's memory", value=f"{number(memory / 1e6, 0)} MB", note="greatest resident")


# --- the sections -----------------------------------------------------------------------------------------------------


def _log(content: RunContent) -> Section:
    """Show the last words of the service that ended a run."""
    tail = [Foreign(str(line)) for line in content.status.get("log_tail") or ()]
    blocks = [Words(lines=tail, quote=True)] if tail else []
    return Section(name="log", title="Last lines of its log", blocks=blocks, detail=True)


def _ranking(content: RunContent) -> str:
    """Return the latency that ranks, which of a run in transactions is a visible one."""
    headline = (content.summary.get("headline") or {}).get("name")
    return str(headline or ("freshness" if shows_updates(content.summary) else "excess")).removesuffix("_ms")


def _latency(content: RunContent) -> Section:
    summary, found = content.summary, content.latencies_ms
    first, others = [_ranking(content), _FIRST], ["since_window_end", "e2e"]
    interval = (summary.get("headline") or {}).get("interval_ms")
    return Section(
        title="Latency",
        lead="Over the rows of measured windows. Percentiles by nearest rank: a latency that occurred.",
        blocks=some(
            *latency_plots.distributions(found, first, interval=interval),
            *latency_plots.distributions(found, others, "-others"),
            run_facts.latencies(summary),
            run_facts.maxima(summary),
            run_facts.definitions(summary),
            run_facts.by_metric(summary),
            run_facts.remarks(summary),
            run_facts.states(summary),
            run_facts.rows(summary),
        ),
    )


def _windows(content: RunContent) -> Section:
    latency = _ranking(content)
    if f"{latency}_max_ms" not in content.windows:  # those of visible times may not be known
        latency = latency.removeprefix("visible_")
    note = sentence((content.summary.get("steady_state") or {}).get("note", ""))
    trend = Words(lines=[note]) if note else None
    return Section(title="Windows", blocks=some(time_plots.window_line(content, latency), trend), detail=True)


def _engine(content: RunContent) -> Section:
    progress = content.progress
    titles = {"batch_ms": ("batches", "Length of batches"), "checkpoint_ms": ("checkpoints", "Length of checkpoints")}
    plots = [
        time_plots.engine_line(content, titles[name][0], curve, titles[name][1], "ms")
        for name, curve in (progress.work if progress else {}).items()
    ]
    if progress:
        plots.append(time_plots.engine_line(content, "lag", progress.lag, "Watermark behind the clock", "s"))
    return Section(
        title="Engine",
        lead="What the engine said of itself. Engines mean different things by these words: shown, never compared.",
        blocks=some(*plots, run_facts.engine(content.summary)),
        detail=True,
    )
