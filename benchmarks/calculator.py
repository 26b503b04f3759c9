"""Measure how fast the judge is: a recorded run of a million result rows, stage by stage and as a program.

    python benchmarks/calculator.py [--windows N] [--campaigns N] [--updates]

With --updates the rows are those of Real-Time Mode: an update for every event of a quarter of the windows.

The run is made first and takes no part in the figures. Targets: one million rows classified and summarised within
5 s and 1 GB. What it takes to make the schedule again grows with the events, not with the rows, and stands apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.table import Figure, show
from benchmarks.taken import taken_by
from config import Config
from windowbench.judge.judgement import judge, replay
from windowbench.judge.recorded import read_recorded
from windowbench.judge.truth.closing import closing_times
from windowbench.judge.truth.comparison import compare
from windowbench.judge.truth.oracle import NOTHING_SEEN
from windowbench.judge.truth.replay import scheduled_events
from windowbench.judge.truth.updates import rules_of
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule, plan
from windowbench.runs.samples import (
    HOST_COLUMNS,
    RESULT_COLUMNS,
    SampleWriter,
    read_columns,
    read_table,
    row_count,
    write_parquet,
)
from windowbench.runs.store import RunDirectory
from windowbench.workloads.ad_ctr.oracle import AdCtrTruth, TruthBuilder

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
TARGET_SECONDS = 5
_EVENTS_PER_CELL = 4
_RUN_ID = "calculator-benchmark"


def make_run(path: Path, windows: int, campaigns: int, *, updates: bool = False) -> RunDirectory:
    config = Config().replace(
        engine="spark",
        spark_mode="realtime" if updates else "append",
        run_id=_RUN_ID,
        broker="embedded",
        window_size_sec=1.0,
        duration_seconds=float(windows),
        warmup_seconds=5.0,
        num_campaigns=campaigns,
        ads_per_campaign=2,
        events_per_producer=None,
        rate=float(_EVENTS_PER_CELL * campaigns),
    )
    schedule = plan(config, 1_760_000_000_000_000_000)
    run = RunDirectory.create(path / _RUN_ID)
    run.write_config(config)
    run.write_schedule(schedule)
    _write_load(run, config, schedule)
    closing = closing_times(config, schedule, scheduled_events(config, schedule))
    builder = TruthBuilder(config, closing, NOTHING_SEEN)
    for events in scheduled_events(config, schedule, lambda i: iter([_sent(run, i)])):
        builder.add(events)
    truth = builder.finish()
    _write_results(run, *(_updates(run, config, schedule, truth) if updates else _final_rows(truth)))
    seconds = np.arange(-3, schedule.load_length_ns // NS_PER_S + 5)
    host = {name: np.zeros(len(seconds), dtype=kind) for name, kind in HOST_COLUMNS.items()}
    host["mono_ns"] = seconds * NS_PER_S + 10**15
    host["wall_ns"] = seconds * NS_PER_S + schedule.epoch_ns
    write_parquet(run.host_samples, host)
    run.write_json("status.json", {"status": "completed", "phase": "report", "exit_code": None, "error": None})
    return run


def _sent(run: RunDirectory, producer: int) -> np.ndarray:
    return read_columns(run.producer_samples(producer))["sent_ns"]


def _write_load(run: RunDirectory, config: Config, schedule: Schedule) -> None:
    producers = range(config.load.num_producers)
    sent = [SampleWriter(run.producer_samples(i), {"sent_ns": "int64"}) for i in producers]
    for events in scheduled_events(config, schedule):
        sent[events.producer].append(sent_ns=events.due_ns + 300_000)
    for i, writer in enumerate(sent):
        writer.close()
        write_parquet(
            run.ack_samples(i), {"n": np.arange(0, writer.rows, 100), "ack_us": np.full(-(-writer.rows // 100), 3000)}
        )
    counts = [
        {"producer": i, "sent": w.rows, "acknowledged": w.rows, "failed": 0, "max_ack_ms": 3.0}
        for i, w in enumerate(sent)
    ]
    run.write_json("producers.json", {"producers": counts})
    seen = [{"producer": i, "missing": 0, "duplicated": 0, "time_mismatch": 0} for i in producers]
    run.write_json("events_topic.json", {"producers": seen, "missing_examples": [], "foreign": 0})


def _final_rows(truth: AdCtrTruth) -> tuple[np.ndarray, list[bytes]]:
    """Return append times (ms) and values of one row a cell, 0.4 to 0.7 s after its window could close."""
    cells = np.flatnonzero(truth.required)
    windows = truth.cells.window_index(cells)
    closing = truth.cells.closing
    append = closing.closing_ns[windows] // NS_PER_MS + 400 + np.random.default_rng(1).integers(0, 300, len(cells))
    newest = (truth.greatest_produce_ms[cells], truth.event_time_ns.low[cells])
    return append, _values(truth, cells, truth.tallied.must[:, cells], *newest)


def _updates(
    run: RunDirectory, config: Config, schedule: Schedule, truth: AdCtrTruth
) -> tuple[np.ndarray, list[bytes]]:
    """Return append times (ms) and values of one row an event, 20 to 60 ms after it was sent."""
    load = list(scheduled_events(config, schedule, lambda i: iter([_sent(run, i)])))
    due, sent, times, campaign, kind = (
        np.concatenate(columns)
        for columns in zip(
            *(
                (b.due_ns, b.sent_ns, b.event_time_ns, b.contents["campaign_id"], b.contents["event_type"])
                for b in load
            ),
            strict=True,
        )
    )
    assigner = truth.cells.closing.assigner
    cell = (assigner.last_ids(times) - truth.cells.closing.first_id) * truth.cells.keys + campaign
    order = np.lexsort((due, cell))
    cell, sent, times, kind = cell[order], sent[order], times[order], kind[order]
    starts = np.flatnonzero(np.concatenate(([True], cell[1:] != cell[:-1])))
    group = np.cumsum(np.concatenate(([True], cell[1:] != cell[:-1]))) - 1
    counts = np.empty((3, len(cell)), dtype=np.int64)
    for number in range(3):
        running = np.cumsum(kind == number)
        counts[number] = running - (running[starts] - (kind[starts] == number))[group]
    append = sent // NS_PER_MS + 20 + np.random.default_rng(1).integers(0, 40, len(cell))
    append = np.maximum.accumulate(group * 10**13 + append) - group * 10**13  # no update overtakes another
    values = _values(truth, cell, counts, sent // NS_PER_MS, times)
    by_time = np.argsort(append, kind="stable")
    return append[by_time], [values[i] for i in by_time.tolist()]


def _values(
    truth: AdCtrTruth, cells: np.ndarray, by_type: np.ndarray, produced_ms: np.ndarray, event_time_ns: np.ndarray
) -> list[bytes]:
    """Return the JSON of rows."""
    closing, windows = truth.cells.closing, truth.cells.window_index(cells)
    columns = (
        truth.cells.keys_of(cells).tolist(),
        closing.starts_ms[windows].tolist(),
        closing.ends_ms[windows].tolist(),
        *by_type.tolist(),
        produced_ms.tolist(),
        event_time_ns.tolist(),
    )
    return [_row(*fields) for fields in zip(*columns, strict=True)]


def _write_results(run: RunDirectory, append: np.ndarray, values: list[bytes]) -> None:
    with SampleWriter(run.result_samples, RESULT_COLUMNS) as writer:
        for start in range(0, len(values), 100_000):
            stop = min(start + 100_000, len(values))
            writer.append(
                partition=np.zeros(stop - start, dtype=np.int32),
                offset=np.arange(start, stop),
                append_time_ms=append[start:stop],
                timestamp_type=np.ones(stop - start, dtype=np.int8),
                key=[b""] * (stop - start),
                value=values[start:stop],
            )


def _row(
    campaign: int, start: int, end: int, views: int, clicks: int, purchases: int, produce: int, event_time: int
) -> bytes:
    ctr = f'"ctr":{clicks / views!r},' if views else ""
    return (
        f'{{"run_id":"{_RUN_ID}","campaign_id":{campaign},"window_start":{start},"window_end":{end},"views":{views},'
        f'"clicks":{clicks},"purchases":{purchases},"events":{views + clicks + purchases},'
        f'"max_produce_time":{produce},"max_event_time_ns":{event_time},{ctr}"ctr_smoothed":{clicks / (views + 1)!r}}}'
    ).encode()


def measure_stages(run: RunDirectory) -> tuple[list[Figure], float]:
    """Time the stages of judging in this process; return the figures and CPU seconds to read and classify the rows."""
    config, schedule = run.read_config(), run.read_schedule()
    assert schedule is not None
    figures: list[Figure] = []
    spent: dict[str, tuple[float, float]] = {}

    def timed(label: str, work: Callable[[], T]) -> T:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        spent[label] = time.perf_counter() - wall, time.process_time() - cpu
        figures.append(Figure(f"{label}, wall s (CPU s)", f"{spent[label][0]:.2f} ({spent[label][1]:.2f})"))
        return result

    recorded = timed("read and parse", lambda: read_recorded(run, config, schedule))
    truth, generator, *_ = timed("make schedule and truth again", lambda: replay(recorded))
    timed("classify", lambda: compare(recorded.rows, truth, rules_of(config.output_mode)))
    timed("everything but reading", lambda: judge(recorded, seed=config.run.seed))
    read, again, all_else = (
        spent[k][0] for k in ("read and parse", "make schedule and truth again", "everything but reading")
    )
    seconds = round(read + all_else - again, 2)
    figures.append(
        Figure(
            "read, classify and summarise the rows, wall s", seconds, f"<= {TARGET_SECONDS}", seconds <= TARGET_SECONDS
        )
    )
    figures.append(Figure("events of the schedule made again", generator.scheduled))
    return figures, spent["read and parse"][1] + spent["classify"][1]


def straightforward(run: RunDirectory, rows: int) -> float:
    """Classify rows one by one with dictionaries; return CPU seconds a row."""
    values = read_table(run.result_samples).column("value").slice(0, rows).to_pylist()
    truth = {(row["window_start"], row["campaign_id"]): row for row in map(json.loads, values)}
    started = time.process_time()
    seen: set[tuple[int, int]] = set()
    right = 0
    for value in values:
        row = json.loads(value)
        key = (row["window_start"], row["campaign_id"])
        right += key not in seen and all(row.get(name) == wanted for name, wanted in truth[key].items())
        seen.add(key)
    assert right == len(values)
    return (time.process_time() - started) / len(values)


def measure_program(run: RunDirectory) -> list[Figure]:
    """Time latency_calculator.py as a user starts it, imports, schedule and written files included."""
    taken = taken_by([sys.executable, str(ROOT / "latency_calculator.py"), str(run.path)])
    return [
        Figure("latency_calculator.py, wall s (CPU s)", f"{taken.wall:.2f} ({taken.cpu:.2f})"),
        Figure("latency_calculator.py, GB", round(taken.gigabytes, 2), "<= 1", taken.gigabytes <= 1),
    ]


def figures(windows: int = 10_200, campaigns: int = 100, *, updates: bool = False) -> list[Figure]:
    """Make a run of `windows` times `campaigns` rows, or of four times as many updates, and return what it costs."""
    with tempfile.TemporaryDirectory() as scratch:
        make_run(Path(scratch), windows, campaigns, updates=updates)
        run = RunDirectory(Path(scratch) / _RUN_ID)
        rows = row_count(run.result_samples)
        program = measure_program(run)
        stages, spent = measure_stages(run)
        per_row = None if updates else straightforward(run, min(rows, 100_000))
    ours = spent / rows
    return [
        Figure("result rows", rows),
        *program,
        *stages,
        Figure("read and classify, rows a CPU s", round(1 / ours)),
        *(() if per_row is None else _against(per_row, ours)),
    ]


def _against(per_row: float, ours: float) -> tuple[Figure, Figure]:
    return (
        Figure("json.loads and dictionaries, rows a CPU s", round(1 / per_row)),
        Figure("ratio", round(per_row / ours, 1)),
    )


def main(argv: list[str] | None = None) -> int:
    """Make a run, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--windows", type=int, help="10200 when not given, 2550 with --updates")
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--updates", action="store_true", help="rows of Real-Time Mode, one an event")
    arguments = parser.parse_args(argv)
    windows, updates = arguments.windows or (2_550 if arguments.updates else 10_200), arguments.updates
    show(figures(windows, arguments.campaigns, updates=updates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
