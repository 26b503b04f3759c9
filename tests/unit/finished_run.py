"""Directories of finished runs, made in no time: latencies are drawn, not measured."""

import numpy as np

from config import Config
from tests.unit.summaries import content
from windowbench.judge.measured import Phase
from windowbench.judge.measures.latency import LATENCIES
from windowbench.judge.measures.quantiles import nearest_rank
from windowbench.load.schedule import NS_PER_MS, plan
from windowbench.runs.samples import named_column, nullable_column, write_parquet
from windowbench.runs.store import RunDirectory

NOW_NS = 1_760_000_000_123_456_789
WINDOW_MS = 1000
VISIBLE_AFTER_MS = 40
PERCENTS = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
ENVIRONMENT = {
    "cpu_model": "Some CPU",
    "kernel": "6.1",
    "load_average_at_start": [0.5, 0.4, 0.3],
    "packages": {"numpy": "2.0"},
    "broker": {"embedded": True, "brokers": ["127.0.0.1:40001"]},
}


def configuration(run_id, windows=40, **settings):
    values = {
        "run_id": run_id,
        "window_size_sec": WINDOW_MS / 1000,
        "duration_seconds": windows * WINDOW_MS / 1000,
        "broker": "embedded",
        "bootstrap_servers": "127.0.0.1:40001",
    }
    return Config().replace(**{**values, **settings})


def drawn_excess(windows, campaigns, *, typical_ms, cv, seed):
    """Return window ids and excess (ns) of rows: log-normal from window to window, equal within one."""
    rng = np.random.default_rng(seed)
    of_window = typical_ms * np.exp(cv * rng.normal(size=windows)) * NS_PER_MS
    ids = np.repeat(np.arange(windows), campaigns)
    return ids, np.repeat(of_window, campaigns).astype(np.int64)


def described(values, windows):
    figures = {name: nearest_rank(values, percent) / NS_PER_MS for name, percent in PERCENTS.items()}
    return {"rows": len(values), "windows": len(np.unique(windows)), **figures}


def finished_run(
    parent,
    run_id,
    *,
    typical_ms=100.0,
    cv=0.1,
    windows=40,
    campaigns=2,
    draw=1,
    verdict="valid",
    reasons=(),
    status=None,
    environment=None,
    effective=None,
    caveats=(),
    approximation=None,
    **settings,
):
    """Write a run that ended and was judged; return its directory."""
    config = configuration(run_id, windows, **settings)
    schedule = plan(config, NOW_NS)
    run = RunDirectory.create(parent / run_id)
    run.write_config(config)
    run.write_schedule(schedule)
    run.write_json("environment.json", ENVIRONMENT if environment is None else environment)
    run.write_json("status.json", status or {"status": "completed", "phase": "report", "exit_code": 0, "error": None})
    ids, excess = drawn_excess(windows, campaigns, typical_ms=typical_ms, cv=cv, seed=draw)
    delay_ns = config.windows.delay_ms * NS_PER_MS
    values = {"e2e": excess + 2 * delay_ns, "since_window_end": excess + delay_ns, "excess": excess}
    values["freshness"] = values["e2e"]
    assert values.keys() == set(LATENCIES)
    if config.observes_visible_time:
        values["visible_excess"] = excess + VISIBLE_AFTER_MS * NS_PER_MS
    latencies = {name: described(column, ids) for name, column in values.items()}
    figures = latencies["excess"]
    headline = {"name": "excess_ms", "percent": 90, "value_ms": figures["p90"], "interval_ms": None}
    headline |= {"caveats": list(caveats), "ranks": not caveats}
    found = [{"code": "rows_wrong", "party": "engine", "text": text} for text in reasons]
    summary = content(
        run_id=run_id,
        verdict={"verdict": verdict, "reasons": found, "warnings": []},
        headline={**headline, "rows": figures["rows"], "windows": figures["windows"]} if verdict == "valid" else None,
        load={"arrivals": "poisson", "nominal_rate": 667.0, "scheduled_rate": 667.0, "path_rate": None},
        latencies_ms=latencies,
        approximation=approximation or {},
        engine={"name": config.engine.engine, "settings": effective or {}},
    )
    run.write_json("summary.json", summary)
    write_rows(run, ids, values)
    return str(run.path)


def write_rows(run, ids, values):
    """Write the judged rows, and beside them what is no measured row: a window of the warm-up, and one of none."""
    extra = [-1, 0]
    known = np.append(np.ones(len(ids) + 1, dtype=bool), False)
    counts = np.append(np.ones(len(ids) + 1, dtype=bool), False)
    phases = np.append(np.full(len(ids), Phase.MEASURED), [Phase.WARM_UP, -1])
    table = {
        "window_id": nullable_column(np.append(ids, extra), known),
        "phase": named_column(phases, [phase.label for phase in Phase]),
        "counts": counts,
    }
    for name, column in values.items():
        table[f"{name}_ns"] = nullable_column(np.append(column, [999 * NS_PER_MS, 0]), counts)
    write_parquet(run.judged_rows, table)
