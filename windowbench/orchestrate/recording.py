"""Keeping what the topics hold, after everything that wrote to them has stopped.

All topics are read from start to end: the results become samples, the events are checked one by one
against what the producers said they had sent.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from data_generation import encoder_of
from windowbench.kafka.admin import Admin
from windowbench.kafka.log_reader import account_of
from windowbench.kafka.reader import read_topics
from windowbench.load.numbering import input_partitions, result_partitions
from windowbench.load.record import Record
from windowbench.load.schedule import END_EVENT_TYPE, NS_PER_MS
from windowbench.runs.files.topics import FoundTopic, PreparedTopic, TopicsFile
from windowbench.runs.samples import RECORD_FIELDS, RESULT_COLUMNS, SampleWriter, iter_column
from windowbench.runs.store import RunDirectory

_NAMED = 10_000
"""Most missing events that are named; the judge excuses exactly the rows that lack one of them."""
_END_KEY = END_EVENT_TYPE.encode()
NameOf = Callable[[bytes | None, bytes | None], bytes | None]
_EVENT_KEYS = re.compile(rb"\d{1,18}:\d{1,18}(?:,\d{1,18}:\d{1,18})*")


def record_results(config: Config, path: Path) -> int:
    """Write every record of the topics of results to a Parquet file and return how many there are."""
    with SampleWriter(path, RESULT_COLUMNS) as writer:
        for batch in read_topics(config, result_partitions(config)):
            fields = zip(RESULT_COLUMNS, RECORD_FIELDS, strict=True)
            writer.append(**{name: [getattr(record, field) for record in batch] for name, field in fields})
        return writer.rows


def prepared_topics(config: Config) -> TopicsFile:
    """Return how the topics of events and results are before the load."""
    admin = Admin(config)
    names = (*config.input_topics, *config.result_topics)
    begins = {name: {str(n): begin for n, (begin, _) in admin.log_ranges(name).items()} for name in names}
    prepared = {name: PreparedTopic(id=admin.topic_id(name), begins=begins[name]) for name in names}
    return TopicsFile(events=config.input_topics, results=config.result_topics, prepared=prepared, found={})


def found_topics(config: Config, topics: TopicsFile) -> TopicsFile:
    """Return the topics with what became of every offset of theirs, after everything that wrote to them has stopped."""
    admin, found = Admin(config), {}
    for name, before in topics.prepared.items():
        if admin.partitions(name):
            accounts = account_of(config, name, {int(n): begin for n, begin in before.begins.items()})
            found[name] = FoundTopic(
                id=admin.topic_id(name), partitions={str(n): account for n, account in sorted(accounts.items())}
            )
    return dataclasses.replace(topics, found=found)


def _by_key(key: bytes | None, _value: bytes | None) -> bytes | None:
    return key


def _numbers_of(keys: list[bytes | None]) -> NDArray[np.int64] | None:
    """Return producer and number of the event of each name as int64[n, 2]; None where not all are names of events.

    Notes
    -----
    There are millions of them, so they are looked at as one text.
    """
    if None in keys:
        return None
    text = b",".join([key or b"" for key in keys])
    if not _EVENT_KEYS.fullmatch(text):
        return None
    numbers = np.fromstring(text.replace(b":", b","), dtype=np.int64, sep=",").reshape(-1, 2)
    return numbers if len(numbers) == len(keys) else None


class EventCheck:
    """Ticks off every event of every producer as it is found in the topic.

    It is given the produce times (ms) of each producer's events, by their number, and how to get the name of the event
    that is in a record from its key and value.
    """

    def __init__(self, produce_ms: list[NDArray[np.int64]], name_of: NameOf = _by_key) -> None:
        self._name_of = name_of
        self._produce_ms = produce_ms
        self._found = [np.zeros(len(times), dtype=np.uint32) for times in produce_ms]
        self._time_mismatch = [0] * len(produce_ms)
        self._foreign = 0
        self._end_records = 0

    def take(self, batch: list[Record]) -> None:
        """Tick off the records of one batch; what is no event of this run is counted as foreign."""
        names = [self._name_of(record.key, record.value) for record in batch]
        numbers = _numbers_of(names)
        if numbers is not None:
            self._tick_off(numbers, batch)
            return
        for record, name in zip(batch, names, strict=True):  # something else is among them
            alone = _numbers_of([name])
            if alone is not None:
                self._tick_off(alone, [record])
            elif record.key == _END_KEY:
                self._end_records += 1
            else:
                self._foreign += 1

    def _tick_off(self, numbers: NDArray[np.int64], records: list[Record]) -> None:
        who, n = numbers.T
        times = np.array([record.timestamp_ms for record in records], dtype=np.int64)
        known = 0
        for producer, expected in enumerate(self._produce_ms):
            ours = np.flatnonzero((who == producer) & (n < len(expected)))
            known += len(ours)
            np.add.at(self._found[producer], n[ours], 1)
            self._time_mismatch[producer] += int(np.count_nonzero(expected[n[ours]] != times[ours]))
        self._foreign += len(records) - known

    def as_dict(self, log_ranges: dict[int, tuple[int, int]]) -> dict[str, Any]:
        """Return the result as ``events_topic.json`` holds it."""
        missing = [
            [producer, int(n)]
            for producer, found in enumerate(self._found)
            for n in np.flatnonzero(found == 0)[:_NAMED]
        ]
        return {
            "producers": [
                {
                    "producer": producer,
                    "seen": int(np.count_nonzero(found)),
                    "missing": int(np.count_nonzero(found == 0)),
                    "duplicated": int(np.count_nonzero(found > 1)),
                    "time_mismatch": self._time_mismatch[producer],
                }
                for producer, found in enumerate(self._found)
            ],
            "missing_examples": missing[:_NAMED],
            "foreign": self._foreign,
            "end_records": self._end_records,
            "log_ranges": {str(partition): list(span) for partition, span in log_ranges.items()},
        }


def check_events(config: Config, run: RunDirectory) -> dict[str, Any]:
    """Read the topics of events and return what was found of the events the producers recorded."""
    nothing = np.empty(0, dtype=np.int64)
    produce_ms = [
        np.concatenate([nothing, *iter_column(run.producer_samples(producer), "sent_ns")]) // NS_PER_MS
        for producer in range(config.load.num_producers)
    ]
    check = EventCheck(produce_ms, encoder_of(config).name_of)
    numbering = input_partitions(config)
    for batch in read_topics(config, numbering):
        check.take(batch)
    return check.as_dict(Admin(config).numbered_ranges(numbering))
