"""Ctrl-C before a program is ready for it: while it still imports what it needs.

:func:`windowbench.errors.run_program` turns SIGINT into a clean end, but it comes after all imports, and Python would
show where in them it was. Each root program calls :func:`end_quietly_on_interrupt` before its other imports, so this
module loads next to nothing. What Python does before the first line of a program cannot be changed here.
"""

import sys
from types import TracebackType


def _say_nothing_of_interrupts(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def end_quietly_on_interrupt() -> None:
    """Let SIGINT end this process at once and without a message, as SIGTERM does, until a handler is installed.

    There is nothing to clean up yet. A shell gives the exit code as 130; a parent sees the signal.
    """
    sys.excepthook = _say_nothing_of_interrupts  # for the moments without a handler, this import among them
    import signal  # noqa: PLC0415 - it takes long enough to be interrupted

    signal.signal(signal.SIGINT, signal.SIG_DFL)
