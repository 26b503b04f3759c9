"""Kafka Streams, as the harness sees it."""

from __future__ import annotations

from config import Config
from windowbench.engines.contract import Engine, Source, Term, our_program
from windowbench.engines.kafka_streams.classes import JARS, check_kafka_streams, prepare_kafka_streams
from windowbench.engines.kafka_streams.given import check_workload
from windowbench.engines.kafka_streams.settings import KafkaStreamsSettings
from windowbench.engines.kafka_streams.tuning import EMIT_INTERVAL, PARTS, STORES, heap_of, properties


def _idle(config: Config) -> str:
    return f"{KafkaStreamsSettings.of(config.engine).idle_timeout_ms} ms"


def _store(config: Config) -> str:
    return properties(config).get(STORES, "RocksDB").rpartition("$")[2]


ENGINE = Engine(
    command=our_program("windowbench/engines/kafka_streams/job.py"),
    java=True,
    jars=(JARS,),
    parts=lambda _config: PARTS,
    check=lambda config: check_workload(config.engine.workload),
    install=prepare_kafka_streams,
    prepare=prepare_kafka_streams,
    heap=heap_of,
    checks=(check_kafka_streams,),
    # What is reported is so whether or not it was set, but for the interval.
    terms={
        Term.RESULT_ACKS: Source(reported=("producer.acks",)),
        Term.RESULT_LINGER: Source(reported=("producer.linger.ms",)),
        Term.DELIVERY: Source(configured=lambda config: KafkaStreamsSettings.of(config.engine).kafka_streams_delivery),
        Term.TRIGGER: Source(reported=(EMIT_INTERVAL,), default="1000"),
        Term.IDLE_PARTITIONS: Source(configured=_idle),
        # What an event may wait for on its way into the counting topic.
        Term.NETWORK_BUFFER: Source(reported=("producer.linger.ms",)),
        Term.PARALLELISM: Source(reported=("num.stream.threads",)),
        Term.AGGREGATION_PARALLELISM: Source(configured=lambda config: str(config.kafka.partitions)),
        Term.CHECKPOINT_INTERVAL: Source(reported=("commit.interval.ms",)),
        Term.PYTHON_WORKER: Source(fixed="none"),
        Term.STATE_STORE: Source(configured=_store),
    },
)
