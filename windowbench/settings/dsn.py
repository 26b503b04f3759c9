"""Whether a PostgreSQL connection string gives away a secret. Standard library only: ``config.py`` asks.

libpq takes two forms, ``postgresql://user:password@host/base?key=value`` and ``key=value key='a value'``. What is
looked for is wider than what libpq would understand, because a string with a mistake in it holds the same secret.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_SECRET_KEY = re.compile(r"(?:password|secret|scram_(?:client|server)_key)\s*=", re.IGNORECASE)
"""Keys whose values are secrets; ``passfile`` and ``service`` name a place where one is."""
_USER_PART = re.compile(r"://[^@/?\[]*?:(?!\d+[,/?])([^@]+)@")
"""Of a URI: what stands between the colon after the user's name and the ``@``; a port is none."""


def holds_secret(dsn: str) -> bool:
    """Return whether `dsn` holds a password or another secret, whatever else is wrong with it.

    Parameters
    ----------
    dsn : str
        A connection string of either form.

    Notes
    -----
    A URI may spell the letters of a key with percent signs, so both spellings are looked at. A slash in the password of
    a URI must be escaped by rights; one that is not makes the URI wrong and the password no less a secret.
    """
    return any(pattern.search(text) for pattern in (_SECRET_KEY, _USER_PART) for text in (dsn, unquote(dsn)))
