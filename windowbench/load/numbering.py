"""The partitions of several topics as one row of numbers: those of the first topic, then those of the next. Pure.

Where a workload has one topic, the number of a partition is the broker's own. Where it has two of three partitions
each, partition 1 of the second is number 4. Events, positions and samples know numbers alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from config import JobConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbering:
    """Topics of equally many partitions, `each`, numbered through."""

    topics: tuple[str, ...]
    each: int

    @property
    def count(self) -> int:
        """How many partitions there are in all."""
        return len(self.topics) * self.each

    def place(self, number: int) -> tuple[str, int]:
        """Return topic and partition of a number; one topic may have more partitions than was said."""
        which, partition = divmod(number, self.each) if len(self.topics) > 1 else (0, number)
        return self.topics[which], partition

    @property
    def places(self) -> list[tuple[str, int]]:
        """Topic and partition of each number."""
        return [self.place(number) for number in range(self.count)]

    def number(self, topic: str, partition: int) -> int:
        """Return the number of a partition; raises ValueError when the topic is none of them."""
        return self.topics.index(topic) * self.each + partition


def input_partitions(config: JobConfig) -> Numbering:
    """Return the numbers of the partitions that hold events."""
    return Numbering(topics=config.input_topics, each=config.kafka.partitions)


def result_partitions(config: JobConfig) -> Numbering:
    """Return the numbers of the partitions that take rows."""
    return Numbering(topics=config.result_topics, each=config.kafka.result_partitions)
