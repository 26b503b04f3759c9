"""Result rows of several types, told apart by the field ``metric``: what they hold, and how their JSON is read. Pure.

A workload that answers several questions writes a row type for each. All rows have ``run_id``, ``metric``,
``window_start``, ``window_end`` and ``max_produce_time``, and the fields of their type beside. The judge knows columns
of numbers alone, the same for all rows: a field that a row does not have is 0, or NaN, and a text is its
:func:`text_code`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.rows import LiveRow, ParsedRows, RowKind, RowModel, SoundRow
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, is_double, is_integer, json_object, live_row, whole
from windowbench.workloads.kit.result_table import PLACE_COLUMNS

METRIC_COLUMN = "metric"
"""Number of a row's type, -1 for a type that there is not."""
KEY_COLUMN = "key"
"""What tells a row from others of its type and window: a number, or the code of a text."""
COMMON = ("window_start", "window_end", NEWEST_PRODUCE)
_LONGEST_KEY = 200
"""Longer keys stand in a database by their codes: an index takes no key of any length."""


@lru_cache(maxsize=1 << 16)
def text_code(text: str) -> int:
    """Return the number that stands for a text, of 64 bits; two texts of one run share one hardly ever.

    Notes
    -----
    Among 10 million texts the chance that any two share a code is below 3e-6.
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def text_codes(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return :func:`text_code` of each text."""
    return np.array([text_code(text) for text in texts], dtype=np.int64)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowType:
    """The fields of a type of row, beside those that all rows have.

    Attributes
    ----------
    name : str
        What its field ``metric`` holds.
    key : str
        The one of `integers` or `texts` that tells a row from others of its type and window; empty where there is one
        row for each window.
    integers, texts, doubles : tuple of str
        An integer and a text must be there; a double may be missing or null.
    """

    name: str
    key: str = ""
    integers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the key."""
        if self.key and self.key not in (*self.integers, *self.texts):
            raise ValueError(f"the key {self.key} of {self.name} is none of its integers and texts")


@dataclass(frozen=True)
class TypedRows:
    """The row types of a workload, and how rows of them are read.

    Attributes
    ----------
    types : tuple of RowType
        The number of a type is its place here.
    """

    types: tuple[RowType, ...]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of the types."""
        return tuple(row_type.name for row_type in self.types)

    @cached_property
    def _numbers(self) -> dict[object, int]:
        return {name: number for number, name in enumerate(self.metrics)}

    @cached_property
    def _integers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row_type in self.types for name in row_type.integers))

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row_type in self.types for name in row_type.texts))

    @cached_property
    def integers(self) -> tuple[str, ...]:
        """Columns of integers and of codes of texts, over all types."""
        return (METRIC_COLUMN, KEY_COLUMN, *COMMON, *self._integers, *self._texts)

    @cached_property
    def doubles(self) -> tuple[str, ...]:
        """Columns of doubles, over all types."""
        return tuple(dict.fromkeys(name for row_type in self.types for name in row_type.doubles))

    @property
    def model(self) -> RowModel:
        """How such rows are read."""
        return RowModel(
            parse=self.parse,
            sound=self.sound,
            live=self.live_row,
            integers=self.integers,
            doubles=self.doubles,
            newest_produce=NEWEST_PRODUCE,
            metrics=self.metrics,
        )

    def parse(self, values: Sequence[bytes | None], run_id: str) -> ParsedRows:
        """Read the values of result records, one entry a value; see :class:`RowModel`.

        What is not a JSON object of this run is foreign; a row of this run of an unknown type, or with a field missing
        or of the wrong type, is malformed, with its key where the key can be read.
        """
        count = len(values)
        kind = np.full(count, RowKind.FOREIGN, dtype=np.uint8)
        integers: dict[str, NDArray[np.int64]] = {name: np.zeros(count, dtype=np.int64) for name in self.integers}
        doubles: dict[str, NDArray[np.float64]] = {name: np.full(count, np.nan) for name in self.doubles}
        integers[METRIC_COLUMN][:] = -1
        places: list[list[int]] = [[] for _ in self.types]
        rows: list[list[dict[str, Any]]] = [[] for _ in self.types]
        for place, value in enumerate(values):
            row = json_object(value)
            if row is None or row.get("run_id") != run_id:
                continue
            metric = row.get(METRIC_COLUMN)
            number = self._numbers.get(metric) if isinstance(metric, str) else None
            if number is None:
                kind[place] = RowKind.MALFORMED
                continue
            places[number].append(place)
            rows[number].append(row)
        for number, row_type in enumerate(self.types):
            at = np.array(places[number], dtype=np.int64)
            sound, columns, numbers = _columns_of(rows[number], row_type)
            kind[at] = np.where(sound, RowKind.SOUND, RowKind.MALFORMED)
            integers[METRIC_COLUMN][at] = number
            for name, column in columns.items():
                integers[name][at] = column
            for name, values_of in numbers.items():
                doubles[name][at] = values_of
            if row_type.key:
                integers[KEY_COLUMN][at] = columns[row_type.key]
        return ParsedRows(kind=kind, integers=integers, doubles=doubles)

    def sound(self, value: bytes | None) -> SoundRow | None:
        """Read one record of whatever run: what :attr:`table_columns` names, None where a row has no such field."""
        row = json_object(value)
        if row is None or not isinstance(row.get("run_id"), str):
            return None
        metric = row.get(METRIC_COLUMN)
        number = self._numbers.get(metric) if isinstance(metric, str) else None
        if number is None or not _columns_of([row], self.types[number])[0].all():
            return None
        row_type = self.types[number]
        texts = {name: row[name] for name in row_type.texts}
        if any("\0" in text for text in texts.values()):
            return None  # which no database takes
        key = str(row[row_type.key]) if row_type.key else ""
        if len(key) > _LONGEST_KEY:
            key = f"{text_code(key):x}"
        words = tuple(row[name] if name in row_type.integers else None for name in self._integers)
        said = tuple(texts.get(name) for name in self._texts)
        numbers = tuple(_double(row.get(name)) if name in row_type.doubles else None for name in self.doubles)
        return row["run_id"], (row[METRIC_COLUMN], key, *(row[name] for name in COMMON), *words, *said), numbers

    @property
    def table_columns(self) -> dict[str, str]:
        """The columns of an SQL table that takes rows of all types."""
        return {
            "run_id": "text NOT NULL",
            METRIC_COLUMN: "text NOT NULL",
            "row_key": "text NOT NULL",
            **dict.fromkeys(COMMON, "bigint NOT NULL"),
            **dict.fromkeys(self._integers, "bigint"),
            **dict.fromkeys(self._texts, "text"),
            **dict.fromkeys(self.doubles, "double precision"),
            **PLACE_COLUMNS,
        }

    def live_row(self, row: Mapping[str, object]) -> LiveRow:
        """Return what is looked at of a row while a run lasts, which counts one; see :class:`RowModel`."""
        number = self._numbers[row[METRIC_COLUMN]]
        row_type = self.types[number]
        if row_type.key in row_type.texts:
            key = text_code(str(row[row_type.key]))
        else:
            key = whole(row, row_type.key) if row_type.key else 0
        return live_row(row, (number, whole(row, "window_start"), key), 1)


TABLE_KEY = ("run_id", METRIC_COLUMN, "window_start", "row_key")
"""What tells a row from others in such a table."""


def _columns_of(
    rows: Sequence[Mapping[str, Any]], row_type: RowType
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.int64]], dict[str, NDArray[np.float64]]]:
    """Return which rows are sound, and their fields; 0 or NaN where one could not be read."""
    sound = np.ones(len(rows), dtype=np.bool_)
    columns: dict[str, NDArray[np.int64]] = {}
    numbers: dict[str, NDArray[np.float64]] = {}
    for name in (*COMMON, *row_type.integers):
        found = [row.get(name) for row in rows]
        good = np.array([is_integer(value) for value in found], dtype=np.bool_)
        columns[name] = np.array([v if ok else 0 for v, ok in zip(found, good, strict=True)], dtype=np.int64)
        sound &= good
    for name in row_type.texts:
        found = [row.get(name) for row in rows]
        good = np.array([isinstance(value, str) for value in found], dtype=np.bool_)
        columns[name] = np.array([text_code(v) if ok else 0 for v, ok in zip(found, good, strict=True)], dtype=np.int64)
        sound &= good
    for name in row_type.doubles:
        found = [row.get(name) for row in rows]
        good = np.array([is_double(value) for value in found], dtype=np.bool_)
        numbers[name] = np.array(
            [np.nan if v is None or not ok else v for v, ok in zip(found, good, strict=True)], dtype=np.float64
        )
        sound &= good
    return sound, columns, numbers


def _double(value: Any) -> float | None:  # noqa: ANN401 - a number or null, as was checked
    return None if value is None else float(value)
