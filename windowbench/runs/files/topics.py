"""What ``topics.json`` says of the topics of a run: as they were prepared, and as they were found afterwards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LogAccount:
    """What became of the offsets of one partition, `begin` included and `end` not.

    Attributes
    ----------
    begin, end : int
        Offsets: the begin as noted when the topic was prepared, the end of the log.
    begins_at : int
        Where the log begins now.
    committed : int
        Records that a reader of committed records gets.
    in_transactions : int
        How many of those came in a transaction.
    aborted, markers, unfinished : int
        Records of aborted transactions, markers that end one, records of transactions that were not ended.
    removed : int
        Offsets that held something which is gone.
    """

    begin: int
    end: int
    begins_at: int
    committed: int
    in_transactions: int
    aborted: int
    markers: int
    unfinished: int
    removed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedTopic:
    """A topic before the load.

    Attributes
    ----------
    id : str
        Tells it from an earlier or later one of the same name.
    begins : dict of str to int
        First offset of each partition.
    """

    id: str
    begins: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTopic:
    """A topic after everything that wrote to it has stopped; an account for each partition."""

    id: str
    partitions: dict[str, LogAccount]

    def total(self, field: str) -> int:
        """Return the sum of a field of the accounts."""
        return sum(getattr(found, field) for found in self.partitions.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicsFile:
    """The topics of events and of results, by name.

    Attributes
    ----------
    events, results : tuple of str
        Their names.
    prepared : dict of str to PreparedTopic
    found : dict of str to FoundTopic
        Empty until the run was verified; a topic that was gone by then is missing.
    """

    events: tuple[str, ...]
    results: tuple[str, ...]
    prepared: dict[str, PreparedTopic]
    found: dict[str, FoundTopic]
