"""Following a topic while it grows, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from confluent_kafka import KafkaException

from config import Config
from windowbench.kafka.admin import Admin
from windowbench.kafka.reader import open_consumer

_POLL_SECONDS = 0.2


class TopicTail:
    """Hands each record's timestamp (ms) and value to a callback, from the topic's first record on.

    Parameters
    ----------
    config : Config
        Names the broker.
    topic : str
        An existing topic.
    on_record : callable
        Gets ``(timestamp_ms, value)``; called on the tail's thread, must not raise.
    """

    def __init__(self, config: Config, topic: str, on_record: Callable[[int, bytes | None], None]) -> None:
        """Open the consumer; :meth:`start` begins reading."""
        partitions = Admin(config).partitions(topic)
        self._consumer = open_consumer(config, topic, partitions, f"windowbench-tail-{config.run.run_id}")
        self._on_record = on_record
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="results-tail", daemon=True)

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for message in self._consumer.consume(1000, timeout=_POLL_SECONDS):
                    if message.error() is None:
                        self._on_record(message.timestamp()[1], message.value())
            except KafkaException:
                self._stop.wait(_POLL_SECONDS)  # the broker's death is noticed and reported by its own watcher

    def stop(self) -> None:
        """End reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._consumer.close()
