"""What a run recorded, read from its directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.measures.resources import Span
from windowbench.judge.truth.rows import ParsedRows, ResultRows, RowModel
from windowbench.judge.verdict.generator import AckSamples
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.topics import came_in_transactions
from windowbench.judge.visible import VisibleSamples
from windowbench.load.schedule import Schedule
from windowbench.runs.files.codec import from_json
from windowbench.runs.files.load import TopicFigures
from windowbench.runs.files.status import StatusFile
from windowbench.runs.files.topics import TopicsFile
from windowbench.runs.samples import (
    CALIBRATION_COLUMNS,
    RECORD_NUMBERS,
    VISIBLE_COLUMNS,
    iter_column,
    iter_records,
    read_columns,
    row_count,
)
from windowbench.runs.store import RunDirectory, RunDirectoryProblem


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """Everything the judge looks at.

    Attributes
    ----------
    config : Config
        Its settings, with the seed that the load was made from.
    rows : ResultRows
        The results topic, values parsed.
    acks : dict of int to AckSamples
        Sampled acknowledgements by producer.
    greatest_ack_ms : float
        Greatest time to acknowledgement of any sampled event.
    topic : TopicFigures
        What reading the events topic again found.
    withheld : dict of int to int64 array
        Numbers of events that are not in the topic, by producer.
    withheld_unnamed : bool
        Whether there are more than those.
    host : dict of str to array
        Host samples.
    clock : ClockOffset
        Of an external broker; none for the embedded one.
    visible : VisibleSamples or None
        When rows became visible; None where nobody looked.
    progress : list of dict
        The engine's JSON lines.
    status : StatusFile
        How the run ended.
    consumer : dict
        What became of the results that were to go to PostgreSQL; empty without a consumer.
    topics : TopicsFile or None
        What became of every offset of the topics; None for a run that was recorded before that was looked at.
    phases : list of Span
        What the run was doing when, as far as that is known.
    end_written_ns : int or None
        When END was written after the engine had read everything; None where it had not, or that is not known.
    """

    run: RunDirectory
    config: Config
    schedule: Schedule
    rows: ResultRows
    acks: dict[int, AckSamples]
    greatest_ack_ms: float
    topic: TopicFigures
    withheld: dict[int, NDArray[np.int64]]
    withheld_unnamed: bool
    host: dict[str, NDArray[Any]]
    clock: ClockOffset
    visible: VisibleSamples | None
    progress: list[dict[str, Any]]
    status: StatusFile
    consumer: dict[str, Any]
    topics: TopicsFile | None
    phases: list[Span]
    end_written_ns: int | None

    @property
    def in_transactions(self) -> bool:
        """Whether rows came in transactions: by the engine's settings, or by what the log says of any engine."""
        return self.config.in_transactions or came_in_transactions(self.topics)

    def sent_ns(self, producer: int) -> Iterator[NDArray[np.int64]]:
        """Yield the send times of a producer in pieces."""
        return iter_column(self.run.producer_samples(producer), "sent_ns")

    @property
    def recorded_sends(self) -> int:
        """How many sends all producers recorded."""
        return sum(row_count(self.run.producer_samples(i)) for i in range(self.config.load.num_producers))


@contextmanager
def _reading(run: RunDirectory, name: str) -> Iterator[None]:
    """Name the file whose content does not fit."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RunDirectoryProblem(f"run {run.run_id}: {name} is damaged: {error!r}") from error


def read_recorded(run: RunDirectory, config: Config, schedule: Schedule) -> Recorded:
    """Read a run directory.

    Raises
    ------
    RunDirectoryProblem
        When a file is missing or damaged; the message names it.
    """
    with _reading(run, "producers.json"):
        producers = run.read_json("producers.json")["producers"]
        failed = sum(int(producer["failed"]) for producer in producers)
        acknowledged = sum(int(producer["acknowledged"]) for producer in producers)
        greatest_ack_ms = max((float(producer["max_ack_ms"] or 0.0) for producer in producers), default=0.0)
    with _reading(run, "events_topic.json"):
        found = run.read_json("events_topic.json")
        missing, duplicated, time_mismatch = (
            sum(int(producer[name]) for producer in found["producers"])
            for name in ("missing", "duplicated", "time_mismatch")
        )
        examples = np.array(found["missing_examples"], dtype=np.int64).reshape(-1, 2)
        topic = TopicFigures(
            acknowledged=acknowledged,
            failed=failed,
            missing=max(missing - failed, 0),  # a send that was reported as failed was not acknowledged
            duplicated=duplicated,
            time_mismatch=time_mismatch,
            foreign=int(found["foreign"]),
            end_records=int(found.get("end_records", 0)),
        )
    return Recorded(
        run=run,
        config=config,
        schedule=schedule,
        rows=read_rows(run.result_samples, RowModel.of(config.engine.workload), config.run.run_id or run.run_id),
        acks=_read_acks(run, config.load.num_producers),
        greatest_ack_ms=greatest_ack_ms,
        topic=topic,
        withheld={int(i): examples[examples[:, 0] == i, 1] for i in np.unique(examples[:, 0])},
        withheld_unnamed=missing > len(examples),
        host=read_columns(run.host_samples),
        clock=_read_clock(run, config),
        visible=_read_visible(run),
        progress=list(run.iter_json_lines("progress.jsonl")),
        status=run.read_status(),
        consumer=run.read_json_if_present("consumer.json") or {},
        topics=_read_topics(run),
        phases=read_phases(run, schedule),
        end_written_ns=_read_end(run),
    )


def _read_topics(run: RunDirectory) -> TopicsFile | None:
    found = run.read_json_if_present("topics.json")
    with _reading(run, "topics.json"):
        return None if found is None else from_json(found, TopicsFile)


def _read_end(run: RunDirectory) -> int | None:
    drained = run.read_json_if_present("drain.json")
    with _reading(run, "drain.json"):
        return None if drained is None or drained["all_read_ns"] is None else int(drained["end_written_ns"])


def read_phases(run: RunDirectory, schedule: Schedule | None) -> list[Span]:
    """Return the phases of a run; of one that was cut off before it could note them, those that were scheduled.

    Raises
    ------
    RunDirectoryProblem
        When ``timeline.json`` is damaged.
    """
    timeline = run.read_json_if_present("timeline.json")
    if timeline is not None:
        with _reading(run, "timeline.json"):
            return [
                Span(name=str(phase["name"]), start_ns=int(phase["start_ns"]), end_ns=int(phase["end_ns"]))
                for phase in timeline["phases"]
            ]
    if schedule is None:
        return []
    bounds = (schedule.epoch_ns, schedule.base_time_ns, schedule.measure_end_ns, schedule.load_end_ns)
    names = ("warm-up", "measure", "cool-down")
    return [Span(name=n, start_ns=a, end_ns=b) for n, a, b in zip(names, bounds, bounds[1:], strict=False)]


def _read_acks(run: RunDirectory, producers: int) -> dict[int, AckSamples]:
    found = {}
    for producer in range(producers):
        path = run.ack_samples(producer)
        with _reading(run, f"samples/{path.name}"):
            columns = read_columns(path)
            found[producer] = AckSamples(numbers=columns["n"], waited_ns=columns["ack_us"] * 1_000)
    return found


def _read_clock(run: RunDirectory, config: Config) -> ClockOffset:
    if config.kafka.embedded:
        return ClockOffset()
    with _reading(run, "external_clock.json"):
        probes = run.read_json("external_clock.json")
        return ClockOffset.measured(probes["before"], probes["after"])


def _read_visible(run: RunDirectory) -> VisibleSamples | None:
    if not run.visible_samples.exists():
        return None
    columns = []
    for path, names in ((run.visible_samples, VISIBLE_COLUMNS), (run.visible_calibration, CALIBRATION_COLUMNS)):
        with _reading(run, f"samples/{path.name}"):
            found = read_columns(path)
            columns.append({name: found[name] for name in names})
    return VisibleSamples(rows=columns[0], calibration=columns[1])


def read_rows(path: Path, model: RowModel, run_id: str) -> ResultRows:
    """Read and parse ``samples/results.parquet``; the raw bytes are dropped as they are parsed.

    Rows of other runs than `run_id` are foreign.
    """
    numbers, parsed = [], []
    for columns, values in iter_records(path, tuple(RECORD_NUMBERS), "value"):
        numbers.append(columns)
        parsed.append(model.parse(values, run_id))
    return joined_rows(numbers, parsed, model)


def joined_rows(
    numbers: Sequence[Mapping[str, NDArray[Any]]], parsed: Sequence[ParsedRows], model: RowModel
) -> ResultRows:
    """Join batches of records, the numbers of each by their columns, and their parsed values."""
    joined = {
        name: np.concatenate([np.empty(0, dtype=kind), *(columns[name] for columns in numbers)]).astype(kind)
        for name, kind in RECORD_NUMBERS.items()
    }
    append_ms = joined.pop("append_time_ms")
    return ResultRows(
        parsed=ParsedRows.concatenated(parsed, model.integers, model.doubles), append_ms=append_ms, **joined
    )
