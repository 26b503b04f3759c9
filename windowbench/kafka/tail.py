"""Following a topic while it grows, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaException, Message

from config import JobConfig
from windowbench.kafka.admin import Admin
from windowbench.kafka.reader import open_consumer

_POLL_SECONDS = 0.2
_GATHER_MS = 200


class TopicTail:
    """Hands each record's timestamp (ms) and value to a callback, from the topic's first record on.

    Callbacks are called on the tail's thread and must not raise. Where rows are updates, the newest one of a key says
    it all: given `on_passed_over`, only that one is handed on of records that were fetched together, and it gets the
    number of the others.
    """

    def __init__(
        self,
        config: JobConfig,
        topic: str,
        on_record: Callable[[int, bytes | None], None],
        on_passed_over: Callable[[int], None] | None = None,
    ) -> None:
        """Open the consumer; :meth:`start` begins reading."""
        partitions = Admin(config).partitions(topic)
        group = f"windowbench-tail-{config.run.run_id}"
        self._consumer = open_consumer(config, topic, partitions, group, gather_ms=_GATHER_MS)
        self._on_record = on_record
        self._on_passed_over = on_passed_over
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="results-tail", daemon=True)

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                messages = [m for m in self._consumer.consume(1000, timeout=_POLL_SECONDS) if m.error() is None]
                for message in self._thinned(messages):
                    self._on_record(message.timestamp()[1], message.value())
            except KafkaException:
                self._stop.wait(_POLL_SECONDS)  # the broker's death is noticed and reported by its own watcher

    def _thinned(self, messages: list[Message]) -> Iterable[Message]:
        if self._on_passed_over is None:
            return messages
        newest = {message.key(): message for message in messages}.values()
        self._on_passed_over(len(messages) - len(newest))
        return newest

    def stop(self) -> None:
        """End reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._consumer.close()
