"""What events of every workload have: a block of them, drawn together, and the name of each. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

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

    def __len__(self) -> int:
        return self.due_offset_ns.size

    def part(self, start: int, stop: int) -> Self:
        """Return events `start` to before `stop` of this block, without copying."""
        arrays = {
            field.name: getattr(self, field.name)[start:stop]
            for field in dataclasses.fields(self)
            if field.name not in ("producer", "first")
        }
        return type(self)(producer=self.producer, first=self.first + start, **arrays)


def event_key(producer: int, number: int) -> bytes:
    """Return the name of an event: which one of the load it is. It is the Kafka key unless the workload has another."""
    return b"%d:%d" % (producer, number)


def event_keys(block: EventBlock) -> list[bytes]:
    """Return :func:`event_key` of every event of a block; a call for each would take twice as long."""
    pattern = b"%d:%%d" % block.producer
    return [pattern % number for number in range(block.first, block.first + len(block))]
