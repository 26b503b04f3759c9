"""Raw samples as Parquet: written in a stream with little memory, read whole or in batches.

Kept apart from :mod:`windowbench.runs.store`, so that processes which write no samples need not load Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from windowbench.runs.store import RunDirectoryProblem, cannot_write, write_atomically

RECORD_NUMBERS = {"partition": "int32", "offset": "int64", "append_time_ms": "int64", "timestamp_type": "int8"}
RESULT_COLUMNS = {**RECORD_NUMBERS, "key": "binary", "value": "binary"}
"""Columns of ``samples/results.parquet``; timestamp_type 0 is CreateTime, 1 LogAppendTime."""
RECORD_FIELDS = ("partition", "offset", "timestamp_ms", "timestamp_type", "key", "value")
"""What a record of a topic calls each of them."""
VISIBLE_COLUMNS = {"partition": "int32", "offset": "int64", "append_ms": "int64", "visible_ns": "int64"}
"""Columns of ``samples/visible.parquet``: when a consumer of committed records was first given each result."""
CALIBRATION_COLUMNS = {"append_ms": "int64", "visible_ns": "int64"}
"""Columns of ``samples/visible_calibration.parquet``: the same of records that are visible when they are appended."""
HOST_COLUMNS = {
    **dict.fromkeys(("wall_ns", "mono_ns"), "int64"),
    **dict.fromkeys(("steal", "throttled"), "float64"),
    **dict.fromkeys((f"cpu_{tree}" for tree in ("harness", "producers", "engine", "broker", "consumer")), "float64"),
    **dict.fromkeys((f"rss_{tree}" for tree in ("engine", "broker", "producers", "consumer", "harness")), "int64"),
    "free_disk_bytes": "int64",
}
"""Columns of ``samples/host.parquet``; steal and throttled are shares since the last sample, cpu_* cores used since."""

_MEASURED = "measured"
"""How ``rows.parquet`` names the phase whose windows are measured."""
_ROW_GROUP_ROWS = 131_072


def _options(schema: pa.Schema) -> dict[str, Any]:
    """Return writer options: time stamps grow slowly, so that their differences take few bits."""
    integers = [field.name for field in schema if pa.types.is_int64(field.type)]
    return {
        "compression": "zstd",
        "use_dictionary": [field.name for field in schema if field.name not in integers],
        "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED") or None,
        "write_statistics": False,  # one entry per row group and column would grow with the run
    }


class SampleWriter:
    """Write samples as they come; the file appears under its name only when :meth:`close` succeeded.

    Parameters
    ----------
    path : Path
        The finished file.
    columns : mapping of str to str
        Name of each column and its type, as Arrow names it: int8, float64, binary.
    row_group_rows : int
        Rows held in memory before they are written.

    Notes
    -----
    As a context manager it closes on success and discards the file on an exception.
    """

    def __init__(self, path: Path, columns: Mapping[str, str], *, row_group_rows: int = _ROW_GROUP_ROWS) -> None:
        self.path = path
        self.rows = 0
        self._schema = pa.schema(columns.items())  # type: ignore[arg-type]  # names of types will do
        self._temporary = path.with_name(path.name + ".part")
        self._row_group_rows = row_group_rows
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer: pq.ParquetWriter | None = pq.ParquetWriter(
                self._temporary, self._schema, **_options(self._schema)
            )
        except OSError as error:
            raise cannot_write(path, error) from error

    def append(self, **columns: Any) -> None:  # noqa: ANN401 - arrays, lists or Arrow arrays
        """Add rows, one equally long array or list for every column.

        Raises
        ------
        RunDirectoryProblem
            When the disk refuses.
        """
        if columns.keys() != set(self._schema.names):
            raise ValueError(f"{self.path.name} has columns {self._schema.names}, got {sorted(columns)}")
        table = pa.table([pa.array(columns[field.name], field.type) for field in self._schema], schema=self._schema)
        if table.num_rows == 0:
            return
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self.rows += table.num_rows
        if self._pending_rows >= self._row_group_rows:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            raise ValueError(f"{self.path.name} is closed")
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending, self._pending_rows = [], 0
        try:
            self._writer.write_table(table, row_group_size=max(self._row_group_rows, 1))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Finish the file and give it its name; more calls do nothing."""
        if self._writer is None:
            return
        self._flush()
        try:
            self._writer.close()
            self._writer = None
            self._temporary.replace(self.path)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def discard(self) -> None:
        """Leave no file behind; does nothing once closed."""
        if self._writer is None:
            return
        with suppress(OSError):
            self._writer.close()
        self._writer = None
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write_parquet(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long columns as one Parquet file, whole or not at all."""
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    write_atomically(path, lambda temporary: pq.write_table(table, temporary, **_options(table.schema)))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the file that is missing or damaged, or lacks a column."""
    run = path.parent.parent.name
    try:
        yield
    except FileNotFoundError as error:
        raise RunDirectoryProblem(f"run {run}: samples/{path.name} is missing") from error
    except (OSError, pa.ArrowException, KeyError, IndexError) as error:
        raise RunDirectoryProblem(f"run {run}: samples/{path.name} is damaged: {error}") from error


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file whole.

    Raises
    ------
    RunDirectoryProblem
        When it is missing or damaged; the message names it.
    """
    with _reading(path):
        return pq.ParquetFile(path, memory_map=True).read()


def read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file of numeric columns as NumPy arrays."""
    table = read_table(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def read_latencies(
    path: Path, names: Sequence[str]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Read latencies of measured windows from a judged run's ``rows.parquet``.

    Parameters
    ----------
    names : sequence of str
        Which latencies, as their columns are named, without ``_ns``.

    Returns
    -------
    dict of str to (int64[n], int64[n])
        Of each latency its values in ns, where there are any, and the id of each one's window.

    Raises
    ------
    RunDirectoryProblem
        When the file is missing or damaged, or lacks a column.
    """
    found = {}
    with _reading(path):
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read(columns=["window_id", "phase", *(f"{name}_ns" for name in names)])
        # The phase is null where a row has no window; null chooses nothing.
        table = table.filter(pc.equal(table["phase"].cast(pa.string()), pa.scalar(_MEASURED)))
        for name in names:
            column = table[f"{name}_ns"]
            present = pc.is_valid(column)
            found[name] = (
                column.filter(present).to_numpy().astype(np.int64, copy=False),
                table["window_id"].filter(present).to_numpy().astype(np.int64, copy=False),
            )
    return found


def iter_column(path: Path, column: str, *, batch_rows: int = _ROW_GROUP_ROWS) -> Iterator[NDArray[np.int64]]:
    """Yield one integer column in pieces, with memory flat in the length of the file.

    Raises
    ------
    RunDirectoryProblem
        When the file is missing or damaged, or has no such column.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=[column]):
            yield batch.column(0).to_numpy().astype(np.int64, copy=False)


def row_count(path: Path) -> int:
    """Return how many rows a Parquet file holds."""
    with _reading(path):
        return int(pq.read_metadata(path).num_rows)


def iter_records(
    path: Path, numbers: Sequence[str], values: str, *, batch_rows: int = 16_384
) -> Iterator[tuple[dict[str, NDArray[Any]], list[bytes | None]]]:
    """Yield number columns and one binary column in pieces.

    Raises
    ------
    RunDirectoryProblem
        When the file is missing or damaged, or lacks a column.
    """
    with _reading(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=[*numbers, values]):
            yield {name: batch.column(name).to_numpy() for name in numbers}, batch.column(values).to_pylist()


def named_column(codes: NDArray[np.integer[Any]], names: Sequence[str]) -> Any:  # noqa: ANN401
    """Return an Arrow column of names given by their position in `names`, null where that is negative."""
    numbers: Any = pa.array(codes.astype(np.int8), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(numbers, pa.array(list(names)))


def nullable_column(values: NDArray[Any], present: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    """Return an Arrow column that is null where a value is not present."""
    return pa.array(values, mask=~present)
