"""Result rows from JSON: strictly, and without ever failing; many at once where every row of a chunk is sound."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from windowbench.judge.truth.rows import PARSED_CHUNK, LiveRow, ParsedRows, RowKind, RowModel, SoundRow
from windowbench.workloads.kit.result_table import PLACE_COLUMNS

NEWEST_PRODUCE = "max_produce_time"
"""Produce time (ms) of the newest event counted in a row."""
_BLOCK_BYTES = 1 << 19
"""What one thread reads at a time."""
_FEW = 256
"""Rows that are not worth halving."""
_NO_KEY = np.iinfo(np.int64).min
_INT64 = range(-(2**63), 2**63)
Readers = Mapping[str, Callable[[object], float | None]]
"""What reads each field of a row: a number for what it holds, None for what it must not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFields:
    """The fields of a workload's result row beside ``run_id``, and how rows are read by them.

    Attributes
    ----------
    key : tuple of str
        Those of the integers that tell a row from others.
    integers, doubles : tuple of str
        An integer must be there; a double may be missing or null.
    counts : tuple of str
        Those of the integers that add up to the events counted.
    """

    key: tuple[str, ...]
    integers: tuple[str, ...]
    doubles: tuple[str, ...]
    counts: tuple[str, ...]

    @property
    def model(self) -> RowModel:
        """How such rows are read."""
        return RowModel(
            parse=self.parse,
            sound=self.sound,
            live=self.live,
            integers=self.integers,
            doubles=self.doubles,
            newest_produce=NEWEST_PRODUCE,
            metrics=(),
        )

    @property
    def table_columns(self) -> dict[str, str]:
        """The columns of an SQL table that takes such rows."""
        return {
            "run_id": "text NOT NULL",
            **dict.fromkeys(self.integers, "bigint NOT NULL"),
            **dict.fromkeys(self.doubles, "double precision"),
            **PLACE_COLUMNS,
        }

    @property
    def table_key(self) -> tuple[str, ...]:
        """What tells a row from others in such a table."""
        return ("run_id", *self.key)

    def live(self, row: Mapping[str, object]) -> LiveRow:
        """Return what is looked at of a row while a run lasts; see :class:`RowModel`."""
        key = tuple(whole(row, name) for name in self.key)
        return live_row(row, key, sum(whole(row, name) for name in self.counts))

    def parse(self, values: Sequence[bytes | None], run_id: str) -> ParsedRows:
        """Read the values of result records, one entry a value; see :class:`RowModel`.

        What is not a JSON object of this run is foreign; a row of this run with a field missing or of the wrong type is
        malformed, with its key where the key can be read.
        """
        starts = range(0, len(values), PARSED_CHUNK)
        return self._joined([self._parse_chunk(values[start : start + PARSED_CHUNK], run_id) for start in starts])

    def _joined(self, parts: Sequence[ParsedRows]) -> ParsedRows:
        return ParsedRows.concatenated(parts, self.integers, self.doubles)

    def _parse_chunk(self, values: Sequence[bytes | None], run_id: str) -> ParsedRows:
        """Take the fast way, on which every row is sound; where some row is not, in halves down to a few rows."""
        parsed = sound_rows(values, run_id, self.integers, self.doubles)
        if parsed is not None:
            return parsed
        if len(values) <= _FEW:
            return self._parse_one_by_one(values, run_id)
        half = len(values) // 2
        return self._joined([self._parse_chunk(part, run_id) for part in (values[:half], values[half:])])

    def _parse_one_by_one(self, values: Sequence[bytes | None], run_id: str) -> ParsedRows:
        rows = [*map(json_object, values)]
        parsed = no_rows(values, rows, run_id, self.integers, self.doubles)
        for name in self.key:
            parsed.integers[name][:] = _NO_KEY
        own = [(place, row) for place, row in enumerate(rows) if row and row.get("run_id") == run_id]
        fill(parsed, own, self._readers)
        return parsed

    @property
    def _readers(self) -> Readers:
        return {**dict.fromkeys(self.integers, integer_of), **dict.fromkeys(self.doubles, double_of)}

    def sound(self, value: bytes | None) -> SoundRow | None:
        """Read one result record of whatever run, integers and doubles in the order of their names."""
        row = json_object(value)
        if row is None or not isinstance(row.get("run_id"), str) or not is_sound(row, self._readers):
            return None
        return row["run_id"], tuple(row[name] for name in self.integers), doubles_of(row, self.doubles)


def no_rows(
    values: Sequence[bytes | None],
    rows: Sequence[dict[str, Any] | None],
    run_id: str,
    integers: Sequence[str],
    doubles: Sequence[str],
) -> ParsedRows:
    """Return values none of which is a row yet, 0 and NaN in all columns.

    One that is no JSON object and names the run all the same is malformed; all others are foreign.
    """
    named, count = json.dumps(run_id).encode(), len(values)
    ours = [row is None and value is not None and named in value for value, row in zip(values, rows, strict=True)]
    return ParsedRows(
        kind=np.where(ours, RowKind.MALFORMED, RowKind.FOREIGN).astype(np.uint8),
        integers={name: np.zeros(count, dtype=np.int64) for name in integers},
        doubles={name: np.full(count, np.nan) for name in doubles},
    )


def fill(parsed: ParsedRows, own: Sequence[tuple[int, dict[str, Any]]], readers: Readers) -> None:
    """Write rows of the run to their places, sound or malformed; what cannot be read leaves its column as it was."""
    at = np.array([place for place, _ in own], dtype=np.int64)
    sound = np.ones(len(own), dtype=np.bool_)
    for name, read in readers.items():
        found = [read(row.get(name)) for _, row in own]
        good = np.array([value is not None for value in found], dtype=np.bool_)
        into: NDArray[Any] = parsed.integers[name] if name in parsed.integers else parsed.doubles[name]
        into[at[good]] = [value for value in found if value is not None]
        sound &= good
    parsed.kind[at] = np.where(sound, RowKind.SOUND, RowKind.MALFORMED)


def is_sound(row: Mapping[str, object], readers: Readers) -> bool:
    """Whether all fields of a row can be read."""
    return all(read(row.get(name)) is not None for name, read in readers.items())


def doubles_of(row: Mapping[str, Any], names: Sequence[str]) -> tuple[float | None, ...]:
    """Return doubles of a sound row."""
    return tuple(None if row.get(name) is None else float(row[name]) for name in names)


def integer_of(value: object) -> int | None:
    """Return an integer of 64 bits, None for anything else."""
    return value if type(value) is int and value in _INT64 else None


def double_of(value: object) -> float | None:
    """Return a number, NaN for null, None for anything else."""
    if value is None:
        return math.nan
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(row: Mapping[str, object], name: str) -> int:
    """Return an integer of a row; raises KeyError where it is missing, TypeError where it is none."""
    number = integer_of(row[name])
    if number is None:
        raise TypeError(f"{name} is no integer: {row[name]!r}")
    return number


def live_row(row: Mapping[str, object], key: tuple[int | str, ...], events: int) -> LiveRow:
    """Return what is looked at of a row of that key which counts so many events."""
    start, end = whole(row, "window_start"), whole(row, "window_end")
    return LiveRow(key, start, end, events, integer_of(row.get(NEWEST_PRODUCE)))


def usual_run_id(values: Sequence[bytes | None]) -> str | None:
    """Return the run id that most of some result records carry, None where none carries any."""
    rows = (json_object(value) for value in values)
    ids = Counter(row["run_id"] for row in rows if row is not None and isinstance(row.get("run_id"), str))
    return ids.most_common(1)[0][0] if ids else None


def json_object(value: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object that a record's value is, None where it is anything else."""
    try:
        parsed = orjson.loads(value) if value is not None else None
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def sound_rows(
    values: Sequence[bytes | None], run_id: str, integers: Sequence[str], doubles: Sequence[str]
) -> ParsedRows | None:
    """Read values of which each is a sound row of one run, with these integers and doubles.

    None when any value is something else, or has a field beside these: it takes looking at them one by one.
    """
    fields = [pa.field("run_id", pa.string()), *(pa.field(name, pa.int64()) for name in integers)]
    schema = pa.schema([*fields, *(pa.field(name, pa.float64()) for name in doubles)])  # type: ignore[arg-type]  # stubs know no fields
    lines = _as_lines(values)
    if lines is None:
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(lines),  # type: ignore[arg-type]  # it takes Arrow's own files as well
            arrow_json.ReadOptions(use_threads=True, block_size=_BLOCK_BYTES),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        ).combine_chunks()
    except pa.ArrowException:
        return None
    if len(table) != len(values) or table.column("run_id").unique().to_pylist() != [run_id]:
        return None
    if any(table.column(name).null_count for name in integers):
        return None
    numbers = {name: table.column(name).to_numpy() for name in doubles}
    finite = (np.count_nonzero(np.isfinite(column)) for column in numbers.values())
    if any(n != len(table) - table.column(name).null_count for name, n in zip(doubles, finite, strict=True)):
        return None  # NaN and infinities, which Arrow reads and JSON does not know
    return ParsedRows(
        kind=np.full(len(values), RowKind.SOUND, dtype=np.uint8),
        integers={name: table.column(name).to_numpy() for name in integers},
        doubles=numbers,
    )


def _as_lines(values: Sequence[bytes | None]) -> bytes | None:
    """Return values as lines, None where a line could hold anything but one object: then rows would be displaced."""
    try:
        lines = b"\n".join(values)  # type: ignore[arg-type]  # None raises
    except TypeError:
        return None
    between = len(values) - 1
    whole = lines.startswith(b"{") and lines.endswith(b"}") and lines.count(b"\n") == between
    return lines if whole and lines.count(b"}\n{") == between else None
