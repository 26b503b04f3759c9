"""What the reference engine asks of a workload: plain Python that reads, counts and makes rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from config import JobConfig
from windowbench.workloads.contract import Part

Partial = Sequence[object]
"""What a consumer counted, or an event as it is, as JSON has it; the workload says what stands where."""
Row = dict[str, object]
"""A result row, as JSON has it."""


class ResultRecord(NamedTuple):
    """Key and value of a result record, and which of the topics of results it goes to."""

    key: bytes
    value: bytes
    topic: int = 0


class Intake(Protocol):
    """What a consumer process counts in; see :class:`windowbench.engines.reference.records.Intake`."""

    def take_in(self, value: bytes | None, record_ms: int, topic: int) -> int | None:
        """Read a record, and count the event in it.

        Parameters
        ----------
        value : bytes or None
            The record's value.
        record_ms : int
            The record's own Kafka timestamp in ms.
        topic : int
            Which of the input topics it is from.

        Returns
        -------
        int or None
            Its event time in ns, that of END for END; None for a record that must be rejected.
        """

    def take(self) -> Sequence[Partial]:
        """Return what was counted since the last call."""


class Windows(Protocol):
    """What the parent of the consumers adds up in, and closes windows."""

    late: int
    """Events that came after their window had closed, once for each such window."""

    def __len__(self) -> int:
        """Return how much is kept: windows of each key."""

    def add(self, partials: Iterable[Partial]) -> None:
        """Add what consumers counted."""

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield the rows of the windows that the watermark closes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceQuery(Part):
    """How the reference engine computes a workload; it shares no code with the oracle.

    Attributes
    ----------
    intake, windows : callable
        Make what a consumer counts in, and what the aggregator adds up in.
    record : callable
        Returns a row as a result record.
    """

    PLACE: ClassVar[str] = "reference.QUERY"

    intake: Callable[[JobConfig], Intake]
    windows: Callable[[JobConfig], Windows]
    record: Callable[[Mapping[str, object]], ResultRecord]
