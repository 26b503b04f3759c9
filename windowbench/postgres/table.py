"""The table of results: what it looks like, and writing into it so that writing twice changes nothing.

The workload says what its columns and its key are. Of two rows of one key the one that was appended later stays, in
whatever order they are written; so records may be read again after a crash, and the table still ends as the topic does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from windowbench.errors import EnvironmentProblem
from windowbench.postgres.connection import DatabaseAway, connect, one_line
from windowbench.workloads.kit.result_table import ResultTable

StoredRow = tuple[str | int | float | None, ...]
"""Values of the columns of a table."""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def create_statements(table: ResultTable) -> str:
    """Return the SQL that makes a table and its view where there are none."""
    return f"""
CREATE TABLE IF NOT EXISTS {table.name} (
    {", ".join(f"{name} {kind}" for name, kind in table.columns.items())},
    PRIMARY KEY ({", ".join(table.key)})
);
COMMENT ON TABLE {table.name} IS {_quoted(table.note)};
CREATE OR REPLACE VIEW {table.view} AS
{table.query.format(table=table.name)};
COMMENT ON VIEW {table.view} IS {_quoted(f"a line for each {table.lines_of}")};
"""


def upsert_statement(table: ResultTable) -> str:
    """Return the SQL that writes a row, unless one of its key is there that was appended later."""
    columns = table.columns
    return f"""
INSERT INTO {table.name} AS stored ({", ".join(columns)}) VALUES ({", ".join(["%s"] * len(columns))})
ON CONFLICT ({", ".join(table.key)}) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in columns if name not in table.key)}
WHERE (stored.append_time, stored.kafka_offset) < (excluded.append_time, excluded.kafka_offset)
"""


_LOCK = 0x77696E64
"""Key of the advisory lock under which the table is made: two that make it at once would trip over each other."""


class ResultsTable:
    """The table behind a connection, which is opened again after it was lost.

    Attributes
    ----------
    identity : str
        Tells this table from every other one, an earlier of the same name in the same database included. Known once
        :meth:`open` has returned.
    """

    def __init__(self, dsn: str, table: ResultTable) -> None:
        self.identity = ""
        self._table = table
        self._upsert = upsert_statement(table)
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
        remedy = "give the user the right to create tables in the first schema of its search_path, or name another"
        try:
            with _told(f"table {self._table.name}", remedy):
                identity = _prepared(connection, self._table)
        except EnvironmentProblem:
            connection.close()
            raise
        if self.identity not in ("", identity):
            connection.close()
            msg = f"table {self._table.name} was made again, and lacks the rows that were written before"
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
            with (
                _told("a row", f"look at table {self._table.name} and the rights of the user"),
                self._connection.transaction(),
                self._connection.cursor() as cursor,
            ):
                cursor.executemany(self._upsert, rows)
        except EnvironmentProblem:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


@contextmanager
def _told(refused: str, remedy: str) -> Iterator[None]:
    """Raise what PostgreSQL says as what our callers know: it is away, or it refuses something."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseAway(f"the connection to PostgreSQL broke: {one_line(error)}") from None
    except psycopg.Error as error:
        raise EnvironmentProblem(f"PostgreSQL refuses {refused}: {one_line(error)}", remedy=remedy) from None


def _prepared(connection: psycopg.Connection, table: ResultTable) -> str:
    """Make sure that table and view are there, and return the table's identity.

    The rights to create something are needed only where it is missing.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        known = connection.execute("SELECT to_regclass(%s), to_regclass(%s)", (table.name, table.view)).fetchone()
        if known is None or None in known:
            connection.execute(create_statements(table))
        found = connection.execute(f"SELECT * FROM {table.name} LIMIT 0").description or ()
        names = [column.name for column in found]
        if names != list(table.columns):
            msg = (
                f"table {table.name} has the columns {', '.join(names)}; this version writes {', '.join(table.columns)}"
            )
            raise EnvironmentProblem(msg, remedy="rename or drop the old table, or name another database")
        row = connection.execute(
            "SELECT system_identifier, %s::regclass::oid FROM pg_control_system()", (table.name,)
        ).fetchone()
    return hashlib.sha256(repr(row).encode()).hexdigest()[:12]
