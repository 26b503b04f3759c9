"""Open-loop pacing: every event is handed over when it is due, or as soon after as possible.

The rules this file keeps:

* the due time of an event never depends on what happened to the events before it;
* no event is handed over before it is due;
* an event that is late is still sent, with its due and event time unchanged;
* payloads are rendered ahead in small slices while nothing is due, so that rendering neither
  delays an event for long nor holds the whole run in memory.

It knows no Kafka (a :class:`SendsEvents` is handed in) and no wall clock of its
own (a :class:`Clock` is handed in).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from windowbench.load.schedule import NS_PER_MS, NS_PER_S

_AHEAD_NS = NS_PER_S
_LEAST_SLEEP_NS = NS_PER_MS
"""Waking for each of thousands of events a second would cost the engine its CPU; a millisecond of lateness is shown."""


class SendsEvents(Protocol):
    """The part of a sender that pacing uses."""

    def send(self, value: bytes, key: bytes, partition: int, timestamp_ms: int) -> None:
        """Hand one record over."""

    def poll(self) -> None:
        """Serve delivery reports."""


class Clock(Protocol):
    """A wall clock one can wait on; a number that tests move."""

    def now_ns(self) -> int:
        """Return the time in ns since the Unix epoch."""

    def sleep_ns(self, duration_ns: int) -> None:
        """Wait for about `duration_ns`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedSlice:
    """Consecutive events of one producer, ready to send but for their produce time."""

    due_ns: list[int]
    partitions: list[int]
    keys: list[bytes]
    prefixes: list[bytes]


class Pacer:
    """Sends rendered slices on schedule; taking the next of `slices` does the rendering.

    `on_slice` gets (due_ns, sent_ns) of each slice after its last event was handed over. `on_tick` is called with the
    time whenever there is nothing to send, and after each slice.
    """

    def __init__(
        self,
        slices: Iterator[RenderedSlice],
        sender: SendsEvents,
        clock: Clock,
        *,
        on_slice: Callable[[list[int], array[int]], None],
        on_tick: Callable[[int], None],
    ) -> None:
        self._slices = slices
        self._sender = sender
        self._clock = clock
        self._on_slice = on_slice
        self._on_tick = on_tick
        self._ready: deque[RenderedSlice] = deque()
        self._exhausted = False

    def render_ahead(self, now_ns: int) -> bool:
        """Render one slice unless a second of load is ready; return whether there was one to render."""
        if self._exhausted or (self._ready and self._ready[-1].due_ns[-1] - now_ns > _AHEAD_NS):
            return False
        rendered = next(self._slices, None)
        if rendered is None:
            self._exhausted = True
            return False
        self._ready.append(rendered)
        return True

    def run(self) -> None:
        """Send everything, each event at its due time or right after."""
        while True:
            now = self._clock.now_ns()
            if not self._ready and not self.render_ahead(now):
                return
            self._send_slice(self._ready.popleft())

    def _send_slice(self, rendered: RenderedSlice) -> None:
        now_ns, send = self._clock.now_ns, self._sender.send
        due, partitions, keys, prefixes = rendered.due_ns, rendered.partitions, rendered.keys, rendered.prefixes
        sent: array[int] = array("q")
        note = sent.append
        last_ms, end = -1, b""
        for i, due_ns in enumerate(due):
            now = now_ns()
            while now < due_ns:
                self._wait(due_ns - now, now)
                now = now_ns()
            produce_ms = now // NS_PER_MS
            if produce_ms != last_ms:  # hundreds of events a millisecond when the load is dense
                last_ms, end = produce_ms, b"%d}" % produce_ms
            send(prefixes[i] + end, keys[i], partitions[i], produce_ms)
            note(now)
        self._sender.poll()
        self._on_slice(due, sent)
        self._on_tick(sent[-1])

    def _wait(self, gap_ns: int, now: int) -> None:
        """Spend a gap usefully: serve reports, render ahead, or sleep."""
        self._sender.poll()
        if not self.render_ahead(now):
            self._on_tick(now)
            self._clock.sleep_ns(max(gap_ns, _LEAST_SLEEP_NS))
