"""Reading the headers of the batches of a log, which librdkafka does not show.

kafka-python does: a fetch for uncommitted records brings everything there is, markers of transactions included. It is
asked request by request, so that nothing is skipped on the way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.protocol.consumer.fetch import FetchRequest
from kafka.record.memory_records import MemoryRecords
from kafka.structs import TopicPartition

from config import JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin
from windowbench.kafka.log_account import Batch, Marker, account
from windowbench.kafka.settings import bootstrap_of, python_settings
from windowbench.runs.files.topics import LogAccount

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # as for librdkafka: what a user needs is in our own message
_BYTES = 4 << 20
_TIMEOUT_MS = 30_000
_FETCH_VERSION = 12
"""The newest in which topics have names; later ones have ids."""


def account_of(config: JobConfig, topic: str, begins: Mapping[int, int]) -> dict[int, LogAccount]:
    """Return what became of every offset of a topic, by partition.

    Parameters
    ----------
    config : JobConfig
    topic : str
    begins : mapping of int to int
        Where the log of each partition began when the topic was prepared.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer, or refuses.
    """
    ranges = Admin(config).log_ranges(topic)
    client: Any = KafkaNetClient(
        bootstrap_servers=bootstrap_of(config).split(","),
        receive_message_max_bytes=16 * _BYTES,
        **python_settings(config),
    )
    try:
        client.cluster.add_topic(topic)
        client._manager.bootstrap(timeout_ms=_TIMEOUT_MS)  # noqa: SLF001 - what its own consumer calls
        return {
            n: account(_batches(client, topic, n, at, end), begin=begins.get(n, 0), begins_at=at, end=end)
            for n, (at, end) in ranges.items()
        }
    except (KafkaError, OSError) as error:
        msg = f"the log of topic {topic} cannot be read: {type(error).__name__}"
        raise EnvironmentProblem(msg, remedy="look at the broker's log") from error
    finally:
        client.close()


def _batches(client: Any, topic: str, partition: int, begin: int, end: int) -> Iterator[Batch]:  # noqa: ANN401 - untyped
    node, offset = client.cluster.leader_for_partition(TopicPartition(topic, partition)), begin
    while offset < end:
        wanted = FetchRequest.FetchTopic.FetchPartition(
            partition=partition,
            current_leader_epoch=-1,
            fetch_offset=offset,
            log_start_offset=-1,
            partition_max_bytes=_BYTES,
        )
        request = FetchRequest(
            replica_id=-1,
            max_wait_ms=100,
            min_bytes=1,
            max_bytes=_BYTES,
            isolation_level=0,
            session_id=0,
            session_epoch=-1,
            topics=[FetchRequest.FetchTopic(topic=topic, partitions=[wanted])],
            forgotten_topics_data=[],
            max_version=_FETCH_VERSION,
        )
        answer = client.send_and_receive(node, request, timeout_ms=_TIMEOUT_MS).responses[0].partitions[0]
        if answer.error_code:
            raise EnvironmentProblem(
                f"the broker refuses to show the log of {topic}, partition {partition}: error {answer.error_code}",
                remedy="look at the broker's log",
            )
        before = offset
        for batch in _parsed(answer.records or b""):
            yield batch
            offset = max(offset, batch.last + 1)
        if offset == before:  # the rest was removed, or is compacted away
            return


def _parsed(data: bytes) -> Iterator[Batch]:
    records = MemoryRecords(data)
    while records.has_next():
        batch = records.next_batch()
        yield Batch(
            first=batch.base_offset,
            last=batch.last_offset,
            records=batch.records_count,
            transactional=batch.is_transactional,
            producer=batch.producer_id,
            marker=Marker(next(iter(batch)).type) if batch.is_control_batch else None,
        )
