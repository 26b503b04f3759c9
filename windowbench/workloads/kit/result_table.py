"""The SQL table that takes the rows of a workload: text of its columns, key and view; nothing here talks SQL. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from windowbench.workloads.contract import Part

PLACE_COLUMNS = {
    "kafka_partition": "integer NOT NULL",
    "kafka_offset": "bigint NOT NULL",
    "append_time": "bigint NOT NULL",
}
"""Where a row stood on the topic, and when it came there (ms)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultTable(Part):
    """The table of one workload, and a view that sums it up.

    Attributes
    ----------
    columns : dict of str to str
        The result row as engines write it, in its order, each with its SQL type; then :data:`PLACE_COLUMNS`.
    key : tuple of str
        Columns that tell a row from others; of rows of one key the one that was appended last stays.
    rows_of, lines_of : str
        What there is a row of in the table, and a line of in the view, in words.
    query : str
        What the view selects from ``{table}``.
    """

    PLACE: ClassVar[str] = "model.RESULT_TABLE"

    name: str
    view: str
    columns: dict[str, str]
    key: tuple[str, ...]
    rows_of: str
    lines_of: str
    note: str
    query: str


def by_window(columns: str) -> str:
    """Return the query of a view that has a line for each window of a run, and in it `columns` over all keys."""
    return f"""\
SELECT run_id,
       to_timestamp(window_start / 1000.0) AS window_start,
       to_timestamp(window_end / 1000.0) AS window_end,
{columns},
       max(append_time) - window_end AS since_window_end_ms
FROM {{table}} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start"""  # noqa: S608 - of constants
