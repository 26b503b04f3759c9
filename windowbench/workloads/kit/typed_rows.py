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
from windowbench.workloads.kit import json_rows
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE, Readers, json_object, whole
from windowbench.workloads.kit.result_table import PLACE_COLUMNS
from windowbench.workloads.kit.row_types import RowType

METRIC_COLUMN = "metric"
"""Number of a row's type, -1 for a type that there is not."""
KEY_COLUMN = "key"
"""What tells a row from others of its type and window: a number, or the code of a text."""
COMMON = ("window_start", "window_end", NEWEST_PRODUCE)
_LONGEST_KEY = 200
"""Longer keys stand in a database by their codes: an index takes no key of any length."""


@lru_cache(maxsize=1 << 16)
def text_code(text: str) -> int:
    """Return the number that stands for a text, of 64 bits.

    Among 10 million texts the chance that any two share a code is below 3e-6.
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def text_codes(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return :func:`text_code` of each text."""
    return np.array([text_code(text) for text in texts], dtype=np.int64)


def _code_of(value: object) -> int | None:
    return text_code(value) if isinstance(value, str) else None


@lru_cache
def _readers(row_type: RowType) -> Readers:
    return {
        **dict.fromkeys((*COMMON, *row_type.integers), json_rows.integer_of),
        **dict.fromkeys(row_type.texts, _code_of),
        **dict.fromkeys(row_type.doubles, json_rows.double_of),
    }


@dataclass(frozen=True)
class TypedRows:
    """The row types of a workload, and how rows of them are read; the number of a type is its place in `types`."""

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

        What names this run and is no JSON object, or a row of an unknown type, or one with a field missing or of the
        wrong type is malformed, with its key where the key can be read. All else that is no row of this run is foreign.
        """
        objects = [*map(json_object, values)]
        parsed = json_rows.no_rows(values, objects, run_id, self.integers, self.doubles)
        parsed.integers[METRIC_COLUMN][:] = -1
        rows: list[list[tuple[int, dict[str, Any]]]] = [[] for _ in self.types]
        for place, row in enumerate(objects):
            if row is None or row.get("run_id") != run_id:
                continue
            number = self._number_of(row)
            if number is None:
                parsed.kind[place] = RowKind.MALFORMED
            else:
                parsed.integers[METRIC_COLUMN][place] = number
                rows[number].append((place, row))
        for own, row_type in zip(rows, self.types, strict=True):
            json_rows.fill(parsed, own, _readers(row_type))
            if row_type.key:
                at = [place for place, _ in own]
                parsed.integers[KEY_COLUMN][at] = parsed.integers[row_type.key][at]
        return parsed

    def _number_of(self, row: Mapping[str, object]) -> int | None:
        metric = row.get(METRIC_COLUMN)
        return self._numbers.get(metric) if isinstance(metric, str) else None

    def sound(self, value: bytes | None) -> SoundRow | None:
        """Read one record of whatever run: what :attr:`table_columns` names, None where a row has no such field."""
        row = json_object(value)
        number = None if row is None else self._number_of(row)
        if row is None or number is None or not isinstance(row.get("run_id"), str):
            return None
        row_type = self.types[number]
        if not json_rows.is_sound(row, _readers(row_type)) or any("\0" in row[name] for name in row_type.texts):
            return None  # no database takes a text with a zero in it
        key = str(row[row_type.key]) if row_type.key else ""
        if len(key) > _LONGEST_KEY:
            key = f"{text_code(key):x}"
        own = {*row_type.integers, *row_type.texts}
        fields = (row[name] if name in own else None for name in (*self._integers, *self._texts))
        numbers = json_rows.doubles_of({name: row.get(name) for name in row_type.doubles}, self.doubles)
        return row["run_id"], (row[METRIC_COLUMN], key, *(row[name] for name in COMMON), *fields), numbers

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
        return json_rows.live_row(row, (number, whole(row, "window_start"), key), 1)


TABLE_KEY = ("run_id", METRIC_COLUMN, "window_start", "row_key")
"""What tells a row from others in such a table."""
