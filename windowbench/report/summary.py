"""The text of a report: verdict first, then the headline, then what stands behind it. Pure.

Plain text for 80 columns. It is made from the content of ``summary.json`` alone, so an old report can be
shown again. Colour is for whoever prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from windowbench.report.blocks import WIDTH, wrapped
from windowbench.report.engine_line import engine_line
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.summary import AnySummary, PairSummary

_OF_ROWS = {
    "e2e": "append time of the row - greatest produce time of its events",
    "since_window_end": "append time of the row - end of its window",
    "excess": "append time of the row - earliest possible emission of its window",
    "freshness": "append time of the row - produce time of the newest event counted",
}
_OF_UPDATES = {
    "e2e": "append time of the final row - greatest produce time of its events",
    "since_window_end": "append time of the final row - end of its window",
    "freshness": "append time of an update - produce time of the newest event counted in it",
}
"""In update mode; the excess says nothing there, as a final row need not wait until its window can close."""
_OF_REVISIONS = {
    "e2e": "append time of the final value - greatest produce time of its events",
    "since_window_end": "append time of the final value - end of its window",
    "excess": "append time of the final value - earliest possible emission of its window or, where that was later, due"
    " time of the last event that revises it",
    "freshness": "append time of a value, final or not - produce time of the newest event counted in it",
    "first_since_window_end": "append time of the first value - end of its window",
    "first_excess": "append time of the first value - earliest possible emission of its window",
}
"""Where late events revise a result."""


def _with_visible(of_rows: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """Add what each latency of a row is with its visible time in place of its append time."""
    visible = {f"visible_{name}": words.replace("append time", "visible time", 1) for name, words in of_rows.items()}
    return {**named, **visible, "visible_delay": "visible time of the row - its append time"}


DEFINITIONS = _with_visible(_OF_ROWS, _OF_ROWS)
_DEFINITIONS_OF_UPDATES = _with_visible(
    {**_OF_UPDATES, "freshness": "append time of the final row - produce time of the newest event counted in it"},
    _OF_UPDATES,
)
_DEFINITIONS_OF_REVISIONS = _with_visible(
    {**_OF_REVISIONS, "freshness": "append time of the final value - produce time of the newest event counted in it"},
    _OF_REVISIONS,
)
_PARTS = {
    "send_lateness": "send lateness of the last event",
    "wait_for_window_end": "wait for the window's end",
    "watermark_delay": "watermark delay (configured)",
    "gap_to_closing_event": "gap to the event that closes the window",
    "excess": "excess: what the engine adds",
    "total": "append time - due time of the last event",
}
_PERCENTS = ("p50", "p90", "p95", "p99", "max")

Summary = Mapping[str, Any]


def render_summary(found: AnySummary | PairSummary | Summary, *, directory: str = "") -> str:
    """Return the report of a run.

    Parameters
    ----------
    found : AnySummary, PairSummary or mapping
        Content of ``summary.json``, typed or as JSON holds it.
    directory : str
        Where the run's files are.
    """
    summary = as_json(found)
    sections = [_verdict(summary)]
    if summary.get("headline"):
        sections.append(_headline(summary))
    makers = {
        "load": _load,
        "topics": _topics,
        "latencies_ms": _latencies,
        "decomposition_ms": _decomposition,
        "states": _states,
        "generator": _generator,
        "rows": _rows,
        "host": _machine,
        "resources": _resources,
    }
    sections += [make(summary) for key, make in makers.items() if summary.get(key)]
    sections += [_warnings(summary["verdict"]["warnings"]), _files(summary.get("files", ()), directory)]
    return "\n\n".join("\n".join(section) for section in sections if section)


def _verdict(summary: Summary) -> list[str]:
    verdict = summary["verdict"]
    lines = [f"verdict: {verdict['verdict']}   run {summary['run_id']}"]
    for reason in verdict["reasons"]:
        lines += wrapped(f"{reason['party']}: {reason['text']} [{reason['code']}]", "  - ", "    ")
    return lines


def shows_updates(summary: Summary) -> bool:
    """Whether the rows of a run are updates."""
    return bool(summary.get("engine", {}).get("output_mode") == "update")


def shows_revisions(summary: Summary) -> bool:
    """Whether late events revise the results of a run."""
    return bool(summary.get("revisions"))


def definitions_of(summary: Summary) -> dict[str, str]:
    """Return the latencies that say something about a run, each with its definition."""
    if shows_revisions(summary):
        return _DEFINITIONS_OF_REVISIONS
    return _DEFINITIONS_OF_UPDATES if shows_updates(summary) else DEFINITIONS


def _headline(summary: Summary) -> list[str]:
    headline = summary["headline"]
    definition = definitions_of(summary)[headline["name"].removesuffix("_ms")]
    rows = f"{headline['rows']} {'updates' if shows_updates(summary) else 'rows'}"
    value = "none" if headline["value_ms"] is None else f"{headline['value_ms']:.1f} ms"
    interval = headline["interval_ms"]
    sure = headline["interval_note"] or (interval and f"95 % interval {interval[0]:.1f} to {interval[1]:.1f} ms") or ""
    lines = [f"{headline['name']} P{headline['percent']}   {value}   ({sure})"]
    definition = definitions_of(summary)[headline["name"].removesuffix("_ms")]
    lines += wrapped(
        f"= {definition}; nearest rank over {rows} of {headline['windows']} windows",
        "  ",
        "    ",
    )
    return lines


def _load(summary: Summary) -> list[str]:
    load = summary["load"]
    path = f", {load['path_rate']:.1f}/s along its path" if load.get("path_rate") is not None else ""
    scope = "".join(f", {count} {word}" for word, count in load["scope"].items())
    slide = f", slide {load['slide_ms'] / 1000:g} s" if load["slide_ms"] != load["window_size_ms"] else ""
    return [
        *wrapped(
            f"load: {load['arrivals']}, {load['producers']} producers, {load['nominal_rate']:.1f} events/s nominal,"
            f" {load['scheduled_rate']:.1f}/s scheduled{path}, {load['measured_seconds']:g} s measured",
            hanging="  ",
        ),
        *wrapped(
            f"windows: {load['window_size_ms'] / 1000:g} s{slide}, watermark delay"
            f" {load['watermark_delay_ms'] / 1000:g} s{scope}, seed {load['seed']}",
            hanging="  ",
        ),
    ]


def _topics(summary: Summary) -> list[str]:
    topics = summary["topics"]
    return [
        *wrapped(
            f"topics: {topics['events_topic']} with {topics['events']} events and {topics['rejected']} other records,"
            f" {topics['result_topic']} with {topics['results']} records",
            hanging="  ",
        ),
        *wrapped(
            "truth is what the events topic holds; send times are the produce times of the events; windows count from"
            " id 0 on while events close them",
            "  ",
        ),
    ]


def _table(title: str, rows: Iterable[tuple[str, Sequence[str]]], columns: Sequence[str]) -> list[str]:
    """Return a table with a left-aligned name and right-aligned figures."""
    name_width = WIDTH - 10 * len(columns)
    lines = [title[:name_width].ljust(name_width) + "".join(f"{column:>10}" for column in columns)]
    lines += [name[:name_width].ljust(name_width) + "".join(f"{cell:>10}" for cell in cells) for name, cells in rows]
    return lines


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    value = round(value, 1) + 0.0  # no "-0.0"
    return f"{value:.0f}" if abs(value) >= 100_000 else f"{value:.1f}"


def _remark(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{round(value, 2) + 0.0:.2f}"  # no "-0.00"


def _row(figures: Summary, percents: Sequence[str] = _PERCENTS) -> list[str]:
    return [_figure(figures[percent]) for percent in percents]


def _latencies(summary: Summary) -> list[str]:
    latencies, maxima = summary["latencies_ms"], summary["window_maxima_ms"]
    definitions = definitions_of(summary)
    names = [name for name in definitions if name in latencies]
    some = latencies[names[0]]
    heads = ("P50", "P90", "P95", "P99", "max")
    lines = _table("latency of rows, ms", ((f"{name}_ms", _row(latencies[name])) for name in names), heads)
    lines.append("")
    lines += _table("greatest of each window, ms", ((f"{name}_ms", _row(maxima[name])) for name in names), heads)
    lines.append("")
    rows = f"{some['rows']} rows"
    if shows_updates(summary):
        rows = f"{some['rows']} final rows and {latencies['freshness']['rows']} updates, final ones included,"
    if shows_revisions(summary):
        rows = f"{some['rows']} final values and {latencies['freshness']['rows']} values in all"
    lines += wrapped(f"{rows} of {some['windows']} measured windows; percentiles by nearest rank")
    for name in names:
        interval = latencies[name]["p90_interval"]
        if interval:
            lines.append(f"  {name}_ms P90: 95 % interval {interval[0]:.1f} to {interval[1]:.1f} ms")
    if some["interval_note"]:
        lines.append(f"  interval of P90: {some['interval_note']}")
    for name in names:
        lines += wrapped(f"{name}_ms: {definitions[name]}", "  ", "    ")
    lines += _by_metric(summary.get("by_metric") or ())
    lines += [f"  {name}: {_remark(value)}" for name, value in (summary.get("remarks") or {}).items()]
    lines += _revisions(summary.get("revisions"))
    lines += _visible(summary.get("visible"))
    wait = summary.get("partition_wait_ms")
    if wait and not shows_updates(summary):
        lines += wrapped(
            f"an engine that waits for the slowest partition waits {_figure(wait['p50'])} ms longer"
            f" (median; at most {_figure(wait['max'])} ms)",
            "  ",
            "    ",
        )
    return lines


def _by_metric(found: Sequence[Summary]) -> list[str]:
    """Return a line for each type of row, where there are several."""
    if not found:
        return []
    rows = (
        (
            metric["metric"],
            [
                f"{metric['exact'] + metric['undecidable']} of {metric['expected']}",
                *(_figure(metric["excess_ms"][p]) for p in ("p50", "p90", "max")),
            ],
        )
        for metric in found
    )
    return ["", *_table("by type of row: right rows, excess in ms", rows, ("right", "P50", "P90", "max"))]


def _revisions(found: Summary | None) -> list[str]:
    """Return how much late events revised."""
    if not found:
        return []
    words = (
        f"late events revised {found['revised']} of {found['results']} results in {found['revisions']} rows, one of"
        f" them {found['most']} times"
    )
    return wrapped(words, "  ", "    ")


def _visible(visible: Summary | None) -> list[str]:
    """Return what is to be known of visible times, where they were observed."""
    if not visible:
        return []
    own = ", ".join(f"{p} {_figure(visible[f'overhead_{p.lower()}_ms'])}" for p in ("P50", "P90", "max"))
    unseen = f"; {visible['rows_not_seen']} rows were never seen" if visible["rows_not_seen"] else ""
    return wrapped(
        "visible time: when a consumer of committed records was first given the row. Of that the consumer itself takes"
        f" {own} ms ({visible['calibration']} records in no transaction, same time and load), which is not subtracted"
        f"{unseen}",
        "  ",
        "    ",
    )


def _decomposition(summary: Summary) -> list[str]:
    parts = summary["decomposition_ms"]
    if shows_updates(summary):  # without the wait for a window that can close there is nothing to take apart
        return wrapped(summary["steady_state"]["note"], hanging="  ")
    rows = ((words, _row(parts[name], ("p50", "p90", "max"))) for name, words in _PARTS.items())
    lines = _table("where the time went, ms", rows, ("P50", "P90", "max"))
    return [*lines, *wrapped(summary["steady_state"]["note"], "  ", "    ")]


def _states(summary: Summary) -> list[str]:
    states, rows = summary["states"], []
    for state in states["by_state"]:
        for name in ("freshness_ms" if shows_updates(summary) else "excess_ms", "e2e_ms"):
            words = f"state {state['state']} ({state['rate']:.0f}/s, {state['rows']} rows) {name}"
            rows.append((words, _row(state[name], ("p50", "p90", "max"))))
    lines = _table("latency by MMPP state, ms", rows, ("P50", "P90", "max"))
    note = f"{states['rule']}; {states['changes']} state changes in the measured phase"
    return [*lines, *wrapped(note, "  ", "    ")]


def _generator(summary: Summary) -> list[str]:
    generator = summary["generator"]
    rows = (
        ("send lateness", [_figure(generator[f"lateness_{p}_ms"]) for p in ("p50", "p99", "max")]),
        ("acknowledgement", [_figure(generator[f"ack_{p}_ms"]) for p in ("p50", "p99", "max")]),
    )
    return [
        *wrapped(
            f"generator: {generator['scheduled']} events scheduled, {generator['sent']} sent,"
            f" {generator['acknowledged']} acknowledged, {generator['failed']} failed",
            hanging="  ",
        ),
        *wrapped(
            f"measured phase: {generator['scheduled_measured']} scheduled, {generator['sent_measured']} sent in time;"
            f" {generator['early']} sent early; {generator['missing']} acknowledged missing from the topic,"
            f" {generator['foreign']} records of others",
            "  ",
        ),
        *_table("  ms, measured phase", (("  " + name, cells) for name, cells in rows), ("P50", "P99", "max")),
    ]


def _rows(summary: Summary) -> list[str]:
    rows = summary["rows"]
    windows = ", ".join(f"{count} {phase}" for phase, count in summary.get("windows", {}).items())
    counted = ", ".join(
        f"{rows[name]} {name.replace('_', ' ')}"
        for name in (
            "exact",
            "undecidable",
            "wrong_value",
            "missing",
            "duplicate",
            "conflicting",
            "backwards",
            "unexpected",
            "foreign",
        )
        if rows.get(name) or name in ("exact", "missing", "wrong_value")
    )
    if shows_updates(summary):
        counted += f"; {rows['intermediate']} intermediate updates"
    if shows_revisions(summary):
        counted += f"; {rows['intermediate']} values before the final one"
    impossible = rows["impossible"]
    return [
        *wrapped(f"rows: {rows['expected']} expected; {counted}", hanging="  "),
        *(wrapped(f"windows: {windows}", "  ") if windows else ()),
        *wrapped(
            f"impossible latencies: {impossible['e2e_negative']} e2e below 0, {impossible['freshness_negative']}"
            f" freshness below 0, {impossible['excess_too_low']} excess below -2 ms",
            "  ",
            "    ",
        ),
    ]


def _machine(summary: Summary) -> list[str]:
    host, engine, clock = summary["host"], summary["engine"], summary["external_clock_ms"]
    consumer = f", result consumer {host['cpu_consumer']:.2f}" if host.get("cpu_consumer") else ""
    lines = wrapped(
        f"machine: cores used by engine {host['cpu_engine']:.2f}, broker {host['cpu_broker']:.2f}, producers"
        f" {host['cpu_producers']:.2f}, harness {host['cpu_harness']:.2f}{consumer}; stolen"
        f" {host['steal']:.1%}, throttled {host['throttled']:.1%}; clock drift {host['drift_ppm']:+.1f} ppm,"
        f" greatest step {host['greatest_step_ms']:+.2f} ms",
        hanging="  ",
    )
    lines += wrapped(engine_line(engine), hanging="  ")
    if clock["bound"]:
        lines += wrapped(
            f"broker's clock: {clock['offset']:+.2f} ms from ours, known to within {clock['bound']:.2f} ms; corrected",
            hanging="  ",
        )
    return lines


def _resources(summary: Summary) -> list[str]:
    """Return CPU-seconds of each process tree, phase by phase; trees are columns."""
    found = summary["resources"]
    spent, each = found["cpu_seconds"], found["cpu_seconds_per_million_events"]
    trees = list(spent)
    phases = list(spent[trees[0]]) if trees else []
    rows = [(f"  {phase}", [_figure(spent[tree][phase]) for tree in trees]) for phase in phases]
    rows.append(("  all of them", [_figure(sum(spent[tree].values())) for tree in trees]))
    rows.append(("per million events, measured phase", [_figure(each[tree]) for tree in trees]))
    memory = {tree: f"{size / 1e6:.0f}" for tree, size in found["memory_bytes"].items()}
    rows.append(("greatest memory, MB", [memory.get(tree, "-") for tree in trees]))
    return _table("CPU-seconds by phase", rows, trees)


def _warnings(warnings: Sequence[str]) -> list[str]:
    if not warnings:
        return []
    lines = ["warnings:"]
    for warning in warnings:
        lines += wrapped(warning, "  - ", "    ")
    return lines


def _files(files: Sequence[str], directory: str) -> list[str]:
    if not directory:
        return []
    return [f"files in {directory}:", *(f"  {name}" for name in files)]
