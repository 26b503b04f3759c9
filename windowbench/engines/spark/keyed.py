"""Keyed history in Spark: what no built-in expression can say, said by a function over what is kept of a key.

Spark hands the rows of a batch, key by key, to a Python worker beside the JVM, with what the function kept of the key
and the watermark; what it emits goes back to the JVM, what it keeps into Spark's state store. That costs a way through
a socket and Arrow for each row, so a query says it in its file, by ``PYTHON_WORKER``, and the report repeats it.

Rules that are easy to break:

* Spark drops rows behind the watermark before the function sees them. A query that has use for such rows asks for a
  watermark further behind, and adds the difference to the one that the function is told.
* The watermark is that of the batch: the same for all its rows, and so for whether one of them is late.
* The function travels with the query as code, not as a name: a worker need not find this project. It may use what
  stands in its own module, and import what is installed where Spark runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import pandas as pd
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql.streaming.state import GroupState, GroupStateTimeout

Kept = list[list[int]]
"""What is kept of a key: lines of integers. It is stored as JSON."""
Advance = Callable[[int, Iterator[tuple[Any, ...]], Kept, int], tuple[list[tuple[int, ...]], Kept, int]]
"""Gets a key, its rows, what was kept of it and the watermark (ms); returns what it emits, what it keeps, and the
watermark at which to be called again, which must be later. A key of which nothing is kept is forgotten."""

Compare = Callable[[list[tuple[Any, ...]], Kept], tuple[list[tuple[Any, ...]], Kept]]
"""Gets rows of a key in their order and what was kept of it; returns what to add to each, and what to keep."""


def with_history(
    frame: DataFrame, key: str, *, reads: Sequence[str], emits: Sequence[str], advance: Advance
) -> DataFrame:
    """Return what a function emits for each key of a stream with a watermark.

    Parameters
    ----------
    frame : DataFrame
        Has a watermark.
    key : str
        Column of integers.
    reads : sequence of str
        Columns that the function is given of each row.
    emits : sequence of str
        Columns of integers that it emits.
    advance : callable
        The function.
    """
    cloudpickle.register_pickle_by_value(import_module(advance.__module__))  # type: ignore[no-untyped-call]  # its own
    columns = list(emits)

    def of_key(key: tuple[Any, ...], chunks: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        rows = (row for chunk in chunks for row in zip(*(chunk[name].tolist() for name in reads), strict=True))
        kept = json.loads(state.get[0]) if state.exists else []
        watermark_ms = max(state.getCurrentWatermarkMs(), 0)
        emitted, kept, wake_ms = advance(int(key[0]), rows, kept, watermark_ms)
        if kept:
            state.update((json.dumps(kept),))
            state.setTimeoutTimestamp(wake_ms - 1)  # Spark wakes a key once the watermark is beyond this
        elif state.exists:
            state.remove()
        if emitted:
            yield pd.DataFrame(emitted, columns=columns)

    used = frame.select(*dict.fromkeys((key, *reads)), "event_time")
    return used.groupBy(key).applyInPandasWithState(
        of_key,
        outputStructType=", ".join(f"{name} bigint" for name in columns),
        stateStructType="kept string",  # Spark cannot read the schema of a nested list back
        outputMode="append",
        timeoutConf=GroupStateTimeout.EventTimeTimeout,
    )


def with_past(
    frame: DataFrame, keys: Sequence[str], *, order: str, reads: Sequence[str], adds: str, advance: Compare
) -> DataFrame:
    """Return a stream with what a function says of each row, given what it kept of the rows before it of its key.

    Parameters
    ----------
    frame : DataFrame
        May come from an aggregation in append mode, for a query with ``spark.sql.streaming.unsupportedOperationCheck``
        off: no time is kept, so each row may come at any time. Its columns hold no null.
    keys : sequence of str
    order : str
        Column that says in which order the function gets the rows of a batch.
    reads : sequence of str
        Columns that it gets.
    adds : str
        Columns that it adds, with their types.
    advance : callable
        The function.
    """
    cloudpickle.register_pickle_by_value(import_module(advance.__module__))  # type: ignore[no-untyped-call]  # its own
    types = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in frame.schema)
    added = [column.split()[0] for column in adds.split(", ")]

    def of_key(_key: tuple[Any, ...], chunks: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        rows = pd.concat(list(chunks)).sort_values(order, ignore_index=True)
        before = json.loads(state.get[0]) if state.exists else []
        given = list(zip(*(rows[name].tolist() for name in reads), strict=True))
        found, kept = advance(given, before)
        if kept != before:
            state.update((json.dumps(kept),))
        for name, values in zip(added, zip(*found, strict=True), strict=True):
            rows[name] = pd.Series(values, dtype=object)
        yield rows

    return frame.groupBy(*keys).applyInPandasWithState(
        of_key,
        outputStructType=f"{types}, {adds}",
        stateStructType="kept string",
        outputMode="append",
        timeoutConf=GroupStateTimeout.NoTimeout,
    )
