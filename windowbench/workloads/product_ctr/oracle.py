"""The right answer of product_ctr: first value, revisions and final value of every (window, product). Pure.

Two moments of a window follow from the schedule: C(w), when the watermark has passed it and its first value may be
emitted, and L(w), when the watermark is the allowed lateness beyond it and its result is final. An event

* *must be in the first value* if due + M < C(w), M = 500 ms;
* *must count* in the final value if due + M < L(w), or if only END makes the window final;
* *must not count* if it was produced after the last row of its cell was appended; in between both are right.

A first value is any that holds all of the first kind and nothing above the truth, for an engine may have seen more
before it emitted; what it took too long is seen in its latency. Revisions grow from there to the final value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes, ahead_ns
from windowbench.judge.truth.comparison import Flags, Index, Rules, ValueJudgement, within_one_ulp
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.truth.revisions import revised_rows
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.kit.cells import Cells, LastEvents
from windowbench.workloads.product_ctr.model import REVISION_COLUMN
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings

_NEVER = np.iinfo(np.int64).max
_NONE = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoClosings:
    """When each window may be emitted first, and when it is final; the same windows in both."""

    first: ClosingTimes
    final: ClosingTimes


def closing_of(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> TwoClosings:
    """Return when each window may first be emitted, and when it is final."""
    first = ClosingBuilder(config, schedule)
    final = ClosingBuilder(config, schedule, wait_ms=ProductCtrSettings.of(config.workload).lateness_ms)
    for block in events:
        first.add(block)
        final.add(block)
    return TwoClosings(first=first.finish(), final=final.finish())


def rules(config: Config) -> Rules:
    """Return what the rows of one cell mean together: a first value and its revisions."""
    del config
    return revised_rows(REVISION_COLUMN)


def cells(config: Config, closing: TwoClosings) -> Cells:
    """Return the cells of a run."""
    return Cells(closing=closing.first, keys=ProductCtrSettings.of(config.workload).num_products, column="product_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductTruth:
    """Expected rows of a run; arrays of one entry a cell, those of kinds in the order of ``KINDS``.

    Attributes
    ----------
    cells : Cells
    first : int32[2, cells]
        Events that must be in the first value.
    must : int32[2, cells]
        Events that must count in the final value.
    maybe : int32[2, cells]
        Events that may count besides.
    excused : int32[2, cells]
        Those of `must` that the generator withheld, or sent when the window might be final already.
    greatest_produce_ms, greatest_of_all_ms : int64[cells]
        Greatest produce time of the events of `must`, and of those of `maybe` as well.
    first_due_ns : int64[cells]
        Due time of the first event that must count.
    last_due_ns, last_sent_ns : int64[cells]
        Due and send time of the last event that must count.
    """

    cells: Cells
    first: NDArray[np.int32]
    must: NDArray[np.int32]
    maybe: NDArray[np.int32]
    excused: NDArray[np.int32]
    greatest_produce_ms: NDArray[np.int64]
    greatest_of_all_ms: NDArray[np.int64]
    first_due_ns: NDArray[np.int64]
    last_due_ns: NDArray[np.int64]
    last_sent_ns: NDArray[np.int64]

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window, or due time of the last event that revises it."""
        return np.maximum(self.cells.closing_ns, self.last_due_ns)

    @property
    def first_earliest_ns(self) -> Index:
        """Closing of each cell's window, or due time of its first event where all come late."""
        return np.maximum(self.cells.closing_ns, self.first_due_ns)

    @property
    def required(self) -> Flags:
        """Cells that must have a row: at least one event must count."""
        return np.asarray(self.must.any(axis=0))

    @property
    def possible(self) -> Flags:
        """Cells that may have a row."""
        return np.asarray(self.required | self.maybe.any(axis=0))

    @property
    def absence_explained(self) -> Flags:
        """Cells of which the generator withheld every event."""
        return np.asarray((self.excused.sum(axis=0) >= self.must.sum(axis=0)) & self.excused.any(axis=0))

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return not self.maybe.any()

    def least_events(self, cells: Index) -> Index:
        """Return how many events the final row of each cell must count at least."""
        least: Index = self.must[:, cells].sum(axis=0, dtype=np.int64)
        return least

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        integers = {name: column[index] for name, column in rows.integers.items()}
        counted = np.stack([integers["impressions"], integers["clicks"]])
        low, high = self.must[:, cells], self.must[:, cells] + self.maybe[:, cells]
        consistent = self._consistent(rows, index, integers, cells)
        floor, ceiling = self.greatest_produce_ms[cells], self.greatest_of_all_ms[cells]
        produce = integers["max_produce_time"]
        events, least = counted.sum(axis=0), low.sum(axis=0)
        in_bounds = ((counted >= low) & (counted <= high)).all(axis=0)
        newest = np.where(events == least, produce == floor, (produce >= floor) & (produce <= ceiling))
        right = consistent & in_bounds & newest
        below = consistent & (produce <= ceiling) & ((counted >= 0) & (counted <= high)).all(axis=0)
        excused = ((counted >= low - self.excused[:, cells]) & (counted <= high)).all(axis=0)
        return ValueJudgement(
            right=right,
            partial=below & (counted < low).any(axis=0) & (events > 0),
            events=events,
            undecidable=(high != low).any(axis=0),
            explained=below & excused & ~right & self.excused[:, cells].any(axis=0),
            first=np.asarray((counted >= self.first[:, cells]).all(axis=0)),
        )

    def _consistent(self, rows: ParsedRows, index: Index, integers: Mapping[str, Index], cells: Index) -> Flags:
        """Whether window end and rate follow from the row's own key and counts."""
        impressions, clicks = integers["impressions"], integers["clicks"]
        with np.errstate(divide="ignore", invalid="ignore"):
            ctr = np.where(impressions == 0, np.nan, clicks / impressions)
        good: Flags = integers["window_end"] == self.cells.closing.ends_ms[self.cells.window_index(cells)]
        good &= within_one_ulp(rows.doubles["ctr"][index], ctr)
        return good


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth.

    Parameters
    ----------
    config : Config
    closing : TwoClosings
        When each window closes and is final.
    answered_ms : int64[cells], optional
        When the last row of each cell was appended, on the producers' clock; the greatest int64 where there is none.
        Without it every event that need not count may count.
    greatest_ack_ms : float
        Greatest time seen from sending to acknowledgement.
    withheld : mapping of int to int64 array
        Numbers of events that are missing from the topics, by producer.
    withheld_unnamed : bool
        Whether further ones are missing whose numbers are not known: then any event may be.
    """

    def __init__(
        self,
        config: Config,
        closing: TwoClosings,
        *,
        answered_ms: NDArray[np.int64] | None = None,
        greatest_ack_ms: float = 0.0,
        withheld: Mapping[int, NDArray[np.int64]] | None = None,
        withheld_unnamed: bool = False,
    ) -> None:
        self.cells = cells(config, closing)
        self._answered_ms = answered_ms
        self._withheld = withheld or {}
        self._withheld_unnamed = withheld_unnamed
        margin_ns = MUST_COUNT_MARGIN_MS * NS_PER_MS
        first, final, ack_ns = closing.first, closing.final, round(greatest_ack_ms * NS_PER_MS)
        self._in_first_before_ns = ahead_ns(first, margin_ns)
        self._must_before_ns = ahead_ns(final, margin_ns)
        self._seen_by_first_before_ns = ahead_ns(first, ack_ns)
        self._seen_by_final_before_ns = ahead_ns(final, ack_ns)
        count = self.cells.count
        counts: list[NDArray[np.int32]] = [np.zeros((len(KINDS), count), dtype=np.int32) for _ in range(4)]
        self._first, self._must, self._maybe, self._excused = counts
        self._produce_ms: NDArray[np.int64] = np.full(count, _NONE, dtype=np.int64)
        self._all_produce_ms: NDArray[np.int64] = np.full(count, _NONE, dtype=np.int64)
        self._last = LastEvents(count)
        self._first_due_ns: NDArray[np.int64] = np.full(count, _NEVER, dtype=np.int64)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        if len(events.due_ns) == 0:
            return
        unseen = events.unseen(self._withheld)
        for windows in self.cells.closing.windows_of(events.event_time_ns):
            self._add_to_windows(events, windows, unseen)

    def _add_to_windows(self, events: ScheduledEvents, windows: Index, unseen: Flags) -> None:
        kind = events.contents["event_kind"]
        cell = self.cells.at(windows, events.contents["product_id"])
        due, sent = events.due_ns, events.sent_ns
        was_sent = sent != UNSENT
        produce_ms = np.where(was_sent, sent // NS_PER_MS, _NONE)
        must = due < self._must_before_ns[windows]
        in_first = due < self._in_first_before_ns[windows]
        # What was sent late may have come after the first value, and revised it.
        in_time = in_first & ~unseen & (sent < self._seen_by_first_before_ns[windows])
        np.add.at(self._first, (kind[in_time], cell[in_time]), 1)
        np.add.at(self._must, (kind[must], cell[must]), 1)
        excused = must & (unseen | (sent >= self._seen_by_final_before_ns[windows]))
        np.add.at(self._excused, (kind[excused], cell[excused]), 1)
        maybe = ~must & ~unseen
        if self._answered_ms is not None:
            maybe &= produce_ms <= self._answered_ms[cell]
        np.add.at(self._maybe, (kind[maybe], cell[maybe]), 1)
        np.minimum.at(self._first_due_ns, cell[must], due[must])
        np.maximum.at(self._produce_ms, cell[must], produce_ms[must])
        counted = must | maybe
        np.maximum.at(self._all_produce_ms, cell[counted], produce_ms[counted])
        self._last.add(cell[must & was_sent], due[must & was_sent], sent[must & was_sent])

    def finish(self) -> ProductTruth:
        """Return the truth."""
        return ProductTruth(
            cells=self.cells,
            first=self._first,
            must=self._must,
            maybe=self._maybe,
            excused=self._must if self._withheld_unnamed else self._excused,
            greatest_produce_ms=self._produce_ms,
            greatest_of_all_ms=self._all_produce_ms,
            first_due_ns=self._first_due_ns,
            last_due_ns=self._last.due_ns,
            last_sent_ns=self._last.sent_ns,
        )
