"""The tables of a run's report. Pure; each returns None where a run has nothing of the kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from windowbench.report.document import Foreign, Line, Row, Table, facts
from windowbench.report.latencies import (
    PERCENTS,
    ROW_TIMES,
    Summary,
    percents_of,
    shown_latencies,
    shows_revisions,
    shows_updates,
)
from windowbench.report.wording import NOTHING, count, ms, number, plural, sentence, sentences, share, signed, size
from windowbench.settings.engine import PYTHON_WORKER

_CLASSES = (
    "exact", "wrong_value", "missing", "conflicting", "backwards", "unexpected", "undecidable", "duplicate", "foreign",
)  # fmt: skip
"""Of rows; those after the first three are told where there are any."""


def _class_words(name: str) -> str:
    return name.removesuffix("_value")


def _figures(of: Mapping[str, float | None], percents: Iterable[str]) -> list[str]:
    return [number(of.get(percent)) for percent in percents]


# --- latencies --------------------------------------------------------------------------------------------------------


def latencies(summary: Summary) -> Table | None:
    """Return percentiles of every latency."""
    shown = shown_latencies(summary)
    if not shown:
        return None
    found, headline = summary["latencies_ms"], summary.get("headline") or {}
    percents = percents_of(found[name] for name in shown)
    rows = [
        Row(
            cells=[f"{name}_ms", *_figures(found[name], percents), _interval(found[name])],
            strong=headline.get("name") == f"{name}_ms",
        )
        for name in shown
    ]
    heads = ["", *percents.values(), "95 % interval of P90"]
    words = [f"of {_counted(summary, next(iter(shown)))}; percentiles by nearest rank"]
    notes = {found[name].get("interval_note") for name in shown} - {None, headline.get("interval_note")}
    words += [f"no interval: {note}" for note in sorted(notes)]
    return Table(title="Latency, ms", head=heads, rows=rows, note=sentences(words), spare=frozenset({len(heads) - 1}))


def _interval(latency: Summary) -> str:
    interval = latency.get("p90_interval")
    return f"{number(interval[0])} – {number(interval[1])}" if interval else NOTHING


def _counted(summary: Summary, name: str) -> str:
    """Return how many rows the latencies are of."""
    found = summary["latencies_ms"]
    rows, every = found[name]["rows"], (found.get("freshness") or found[name])["rows"]
    words = plural(rows, "row")
    if shows_updates(summary):
        words = f"{plural(rows, 'final row')} and {plural(every, 'update')}, final ones included,"
    if shows_revisions(summary):
        words = f"{plural(rows, 'final value')} and {plural(every, 'value')} in all"
    return f"{words} of {plural(found[name]['windows'], 'measured window')}"


def maxima(summary: Summary) -> Table | None:
    """Return percentiles of the greatest latencies of windows."""
    found = summary.get("window_maxima_ms") or {}
    shown = {f"{name}_ms": found[name] for name in shown_latencies(summary) if name in found}
    return _by_percentile("Greatest of each window, ms", shown, percents_of(found.values())) if shown else None


def _by_percentile(title: str, shown: Mapping[str, Summary], percents: Mapping[str, str], note: str = "") -> Table:
    """Return percentiles of some figures, a line for each."""
    rows = [Row(cells=[name, *_figures(of, percents)]) for name, of in shown.items()]
    return Table(title=title, head=["", *percents.values()], rows=rows, note=note, detail=True)


def definitions(summary: Summary) -> Table | None:
    """Return what each latency is, and what else is to be known of them."""
    cells: list[tuple[Line, Line]] = [
        (f"{name}_ms", words.replace(" - ", " − ")) for name, words in shown_latencies(summary).items()
    ]
    if not cells:
        return None
    revised, visible = summary.get("revisions"), summary.get("visible")
    if revised:
        words = (
            f"{count(revised['revised'])} of {count(revised['results'])} results in {count(revised['revisions'])} rows"
        )
        cells.append(("late events revised", f"{words}, one of them {plural(revised['most'], 'time')}"))
    if visible:
        own = ", ".join(f"{p} {ms(visible[f'overhead_{p.lower()}_ms'])}" for p in ("P50", "P90", "max"))
        words = (
            "when a consumer of committed records was first given the row. Of that the consumer itself takes"
            f" {own} ({plural(visible['calibration'], 'record')} in no transaction, same time and load), which is not"
            " subtracted"
        )
        unseen = f"; {plural(visible['rows_not_seen'], 'row')} never seen" if visible["rows_not_seen"] else ""
        cells.append(("visible time", f"{words}{unseen}"))
    return facts("What each of them is", cells, detail=True)


def by_metric(summary: Summary) -> Table | None:
    """Return rows and latencies of each type of row, where there are several."""
    found = summary.get("by_metric")
    if not found:
        return None
    percents = percents_of(metric["excess_ms"] for metric in found)
    classes = ("expected", "exact", "wrong_value", "missing", "undecidable")
    lines = [
        Row(
            cells=[
                Foreign(metric["metric"]),
                *(count(metric[name]) for name in classes),
                *_figures(metric["excess_ms"], percents),
            ]
        )
        for metric in found
    ]
    heads = ["", *map(_class_words, classes), *(f"excess {head}" for head in percents.values())]
    note = "Rows of all windows; latencies in ms, of rows of measured windows. The headline is over all types of rows."
    return Table(title="By type of row", head=heads, rows=lines, note=note, detail=True)


def states(summary: Summary) -> Table | None:
    """Return latencies by the state of bursty load."""
    found = summary.get("states")
    if not found:
        return None
    latencies = ("freshness" if shows_updates(summary) else "excess", "e2e")
    shown = {
        f"{name}_ms, state {state['state']}, {number(state['rate'], 0)}/s, {plural(state['rows'], 'row')}": latency
        for state in found["by_state"]
        for name in latencies
        if (latency := state.get(f"{name}_ms"))
    }
    note = sentence(f"{found['rule']}; {plural(found['changes'], 'state change')} in the measured phase")
    return _by_percentile("By state of the load, ms", shown, percents_of(shown.values()), note)


# --- rows -------------------------------------------------------------------------------------------------------------


def rows(summary: Summary) -> Table | None:
    """Return how many rows there are of each class."""
    found = summary.get("rows")
    if not found or "expected" not in found:
        return None
    impossible = found.get("impossible") or {}
    counted = [
        f"{count(found.get(name, 0))} {_class_words(name)}"
        for name in _CLASSES
        if found.get(name) or name in _CLASSES[:3]
    ]
    if shows_updates(summary):
        counted.append(f"{count(found['intermediate'])} intermediate updates")
    if shows_revisions(summary):
        counted.append(f"{count(found['intermediate'])} values before the final one")
    cells: list[tuple[Line, Line]] = [("rows", f"{count(found['expected'])} expected: {', '.join(counted)}")]
    lacking = (summary.get("load") or {}).get("lacking")
    if lacking:
        cells.append(("the load had no", ", ".join(str(one).replace("_", " ") for one in lacking)))
    windows = ", ".join(f"{count(n)} {phase}" for phase, n in (summary.get("windows") or {}).items())
    if windows:
        cells.append(("windows", windows))
    words = (
        f"{impossible.get('e2e_negative', 0)} e2e below 0, {impossible.get('freshness_negative', 0)} freshness below 0,"
        f" {impossible.get('excess_too_low', 0)} excess below −2 ms"
    )
    return facts("Rows", [*cells, ("impossible latencies", words)])


def remarks(summary: Summary) -> Table | None:
    """Return what the workload has to say of its load and results beside rows and latencies."""
    found = summary.get("remarks")
    if not found:
        return None
    cells: list[tuple[Line, Line]] = [
        (Foreign(name), count(value) if isinstance(value, int) else number(value, 2)) for name, value in found.items()
    ]
    return facts("Of this workload, in the whole run", cells, detail=True)


def decomposition(summary: Summary) -> Table | None:
    """Return the parts of a row's time; without the wait for a window that can close there are none."""
    parts = {} if shows_updates(summary) else summary.get("decomposition_ms") or {}
    lines = [
        Row(cells=[words, *_figures(parts[name], ("mean", "p50", "p90", "max"))], strong=name == "total")
        for name, words in ROW_TIMES.items()
        if name in parts
    ]
    if not lines:
        return None
    note = "Percentiles need not add up: the row with the median of one part is not that of another."
    wait = summary.get("partition_wait_ms")
    if wait:
        note += (
            f" An engine that waits for the slowest partition waits {ms(wait['p50'])} longer (median; at most"
            f" {ms(wait['max'])})."
        )
    return Table(title="Parts, ms", head=["", "mean", "P50", "P90", "max"], rows=lines, note=note)


# --- load -------------------------------------------------------------------------------------------------------------


def load(summary: Summary) -> Table | None:
    """Return what load there was."""
    found, generator = summary.get("load"), summary.get("generator") or {}
    if not found:
        return None
    rates = [f"{number(found['nominal_rate'])} nominal", f"{number(found['scheduled_rate'])} scheduled"]
    if generator.get("sent_measured") is not None:
        rates.append(f"{number(generator['sent_measured'] / found['measured_seconds'])} sent in time")
    if found.get("path_rate") is not None:
        rates.append(f"{number(found['path_rate'])} along the path of states")
    slide = f", slide {found['slide_ms'] / 1000:g} s" if found["slide_ms"] != found["window_size_ms"] else ""
    scope = "".join(f", {count(number)} {word}" for word, number in found["scope"].items())
    delay = f"watermark delay {found['watermark_delay_ms'] / 1000:g} s"
    made = f", {plural(found['producers'], 'producer')}, {found['measured_seconds']:g} s measured, seed {found['seed']}"
    made += " and a salt: a blind run" if found.get("blind") else ""
    cells: list[tuple[Line, Line]] = [
        ("load", (Foreign(found["arrivals"]), made)),
        ("events/s", ", ".join(rates)),
        ("window size", f"{found['window_size_ms'] / 1000:g} s{slide}, {delay}{scope}"),
    ]
    return facts("Load and windows", cells)


def topics(summary: Summary) -> Table | None:
    """Return what a bare pair of topics held."""
    found = summary.get("topics")
    if not found:
        return None
    cells: list[tuple[Line, Line]] = [
        (
            Foreign(found["events_topic"]),
            f"{plural(found['events'], 'event')} and {plural(found['rejected'], 'other record')}",
        ),
        (Foreign(found["result_topic"]), plural(found["results"], "record")),
    ]
    note = (
        "Truth is what the events topic holds; send times are the produce times of the events; windows count from id 0"
        " on while events close them."
    )
    return facts("Topics", cells, note=note)


def arrivals(summary: Summary) -> Table | None:
    """Return how well the schedule fits the arrival process it claims to be."""
    fit = summary.get("arrivals")
    cells = list(_arrivals(fit)) if fit else []
    return facts("Does the schedule look like its arrival process?", cells, detail=True) if cells else None


def _arrivals(fit: Summary) -> Iterator[tuple[Line, Line]]:
    reasons = fit.get("reasons") or {}
    for name, words in (("gaps", "gaps against the exponential law"), ("sojourn_shape", "stays in a state, likewise")):
        test = fit.get(name)
        if test:
            text = f"Kolmogorov–Smirnov distance {number(test['statistic'], 4)}, p = {number(test['p_value'], 3)}"
            yield words, f"{text}, n = {count(test['n'])}"
        elif name in reasons:
            yield words, reasons[name]
    found, words = fit.get("dispersion"), "index of dispersion of counts"
    if found:
        expected = f"{number(found['expected'], 3)} ± {number(found['standard_error'], 3)} expected"
        yield words, f"{number(found['index'], 3)}, {expected}, in bins of {number(found['bin_ns'] / 1e9, 2)} s"
    elif "dispersion" in reasons:
        yield words, reasons["dispersion"]
    for stay in fit.get("sojourns") or ():
        mean = NOTHING if stay["mean_s"] is None else f"{number(stay['mean_s'], 2)} s"
        yield (
            f"mean stay in state {stay['state']}",
            f"{mean} over {plural(stay['exits'], 'exit')}, configured {stay['expected_s']:g} s",
        )
    if fit.get("bin_spread") is not None:
        yield "counts of equal bins differ by", f"at most {count(fit['bin_spread'])}"


def generator(summary: Summary) -> Table | None:
    """Return what the producers did."""
    found = summary.get("generator")
    if not found:
        return None
    events = ("scheduled", "sent", "acknowledged", "failed")
    cells: list[tuple[Line, Line]] = [
        ("events", ", ".join(f"{count(found[name])} {name}" for name in events)),
        (
            "of them in the measured phase",
            f"{count(found['scheduled_measured'])} scheduled, {count(found['sent_measured'])} sent in time",
        ),
        ("sent before they were due", count(found["early"])),
        ("in the topic", ", ".join(f"{count(found[name])} {name}" for name in ("missing", "duplicated", "foreign"))),
        *(
            (words, ", ".join(f"{PERCENTS[p]} {ms(found[f'{name}_{p}_ms'])}" for p in ("p50", "p99", "max")))
            for name, words in (("lateness", "send lateness"), ("ack", "acknowledgement"))
        ),
    ]
    return facts("Events", cells)


# --- the engine, what it cost, and the machine ------------------------------------------------------------------------


def engine(summary: Summary) -> Table | None:
    """Return what the engine counted."""
    found, steady = summary.get("engine"), summary.get("steady_state") or {}
    if not found:
        return None
    cells: list[tuple[Line, Line]] = [("engine", Foreign(found["name"]))]
    cells += [("preset", found["preset"])] if found.get("preset") else []
    cells += [(name, "approximate") for name in found.get("approximate") or ()]
    if found.get("real_time_batch_s"):
        boundaries = f"{count(found['batches'])} batch boundaries in the measured phase"
        cells.append(("Real-Time Mode", f"batches of {found['real_time_batch_s']:g} s, {boundaries}"))
    elif shows_updates(summary):
        cells.append(("mode", "update"))
    if PYTHON_WORKER in found.get("settings", {}):
        cells.append(("Python worker", "on the measured path: every row goes to it and back"))
    cells.append(("records rejected", count(found["rejected"])))
    kept = state_kept(found)
    if found["batch_max_ms"]:  # only an engine of micro-batches says how long each took
        cells += _lengths(found, "batch", "batches")
    cells += [("state, most in the measured phase", kept)] if kept is not None else []
    cells += _lengths(found, "checkpoint", "checkpoints")
    lag = steady.get("results_lag_s")
    if lag is not None:
        limit = number(steady["results_lag_limit_s"], 0)
        cells.append(("from the end of load to the last event in a result", f"{number(lag)} s (limit {limit} s)"))
    return facts("Counts", cells)


def _lengths(engine: Summary, one: str, many: str) -> Iterator[tuple[Line, Line]]:
    """Say how long batches or checkpoints took, where there were any."""
    if engine.get(many):
        median, longest = (number(engine[f"{one}_{which}_ms"], 0) for which in ("p50", "max"))
        yield f"{many} in the measured phase", f"{count(engine[many])}, median {median} ms, longest {longest} ms"


def state_kept(engine: Mapping[str, Any]) -> str | None:
    """Return how much state an engine kept at most; None where it does not say, as runs of earlier versions."""
    held = engine.get("state_rows"), engine.get("state_bytes")
    words = [f"{count(held[0])} rows"] if held[0] is not None else []
    words += [size(held[1])] if held[1] is not None else []
    return ", ".join(words) or None


def spent(summary: Summary) -> Table | None:
    """Return what a million events cost each process tree, and its memory."""
    found = summary.get("resources")
    if not found or not found["cpu_seconds"]:
        return None
    trees = list(found["cpu_seconds"])
    each = [found["cpu_seconds_per_million_events"][tree] for tree in trees]
    memory = Row(cells=["greatest resident memory", *(size(found["memory_bytes"].get(tree)) for tree in trees), ""])
    rows = [_spent("CPU s per million events", each, strong=True), memory]
    return Table(title="Cost, measured phase", head=["", *trees, "all"], rows=rows)


def _spent(name: str, each: Sequence[float | None], *, strong: bool = False) -> Row:
    """Return figures of process trees, and their sum where all are known."""
    known = [value for value in each if value is not None]
    return Row(cells=[name, *map(number, each), number(sum(known) if len(known) == len(each) else None)], strong=strong)


def resources(summary: Summary) -> Table | None:
    """Return CPU-seconds by phase and process tree."""
    found = (summary.get("resources") or {}).get("cpu_seconds")
    if not found:
        return None
    rows = [_spent(phase, [of[phase] for of in found.values()]) for phase in next(iter(found.values()))]
    rows.append(_spent("whole run", [sum(of.values()) for of in found.values()]))
    return Table(title="CPU-seconds by phase", head=["", *found, "all"], rows=rows, detail=True)


def machine(summary: Summary) -> Table | None:
    """Return what the machine did to the run."""
    host, clock = summary.get("host"), summary.get("external_clock_ms") or {}
    if not host:
        return None
    trees = ("engine", "broker", "producers", "harness", "consumer")
    used = [f"{tree} {number(host[f'cpu_{tree}'], 2)}" for tree in trees if host.get(f"cpu_{tree}") is not None]
    cells: list[tuple[Line, Line]] = [
        ("cores used, measured phase", ", ".join(used)),
        ("CPU time of the measured phase", f"{share(host['steal'])} stolen, {share(host['throttled'])} throttled"),
        (
            "wall clock",
            f"drift {signed(host['drift_ppm'])} ppm, greatest step {signed(host['greatest_step_ms'], 2)} ms",
        ),
    ]
    if clock.get("bound"):
        words = f"{signed(clock['offset'], 2)} ms from ours, known to within {number(clock['bound'], 2)} ms; corrected"
        cells.append(("broker's clock", words))
    return facts("The machine", cells, detail=True)
