"""The table of results: what it looks like, and writing into it so that writing twice changes nothing.

A row is known by run, window and campaign. Of two rows of one key the one that was appended later stays, in whatever
order they are written; so records may be read again after a crash, and the table still ends as the topic does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import psycopg

from windowbench.errors import EnvironmentProblem
from windowbench.postgres.connection import DatabaseAway, connect, one_line

TABLE = "windowbench_results"
VIEW = "windowbench_windows"
COLUMNS = {
    "run_id": "text NOT NULL",
    "campaign_id": "bigint NOT NULL",
    "window_start": "bigint NOT NULL",
    "window_end": "bigint NOT NULL",
    "views": "bigint NOT NULL",
    "clicks": "bigint NOT NULL",
    "purchases": "bigint NOT NULL",
    "events": "bigint NOT NULL",
    "max_produce_time": "bigint NOT NULL",
    "max_event_time_ns": "bigint NOT NULL",
    "ctr": "double precision",
    "ctr_smoothed": "double precision",
    "kafka_partition": "integer NOT NULL",
    "kafka_offset": "bigint NOT NULL",
    "append_time": "bigint NOT NULL",
}
"""The result row as engines write it, in its order; then where it stood on the topic, and when it came there (ms)."""
KEY = ("run_id", "window_start", "campaign_id")

StoredRow = tuple[str | int | float | None, ...]
"""Values of :data:`COLUMNS`."""

_CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    {", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())},
    PRIMARY KEY ({", ".join(KEY)})
);
COMMENT ON TABLE {TABLE} IS 'results of windowbench; times are ms since the Unix epoch, but for max_event_time_ns';
CREATE OR REPLACE VIEW {VIEW} AS
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
FROM {TABLE} AS result
GROUP BY run_id, result.window_start, result.window_end
ORDER BY run_id, result.window_start;
COMMENT ON VIEW {VIEW} IS 'a line for each window: click-through rate over all campaigns, how late the last row was';
"""
_UPSERT = f"""
INSERT INTO {TABLE} AS stored ({", ".join(COLUMNS)}) VALUES ({", ".join(["%s"] * len(COLUMNS))})
ON CONFLICT ({", ".join(KEY)}) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in KEY)}
WHERE (stored.append_time, stored.kafka_offset) < (excluded.append_time, excluded.kafka_offset)
"""
_LOCK = 0x77696E64
"""Key of the advisory lock under which the table is made: two that make it at once would trip over each other."""


class ResultsTable:
    """The table behind a connection, which is opened again after it was lost.

    Parameters
    ----------
    dsn : str
        The database; see :func:`windowbench.postgres.connection.connect`.

    Attributes
    ----------
    identity : str
        Tells this table from every other one, an earlier of the same name in the same database included. Known once
        :meth:`open` has returned.
    """

    def __init__(self, dsn: str) -> None:
        """Remember the database; nothing is asked yet."""
        self.identity = ""
        self._dsn = dsn
        self._connection: psycopg.Connection | None = None

    def open(self) -> None:
        """Connect, and make the table where there is none.

        Raises
        ------
        ConfigError
            When the connection string is malformed.
        DatabaseAway
            When the server does not answer, does not let us in or breaks off.
        EnvironmentProblem
            When the table cannot be made, is of another shape, or is not the one that was open before.
        """
        connection = connect(self._dsn)
        try:
            identity = _prepared(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            connection.close()
            raise DatabaseAway(f"PostgreSQL broke off: {one_line(error)}") from None
        except psycopg.Error as error:
            connection.close()
            remedy = "give the user the right to create tables in the first schema of its search_path, or name another"
            raise EnvironmentProblem(f"PostgreSQL refuses table {TABLE}: {one_line(error)}", remedy=remedy) from None
        except EnvironmentProblem:
            connection.close()
            raise
        if self.identity not in ("", identity):
            connection.close()
            msg = f"table {TABLE} is another one than before, and lacks what was written before"
            raise EnvironmentProblem(msg, remedy="start the consumer again: it reads the topic from its beginning then")
        self.identity, self._connection = identity, connection

    def write(self, rows: Sequence[StoredRow]) -> None:
        """Write rows in one transaction; opens the connection first where there is none.

        Raises
        ------
        DatabaseAway
            When the server is away. The rows are written, or none of them is; writing them again is right either way.
        EnvironmentProblem
            When the server refuses them.
        """
        if self._connection is None:
            self.open()
        assert self._connection is not None
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(_UPSERT, rows)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise DatabaseAway(f"PostgreSQL broke off: {one_line(error)}") from None
        except psycopg.Error as error:
            self.close()
            remedy = f"look at table {TABLE} and the rights of the user"
            raise EnvironmentProblem(f"PostgreSQL refuses a row: {one_line(error)}", remedy=remedy) from None

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _prepared(connection: psycopg.Connection) -> str:
    """Make sure that table and view are there, and return the table's identity.

    The rights to create something are needed only where it is missing.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        known = connection.execute("SELECT to_regclass(%s), to_regclass(%s)", (TABLE, VIEW)).fetchone()
        if known is None or None in known:
            connection.execute(_CREATE)
        found = connection.execute(f"SELECT * FROM {TABLE} LIMIT 0").description or ()
        names = [column.name for column in found]
        if names != list(COLUMNS):
            msg = f"table {TABLE} has the columns {', '.join(names)}; this version writes {', '.join(COLUMNS)}"
            raise EnvironmentProblem(msg, remedy="rename or drop the old table, or name another database")
        row = connection.execute(
            "SELECT system_identifier, %s::regclass::oid FROM pg_control_system()", (TABLE,)
        ).fetchone()
    return hashlib.sha256(repr(row).encode()).hexdigest()[:12]
