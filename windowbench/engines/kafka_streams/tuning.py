"""Settings of Kafka Streams and its JVM for low latency on a small machine, each with its reason.

The preset says how many of them are used: ``stock`` those without which there is no run (``RUN_``), Kafka Streams being
as it comes in all else; ``default`` a number of threads as well; ``tuned`` all, those of :data:`PARTS` among them.
``--kafka-streams-conf`` overrides any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from config import JobConfig
from windowbench.engines.kafka_streams.settings import EXACTLY_ONCE, KafkaStreamsSettings
from windowbench.engines.parts import Part, in_force

EMIT_INTERVAL = "__emit.interval.ms.kstreams.windowed.aggregation__"
STORES = "dsl.store.suppliers.class"
_SUPPLIERS = "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers"

PARTS: Sequence[Part] = (
    Part(
        name="prompt-emit",
        reason="Windows that have closed are looked for with every event, not once a second, which is how long a row"
        " may wait.",
        settings={EMIT_INTERVAL: "0"},
    ),
    Part(
        name="no-linger",
        reason="Neither an event on its way to the windows nor a row waits for others; Kafka Streams lets both wait"
        " 100 ms.",
        settings={"producer.linger.ms": "0"},
    ),
    Part(
        name="state-in-memory",
        reason="Counts that are changed by every event are not taken out of RocksDB and put back; they are in a"
        " changelog as before.",
        settings={STORES: f"{_SUPPLIERS}$InMemoryDslStoreSuppliers"},
    ),
    Part(
        name="short-fetches",
        reason="The broker answers a fetch soon when there is nothing, so that a thread comes round to its other"
        " tasks.",
        settings={"consumer.fetch.max.wait.ms": "10", "poll.ms": "10"},
    ),
    Part(
        name="quick-compiler",
        reason="The optimising compiler takes the cores from the first windows.",
        jvm_flags=("-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
    ),
    Part(
        name="serial-collector",
        reason="No collector threads beside two busy cores, and a heap that never grows.",
        jvm_flags=("-XX:+UseSerialGC",),
        heap="512m",
    ),
)
"""The preset ``tuned``."""

RUN_PROPERTIES: Mapping[str, str] = {
    # Every run has its own topic; from its beginning.
    "auto.offset.reset": "earliest",
    # A row counts when the broker has it for good.
    "producer.acks": "all",
}

RUN_JVM_FLAGS = (
    # Not a line for each late event, which the windows leave out, nor for each time that settings are read.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.streams.kstream.internals=error",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.streams.StreamsConfig=error",
)


def threads_of(config: JobConfig, cores: int | None = None) -> int:
    """Return how many threads there are: those asked for, else one a partition but no more than cores."""
    wanted = KafkaStreamsSettings.of(config.engine).kafka_streams_threads
    if wanted is not None:
        return wanted
    return max(1, min(config.kafka.partitions, cores or os.cpu_count() or 1))


def _chosen(config: JobConfig) -> Part:
    return in_force(PARTS, KafkaStreamsSettings.of(config.engine))


def heap_of(config: JobConfig) -> str | None:
    """Return the heap of the JVM, which then never grows; None where Java chooses."""
    return KafkaStreamsSettings.of(config.engine).kafka_streams_memory or _chosen(config).heap


def jvm_flags(config: JobConfig) -> list[str]:
    """Return the flags of the JVM."""
    heap = heap_of(config)
    return [*([] if heap is None else [f"-Xms{heap}", f"-Xmx{heap}"]), *_chosen(config).jvm_flags, *RUN_JVM_FLAGS]


def properties(config: JobConfig) -> dict[str, str]:
    """Return the properties of Kafka Streams that do not tell of this run, the user's among them."""
    engine = KafkaStreamsSettings.of(config.engine)
    ours = {
        **RUN_PROPERTIES,
        **_chosen(config).settings,
        "processing.guarantee": "exactly_once_v2" if engine.kafka_streams_delivery == EXACTLY_ONCE else "at_least_once",
    }
    if engine.preset != "stock" or engine.kafka_streams_threads is not None:
        ours["num.stream.threads"] = str(threads_of(config))
    if engine.kafka_streams_commit_interval_ms is not None:
        ours["commit.interval.ms"] = str(engine.kafka_streams_commit_interval_ms)
    return ours | dict(engine.kafka_streams_conf)
