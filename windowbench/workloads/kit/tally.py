"""How the truths of all workloads are added up: which events must count in a cell, and which may. Pure.

An event

* *must count* if due + M < C(w), M = 500 ms, w being its window and C(w) when that may first be emitted; or if only END
  closes the window, for END is sent after the engine has read everything else;
* *must not count* if it was produced after the answer of its cell was appended;
* in between both are right, and the truth is every value from the one to the other.

Beside it is kept what the generator explains: events that must count but were never sent, are missing from the topic,
or were acknowledged only when the window might already have closed. Memory is flat in the number of events; it grows
with the number of cells alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS
from windowbench.judge.truth.approximation import nearest_counts
from windowbench.judge.truth.closing import Windows, ahead_ns
from windowbench.judge.truth.comparison import Flags, Index
from windowbench.judge.truth.oracle import Evidence
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.load.schedule import NS_PER_MS
from windowbench.workloads.kit.cells import LastEvents

NEVER, NONE = np.iinfo(np.int64).max, np.iinfo(np.int64).min


class Sendings(NamedTuple):
    """When some events were due and sent, and which of them never came; arrays of equal length."""

    due_ns: Index
    sent_ns: Index
    unseen: Flags

    @classmethod
    def of(cls, events: ScheduledEvents, evidence: Evidence) -> Self:
        """Return those of all events of a block."""
        return cls(events.due_ns, events.sent_ns, events.unseen(evidence.withheld))

    def at(self, which: Index | Flags) -> Self:
        """Return those of some."""
        return self._replace(due_ns=self.due_ns[which], sent_ns=self.sent_ns[which], unseen=self.unseen[which])


class Admitted(NamedTuple):
    """Which events must count, and which may besides."""

    must: Flags
    maybe: Flags


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Least and greatest right value of each cell."""

    low: Index
    high: Index

    def hold(self, values: Index, cells: Index) -> Flags:
        """Whether values lie within those of their cells."""
        return np.asarray((values >= self.low[cells]) & (values <= self.high[cells]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Approximated(Bounds):
    """Least and greatest count of each cell that are near enough to the true ones."""

    true: Bounds

    @classmethod
    def within(cls, share: float, true: Bounds) -> Approximated:
        """Return what is right where counts may be off by a share."""
        low, high = nearest_counts(true.low, true.high, share)
        return cls(low=low, high=high, true=true)


class Gathered:
    """What a ufunc makes of the values of each cell's events: of those that must count, and of all that may."""

    def __init__(self, cells: int, how: np.ufunc, start: int) -> None:
        self._how = how
        self._must: Index = np.full(cells, start, dtype=np.int64)
        self._all: Index = np.full(cells, start, dtype=np.int64)

    def add(self, cells: Index, values: Index, must: Flags, may: Flags) -> None:
        """Take note of the value of each event."""
        for into, which in ((self._must, must), (self._all, may)):
            at = picked(which)
            self._how.at(into, cells[at], values[at])

    @property
    def bounds(self) -> Bounds:
        """From that of the ones to that of all."""
        return Bounds(low=np.minimum(self._must, self._all), high=np.maximum(self._must, self._all))


def greatest(cells: int) -> Gathered:
    """Begin with the least int64 as the greatest value of each cell."""
    return Gathered(cells, np.maximum, NONE)


def picked(which: Flags) -> Flags | slice:
    """Return what picks the chosen elements, the quick way where that is all of them."""
    return slice(None) if which.all() else which


@dataclass(frozen=True, kw_only=True, slots=True)
class Tallied:
    """What the events of a run add up to; arrays of one entry a cell, those of events also by their kind.

    Attributes
    ----------
    must, maybe : int32[kinds, cells]
        Events that must count, and that may besides.
    excused : int32[kinds, cells]
        Those of `must` that the generator withheld, or sent when the window might be closed already.
    produce_ms : Bounds
        Greatest produce time of those that must count, and of all that may.
    last_due_ns, last_sent_ns : int64[cells]
        Due and send time of the last event that must count.
    sums : mapping of str to Bounds
        What else they add up to.
    """

    must: NDArray[np.int32]
    maybe: NDArray[np.int32]
    excused: NDArray[np.int32]
    produce_ms: Bounds
    last_due_ns: Index
    last_sent_ns: Index
    sums: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def events(self) -> Bounds:
        """Events of any kind."""
        low: Index = self.must.sum(axis=0, dtype=np.int64)
        return Bounds(low=low, high=low + self.maybe.sum(axis=0))


class Tally:
    """Adds up events by cell, kinds of event apart, and beside them `sums` by their names.

    `evidence` is that of these cells, `windows` say when each closes.
    """

    def __init__(
        self, windows: Windows, cells: int, evidence: Evidence, *, kinds: int = 1, sums: Sequence[str] = ()
    ) -> None:
        self._evidence, self._cells = evidence, cells
        self._must_before_ns = ahead_ns(windows, MUST_COUNT_MARGIN_MS * NS_PER_MS)
        self._sent_before_ns = ahead_ns(windows, round(evidence.greatest_ack_ms * NS_PER_MS))
        # What is never written to takes no memory: mostly all must count, and nothing is excused.
        self._must, self._maybe, self._excused = (np.zeros((kinds, cells), dtype=np.int32) for _ in range(3))
        self._produce_ms, self._last = greatest(cells), LastEvents(cells)
        self._sums = {name: Gathered(cells, np.add, 0) for name in sums}

    def add(
        self,
        sendings: Sendings,
        windows: Index,
        cells: Index,
        *,
        kinds: NDArray[np.integer] | None = None,
        repeats: Flags | None = None,
        **values: Index,
    ) -> Admitted:
        """Add events, each to its cell and kind, and its `values` to the sums; return which of them count.

        `repeats` are events that repeat another one. Either may be the one that counts: the produce time of one that is
        repeated is in question, nothing else.
        """
        due, sent, unseen = sendings
        produce_ms = np.where(sent == UNSENT, NONE, sent // NS_PER_MS)
        must = due < self._must_before_ns[windows]
        maybe = ~must & ~unseen
        if self._evidence.answered_ms is not None:
            maybe &= produce_ms <= self._evidence.answered_ms[cells]
        may = must | maybe
        if repeats is not None:
            must, maybe = must & ~repeats, maybe & ~repeats
        excused = must & (unseen | (sent >= self._sent_before_ns[windows]))
        flat = cells if kinds is None else kinds * np.int64(self._cells) + cells
        for into, which in ((self._must, must), (self._maybe, maybe), (self._excused, excused)):
            if which.any():
                np.add.at(into.reshape(-1), flat[picked(which)], np.int32(1))
        admitted = Admitted(must, maybe)
        for name, column in values.items():
            self._sums[name].add(cells, column, must, must | maybe)
        self._produce_ms.add(cells, produce_ms, must, may)
        counted = picked(must & (sent != UNSENT))
        self._last.add(cells[counted], due[counted], sent[counted])
        return admitted

    def finish(self) -> Tallied:
        """Return the sums."""
        return Tallied(
            must=self._must,
            maybe=self._maybe,
            excused=self._must if self._evidence.withheld_unnamed else self._excused,
            produce_ms=self._produce_ms.bounds,
            last_due_ns=self._last.due_ns,
            last_sent_ns=self._last.sent_ns,
            sums={name: of.bounds for name, of in self._sums.items()},
        )
