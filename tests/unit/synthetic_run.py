"""A recorded run without broker and engine: the load is the real one, the engine a few lines of plain Python.

Nothing here knows the oracle: events are looked at one by one, in dictionaries.
"""

import functools
import json
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from config import Config
from data_generation import event_blocks
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import Schedule, plan
from windowbench.runs.samples import (
    CALIBRATION_COLUMNS,
    HOST_COLUMNS,
    RESULT_COLUMNS,
    VISIBLE_COLUMNS,
    write_parquet,
)
from windowbench.runs.store import RunDirectory
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

MS = 1_000_000
NOW_NS = 1_760_000_000_123_456_789
RUN_ID = "synthetic"


def small_config(**settings):
    """Return a run of 12 measured windows, with load enough that every window has every campaign."""
    values = {
        "run_id": RUN_ID,
        "broker": "embedded",
        "rate": 150.0,
        "duration_seconds": 24.0,
        "warmup_seconds": 4.0,
        "cooldown_seconds": 2.0,
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "num_campaigns": 3,
        "events_per_producer": None,
    }
    return Config().replace(**{**values, **settings})


@dataclass(kw_only=True, slots=True)
class Event:
    producer: int
    number: int
    due: int
    time: int
    kind: str
    campaign: int
    partition: int
    sent: int = 0


@dataclass(kw_only=True, slots=True)
class Result:
    append_ms: int
    row: dict
    timestamp_type: int = 1
    commit_ms: int | None = 700
    """From its append to when a reader of committed records is given it; None for never."""
    value: bytes | None = None
    """Instead of the row, where it is no row."""

    def record(self):
        return self.value if self.value is not None else json.dumps(self.row).encode()


@dataclass(kw_only=True)
class SyntheticRun:
    """The parts of a recorded run; tests change them before :meth:`write`."""

    config: Config
    schedule: Schedule
    events: list[Event]
    results: list[Result]
    missing: list[list[int]] = field(default_factory=list)
    foreign: int = 0
    end_records: int = 0
    log: dict[str, object] = field(default_factory=dict)
    """What the log of the topic of results says of itself, where it is not that of an engine that only wrote rows."""
    topic_ids: dict[str, str] = field(default_factory=dict)
    """Ids of topics after the run, where they are not those before it."""
    extra_sends: list[int] = field(default_factory=list)
    host: dict = field(default_factory=dict)
    status: dict = field(default_factory=lambda: {"status": "completed", "phase": "report", "exit_code": None})
    progress: list[dict] = field(default_factory=list)
    consumer: dict | None = None
    calibration: dict = field(default_factory=dict)
    """Columns of the calibration records, where visible time is observed."""

    def result(self, window_id, campaign):
        """Return the first result of a window and campaign."""
        start = self.schedule.base_time_ns // MS + window_id * self.config.windows.slide_ms
        return next(r for r in self.results if (r.row["window_start"], r.row["campaign_id"]) == (start, campaign))

    def updates(self, window_id, campaign):
        """Return the results of a window and campaign in the order of appending."""
        start = self.schedule.base_time_ns // MS + window_id * self.config.windows.slide_ms
        found = [r for r in self.results if (r.row["window_start"], r.row["campaign_id"]) == (start, campaign)]
        return sorted(found, key=lambda r: r.append_ms)

    def sent_by(self, producer):
        return np.array([e.sent for e in self.events if e.producer == producer and e.sent >= 0], dtype=np.int64)

    def write(self, path: Path) -> RunDirectory:
        run = RunDirectory.create(path / RUN_ID)
        run.write_config(self.config)
        run.write_schedule(self.schedule)
        counts, topic = [], []
        for producer in range(self.config.load.num_producers):
            sent = self.sent_by(producer)
            if producer == 0 and self.extra_sends:
                sent = np.concatenate((sent, self.extra_sends))
            missing = sum(1 for who, _ in self.missing if who == producer)
            write_parquet(run.producer_samples(producer), {"sent_ns": sent})
            sampled = np.arange(0, len(sent), 50)
            write_parquet(run.ack_samples(producer), {"n": sampled, "ack_us": np.full(len(sampled), 4_000)})
            counts.append(
                {
                    "producer": producer,
                    "scheduled": sum(e.producer == producer for e in self.events),
                    "sent": len(sent),
                    "acknowledged": len(sent),
                    "failed": 0,
                    "max_ack_ms": 4.0,
                }
            )
            topic.append(
                {
                    "producer": producer,
                    "seen": len(sent) - missing,
                    "missing": missing,
                    "duplicated": 0,
                    "time_mismatch": 0,
                }
            )
        run.write_json("producers.json", {"producers": counts})
        looked_at = {"missing_examples": self.missing, "foreign": self.foreign, "end_records": self.end_records}
        run.write_json("events_topic.json", {"producers": topic, **looked_at})
        self._write_topics(run)
        run.write_json("status.json", self.status)
        run.write_text("progress.jsonl", "".join(json.dumps(line) + "\n" for line in self.progress))
        if self.consumer is not None:
            run.write_json("consumer.json", self.consumer)
        self._write_results(run)
        write_parquet(run.host_samples, {**quiet_host(self.schedule), **self.host})
        return run

    def _write_topics(self, run):
        rows = len(self.results)
        places = {"begin": 0, "end": rows, "begins_at": 0}
        nothing = dict.fromkeys(("in_transactions", "aborted", "markers", "unfinished", "removed"), 0)
        log = {**places, "committed": rows, **nothing, **self.log}
        events, results = self.config.kafka.events_topic, self.config.kafka.result_topic
        found = {events: {"id": events, "partitions": {}}, results: {"id": results, "partitions": {"0": log}}}
        for name, topic_id in self.topic_ids.items():
            found[name]["id"] = topic_id
        prepared = {name: {"id": name, "begins": {"0": 0}} for name in found}
        run.write_json("topics.json", {"events": [events], "results": [results], "prepared": prepared, "found": found})

    def _write_results(self, run):
        ordered = sorted(self.results, key=lambda r: r.append_ms)
        columns = {
            "partition": np.zeros(len(ordered), dtype=np.int32),
            "offset": np.arange(len(ordered), dtype=np.int64),
            "append_time_ms": np.array([r.append_ms for r in ordered], dtype=np.int64),
            "timestamp_type": np.array([r.timestamp_type for r in ordered], dtype=np.int8),
            "key": [b"k"] * len(ordered),
            "value": [r.record() for r in ordered],
        }
        assert columns.keys() == RESULT_COLUMNS.keys()
        write_parquet(run.result_samples, columns)
        if self.config.observes_visible_time:
            seen = [(n, r) for n, r in enumerate(ordered) if r.commit_ms is not None]
            columns = {
                "partition": np.zeros(len(seen), dtype=np.int32),
                "offset": np.array([n for n, _ in seen], dtype=np.int64),
                "append_ms": np.array([r.append_ms for _, r in seen], dtype=np.int64),
                "visible_ns": np.array([(r.append_ms + r.commit_ms) * MS for _, r in seen], dtype=np.int64),
            }
            assert columns.keys() == VISIBLE_COLUMNS.keys()
            write_parquet(run.visible_samples, columns)
            write_parquet(run.visible_calibration, {**calibration(self.schedule), **self.calibration})


def calibration(schedule, every_ms=100, overhead_us=1500):
    """Return calibration records of the whole load that were seen 1.5 ms after they had been appended."""
    first, last = schedule.epoch_ns // MS, schedule.load_end_ns // MS
    appended = np.arange(first, last, every_ms, dtype=np.int64)
    columns = {"append_ms": appended, "visible_ns": appended * MS + overhead_us * 1000}
    assert columns.keys() == CALIBRATION_COLUMNS.keys()
    return columns


def quiet_host(schedule):
    """Return samples of a machine with nothing to say, once a second over the whole run."""
    seconds = np.arange(-5, schedule.load_length_ns // 1_000_000_000 + 10)
    mono = seconds * 1_000_000_000 + 77_000_000_000_000
    columns = {name: np.zeros(len(mono), dtype=kind) for name, kind in HOST_COLUMNS.items()}
    columns["wall_ns"] = schedule.epoch_ns + seconds * 1_000_000_000
    columns["mono_ns"] = mono
    columns["cpu_harness"] = np.full(len(mono), 0.1)
    columns["cpu_engine"] = np.full(len(mono), 0.8)
    return columns


def scheduled(config, schedule):
    """Every event of the load, one by one, sent half a millisecond after it is due."""
    found = []
    for producer in range(config.load.num_producers):
        blocks = event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns)
        for block in blocks:
            for i in range(len(block)):
                due = schedule.epoch_ns + int(block.due_offset_ns[i])
                found.append(
                    Event(
                        producer=producer,
                        number=block.first + i,
                        due=due,
                        time=schedule.epoch_ns + int(block.event_offset_ns[i]),
                        kind=EVENT_TYPES[block.event_type[i]],
                        campaign=int(block.campaign_id[i]),
                        partition=int(block.partition[i]),
                        sent=due + 500_000,
                    )
                )
    return found


def window_starts(config, time_ns):
    """Count by hand the starts (ms) of the windows that hold an instant."""
    size, slide = config.windows.size_ms, config.windows.slide_ms
    last = time_ns // MS // slide * slide
    return list(range(last - size + slide, last + slide, slide))


def plain_engine(config, schedule, events, *, batch_ms=400, end_after_ms=1500):
    """Answer as an engine in append mode: each window once, a batch after it closes, without what came later."""
    delay = config.windows.delay_ms
    closes = {}
    for event in sorted((e for e in events if e.sent >= 0), key=lambda e: e.sent):
        for start in window_starts(config, event.time):
            closes.setdefault(start, None)
        watermark = event.time // MS - delay
        for start, closed in closes.items():
            if closed is None and watermark >= start + config.windows.size_ms - 1:
                closes[start] = event.sent
    rows = {}
    for event in events:
        if event.sent < 0:
            continue
        for start in window_starts(config, event.time):
            if closes[start] is not None and event.sent > closes[start] + batch_ms * MS:
                continue
            row = rows.setdefault((start, event.campaign), {"view": 0, "click": 0, "purchase": 0, "p": 0, "t": 0})
            row[event.kind] += 1
            row["p"] = max(row["p"], event.sent // MS)
            row["t"] = max(row["t"], event.time)
    results = []
    for (start, campaign), row in sorted(rows.items()):
        closed = closes[start]
        append = schedule.load_end_ns + end_after_ms * MS if closed is None else closed + batch_ms * MS
        results.append(Result(append_ms=append // MS, row=result_row(config, start, campaign, row)))
    return results


def update_engine(config, schedule, events, *, every_ms=1, takes_ms=20):
    """Answer as an engine in update mode: of each batch of events, the newest row of each window and campaign in it."""
    del schedule
    rows, results, batches = {}, [], {}
    for event in sorted((e for e in events if e.sent >= 0), key=lambda e: e.sent):
        batches.setdefault(event.sent // MS // every_ms, []).append(event)
    for number, batch in batches.items():
        touched = {}
        for event in batch:
            for start in window_starts(config, event.time):
                row = rows.setdefault((start, event.campaign), {"view": 0, "click": 0, "purchase": 0, "p": 0, "t": 0})
                row[event.kind] += 1
                row["p"] = max(row["p"], event.sent // MS)
                row["t"] = max(row["t"], event.time)
                touched[start, event.campaign] = row
        append = (number + 1) * every_ms + takes_ms
        results += [Result(append_ms=append, row=result_row(config, *key, row)) for key, row in touched.items()]
    return results


def result_row(config, start, campaign, row):
    answer = {
        "run_id": RUN_ID,
        "campaign_id": campaign,
        "window_start": start,
        "window_end": start + config.windows.size_ms,
        "views": row["view"],
        "clicks": row["click"],
        "purchases": row["purchase"],
        "events": row["view"] + row["click"] + row["purchase"],
        "max_produce_time": row["p"],
        "max_event_time_ns": row["t"],
        "ctr_smoothed": row["click"] / (row["view"] + 1),
    }
    if row["view"]:
        answer["ctr"] = row["click"] / row["view"]
    return answer


def synthetic_run(**settings) -> SyntheticRun:
    """Return a run in which everything went well."""
    return pickle.loads(_pickled_run(tuple(settings.items())))


@functools.lru_cache(maxsize=64)
def _pickled_run(settings):
    """Make a run once; each test gets a copy that it may change."""
    config = small_config(**dict(settings))
    schedule = plan(config, NOW_NS)
    events = scheduled(config, schedule)
    engine = plain_engine if config.output_mode == "append" else update_engine
    run = SyntheticRun(config=config, schedule=schedule, events=events, results=engine(config, schedule, events))
    return pickle.dumps(run, protocol=pickle.HIGHEST_PROTOCOL)
