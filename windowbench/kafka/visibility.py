"""A consumer that notes when it was first given each record: what a reader of committed records can see, and when.

Records of a transaction are in the log long before that: the broker hands them to such a reader after the commit only,
and those of an aborted transaction never.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from config import JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin, TopicPlan, small_topic
from windowbench.kafka.client import make_client
from windowbench.kafka.follower import FOLLOWER_SETTINGS, Partition, is_record, messages_there


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it was returned: the broker's time stamp, and the wall clock when the consumer had it."""

    topic: str
    partition: int
    offset: int
    append_ms: int
    visible_ns: int


def calibration_topic(config: JobConfig) -> TopicPlan:
    """Return the topic of the records, in no transaction, that show what the consumer itself takes."""
    return small_topic(config, "visible")


class VisibilityConsumer:
    """Reads whole existing topics from their beginning, each record as soon as it is visible."""

    def __init__(self, config: JobConfig, topics: Sequence[str]) -> None:
        admin = Admin(config)
        parts = [TopicPartition(topic, n, OFFSET_BEGINNING) for topic in topics for n in admin.partitions(topic)]
        self._waiting: set[Partition] = {(part.topic, part.partition) for part in parts}
        self._consumer = make_client(
            Consumer, config, group_id=f"windowbench-visible-{config.run.run_id}", **FOLLOWER_SETTINGS
        )
        self._consumer.assign(parts)

    @property
    def ready(self) -> bool:
        """Whether every partition has been read to its end once, so that a record written now will be seen at once."""
        return not self._waiting

    def read(self, timeout_seconds: float) -> list[Seen]:
        """Return the records that have become visible, or else the first that do within the time.

        Raises
        ------
        EnvironmentProblem
            When the broker says that reading on makes no sense.
        """
        messages = messages_there(self._consumer, timeout_seconds)
        visible_ns = time.time_ns()
        try:
            return [
                Seen(m.topic() or "", m.partition() or 0, m.offset() or 0, m.timestamp()[1], visible_ns)
                for m in messages
                if is_record(m, self._waiting.discard)
            ]
        except KafkaException as error:
            raise EnvironmentProblem(f"committed records cannot be read any more: {error.args[0].str()}") from None

    def close(self) -> None:
        """Close the consumer; how far it has read is kept nowhere."""
        self._consumer.close()
