"""Measure how fast the judge is: a recorded run of a million result rows, stage by stage and as a program.

    python benchmarks/calculator.py [--windows N] [--campaigns N]

The run is made first and takes no part in the figures. Targets: one million rows classified and summarised within
5 s and 1 GB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from config import Config  # noqa: E402 - the path to it is set above
from windowbench.judgement.judge import judge, replay  # noqa: E402
from windowbench.judgement.recorded import read_recorded  # noqa: E402
from windowbench.oracle.closing import closing_times  # noqa: E402
from windowbench.oracle.comparison import compare  # noqa: E402
from windowbench.oracle.replay import scheduled_events  # noqa: E402
from windowbench.results.samples import HOST_COLUMNS, RESULT_COLUMNS, SampleWriter, write_parquet  # noqa: E402
from windowbench.results.store import RunDirectory  # noqa: E402
from windowbench.schedule import NS_PER_MS, NS_PER_S, Schedule, plan  # noqa: E402
from windowbench.workloads.ad_ctr.oracle import AdCtrTruth, TruthBuilder  # noqa: E402

_EVENTS_PER_CELL = 4
_RUN_ID = "calculator-benchmark"


def make_run(path: Path, windows: int, campaigns: int) -> RunDirectory:
    config = Config().replace(
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
    builder = TruthBuilder(config, closing)
    for events in scheduled_events(config, schedule, lambda i: iter([_sent(run, i)])):
        builder.add(events)
    _write_results(run, builder.finish())
    seconds = np.arange(-3, schedule.load_length_ns // NS_PER_S + 5)
    host = {name: np.zeros(len(seconds), dtype=kind) for name, kind in HOST_COLUMNS.items()}
    host["mono_ns"] = seconds * NS_PER_S + 10**15
    host["wall_ns"] = seconds * NS_PER_S + schedule.epoch_ns
    write_parquet(run.host_samples, host)
    return run


def _sent(run: RunDirectory, producer: int) -> np.ndarray:
    from windowbench.results.samples import read_columns

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


def _write_results(run: RunDirectory, truth: AdCtrTruth) -> None:
    cells = np.flatnonzero(truth.required)
    windows = truth.cells.window_index(cells)
    closing = truth.cells.closing
    append = closing.closing_ns[windows] // NS_PER_MS + 400 + np.random.default_rng(1).integers(0, 300, len(cells))
    views, clicks, purchases = (column[cells].tolist() for column in truth.must.by_type)
    columns = (
        truth.cells.campaign_ids(cells).tolist(),
        closing.starts_ms[windows].tolist(),
        closing.ends_ms[windows].tolist(),
        views,
        clicks,
        purchases,
        truth.must.max_produce_ms[cells].tolist(),
        truth.must.max_event_time_ns[cells].tolist(),
    )
    values = [_row(*fields) for fields in zip(*columns, strict=True)]
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


def _timed(label: str, started: float) -> float:
    now = time.perf_counter()
    print(f"  {label:<44}{now - started:8.2f} s")
    return now


def measure_stages(run: RunDirectory) -> None:
    config, schedule = run.read_config(), run.read_schedule()
    assert schedule is not None
    now = time.perf_counter()
    recorded = read_recorded(run, config, schedule)
    now = _timed(f"read and parse {len(recorded.rows)} rows", now)
    truth, generator = replay(recorded)
    now = _timed(f"make the schedule of {generator.scheduled} events again", now)
    compare(recorded.rows, truth)
    _timed("classify every row", now)
    now = time.perf_counter()
    verdict = judge(recorded).verdict
    _timed(f"all of it but reading, to the verdict ({verdict.status})", now)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--windows", type=int, default=10_200)
    parser.add_argument("--campaigns", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = make_run(Path(scratch), arguments.windows, arguments.campaigns)
        print("stages, in one process:")
        measure_stages(run)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, str(ROOT / "latency_calculator.py"), str(run.path)], check=False, stdout=subprocess.PIPE
        )
        wall = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"latency_calculator.py: {wall:.2f} s wall, {cpu:.2f} s CPU, {used.ru_maxrss / 1e6:.2f} GB, exit {ended.returncode}"
        )
        print("\n".join(ended.stdout.decode().splitlines()[:5]))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
