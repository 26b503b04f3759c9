"""Connecting to a database, and telling one that is away from one that refuses us.

No password passes through here: libpq takes it from PGPASSWORD, a password file or a service by itself.
"""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config import ConfigError
from windowbench.errors import EnvironmentProblem

_DEFAULTS = {
    "application_name": "windowbench",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "tcp_user_timeout": "20000",  # ms; or a server that vanished would be waited for a quarter of an hour
}
_AWAY_REMEDY = (
    "check that it runs, its address, and user and password; a password is given by PGPASSWORD, a password file or"
    " a service"
)


class DatabaseAway(EnvironmentProblem):
    """The database does not answer, or the connection broke; the same may work later."""


def one_line(error: Exception) -> str:
    """Return what PostgreSQL or libpq said, as one line."""
    return " ".join(str(error).split()) or type(error).__name__


def server_version(dsn: str) -> str:
    """Return the version of the server that answers; raises as :func:`connect`."""
    with connect(dsn) as connection:
        return connection.info.parameter_status("server_version") or "unknown"


def connect(dsn: str) -> psycopg.Connection:
    """Return an open connection in autocommit mode.

    Parameters
    ----------
    dsn : str
        libpq's connection string or URI, without a password.

    Raises
    ------
    ConfigError
        When libpq does not understand `dsn`.
    DatabaseAway
        When the server does not answer or does not let us in.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise ConfigError(f"postgres_dsn is no connection string: {one_line(error)}") from None
    try:
        # Without prepared statements, which a connection pooler in between may not know.
        return psycopg.connect(make_conninfo("", **{**_DEFAULTS, **given}), autocommit=True, prepare_threshold=None)
    except (psycopg.Error, ValueError) as error:
        raise DatabaseAway(f"PostgreSQL cannot be reached: {one_line(error)}", remedy=_AWAY_REMEDY) from None
