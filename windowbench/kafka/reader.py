"""Reading a topic from start to end, as it was at the moment of asking."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from config import JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin
from windowbench.kafka.client import READS_COMMITTED, make_client
from windowbench.load.numbering import Numbering
from windowbench.load.record import Record

_BATCH = 10_000
_POLL_SECONDS = 0.05
_SILENCE_SECONDS = 30.0


def record_of(message: Message, partition: int) -> Record:
    """Return what a consumer was given, under a number of its partition."""
    kind, timestamp = message.timestamp()
    return Record(partition, message.offset() or 0, int(kind) - 1, timestamp, message.key(), message.value())


def open_consumer(
    config: JobConfig, topic: str, partitions: list[int], group: str, *, gather_ms: int | None = None
) -> Consumer:
    """Return a consumer assigned to `partitions` of `topic` from their first offset; it commits nothing.

    For `gather_ms` the broker may gather records for one answer. Without it, it answers as soon as there is one, which
    costs thousands of requests a second where an engine writes a row for every event.
    """
    gather = {} if gather_ms is None else {"fetch_wait_max_ms": gather_ms, "fetch_min_bytes": 1 << 20}
    consumer = make_client(
        Consumer,
        config,
        group_id=group,
        **READS_COMMITTED,
        fetch_message_max_bytes=4 << 20,
        queued_max_messages_kbytes=64 << 10,
        **gather,
    )
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in partitions])
    return consumer


def read_topic(config: JobConfig, topic: str) -> Iterator[list[Record]]:
    """Yield every committed record `topic` held when the reading began, in batches.

    Raises
    ------
    EnvironmentProblem
        When the topic does not exist, or the broker stops answering.
    """
    ranges = Admin(config).log_ranges(topic)
    if not ranges:
        msg = f"there is no topic {topic} at {config.kafka.bootstrap_servers}"
        raise EnvironmentProblem(msg, remedy="check the topic's name; `python topic_creation.py` creates the topics")
    ends = {n: end for n, (begin, end) in ranges.items() if end > begin}
    if not ends:
        return
    consumer = open_consumer(config, topic, list(ends), f"windowbench-reader-{config.run.run_id or 'alone'}")
    try:
        yield from _until(consumer, topic, ends)
    finally:
        consumer.close()


def read_topics(config: JobConfig, numbering: Numbering) -> Iterator[list[Record]]:
    """Yield the records of several topics, one topic after the other, their partitions numbered through.

    Raises
    ------
    EnvironmentProblem
        As :func:`read_topic`.
    """
    for topic in numbering.topics:
        first = numbering.number(topic, 0)
        for batch in read_topic(config, topic):
            yield batch if first == 0 else [r._replace(partition=first + r.partition) for r in batch]


def _until(consumer: Consumer, topic: str, ends: dict[int, int]) -> Iterator[list[Record]]:
    open_partitions = set(ends)
    last_heard = time.monotonic()
    while open_partitions:
        messages = consumer.consume(_BATCH, timeout=_POLL_SECONDS)  # returns when full or when the time is over
        if messages:
            last_heard = time.monotonic()
        elif time.monotonic() - last_heard > _SILENCE_SECONDS:
            msg = f"reading topic {topic} stalled: no record within {_SILENCE_SECONDS:.0f} s"
            raise EnvironmentProblem(msg, remedy="look at the broker's log")
        batch = []
        for message in messages:
            error = message.error()
            if error is None:
                partition, offset = message.partition() or 0, message.offset() or 0
                if offset < ends[partition]:
                    batch.append(record_of(message, partition))
                if offset >= ends[partition] - 1:
                    open_partitions.discard(partition)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own spelling
                open_partitions.discard(message.partition())
            else:
                raise KafkaException(error)
        if batch:
            yield batch
