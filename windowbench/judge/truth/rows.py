"""Result rows as they were read: parsed values beside where and when the broker stored them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from windowbench.workloads.contract import Part

PARSED_CHUNK = 16_384
"""Rows parsed at a time."""
LOG_APPEND_TIME = 1
"""Kafka's timestamp type of a record that was stamped by the broker when it was stored."""


class RowKind(enum.IntEnum):
    """What a record of the results topic is, before its values are looked at."""

    SOUND = 0
    MALFORMED = 1
    FOREIGN = 2


class LiveRow(NamedTuple):
    """What is looked at of a row while a run lasts; none of it is judged.

    ``key`` tells the row from those of other cells; ``events`` grows from one row of a key to the next.
    """

    key: tuple[int | str, ...]
    window_start: int
    window_end: int
    events: int
    newest_produce_ms: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedRows:
    """Values of result rows, column by column.

    Attributes
    ----------
    kind : uint8[n]
        :class:`RowKind` of each.
    integers : dict of str to int64[n]
        Integer fields; anything in a field that could not be read.
    doubles : dict of str to float64[n]
        Double fields; NaN for null.
    """

    kind: NDArray[np.uint8]
    integers: dict[str, NDArray[np.int64]]
    doubles: dict[str, NDArray[np.float64]]

    @classmethod
    def concatenated(cls, parts: Sequence[ParsedRows], integers: Sequence[str], doubles: Sequence[str]) -> ParsedRows:
        """Join parts; of no parts, an empty table with the named columns."""
        no_kind, no_number = np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.int64)
        no_double = np.empty(0, dtype=np.float64)
        return cls(
            kind=np.concatenate([no_kind, *(part.kind for part in parts)]),
            integers={name: np.concatenate([no_number, *(part.integers[name] for part in parts)]) for name in integers},
            doubles={name: np.concatenate([no_double, *(part.doubles[name] for part in parts)]) for name in doubles},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultRows:
    """Result records: what they say and how the broker stored them; arrays of equal length.

    Attributes
    ----------
    partition : int32[n]
    offset : int64[n]
    append_ms : int64[n]
        Time stamp of the record, in ms since the Unix epoch.
    timestamp_type : int8[n]
        0 CreateTime, 1 LogAppendTime.
    """

    parsed: ParsedRows
    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    append_ms: NDArray[np.int64]
    timestamp_type: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.offset)


SoundRow = tuple[str, tuple[int | str | None, ...], tuple[float | None, ...]]
"""Run id of a row, then what it has in the columns of its SQL table: integers and texts, and doubles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowModel(Part):
    """How the result rows of a workload are read.

    Attributes
    ----------
    parse : callable
        Reads values of records, strictly and without ever failing; rows of other runs than the one named are foreign.
    sound : callable
        Reads one record of whatever run; None for what is no row.
    live : callable
        Returns what is looked at of a row, a JSON object, while a run lasts; raises KeyError where a field is missing
        and TypeError where one is something else than it should be.
    integers, doubles : tuple of str
        The columns that `parse` returns.
    newest_produce : str
        That of the produce time (ms) of the newest event counted in a row.
    metrics : tuple of str
        Names of the types of row, where there are several.
    """

    PLACE: ClassVar[str] = "model.MODEL"

    parse: Callable[[Sequence[bytes | None], str], ParsedRows]
    sound: Callable[[bytes | None], SoundRow | None]
    live: Callable[[Mapping[str, object]], LiveRow]
    integers: tuple[str, ...]
    doubles: tuple[str, ...]
    newest_produce: str
    metrics: tuple[str, ...]
