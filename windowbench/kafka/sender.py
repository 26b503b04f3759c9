"""Sending events so that none is lost unnoticed: ``acks=all``, idempotent, every failure counted."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaException, Message, Producer

from config import JobConfig
from windowbench.kafka.client import make_client
from windowbench.load.numbering import Numbering

QUEUE_KBYTES = 48 << 10
"""Most bytes handed over and not yet acknowledged, in KiB. A producer's memory stays below 250 MB with that."""

AckSample = Callable[[bytes, bytes, int], None]
"""Gets key, value and acknowledgement latency (microseconds) of a sampled event."""


class KafkaSender:
    """A librdkafka producer for the events of one producer process.

    librdkafka must not be carried over a fork: make the sender in the process that uses it. Records go to a topic, or
    to several whose partitions are numbered through. One acknowledgement in `sample_every` is reported to `on_sample`.
    A record waits `linger_ms` for others.
    """

    def __init__(
        self,
        config: JobConfig,
        topic: str | Numbering,
        *,
        sample_every: int = 100,
        on_sample: AckSample | None = None,
        linger_ms: float = 0.0,
        compression: str = "none",
    ) -> None:
        """Make the client; the first connection is made in the background."""
        self._topic = topic if isinstance(topic, str) else topic.topics[0]
        # A topic of its own keeps the broker's numbers, and may have any number of partitions.
        self._places = None if isinstance(topic, str) or len(topic.topics) == 1 else topic.places
        self._sample_every = self._next_sample = sample_every
        self._on_sample = on_sample
        self.acknowledged = 0
        self.failed = 0
        self.queue_full = 0
        self.last_failure = ""
        self._producer = make_client(
            Producer,
            config,
            acks="all",
            enable_idempotence=True,
            # With more, librdkafka 2.16 looks for room without pause while as many requests as it may send wait for
            # their answers: a broker that lacks CPU for a moment would lose it to its producers for good.
            max_in_flight_requests_per_connection=1,
            compression_type=compression,
            linger_ms=linger_ms,
            queue_buffering_max_messages=1_000_000,
            queue_buffering_max_kbytes=QUEUE_KBYTES,
            batch_num_messages=10_000,
        )
        # Looked up once, not again for each event.
        self._produce, self._report = self._producer.produce, self._delivered

    def __len__(self) -> int:
        """Return how many records are handed over and not yet acknowledged."""
        return len(self._producer)

    def _delivered(self, error: object, message: Message) -> None:
        if error is not None:
            self.failed += 1
            self.last_failure = str(error)
            return
        self.acknowledged = count = self.acknowledged + 1
        if count == self._next_sample and self._on_sample is not None:
            self._next_sample += self._sample_every
            key, value = message.key() or b"", message.value() or b""
            self._on_sample(key, value, round((message.latency() or 0.0) * 1_000_000))

    def send(self, value: bytes, key: bytes, partition: int, timestamp_ms: int) -> None:
        """Hand one record over; a full queue is waited for and counted."""
        topic = self._topic
        if self._places is not None:
            topic, partition = self._places[partition]
        while True:
            try:
                # By place: names would make a dictionary for each event, a third of the call. The
                # report has two places.
                self._produce(topic, value, key, partition, self._report, None, timestamp_ms)
            except BufferError:
                self.queue_full += 1
                self._producer.poll(0.01)
            except KafkaException as error:  # a record the client refuses, such as one too large
                self.failed += 1
                self.last_failure = str(error)
                return
            else:
                return

    def poll(self) -> None:
        """Serve delivery reports that have arrived."""
        self._producer.poll(0)

    def flush(self, timeout_seconds: float) -> int:
        """Wait for everything handed over and return how many records are still unacknowledged."""
        return int(self._producer.flush(timeout_seconds))
