"""The environment of a program that we start: what it needs, and nothing else of ours.

A password of a database, a key of a cloud or a token of a build server is nobody's business but of who was given it.
Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_NEEDED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_CACHE_HOME"
    r"|JAVA_HOME|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|PYTHON\w*|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH"
    r"|SSL_CERT_\w+|(?:http|https|no|all)_proxy|(?:HTTP|HTTPS|NO|ALL)_PROXY"
    r"|_WINDOWBENCH_(?!SALT)\w+"
)
"""Where programs, libraries and temporary files are, language and time, whom to trust, how to the network; our own, but
for the salt of a blind run, which is for its producers alone."""
_OF_LIBPQ = re.compile(r"PG\w+")


def surroundings(environ: Mapping[str, str], *, keep: Iterable[str] = (), libpq: bool = False) -> dict[str, str]:
    """Return what a program that we start is given of an environment.

    Parameters
    ----------
    environ : mapping of str to str
    keep : iterable of str
        Names of more variables that the user wants it to have.
    libpq : bool
        Whether it talks to a database, and has to find its password.
    """
    wanted = frozenset(keep)
    return {
        name: value
        for name, value in environ.items()
        if name in wanted or _NEEDED.fullmatch(name) or (libpq and _OF_LIBPQ.fullmatch(name))
    }
