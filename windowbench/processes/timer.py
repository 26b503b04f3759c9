"""A bound on a block of code, whatever it waits for.

The timer of the operating system counts, which no step of the clock moves.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def bounded(seconds: float, failure: Callable[[], Exception]) -> Iterator[None]:
    """Raise what `failure` returns when the block takes longer than so many seconds.

    Only the main thread can be interrupted; in any other nothing is bound.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signum: int, _frame: FrameType | None) -> None:
        raise failure()

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
