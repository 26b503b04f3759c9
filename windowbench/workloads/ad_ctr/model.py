"""What an ad event and a result row are, and how their JSON is read: strictly, and without ever failing.

Result row (JSON; an absent field is null):

=====================  =======  ==================================================================
field                  type     meaning
=====================  =======  ==================================================================
``run_id``             string   run that made the row
``campaign_id``        integer  row key, with ``window_start``
``window_start``       integer  first ms of the window since the Unix epoch
``window_end``         integer  first ms after it
``views``              integer  events by type
``clicks``             integer
``purchases``          integer
``events``             integer  all events
``max_produce_time``   integer  greatest ``produce_time`` in ms
``max_event_time_ns``  integer  greatest event time in ns
``ctr``                double   clicks / views, null where views = 0
``ctr_smoothed``       double   clicks / (views + 1)
=====================  =======  ==================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from windowbench.oracle.json_rows import sound_rows
from windowbench.oracle.rows import PARSED_CHUNK, LiveRow, ParsedRows, RowKind
from windowbench.result_table import ResultTable, row_columns
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

ROW_KEY = ("window_start", "campaign_id")
ROW_INTEGERS = (
    "campaign_id",
    "window_start",
    "window_end",
    "views",
    "clicks",
    "purchases",
    "events",
    "max_produce_time",
    "max_event_time_ns",
)
KEY_COLUMN = "campaign_id"
NEWEST_PRODUCE_COLUMN = "max_produce_time"
"""In ms, of the newest event counted in a row."""
ROW_DOUBLES = ("ctr", "ctr_smoothed")

RESULT_TABLE = ResultTable(
    name="windowbench_results",
    view="windowbench_windows",
    columns=row_columns(ROW_INTEGERS, ROW_DOUBLES),
    key=("run_id", *ROW_KEY),
    rows_of="window and campaign",
    lines_of="window: click-through rate over all campaigns, how late the last row was",
    note="results of windowbench; times are ms since the Unix epoch, but for max_event_time_ns",
    query="""\
SELECT run_id,
       to_timestamp(window_start / 1000.0) AS window_start,
       to_timestamp(window_end / 1000.0) AS window_end,
       count(*) AS campaigns,
       sum(events) AS events,
       sum(views) AS views,
       sum(clicks) AS clicks,
       sum(purchases) AS purchases,
       sum(clicks)::double precision / nullif(sum(views), 0)::double precision AS ctr,
       max(append_time) - window_end AS since_window_end_ms
FROM {table} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start""",
)

_EVENT_INTEGERS = ("campaign_id", "event_time_ns", "produce_time", "window_id")
_EVENT_CODES = {name: code for code, name in enumerate(EVENT_TYPES)}
_NO_KEY = np.iinfo(np.int64).min
_INT64 = range(-(2**63), 2**63)
_NUMBERS = {int, float, type(None)}
_FEW = 256
"""Rows that are not worth halving."""


def parse_rows(values: Sequence[bytes | None], run_id: str) -> ParsedRows:
    """Read the values of result records.

    Parameters
    ----------
    values : sequence of bytes or None
        Record values in the order they were read.
    run_id : str
        Rows of other runs are foreign.

    Returns
    -------
    ParsedRows
        One entry a value. What is not a JSON object of this run is foreign; a row of this run with a field
        missing or of the wrong type is malformed, with its key where the key can be read.
    """
    parts = [
        _parse_chunk(values[start : start + PARSED_CHUNK], run_id) for start in range(0, len(values), PARSED_CHUNK)
    ]
    return ParsedRows.concatenated(parts, ROW_INTEGERS, ROW_DOUBLES)


def _parse_chunk(values: Sequence[bytes | None], run_id: str) -> ParsedRows:
    """Take the fast way, on which every row is sound; where some row is not, in halves down to a few rows."""
    parsed = sound_rows(values, run_id, ROW_INTEGERS, ROW_DOUBLES)
    if parsed is not None:
        return parsed
    if len(values) <= _FEW:
        return _parse_one_by_one(values, run_id)
    half = len(values) // 2
    parts = [_parse_chunk(part, run_id) for part in (values[:half], values[half:])]
    return ParsedRows.concatenated(parts, ROW_INTEGERS, ROW_DOUBLES)


def _parse_one_by_one(values: Sequence[bytes | None], run_id: str) -> ParsedRows:
    count = len(values)
    kind = np.full(count, RowKind.FOREIGN, dtype=np.uint8)
    integers: dict[str, NDArray[np.int64]] = {n: np.zeros(count, dtype=np.int64) for n in ROW_INTEGERS}
    doubles: dict[str, NDArray[np.float64]] = {n: np.full(count, np.nan) for n in ROW_DOUBLES}
    for name in ROW_KEY:
        integers[name][:] = _NO_KEY
    for i, value in enumerate(values):
        row = _object(value)
        if row is None or row.get("run_id") != run_id:
            continue
        kind[i] = RowKind.SOUND
        for name in ROW_INTEGERS:
            number = row.get(name)
            if type(number) is int and number in _INT64:
                integers[name][i] = number
            else:
                kind[i] = RowKind.MALFORMED
        for name in ROW_DOUBLES:
            number = row.get(name)
            if type(number) in _NUMBERS:
                doubles[name][i] = np.nan if number is None else number
            else:
                kind[i] = RowKind.MALFORMED
    return ParsedRows(kind=kind, integers=integers, doubles=doubles)


def sound_row(value: bytes | None) -> tuple[str, tuple[int, ...], tuple[float | None, ...]] | None:
    """Read one result record of whatever run.

    Parameters
    ----------
    value : bytes or None
        Value of the record.

    Returns
    -------
    tuple or None
        Run id, integers and doubles in the order of their names above; None for what is no result row.
    """
    row = _object(value)
    run_id = None if row is None else row.get("run_id")
    if row is None or not isinstance(run_id, str):
        return None
    integers = tuple(row.get(name) for name in ROW_INTEGERS)
    doubles = tuple(row.get(name) for name in ROW_DOUBLES)
    if not all(type(number) is int and number in _INT64 for number in integers):
        return None
    if not all(type(number) in _NUMBERS for number in doubles):
        return None
    return run_id, integers, tuple(None if number is None else float(number) for number in doubles)  # type: ignore[return-value]  # checked to be integers


def live_row(row: Mapping[str, Any]) -> LiveRow:
    """Return what is looked at of a row while a run lasts.

    Raises
    ------
    KeyError
        When a field is missing.
    """
    return LiveRow(
        key=(row["window_start"], row["campaign_id"]),
        window_start=row["window_start"],
        window_end=row["window_end"],
        events=row["events"],
        newest_produce_ms=row.get(NEWEST_PRODUCE_COLUMN),
    )


def usual_run_id(values: Sequence[bytes | None]) -> str | None:
    """Return the run id that most of some result records carry, None where none carries any."""
    rows = (_object(value) for value in values)
    ids = Counter(row["run_id"] for row in rows if row is not None and isinstance(row.get("run_id"), str))
    return ids.most_common(1)[0][0] if ids else None


def _object(value: bytes | None) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(value) if value is not None else None
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedEvents:
    """Ad events read from a topic; arrays of equal length.

    Attributes
    ----------
    position : int64[n]
        Which of the values given each was.
    event_type : uint8[n]
        Index into ``settings.EVENT_TYPES``.
    campaign_id, event_time_ns, produce_ms, window_id : int64[n]
    """

    position: NDArray[np.int64]
    event_type: NDArray[np.uint8]
    campaign_id: NDArray[np.int64]
    event_time_ns: NDArray[np.int64]
    produce_ms: NDArray[np.int64]
    window_id: NDArray[np.int64]


def parse_events(values: Sequence[bytes | None]) -> ParsedEvents:
    """Read the payloads of events; END and what is no ad event are left out."""
    position: list[int] = []
    columns: list[tuple[int, ...]] = []
    for i, value in enumerate(values):
        event = _object(value)
        if event is None:
            continue
        numbers = tuple(event.get(name) for name in _EVENT_INTEGERS)
        kind = event.get("event_type")
        code = _EVENT_CODES.get(kind) if isinstance(kind, str) else None
        if code is None or not all(type(number) is int and number in _INT64 for number in numbers):
            continue
        position.append(i)
        columns.append((code, *numbers))  # type: ignore[arg-type]  # checked to be integers
    table = np.array(columns, dtype=np.int64).reshape(-1, 1 + len(_EVENT_INTEGERS))
    return ParsedEvents(
        position=np.array(position, dtype=np.int64),
        event_type=table[:, 0].astype(np.uint8),
        campaign_id=table[:, 1],
        event_time_ns=table[:, 2],
        produce_ms=table[:, 3],
        window_id=table[:, 4],
    )
