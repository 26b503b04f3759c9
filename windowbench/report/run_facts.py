"""The tables of a run's report. Pure; each returns None where a run has nothing of the kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windowbench.judge.measures.latency import PARTS
from windowbench.report.engine_line import checkpoint_times, state_kept
from windowbench.report.layout import Row, Table, facts
from windowbench.report.summary import definitions_of, shows_revisions, shows_updates
from windowbench.report.wording import count, ms, number, sentence, share, size
from windowbench.settings.engine import PYTHON_WORKER

Summary = Mapping[str, Any]

_ORDER = ("excess", "since_window_end", "first_excess", "first_since_window_end", "e2e", "freshness")
_PERCENTS = ("p50", "p90", "p95", "p99", "max")
_HEADS = ("P50", "P90", "P95", "P99", "greatest")
PART_WORDS = {
    "send_lateness": "send lateness of the last event",
    "wait_for_window_end": "wait for the window's end",
    "watermark_delay": "watermark delay (configured)",
    "gap_to_closing_event": "gap to the event that closes the window",
    "excess": "excess: what the engine adds",
    "total": "append time − due time of the last event",
}


def latencies(summary: Summary) -> Table | None:
    """Return percentiles of every latency, of rows and of the greatest of each window."""
    found, maxima = summary.get("latencies_ms"), summary.get("window_maxima_ms") or {}
    if not found:
        return None
    headline = str((summary.get("headline") or {}).get("name", ""))
    definitions = definitions_of(summary)
    names = [
        name for name in (*_ORDER, *(n for n in found if n not in _ORDER)) if name in found and name in definitions
    ]
    lines = [
        Row(
            cells=[f"{name}_ms", *(number(found[name][p]) for p in _PERCENTS), _interval(found[name])],
            strong=headline == f"{name}_ms",
        )
        for name in names
    ]
    lines += [
        Row(cells=[f"greatest {name}_ms of each window", *(number(maxima[name][p]) for p in _PERCENTS), ""])
        for name in names
        if name in maxima
    ]
    some = found[names[0]]
    words = f"{count(some['rows'])} rows of {count(some['windows'])} measured windows. "
    if shows_updates(summary):
        words = f"Final rows, and of freshness every update: {count(found['freshness']['rows'])} of them. "
    if shows_revisions(summary):
        revised = summary["revisions"]
        words = (
            f"Final values, first values, and of freshness all {count(found['freshness']['rows'])} of them. Late events"
            f" revised {count(revised['revised'])} of {count(revised['results'])} results in"
            f" {count(revised['revisions'])} rows. "
        )
    words += " ".join(f"{name}_ms: {definitions[name]}." for name in names)
    return Table(title="Percentiles, ms", head=["", *_HEADS, "95 % interval of P90"], rows=lines, note=words)


def _interval(latency: Summary) -> str:
    interval = latency.get("p90_interval")
    return f"{number(interval[0])} – {number(interval[1])}" if interval else latency.get("interval_note") or "–"


def by_metric(summary: Summary) -> Table | None:
    """Return rows and latencies of each type of row, where there are several."""
    found = summary.get("by_metric")
    if not found:
        return None
    latency = "excess"
    lines = [
        Row(
            cells=[
                metric["metric"],
                *(count(metric[name]) for name in ("expected", "exact", "wrong_value", "missing", "undecidable")),
                *(number(metric[f"{latency}_ms"][p]) for p in _PERCENTS),
            ]
        )
        for metric in found
    ]
    heads = ["", "expected", "exact", "wrong", "missing", "undecidable", *(f"{latency} {head}" for head in _HEADS)]
    note = "Rows of all windows; latencies in ms, of rows of measured windows. The headline is over all types of rows."
    return Table(title="By type of row", head=heads, rows=lines, note=note)


def remarks(summary: Summary) -> Table | None:
    """Return what the workload has to say of its load and results beside rows and latencies."""
    found = summary.get("remarks")
    if not found:
        return None
    lines = [
        Row(cells=[name, count(value) if isinstance(value, int) else number(value, 2)]) for name, value in found.items()
    ]
    return Table(title="Of this workload", head=["", "in the whole run"], rows=lines)


def states(summary: Summary) -> Table | None:
    """Return latencies by the state of bursty load."""
    found = summary.get("states")
    if not found:
        return None
    lines = []
    for state in found["by_state"]:
        name = f"state {state['state']}, {number(state['rate'], 0)} events/s, {count(state['rows'])} rows"
        for latency in _ORDER:
            figures = state.get(f"{latency}_ms")
            if figures and latency in ("freshness" if shows_updates(summary) else "excess", "e2e"):
                lines.append(Row(cells=[f"{latency}_ms in {name}", *(number(figures[p]) for p in _PERCENTS)]))
    note = sentence(f"{found['rule']}; {count(found['changes'])} state changes in the measured phase")
    return Table(title="By state of the load, ms", head=["", *_HEADS], rows=lines, note=note)


def rows(summary: Summary) -> Table | None:
    """Return how many rows there are of each class."""
    found = summary.get("rows")
    if not found or "expected" not in found:
        return None
    classes = ("exact", "wrong_value", "missing", "conflicting", "unexpected", "undecidable", "duplicate", "foreign")
    impossible = found.get("impossible") or {}
    cells = [count(found["expected"]), *(count(found.get(name, 0)) for name in classes)]
    windows = ", ".join(f"{count(n)} {phase}" for phase, n in (summary.get("windows") or {}).items())
    words = f"Windows: {windows}. " if windows else ""
    words += (
        f"Impossible latencies: {impossible.get('e2e_negative', 0)} e2e below 0,"
        f" {impossible.get('freshness_negative', 0)} freshness below 0,"
        f" {impossible.get('excess_too_low', 0)} excess below −2 ms."
    )
    heads = ["", "expected", *(name.replace("_value", "").replace("_", " ") for name in classes)]
    return Table(title="Rows by class", head=heads, rows=[Row(cells=["rows", *cells])], note=words)


def decomposition(parts: Summary) -> Table | None:
    """Return the parts of a row's time."""
    if not parts:
        return None
    found = [
        Row(
            cells=[PART_WORDS[name], *(number(parts[name].get(p)) for p in ("mean", "p50", "p90", "max"))],
            strong=name == "total",
        )
        for name in (*PARTS, "total")
        if name in parts
    ]
    return Table(
        title="Parts, ms",
        head=["", "mean", "P50", "P90", "greatest"],
        rows=found,
        note="Percentiles need not add up: the row with the median of one part is not that of another.",
    )


def load(summary: Summary) -> Table | None:
    """Return the rates of the load."""
    found, generator = summary.get("load"), summary.get("generator") or {}
    if not found:
        return None
    sent = generator.get("sent_measured")
    cells = [
        ("nominal rate", f"{number(found['nominal_rate'])} events/s"),
        ("scheduled rate, measured phase", f"{number(found['scheduled_rate'])} events/s"),
    ]
    if sent is not None:
        cells.append(("achieved rate, measured phase", f"{number(sent / found['measured_seconds'])} events/s"))
    if found.get("path_rate") is not None:
        cells.append(("rate along the path of states", f"{number(found['path_rate'])} events/s"))
    cells += [
        ("arrivals", f"{found['arrivals']}, {found['producers']} producers, seed {found['seed']}"),
        ("measured for", f"{found['measured_seconds']:g} s"),
    ]
    return facts("Rates", cells)


def arrivals(summary: Summary) -> Table | None:
    """Return how well the schedule fits the arrival process it claims to be."""
    fit = summary.get("arrivals")
    if not fit:
        return None
    reasons = fit.get("reasons") or {}
    cells: list[tuple[str, str]] = []
    for name, words in (("gaps", "gaps against the exponential law"), ("sojourn_shape", "stays in a state, likewise")):
        test = fit.get(name)
        if test:
            text = f"Kolmogorov–Smirnov distance {number(test['statistic'], 4)}, p = {number(test['p_value'], 3)}"
            cells.append((words, f"{text}, n = {count(test['n'])}"))
        elif name in reasons:
            cells.append((words, reasons[name]))
    cells += _dispersion(fit.get("dispersion"), reasons.get("dispersion"))
    for stay in fit.get("sojourns") or ():
        mean = "–" if stay["mean_s"] is None else f"{number(stay['mean_s'], 2)} s"
        cells.append(
            (
                f"mean stay in state {stay['state']}",
                f"{mean} over {count(stay['exits'])} exits, configured {stay['expected_s']:g} s",
            )
        )
    if fit.get("bin_spread") is not None:
        cells.append(("counts of equal bins differ by", f"at most {count(fit['bin_spread'])}"))
    return facts("Does the schedule look like its arrival process?", cells) if cells else None


def _dispersion(found: Summary | None, reason: str | None) -> list[tuple[str, str]]:
    words = "index of dispersion of counts"
    if found:
        expected = f"{number(found['expected'], 3)} ± {number(found['standard_error'], 3)} expected"
        return [(words, f"{number(found['index'], 3)}, {expected}, in bins of {number(found['bin_ns'] / 1e9, 2)} s")]
    return [(words, reason)] if reason else []


def generator(summary: Summary) -> Table | None:
    """Return what the producers did."""
    found = summary.get("generator")
    if not found:
        return None
    triple = ("p50", "p99", "max")
    cells = [
        (
            "scheduled, sent, acknowledged, failed",
            [count(found[n]) for n in ("scheduled", "sent", "acknowledged", "failed")],
        ),
        ("of them in the measured phase", [count(found["scheduled_measured"]), count(found["sent_measured"])]),
        ("sent before they were due", [count(found["early"])]),
        ("missing, duplicated, foreign in the topic", [count(found[n]) for n in ("missing", "duplicated", "foreign")]),
        ("send lateness P50, P99, greatest", [ms(found[f"lateness_{p}_ms"]) for p in triple]),
        ("acknowledgement P50, P99, greatest", [ms(found[f"ack_{p}_ms"]) for p in triple]),
    ]
    return facts("Events", [(name, " · ".join(values)) for name, values in cells])


def engine(summary: Summary) -> Table | None:
    """Return what the engine counted."""
    found, steady = summary.get("engine"), summary.get("steady_state") or {}
    if not found:
        return None
    cells = [("engine", str(found["name"])), ("records rejected", count(found["rejected"]))]
    cells += [(name, "approximate") for name in found.get("approximate") or ()]
    if PYTHON_WORKER in found.get("settings", {}):
        cells.append(("Python worker", "on the measured path: every row goes to it and back"))
    if found["batches"] and found["batch_max_ms"]:  # only an engine of micro-batches says how long each took
        lengths = f"median {number(found['batch_p50_ms'], 0)} ms, longest {number(found['batch_max_ms'], 0)} ms"
        cells.append(("batches in the measured phase", f"{count(found['batches'])}, {lengths}"))
    if (kept := state_kept(found)) is not None:
        cells.append(("state, most in the measured phase", kept))
    if (times := checkpoint_times(found)) is not None:
        cells.append(("checkpoints in the measured phase", f"{count(found['checkpoints'])}, {times}"))
    lag = steady.get("results_lag_s")
    if lag is not None:
        limit = number(steady["results_lag_limit_s"], 0)
        cells.append(("from the end of load to the last event in a result", f"{number(lag)} s (limit {limit} s)"))
    return facts("Counts", cells)


def resources(summary: Summary) -> Table | None:
    """Return CPU-seconds by phase and process tree, and what a million events cost."""
    found = summary.get("resources")
    if not found or not found["cpu_seconds"]:
        return None
    spent, each, memory = found["cpu_seconds"], found["cpu_seconds_per_million_events"], found["memory_bytes"]
    trees = list(spent)

    def line(name: str, values: Sequence[float | None], *, strong: bool = False) -> Row:
        whole = None if any(value is None for value in values) else sum(value or 0.0 for value in values)
        return Row(cells=[name, *map(number, values), number(whole)], strong=strong)

    lines = [line(phase, [spent[tree][phase] for tree in trees]) for phase in spent[trees[0]]]
    lines.append(line("whole run", [sum(spent[tree].values()) for tree in trees]))
    lines.append(line("per million events, measured phase", [each[tree] for tree in trees], strong=True))
    sizes = [size(memory[tree]) if tree in memory else "–" for tree in trees]
    lines.append(Row(cells=["greatest resident memory", *sizes, ""]))
    return Table(title="CPU-seconds by phase", head=["", *trees, "all"], rows=lines)


def machine(summary: Summary) -> Table | None:
    """Return what the machine did to the run."""
    host, clock = summary.get("host"), summary.get("external_clock_ms") or {}
    if not host:
        return None
    cells = [
        ("CPU time stolen · throttled, measured phase", f"{share(host['steal'])} · {share(host['throttled'])}"),
        ("drift of the wall clock", f"{number(host['drift_ppm'])} ppm"),
        ("greatest step of the wall clock", f"{number(host['greatest_step_ms'], 2)} ms"),
    ]
    if clock.get("bound"):
        cells.append(
            (
                "broker's clock",
                f"{number(clock['offset'], 2)} ms from ours, known to within {number(clock['bound'], 2)} ms",
            )
        )
    return facts("The machine", cells)
