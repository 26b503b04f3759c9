"""The JVM that the Spark job starts: its end, in good order if it can and in any case soon, and its chatter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def quietly(action: Callable[[], object]) -> None:
    """Do something on the way out, where a failure changes nothing any more."""
    with suppress(Exception):
        action()


def end_jvm(gateway: Any) -> None:  # noqa: ANN401 - py4j has no types
    """End the JVM behind a gateway and wait until it is gone: it ends with its standard input."""
    quietly(gateway.shutdown)
    gateway.proc.stdin.close()
    gateway.proc.wait()


def end_children() -> None:
    """Kill what is left below this process.

    A JVM whose start was cut short would stay: it finds nobody to tell its port to, and waits for ever.
    """
    import psutil  # noqa: PLC0415 - needed when something went wrong, or at the end

    while left := psutil.Process().children(recursive=True):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1)


def hush() -> None:
    """Keep what PySpark says about itself, and about the end that we bring about, from the user."""
    # It says so of any pandas 3 while it looks which libraries there are; the job uses none of them.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    warnings.filterwarnings("ignore", message="Unable to cleanly shutdown Spark JVM", category=RuntimeWarning)
    # py4j logs a stack trace for every Ctrl-C during a call to the JVM; what there is to say we say ourselves.
    logging.disable(logging.CRITICAL)
