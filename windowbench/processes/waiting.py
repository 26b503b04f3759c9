"""The one way to wait for something: ask until it is so, and say what was last seen when the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from windowbench.errors import EnvironmentProblem, HarnessError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    timeout: float,
    what: str,
    *,
    poll: float = 0.05,
    last_seen: Callable[[], object] | None = None,
    abort: Callable[[], None] | None = None,
    failure: type[HarnessError] = EnvironmentProblem,
    remedy: str = "",
    log_tail: Callable[[], tuple[str, ...]] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Wait until a condition holds, and return its value.

    Parameters
    ----------
    condition : callable
        Asked again and again; holds when its value is true. What it raises goes through.
    timeout : float
        Seconds to wait at most. The condition is asked at least once, and once more at the end.
    what : str
        What is waited for, as it reads after "waited 5 s for".
    poll : float
        Seconds between two questions.
    last_seen : callable, optional
        Describes the state for the error message; the condition's last value when None.
    abort : callable, optional
        Called before every question; raises when waiting makes no sense any more (a watched service died).
    failure : type of HarnessError
        What to raise on time-out; decides the exit code.
    remedy : str
        Remedy of that error.
    log_tail : callable, optional
        Gives the last log lines of the service waited for.
    clock, sleep : callable
        Time, for tests.

    Raises
    ------
    HarnessError
        Of type `failure`, when the time is over.
    """
    end = clock() + timeout
    while True:
        if abort is not None:
            abort()
        late = clock() >= end
        value = condition()
        if value:
            return value
        if late:
            seen = value if last_seen is None else last_seen()
            msg = f"waited {timeout:g} s for {what}; last seen: {seen}"
            raise failure(msg, remedy=remedy, log_tail=() if log_tail is None else log_tail())
        sleep(min(poll, max(end - clock(), 0.0)))
