"""What Kafka Streams makes of cases: its topology, driven without a broker."""

import base64
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.parity.cases import ORIGIN_MS, RUN_ID
from tests.parity.spark_rows import payload
from windowbench.engines.kafka_streams.classes import SOURCES, ensure_classes, run_time_jars, sources_of
from windowbench.engines.kafka_streams.given import given
from windowbench.engines.kafka_streams.tuning import properties
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE
from windowbench.processes.process import run_briefly
from windowbench.toolchain.jars import default_cache_dir, ensure_jars, retrieve_jars

DRIVER = Path(__file__).with_name("kafka_streams")
NOW_MS = ORIGIN_MS + 60_000
SECONDS = 120
IDLE_MS = 50


@dataclass(frozen=True)
class Outcome:
    """What came of a case: rows of each batch, how many records were rejected, and how far it was counted."""

    batches: list
    rejected: int
    position: dict

    @property
    def rows(self):
        return [row for batch in self.batches for row in batch]


def record(value, timestamp_ms, topic=0):
    """Return a record of one of the input topics, by its number."""
    return topic, value, timestamp_ms


def record_of(event):
    return record(json.dumps(payload(event)).encode(), event.produce_ms)


def end(run_id=RUN_ID, *, topic=0, event_time_ns=END_EVENT_TIME_NS):
    message = {"event_type": END_EVENT_TYPE, "run_id": run_id, "event_time_ns": event_time_ns}
    return record(json.dumps(message).encode(), NOW_MS, topic)


def replay(java, directory, jobs, *, preset="stock", idle_ms=IDLE_MS):
    """Return the outcome of each pair of configuration and batches of records; all run in one JVM.

    A source that had nothing in a batch is idle at its end, where nothing else is said.
    """
    cache_dir = default_cache_dir()
    retrieve_jars(java, cache_dir, kinds=("kafka_streams",))
    jars = ensure_jars("kafka_streams", cache_dir)
    classes = ensure_classes(java, jars, cache_dir, sources=sources_of(SOURCES, DRIVER))
    cases = []
    for number, (config, batches) in enumerate(jobs):
        alone = config.replace(engine="kafka_streams", preset=preset).replace(
            partitions=1, idle_timeout_ms=idle_ms, bootstrap_servers="nowhere:1"
        )
        settings = asdict(given(alone, properties(alone), directory / f"state-{number}"))
        records = [
            [
                {
                    "topic": settings["inputs"][topic],
                    "value": None if value is None else base64.b64encode(value).decode(),
                    "timestampMs": timestamp_ms,
                }
                for topic, value, timestamp_ms in batch
            ]
            for batch in batches
        ]
        cases.append({"settings": settings, "batches": records})
    asked, answered = directory / "cases.json", directory / "outcomes.json"
    asked.write_text(json.dumps(cases), encoding="utf-8")
    test_jars = [*run_time_jars(jars), *(jar for jar in jars if "test-utils" in jar.name)]
    class_path = os.pathsep.join(map(str, [classes, *test_jars]))
    flags = ("-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
    command = [str(java.executable), *flags, "-cp", class_path, "windowbench.Replay", str(asked), str(answered)]
    done = run_briefly(command, timeout=SECONDS)
    assert done.code == 0, done.output
    return [
        Outcome(
            batches=[[(key, json.loads(row)) for key, row in batch] for batch in outcome["rows"]],
            rejected=outcome["rejected"],
            position=outcome["position"],
        )
        for outcome in json.loads(answered.read_text(encoding="utf-8"))
    ]
