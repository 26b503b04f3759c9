"""Result rows from JSON, many at once: the fast way for a chunk in which every row is sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from windowbench.oracle.rows import ParsedRows, RowKind

_BLOCK_BYTES = 1 << 19
"""What one thread reads at a time."""


def sound_rows(
    values: Sequence[bytes | None], run_id: str, integers: Sequence[str], doubles: Sequence[str]
) -> ParsedRows | None:
    """Read values of which each is a sound row of one run.

    Parameters
    ----------
    values : sequence of bytes or None
        Values of result records.
    run_id : str
        What the field ``run_id`` of every row must hold.
    integers, doubles : sequence of str
        Fields of a row. An integer must be there and be written as one; a double may be missing or null.

    Returns
    -------
    ParsedRows or None
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
