"""What events of every workload have: a block of them, drawn together, and the name of each. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.workloads.contract import Part

BLOCK = 1024
"""Events whose attributes are drawn together. Part of what a seed means: another value gives other events."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EventBlock:
    """Consecutive events of one producer; a workload adds what else an event of its own holds, as further arrays.

    Times are ns since the run's epoch.
    """

    producer: int
    first: int
    """Number of the first event among its producer's."""
    due_offset_ns: NDArray[np.int64]
    event_offset_ns: NDArray[np.int64]
    partition: NDArray[np.int32]
    """Number of the partition, over all input topics; see :mod:`windowbench.load.numbering`."""

    @classmethod
    def of(cls, block: EventBlock) -> Self:
        """Return `block` as one of this kind; raises TypeError when it is of another."""
        if not isinstance(block, cls):
            raise TypeError(f"{type(block).__name__} is no {cls.__name__}")
        return block

    def __len__(self) -> int:
        return self.due_offset_ns.size

    def part(self, start: int, stop: int) -> Self:
        """Return events `start` to before `stop` of this block, without copying."""
        return dataclasses.replace(self.at(slice(start, stop)), first=self.first + start)

    def at(self, which: slice | NDArray[np.bool_]) -> Self:
        """Return some events of this block, as if they were the first ones of it."""
        names = {field.name for field in dataclasses.fields(self)} - {"producer", "first"}
        return dataclasses.replace(self, **{name: getattr(self, name)[which] for name in names})


class Draw(Protocol):
    """Draws what the events of one producer hold, block after block."""

    def __call__(self, first: int, due: NDArray[np.int64]) -> EventBlock:
        """Return the next block, trimmed to the due times given; `first` is the number of its first event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSource(Part):
    """What the events of a workload hold.

    Attributes
    ----------
    draw : callable
        Begins the stream of a producer, by its number: a function of that and the configuration alone.
    contents : tuple of str
        Arrays of its blocks that decide which rows are right.
    """

    PLACE: ClassVar[str] = "events.SOURCE"

    draw: Callable[[Config, int], Draw]
    contents: tuple[str, ...]


def event_key(producer: int, number: int) -> bytes:
    """Return the name of an event: which one of the load it is. It is the Kafka key unless the workload has another."""
    return b"%d:%d" % (producer, number)


def event_keys(block: EventBlock) -> list[bytes]:
    """Return :func:`event_key` of every event of a block; a call for each would take twice as long."""
    pattern = b"%d:%%d" % block.producer
    return [pattern % number for number in range(block.first, block.first + len(block))]
