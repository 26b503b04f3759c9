"""The report of a run as a page: which sections there are, in which order, and what is said in each.

Whatever a run does not have is left out or said: one that failed early has a page like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from windowbench.reports import latency_plots, run_facts, setup_facts, time_plots
from windowbench.reports.content import RunContent
from windowbench.reports.curves import Progress, progress_curves
from windowbench.reports.layout import Block, Columns, Opening, Page, Section, Table, Tile, Words
from windowbench.reports.summary import DEFINITIONS
from windowbench.reports.template import render_page
from windowbench.reports.wording import count, ms, number, plural, sentence
from windowbench.schedule import NS_PER_S

TONES = {"valid": "good", "invalid": "bad", "unsustainable": "warn", "failed": "bad", "aborted": "none"}
MEANINGS = {
    "valid": "every row was right, and the load was what it claims to be",
    "invalid": "no figure of this run is worth quoting",
    "unsustainable": "the results are right, but the engine did not keep up with the load",
    "unknown": "this run could not be judged",
    "failed": "the run ended before its results were recorded",
    "aborted": "the run was ended from outside",
}


def render_run(content: RunContent) -> str:
    """Return the report of a run as one self-contained HTML file."""
    return render_page(run_page(content))


def run_page(content: RunContent) -> Page:
    """Return the page of a run."""
    return Page(
        title=f"{content.run_id} · windowbench",
        opening=_opening(content),
        sections=[
            _failure(content),
            _latency(content),
            _windows(content),
            _decomposition(content),
            _load(content),
            _lateness(content),
            _engine(content),
            _resources(content),
            _phases(content),
            Section(
                name="configuration",
                title="Configuration",
                lead="Every setting, and which layer set it. What somebody set is bold.",
                blocks=_some(setup_facts.settings(content.config, content.origins)),
            ),
            Section(
                name="environment",
                title="Environment",
                lead="What can change a latency, as it was found when the run began.",
                blocks=_some(setup_facts.environment(content.environment)),
            ),
            Section(
                name="engine-settings",
                title="Engine settings",
                lead="As the engine itself reported them when it started; secrets are masked.",
                blocks=_some(setup_facts.engine_settings(content.summary)),
            ),
        ],
        footer="Made by windowbench from the samples of the run; docs/measurement.md defines every figure.",
    )


def _beside(*tables: Table | None) -> Columns | None:
    """Set small tables side by side."""
    some = [table for table in tables if table is not None]
    return Columns(tables=some) if some else None


def _some(*blocks: Block | None) -> list[Block]:
    return [block for block in blocks if block is not None]


# --- the top ----------------------------------------------------------------------------------------------------------


def _opening(content: RunContent) -> Opening:
    verdict = content.summary.get("verdict") or {}
    ended = str(content.status.get("status") or "unknown")
    word = ended if ended in ("failed", "aborted") else str(verdict.get("verdict") or ended)
    reasons = [
        (str(reason.get("party", "")), str(reason.get("text", "")), str(reason.get("code", "")))
        for reason in verdict.get("reasons", ())
    ]
    reasons += [("", problem, "") for problem in content.problems]
    return Opening(
        kind="run",
        title=content.run_id,
        subtitle=_subtitle(content),
        verdict=word,
        tone=TONES.get(word, "none"),
        sentence=MEANINGS.get(word, ""),
        reasons=reasons,
        warnings=[str(warning) for warning in verdict.get("warnings", ())],
        headline=_headline(content.summary.get("headline")),
        tiles=_tiles(content.summary),
    )


def _subtitle(content: RunContent) -> str:
    config = content.config
    began = content.phases[0].start_ns if content.phases else None
    words = []
    if "engine" in config:
        words.append(f"engine {config['engine']}")
    load = content.summary.get("load")
    if load:
        words.append(f"{load['arrivals']} load, {number(load['nominal_rate'], 0)} events/s")
        words.append(f"windows of {load['window_size_ms'] / 1000:g} s")
    elif "data_generator" in config:
        words.append(f"{config['data_generator']} load")
    if began is not None:
        words.append(datetime.fromtimestamp(began / NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M UTC"))
    return " · ".join(words)


def _headline(headline: Mapping[str, Any] | None) -> Tile | None:
    if not headline:
        return None
    interval = headline["interval_ms"]
    sure = headline["interval_note"] or (
        f"95 % interval {number(interval[0])} to {ms(interval[1])}" if interval else "no interval"
    )
    definition = DEFINITIONS.get(str(headline["name"]).removesuffix("_ms"), "")
    return Tile(
        label=f"{headline['name']} P{headline['percent']}",
        value=ms(headline["value_ms"]),
        note=f"{sentence(sure)} "
        + sentence(
            f"{definition}; nearest rank over {plural(headline['rows'], 'row')} of"
            f" {plural(headline['windows'], 'window')}"
        ),
    )


def _tiles(summary: Mapping[str, Any]) -> list[Tile]:
    tiles = []
    rows, load, found = summary.get("rows"), summary.get("load"), summary.get("resources")
    if rows and "expected" in rows:
        wrong = sum(rows.get(name, 0) for name in ("wrong_value", "missing", "conflicting", "unexpected"))
        tiles.append(
            Tile(
                label="right rows",
                value=f"{count(rows['exact'])} of {count(rows['expected'])}",
                note="none wrong, missing or unexpected" if not wrong else f"{count(wrong)} wrong or missing",
            )
        )
    for name in ("since_window_end", "e2e"):
        latency = (summary.get("latencies_ms") or {}).get(name)
        if latency:
            tiles.append(Tile(label=f"{name}_ms P90", value=ms(latency["p90"]), note=f"median {ms(latency['p50'])}"))
    if load:
        tiles.append(
            Tile(
                label="load, measured phase",
                value=f"{number(load['scheduled_rate'], 0)}/s",
                note=f"{number(load['nominal_rate'], 0)}/s nominal, for {load['measured_seconds']:g} s",
            )
        )
    if found:
        each = found["cpu_seconds_per_million_events"]
        if each.get("engine") is not None:
            tiles.append(
                Tile(
                    label="engine's CPU",
                    value=f"{number(each['engine'], 0)} s",
                    note="CPU-seconds per million events",
                )
            )
        memory = found["memory_bytes"].get("engine")
        if memory:
            tiles.append(Tile(label="engine's memory", value=f"{number(memory / 1e6, 0)} MB", note="greatest resident"))
    return tiles


# --- the sections -----------------------------------------------------------------------------------------------------


def _failure(content: RunContent) -> Section:
    """Say how a run ended that did not come to its end."""
    status = content.status
    blocks: list[Block] = []
    if status.get("status") not in (None, "completed"):
        lines = [
            f"{status['status']} in phase {status.get('phase', 'unknown')}: {status.get('error') or 'no reason given'}"
        ]
        if status.get("remedy"):
            lines.append(f"Remedy: {status['remedy']}")
        blocks.append(Words(lines=lines))
        for service, tail in content.log_tails.items():
            if tail:
                blocks += [Words(lines=[f"Last lines of {service}:"]), Words(lines=list(tail), quote=True)]
    return Section(name="end", title="How the run ended", blocks=blocks)


def _names(content: RunContent) -> tuple[str, list[str]]:
    """Return the latency that ranks, and the others that are not the same again."""
    headline = str((content.summary.get("headline") or {}).get("name") or "excess_ms").removesuffix("_ms")
    latencies = content.latencies_ms
    if headline not in latencies and latencies:
        headline = next(iter(latencies))
    others = [name for name in ("since_window_end", "e2e", "freshness", "excess") if name in latencies]
    others = [name for name in others if name not in (headline, "freshness", "excess")]
    return headline, others


def _latency(content: RunContent) -> Section:
    headline, others = _names(content)
    interval = (content.summary.get("headline") or {}).get("interval_ms")
    latencies = content.latencies_ms
    return Section(
        name="latency",
        title="Latency",
        lead="Over the rows of measured windows. Percentiles by nearest rank: a latency that occurred.",
        blocks=_some(
            latency_plots.distribution("cdf", latencies, [headline], interval),
            latency_plots.spectrum("spectrum", latencies, [headline]),
            latency_plots.distribution("cdf-others", latencies, others),
            latency_plots.spectrum("spectrum-others", latencies, others),
            run_facts.latencies(content.summary),
            run_facts.states(content.summary),
            run_facts.rows(content.summary),
        ),
    )


def _windows(content: RunContent) -> Section:
    note = (content.summary.get("steady_state") or {}).get("note", "")
    return Section(
        name="windows",
        title="Windows",
        lead=sentence(note),
        blocks=_some(time_plots.window_line(content, _names(content)[0])),
    )


def _decomposition(content: RunContent) -> Section:
    parts = content.summary.get("decomposition_ms") or {}
    return Section(
        name="decomposition",
        title="Where the time went",
        lead="From the moment the last event of a row was due to the row itself.",
        blocks=_some(latency_plots.decomposition(parts), run_facts.decomposition(parts)),
    )


def _load(content: RunContent) -> Section:
    return Section(
        name="load",
        title="Load",
        lead="When each event is due was decided before the run; a stall of broker or engine does not slow it down.",
        blocks=_some(
            time_plots.load_line(content),
            _beside(run_facts.load(content.summary), run_facts.arrivals(content.summary)),
        ),
    )


def _lateness(content: RunContent) -> Section:
    return Section(
        name="producers",
        title="Producers",
        lead="How well the load generator kept its own schedule.",
        blocks=_some(time_plots.lateness_line(content), run_facts.generator(content.summary)),
    )


def _engine(content: RunContent) -> Section:
    progress = _progress(content)
    titles = {"batch_ms": ("batches", "Length of batches"), "checkpoint_ms": ("checkpoints", "Length of checkpoints")}
    plots = [
        time_plots.engine_line(content, titles[name][0], curve, titles[name][1], "ms")
        for name, curve in progress.work.items()
    ]
    return Section(
        name="engine",
        title="Engine",
        lead="What the engine said of itself. Engines mean different things by these words: shown, never compared.",
        blocks=_some(
            *plots,
            time_plots.engine_line(content, "lag", progress.lag, "Watermark behind the clock", "s"),
            run_facts.engine(content.summary, batches="batch_ms" in progress.work),
        ),
    )


def _progress(content: RunContent) -> Progress:
    schedule = content.schedule
    if schedule is None:
        return progress_curves((), 0, 0, 0)
    return progress_curves(content.messages, schedule.base_time_ns, schedule.epoch_ns, schedule.load_end_ns)


def _resources(content: RunContent) -> Section:
    return Section(
        name="resources",
        title="Resources",
        lead="By process tree: each with everything below it. The harness is the program that starts and watches.",
        blocks=_some(
            time_plots.host_line(content, "cpu"),
            time_plots.host_line(content, "rss"),
            run_facts.resources(content.summary),
            run_facts.machine(content.summary),
        ),
    )


def _phases(content: RunContent) -> Section:
    return Section(
        name="phases",
        title="Phases",
        lead="Where the seconds of the run went.",
        blocks=_some(time_plots.phase_bars(content)),
    )


def section_names(page: Page) -> Sequence[str]:
    """Return the names of the sections that a page shows."""
    return [section.name for section in page.shown]
