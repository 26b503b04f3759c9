"""Reading partitions while they grow, as soon as records arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from config import JobConfig
from windowbench.kafka.client import READS_COMMITTED, make_client
from windowbench.load.numbering import Numbering

_AT_ONCE = 5_000

FOLLOWER_SETTINGS = {
    **READS_COMMITTED,
    "fetch_wait_max_ms": 20,  # also how soon the end of a quiet partition is noticed
    "queued_max_messages_kbytes": 32 << 10,
}
"""Of a consumer that wants each record the moment it may have it."""

Partition = tuple[str, int]
"""Topic and number of a partition."""
Arrived = tuple[int, int, int, bytes | None]
"""Number of the partition, offset, timestamp in ms, value."""


def is_record(message: Message, at_end: Callable[[Partition], None]) -> bool:
    """Return whether a message of a consumer is a record; where it is the end of a partition, tell `at_end`.

    Raises
    ------
    KafkaException
        When the broker says that reading on makes no sense.
    """
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own spelling
        at_end((message.topic() or "", message.partition() or 0))
    elif not error.retriable():
        raise KafkaException(error)
    return False


def messages_there(consumer: Consumer, timeout_seconds: float) -> list[Message]:
    """Return the messages that are there, or else the first that arrive within the time."""
    first = consumer.poll(timeout_seconds)
    return [] if first is None else [first, *consumer.consume(_AT_ONCE, timeout=0)]


class Follower:
    """A consumer for one process that wants each record the moment it is there; nothing is committed under its group.

    Parameters
    ----------
    starts : mapping of int to int or None
        Numbers of partitions, and from which offset each is read; None means from its first.

    Attributes
    ----------
    at_end : set of int
        Numbers of the partitions that have been read to their end.
    """

    def __init__(self, config: JobConfig, inputs: Numbering, starts: Mapping[int, int | None], group: str) -> None:
        self.at_end: set[int] = set()
        self._inputs = inputs
        self._consumer = make_client(Consumer, config, group_id=group, **FOLLOWER_SETTINGS)
        self._consumer.assign(
            [
                TopicPartition(*inputs.place(n), OFFSET_BEGINNING if start is None else start)
                for n, start in starts.items()
            ]
        )

    def read(self, timeout_seconds: float) -> list[Arrived]:
        """Return the records that are there, or else the first that arrive within the time.

        Raises
        ------
        KafkaException
            When the broker says that reading on makes no sense.
        """
        arrived: list[Arrived] = []
        for message in messages_there(self._consumer, timeout_seconds):
            if is_record(message, self._ended):
                partition = self._inputs.number(message.topic() or "", message.partition() or 0)
                self.at_end.discard(partition)
                arrived.append((partition, message.offset() or 0, message.timestamp()[1], message.value()))
        return arrived

    def _ended(self, partition: Partition) -> None:
        self.at_end.add(self._inputs.number(*partition))

    def close(self) -> None:
        """Close the consumer; how far it has read is kept nowhere."""
        self._consumer.close()
