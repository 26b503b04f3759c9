"""What became of every offset of a log, from the headers of its batches. Pure.

From the begin that was noted when the topic was prepared up to the end of the log, each offset is one of these: a
committed record, a record of an aborted transaction, the marker that ended a transaction, or a record of a transaction
that nobody has ended. Any other was there and is gone: somebody has removed it.

Rules, as of Kafka's message format 2:

* A batch has a first and a last offset and a number of records; where records were compacted away there are fewer than
  offsets.
* The records of a transaction are in batches of one producer id, and count when a marker of that producer id follows.
  A marker is a control batch of one record, and takes an offset.
* Where a log begins within a batch, the broker still hands out the whole batch.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from windowbench.runs.files.topics import LogAccount


class Marker(enum.Enum):
    """How a transaction ended."""

    ABORT = 0
    COMMIT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The header of a batch.

    Attributes
    ----------
    first, last : int
        Offsets, both included.
    records : int
    transactional : bool
    producer : int
        Id of the producer; -1 where it has none.
    marker : Marker or None
        Of a control batch that ends a transaction.
    """

    first: int
    last: int
    records: int
    transactional: bool = False
    producer: int = -1
    marker: Marker | None = None


def account(batches: Iterable[Batch], *, begin: int, begins_at: int, end: int) -> LogAccount:
    """Account for every offset of a partition.

    Parameters
    ----------
    batches : iterable of Batch
        In the order of their offsets.
    begin, begins_at, end : int
        Where it began when the topic was prepared, where it begins now, and the end of the log.
    """
    following = start = max(begin, begins_at)
    removed = start - begin
    counts = {"plain": 0, "committed": 0, "aborted": 0, "markers": 0}
    unfinished: dict[int, int] = {}
    for batch in batches:
        if batch.last < start or batch.first >= end:
            continue
        removed += max(0, batch.first - following)
        offsets = batch.last + 1 - batch.first
        cut = max(0, start - batch.first)
        removed += offsets - batch.records
        following = batch.last + 1
        if batch.marker is not None:
            counts["markers"] += 1
            counts["committed" if batch.marker is Marker.COMMIT else "aborted"] += unfinished.pop(batch.producer, 0)
        elif batch.transactional:
            unfinished[batch.producer] = unfinished.get(batch.producer, 0) + batch.records - cut
        else:
            counts["plain"] += batch.records - cut
    return LogAccount(
        begin=begin,
        end=end,
        begins_at=begins_at,
        committed=counts["plain"] + counts["committed"],
        in_transactions=counts["committed"],
        aborted=counts["aborted"],
        markers=counts["markers"],
        unfinished=sum(unfinished.values()),
        removed=removed + max(0, end - following),
    )
