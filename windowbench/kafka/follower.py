"""Reading partitions while they grow, as soon as records arrive."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from config import Config
from windowbench.kafka.client import make_client

_AT_ONCE = 5_000

Arrived = tuple[int, int, int, bytes | None]
"""Partition, offset, timestamp in ms, value."""


class Follower:
    """A consumer for one process that wants each record the moment it is there.

    Parameters
    ----------
    config : Config
        Names the broker.
    topic : str
        An existing topic.
    starts : mapping of int to int or None
        The partitions, and from which offset each is read; None means from its first.
    group : str
        Group id; nothing is committed under it.

    Attributes
    ----------
    at_end : set of int
        Partitions that have been read to their end.
    """

    def __init__(self, config: Config, topic: str, starts: Mapping[int, int | None], group: str) -> None:
        """Open the consumer."""
        self.at_end: set[int] = set()
        self._consumer = make_client(
            Consumer,
            config,
            group_id=group,
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            fetch_wait_max_ms=20,  # also how soon the end of a quiet partition is noticed
            queued_max_messages_kbytes=32 << 10,
        )
        self._consumer.assign(
            [TopicPartition(topic, n, OFFSET_BEGINNING if start is None else start) for n, start in starts.items()]
        )

    def read(self, timeout_seconds: float) -> list[Arrived]:
        """Return the records that are there, or else the first that arrive within the time.

        Raises
        ------
        KafkaException
            When the broker says that reading on makes no sense.
        """
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        arrived: list[Arrived] = []
        for message in (first, *self._consumer.consume(_AT_ONCE, timeout=0)):
            error, partition = message.error(), message.partition() or 0
            if error is None:
                self.at_end.discard(partition)
                arrived.append((partition, message.offset() or 0, message.timestamp()[1], message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own spelling
                self.at_end.add(partition)
            elif not error.retriable():
                raise KafkaException(error)
        return arrived

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
