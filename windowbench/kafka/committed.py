"""Reading a topic across restarts: the broker keeps how far a group has come, and moves that only when told.

Partitions are assigned, not subscribed to. One process reads them all, so there is nothing to share out, and nothing
is lost to it when it does not ask for records for a long time.
"""

from __future__ import annotations

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from config import JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin, unreachable
from windowbench.kafka.client import READS_COMMITTED, make_client
from windowbench.kafka.reader import record_of
from windowbench.kafka.settings import bootstrap_of
from windowbench.load.numbering import Numbering
from windowbench.load.record import Record

_REQUEST_SECONDS = 10.0
_COORDINATOR_SECONDS = 30.0
_NO_COORDINATOR = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)


class CommittedReader:
    """Reads every partition of some topics from where its group has come to, or else from the first record.

    Attributes
    ----------
    position : dict of int to int
        Per number of a partition the next offset of what was read; :meth:`commit` makes it the group's.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer or a topic does not exist.
    """

    def __init__(self, config: JobConfig, topics: Numbering, group: str) -> None:
        """Ask for the group's offsets and open the consumer there."""
        self.position: dict[int, int] = {}
        self._topics = topics
        self._committed: dict[int, int] = {}
        admin = Admin(config)
        places = [TopicPartition(topic, n) for topic in topics.topics for n in admin.partitions(topic)]
        for topic in set(topics.topics) - {place.topic for place in places}:
            msg = f"there is no topic {topic} at {bootstrap_of(config)}"
            raise EnvironmentProblem(msg, remedy="check the name; `python topic_creation.py` creates the topics")
        self._consumer = make_client(Consumer, config, group_id=group, **READS_COMMITTED)
        try:
            self._consumer.assign(self._starts(places))
        except KafkaException as error:
            self._consumer.close()
            raise unreachable(bootstrap_of(config), error.args[0].str()) from None

    def _starts(self, places: list[TopicPartition]) -> list[TopicPartition]:
        """Ask where each partition is to be read from."""
        found = self._ask_committed(places)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return [TopicPartition(p.topic, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING) for p in found]

    def _ask_committed(self, asked: list[TopicPartition]) -> list[TopicPartition]:
        """Ask for committed offsets; the first group of a fresh broker waits for its coordinator."""
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                found: list[TopicPartition] = self._consumer.committed(asked, timeout=_REQUEST_SECONDS)
            except KafkaException as error:
                if error.args[0].code() not in _NO_COORDINATOR or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return found

    def read(self, most: int, timeout_seconds: float) -> list[Record]:
        """Return up to `most` records: as soon as so many are there, or what is there when the time is over.

        Raises
        ------
        EnvironmentProblem
            When the broker says that reading on makes no sense, as of a topic that was deleted.
        """
        records = []
        for message in self._consumer.consume(most, timeout=timeout_seconds):
            error, offset = message.error(), message.offset() or 0
            if error is None:
                partition = self._number_of(message)
                records.append(record_of(message, partition))
                self.position[partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own spelling
                # Beyond the markers of transactions, which are no records.
                self.position[self._number_of(message)] = offset
            elif not error.retriable():
                msg = f"topic {message.topic()} cannot be read any more: {error.str()}"
                raise EnvironmentProblem(msg, remedy="look at the broker, then start the consumer again")
        return records

    def _number_of(self, message: Message) -> int:
        return self._topics.number(message.topic() or "", message.partition() or 0)

    def commit(self) -> bool:
        """Tell the broker how far the group has come; return whether it knows.

        A broker that does not answer is asked again by the next call. Until then a restart reads what it does not know
        to be read once more.
        """
        if self.position == self._committed:
            return True
        offsets = [TopicPartition(*self._topics.place(n), offset) for n, offset in self.position.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException:
            return False
        self._committed = dict(self.position)
        return True

    def close(self) -> None:
        """Close the consumer; what was not committed stays so."""
        self._consumer.close()
