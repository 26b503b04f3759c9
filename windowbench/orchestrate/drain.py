"""The end of a run: every event read, END written, every expected row seen.

END, one a partition, is written only after all producers flushed and the engine's own position equals
the log end of every partition: written earlier it could overtake events and close windows without them.

Real-Time Mode tells its position at the end of a batch, which may be minutes away, but its rows come at once and need
no END to become final. There the results tell: once every key has shown its final value, every event that must count
has been read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config import Config
from data_generation import end_record
from windowbench.errors import HarnessError
from windowbench.kafka.sender import KafkaSender
from windowbench.load.numbering import input_partitions
from windowbench.load.schedule import END_EVENT_TYPE, NS_PER_MS
from windowbench.orchestrate.live import Expected, LiveKey
from windowbench.processes.waiting import wait_until

_MISSING_SHOWN = 20
_END_FLUSH_SECONDS = 10.0
_POLL_SECONDS = 0.05


class _TimeIsOver(HarnessError):
    """The drain's time is over; what is missing is said in ``drain.json`` and judged there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """How the drain went."""

    load_ended_ns: int
    all_read_ns: int | None
    end_written_ns: int
    completed_ns: int | None
    missing: list[LiveKey]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as ``drain.json`` holds them."""
        return {
            "load_ended_ns": self.load_ended_ns,
            "all_read_ns": self.all_read_ns,
            "end_written_ns": self.end_written_ns,
            "completed": self.completed_ns is not None,
            "completed_ns": self.completed_ns,
            "missing_count": len(self.missing),
            "missing": [list(key) for key in self.missing[:_MISSING_SHOWN]],
        }


class EndWriter:
    """Writes END to every partition that holds events.

    Make it before the load ends: a new idempotent client is given its id by the broker after half a second, which
    the engine would seem to take.
    """

    def __init__(self, config: Config) -> None:
        assert config.run.run_id is not None
        self._run_id = config.run.run_id
        numbering = input_partitions(config)
        self._partitions = numbering.count
        self._sender = KafkaSender(config, numbering)

    def write(self) -> int:
        """Write END; return when the broker had acknowledged all, and raise HarnessError when it does not."""
        for partition in range(self._partitions):
            now_ms = time.time_ns() // NS_PER_MS
            self._sender.send(end_record(self._run_id, now_ms), END_EVENT_TYPE.encode(), partition, now_ms)
        if self._sender.flush(_END_FLUSH_SECONDS) or self._sender.failed:
            msg = f"END could not be written: {self._sender.last_failure or 'no acknowledgement'}"
            raise HarnessError(msg, remedy="look at the broker's log")
        return time.time_ns()


SILENCE_SECONDS = 10.0


def drain(
    timeout_seconds: float,
    *,
    log_ends: Callable[[], dict[int, int]],
    position: Callable[[], Mapping[int, int]],
    write_end: Callable[[], int],
    expected: Callable[[], Expected],
    missing: Callable[[Expected], list[LiveKey]],
    abort: Callable[[], None],
    arrived: Callable[[], int],
    silence_seconds: float = SILENCE_SECONDS,
    results_tell: bool = False,
) -> Drained:
    """Bring the engine to the end of the load.

    Parameters
    ----------
    timeout_seconds : float
        How long the whole drain may take.
    log_ends : callable
        Asks the broker for the log end of every partition of the events topic.
    position : callable
        The next offset the engine will read, per partition, as it says itself.
    write_end : callable
        Writes END to every partition and returns when that was done; see :class:`EndWriter`.
    expected : callable
        Computes the right answer; called once, while the engine works: on END, or on what it has not read.
    missing : callable
        Which of the expected rows have not been seen with a right value.
    abort : callable
        Raises when going on makes no sense: a service died.
    arrived : callable
        How many rows have been seen.
    silence_seconds : float
        An engine that says that it has read END everywhere, and then writes nothing for so long, is done: what is
        missing does not come any more.
    results_tell : bool
        Whether everything has been read also when no expected row is missing.
    """
    load_ended = time.time_ns()
    deadline = time.monotonic() + timeout_seconds
    ends = log_ends()

    def within_deadline(condition: Callable[[], bool]) -> int | None:
        try:
            left = max(0.0, deadline - time.monotonic())
            wait_until(condition, left, "the engine", poll=_POLL_SECONDS, abort=abort, failure=_TimeIsOver)
        except _TimeIsOver:
            return None
        return time.time_ns()

    early_truth = expected() if results_tell else None

    def caught_up() -> bool:
        at = position()
        if all(at.get(partition, 0) >= end for partition, end in ends.items()):
            return True
        return early_truth is not None and not missing(early_truth)

    all_read = within_deadline(caught_up)
    end_written = write_end()
    truth = expected() if early_truth is None else early_truth
    all_ends = log_ends()
    heard = -1, time.monotonic()

    def nothing_can_come() -> bool:
        nonlocal heard
        at, rows = position(), arrived()
        if rows != heard[0] or any(at.get(partition, 0) < end for partition, end in all_ends.items()):
            heard = rows, time.monotonic()
        return time.monotonic() - heard[1] >= silence_seconds

    left: list[LiveKey] = []

    def over() -> bool:
        left[:] = missing(truth)
        return not left or nothing_can_come()

    ended = within_deadline(over)
    return Drained(
        load_ended_ns=load_ended,
        all_read_ns=all_read,
        end_written_ns=end_written,
        completed_ns=None if left else ended,
        missing=left,
    )
