"""The report of a run as a page: which sections there are, in which order, and what is said in each.

Whatever a run does not have is left out or said: one that failed early has a page like any other.
"""

from __future__ import annotations

from windowbench.report import latency_plots, run_facts, setup_facts, time_plots
from windowbench.report.content import RunContent
from windowbench.report.layout import Block, Columns, Page, Section, Table, Words
from windowbench.report.run_opening import opening
from windowbench.report.summary import shows_updates
from windowbench.report.template import render_page
from windowbench.report.wording import sentence

FIRST = ("first_excess",)
"""Beside the latency that ranks, where late events revise results."""


def render_run(content: RunContent) -> str:
    """Return the report of a run as one self-contained HTML file."""
    return render_page(run_page(content))


def run_page(content: RunContent) -> Page:
    """Return the page of a run."""
    return Page(
        title=f"{content.run_id} · windowbench",
        opening=opening(content),
        sections=[
            _log(content),
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


def _log(content: RunContent) -> Section:
    """Show the last words of the service that ended a run."""
    tail = [str(line) for line in content.status.get("log_tail") or ()]
    blocks = [Words(lines=tail, quote=True)] if tail else []
    return Section(name="log", title="Last lines of its log", blocks=blocks)


def _names(content: RunContent) -> tuple[str, list[str]]:
    """Return the latency that ranks, which of a run in transactions is a visible one, and the others to draw."""
    headline = (content.summary.get("headline") or {}).get("name")
    ranking = "freshness" if shows_updates(content.summary) else "excess"
    return str(headline or ranking).removesuffix("_ms"), ["since_window_end", "e2e"]


def _latency(content: RunContent) -> Section:
    headline, others = _names(content)
    interval = (content.summary.get("headline") or {}).get("interval_ms")
    latencies = content.latencies_ms
    return Section(
        name="latency",
        title="Latency",
        lead="Over the rows of measured windows. Percentiles by nearest rank: a latency that occurred.",
        blocks=_some(
            latency_plots.distribution("cdf", latencies, [headline, *FIRST], interval),
            latency_plots.spectrum("spectrum", latencies, [headline, *FIRST]),
            latency_plots.distribution("cdf-others", latencies, others),
            latency_plots.spectrum("spectrum-others", latencies, others),
            run_facts.latencies(content.summary),
            run_facts.by_metric(content.summary),
            run_facts.remarks(content.summary),
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
        blocks=_some(time_plots.window_line(content, _by_append_time(content, _names(content)[0]))),
    )


def _by_append_time(content: RunContent, latency: str) -> str:
    """Return the latency whose windows are known: those of visible times may not be."""
    return latency if f"{latency}_max_ms" in content.windows else latency.removeprefix("visible_")


def _decomposition(content: RunContent) -> Section:
    updates = shows_updates(content.summary)  # without the wait for a window that can close nothing is taken apart
    parts = {} if updates else content.summary.get("decomposition_ms") or {}
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
    progress = content.progress
    titles = {"batch_ms": ("batches", "Length of batches"), "checkpoint_ms": ("checkpoints", "Length of checkpoints")}
    plots = [
        time_plots.engine_line(content, titles[name][0], curve, titles[name][1], "ms")
        for name, curve in (progress.work if progress else {}).items()
    ]
    return Section(
        name="engine",
        title="Engine",
        lead="What the engine said of itself. Engines mean different things by these words: shown, never compared.",
        blocks=_some(
            *plots,
            time_plots.engine_line(content, "lag", progress.lag, "Watermark behind the clock", "s")
            if progress
            else None,
            run_facts.engine(content.summary),
        ),
    )


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
