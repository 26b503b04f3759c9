"""The right answer of the ad_ctr workload: the exact row of every (window, campaign). Pure.

Expected values follow from the schedule. Because late events may or may not be counted, the truth of
a cell, one (window, campaign), has two bounds:

* an event *must count* if due + M < C(w), M = 500 ms, or if only END closes the window: END is sent
  after the engine has read everything else;
* an event *must not count* if it was produced after the row of its cell was appended: the first one in append mode,
  the last one in update mode;
* in between both are right, and the truth is every value from the one to the other.

Without late events no cell has any in between, and the truth is one value. Beside it is kept what the
generator explains: events that must count but were never sent, are missing from the topic, or were
acknowledged only when the window might already have closed.

Memory is flat in the number of events; it grows with the number of cells alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.judge.truth.closing import ClosingTimes, ahead_ns, closing_times
from windowbench.judge.truth.comparison import Flags, Index, Rules, ValueJudgement, within_one_ulp
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.truth.updates import rules_of
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings
from windowbench.workloads.kit.cells import Cells, LastEvents

_NONE = np.iinfo(np.int64).min
_VIEWS, _CLICKS = EVENT_TYPES.index("view"), EVENT_TYPES.index("click")


def closing_of(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> ClosingTimes:
    """Return when each window may first be emitted: once the watermark has passed it."""
    return closing_times(config, schedule, events)


def rules(config: Config) -> Rules:
    """Return what the rows of one cell mean together: one row, or updates of one."""
    return rules_of(config.output_mode)


def cells(config: Config, closing: ClosingTimes) -> Cells:
    """Return the cells of a run."""
    return Cells(closing=closing, keys=AdCtrSettings.of(config.workload).num_campaigns, column="campaign_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What a set of events adds up to, per cell.

    Attributes
    ----------
    by_type : int32[3, cells]
        Events by type, in the order of ``settings.EVENT_TYPES``.
    max_produce_ms, max_event_time_ns : int64[cells]
        Greatest produce time and event time.
    """

    by_type: NDArray[np.int32]
    max_produce_ms: NDArray[np.int64]
    max_event_time_ns: NDArray[np.int64]

    @classmethod
    def nothing(cls, cells: int) -> Counted:
        """Return the sums over no event."""
        return cls(
            by_type=np.zeros((len(EVENT_TYPES), cells), dtype=np.int32),
            max_produce_ms=np.full(cells, _NONE, dtype=np.int64),
            max_event_time_ns=np.full(cells, _NONE, dtype=np.int64),
        )

    def add(
        self, cells: Index, event_type: NDArray[np.uint8], produce_ms: NDArray[np.int64], event_time_ns: Index
    ) -> None:
        """Add events."""
        flat = event_type * np.int64(self.by_type.shape[1]) + cells
        np.add.at(self.by_type.reshape(-1), flat, np.int32(1))
        np.maximum.at(self.max_produce_ms, cells, produce_ms)
        np.maximum.at(self.max_event_time_ns, cells, event_time_ns)

    @property
    def events(self) -> NDArray[np.int64]:
        """Events of any type per cell."""
        total: NDArray[np.int64] = self.by_type.sum(axis=0, dtype=np.int64)
        return total


@dataclass(frozen=True, kw_only=True, slots=True)
class AdCtrTruth:
    """Expected rows of a run.

    Attributes
    ----------
    cells : Cells
    must : Counted
        Events that must count.
    maybe : Counted or None
        Events in between; None when there are none.
    excused : int32[3, cells] or None
        Those of `must` that the generator withheld; None when there are none.
    last_due_ns, last_sent_ns : int64[cells]
        Due and send time of the last event that must count.
    """

    cells: Cells
    must: Counted
    maybe: Counted | None
    excused: NDArray[np.int32] | None
    last_due_ns: NDArray[np.int64]
    last_sent_ns: NDArray[np.int64]

    @property
    def greatest_produce_ms(self) -> Index:
        """Greatest produce time of the events that must count."""
        return self.must.max_produce_ms

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window: nothing comes after it."""
        return self.cells.closing_ns

    @property
    def first_earliest_ns(self) -> Index:
        """The same: nothing revises a row."""
        return self.earliest_ns

    @property
    def required(self) -> Flags:
        """Cells that must have a row: at least one event must count."""
        return np.asarray(self.must.by_type.any(axis=0))

    @property
    def possible(self) -> Flags:
        """Cells that may have a row."""
        if self.maybe is None:
            return self.required
        return np.asarray(self.required | self.maybe.by_type.any(axis=0))

    @property
    def absence_explained(self) -> Flags:
        """Cells of which the generator withheld every event."""
        if self.excused is None:
            return np.zeros(self.cells.count, dtype=np.bool_)
        return np.asarray(self.excused.sum(axis=0) >= self.must.events)

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return self.maybe is None

    def least_events(self, cells: Index) -> Index:
        """Return how many events the row of each cell must count at least."""
        return self.must.events[cells]

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        integers = {name: column[index] for name, column in rows.integers.items()}
        doubles = {name: column[index] for name, column in rows.doubles.items()}
        consistent = self._consistent(integers, doubles, cells)
        low = self.must.by_type[:, cells]
        high = low if self.maybe is None else low + self.maybe.by_type[:, cells]
        undecidable = np.zeros(len(index), dtype=np.bool_) if self.maybe is None else (high != low).any(axis=0)
        columns = (integers["views"], integers["clicks"], integers["purchases"])
        in_bounds = _between(columns, low, high)
        right = consistent & in_bounds & self._greatest_fit(integers, cells, low, high)
        ceiling = self._ceiling(cells)  # the greatest times of a row that lacks events may be any smaller ones
        below = (integers["max_produce_time"] <= ceiling[0]) & (integers["max_event_time_ns"] <= ceiling[1])
        below &= consistent & _between(columns, np.zeros_like(low), high)
        lacks = np.any([column < least for column, least in zip(columns, low, strict=True)], axis=0)
        explained = np.zeros(len(index), dtype=np.bool_)
        if self.excused is not None:
            explained = below & _between(columns, low - self.excused[:, cells], high)
        return ValueJudgement(
            right=right,
            partial=below & lacks & (integers["events"] > 0),
            events=integers["events"],
            undecidable=undecidable,
            explained=explained & ~right,
        )

    def _consistent(
        self, integers: Mapping[str, Index], doubles: Mapping[str, NDArray[np.float64]], cells: Index
    ) -> Flags:
        """Whether window end, sum and rates follow from the row's own key and counts."""
        views, clicks = integers["views"], integers["clicks"]
        with np.errstate(divide="ignore", invalid="ignore"):  # null where views = 0; rubbish counts fail elsewhere
            ctr = np.where(views == 0, np.nan, clicks / views)
            ctr_smoothed = clicks / (views + 1)
        good: Flags = integers["window_end"] == self.cells.closing.ends_ms[self.cells.window_index(cells)]
        good &= integers["events"] == views + clicks + integers["purchases"]
        good &= within_one_ulp(doubles["ctr"], ctr)
        good &= within_one_ulp(doubles["ctr_smoothed"], ctr_smoothed)
        return good

    def _ceiling(self, cells: Index) -> tuple[Index, Index]:
        produce, event_time = self.must.max_produce_ms[cells], self.must.max_event_time_ns[cells]
        if self.maybe is None:
            return produce, event_time
        return (
            np.maximum(produce, self.maybe.max_produce_ms[cells]),
            np.maximum(event_time, self.maybe.max_event_time_ns[cells]),
        )

    def _greatest_fit(
        self, integers: Mapping[str, Index], cells: Index, low: NDArray[np.int32], high: NDArray[np.int32]
    ) -> Flags:
        """Whether the greatest times fit: those of the must-count events, at most those of all, exact at either end."""
        produce, event_time = integers["max_produce_time"], integers["max_event_time_ns"]
        floor = self.must.max_produce_ms[cells], self.must.max_event_time_ns[cells]
        if self.maybe is None:
            return np.asarray((produce == floor[0]) & (event_time == floor[1]))
        ceiling = self._ceiling(cells)
        at_floor = (produce == floor[0]) & (event_time == floor[1])
        at_ceiling = (produce == ceiling[0]) & (event_time == ceiling[1])
        inside = (produce >= floor[0]) & (produce <= ceiling[0])
        inside &= (event_time >= floor[1]) & (event_time <= ceiling[1])
        counts_low = integers["events"] == low.sum(axis=0)
        counts_high = integers["events"] == high.sum(axis=0)
        return np.asarray(np.where(counts_low, at_floor, np.where(counts_high, at_ceiling, inside)))


def _between(columns: tuple[Index, ...], low: NDArray[np.int32], high: NDArray[np.int32]) -> Flags:
    inside = np.ones(low.shape[1], dtype=np.bool_)
    for i, column in enumerate(columns):
        inside &= (column >= low[i]) & (column <= high[i])
    return inside


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth.

    Parameters
    ----------
    config : Config
    closing : ClosingTimes
        When each window closes.
    answered_ms : int64[cells], optional
        When the row of each cell was appended that no later event can be in, on the producers' clock; the greatest
        int64 where there is none. Without it every event that need not count may count.
    greatest_ack_ms : float
        Greatest time seen from sending to acknowledgement.
    withheld : mapping of int to int64 array
        Numbers of events that are missing from the events topic, by producer.
    withheld_unnamed : bool
        Whether further ones are missing whose numbers are not known: then any event may be.
    """

    def __init__(
        self,
        config: Config,
        closing: ClosingTimes,
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
        ack_ns = round(greatest_ack_ms * NS_PER_MS)
        self._must_before_ns = ahead_ns(closing, margin_ns)
        self._sent_in_time_before_ns = ahead_ns(closing, ack_ns)
        count = self.cells.count
        self._must = Counted.nothing(count)
        self._maybe: Counted | None = None
        self._excused: NDArray[np.int32] | None = None
        self._last = LastEvents(count)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        if len(events.due_ns) == 0:
            return
        unseen = events.unseen(self._withheld)
        for windows in self.cells.closing.windows_of(events.event_time_ns):
            self._add_to_windows(events, windows, unseen)

    def _add_to_windows(self, events: ScheduledEvents, windows: Index, unseen: Flags) -> None:
        cells = self.cells.at(windows, events.contents["campaign_id"])
        event_type = events.contents["event_type"]
        must = events.due_ns < self._must_before_ns[windows]
        if not must.all():
            self._add_maybe(events, cells, ~must & ~unseen)
        excused = must & (unseen | (events.sent_ns >= self._sent_in_time_before_ns[windows]))
        if excused.any():
            if self._excused is None:
                self._excused = np.zeros_like(self._must.by_type)
            np.add.at(self._excused, (event_type[excused], cells[excused]), np.int32(1))
        sent = events.sent_ns != UNSENT
        produce_ms = np.where(sent, events.sent_ns // NS_PER_MS, _NONE)
        pick = slice(None) if must.all() else must
        self._must.add(cells[pick], event_type[pick], produce_ms[pick], events.event_time_ns[pick])
        counted = must & sent
        pick = slice(None) if counted.all() else counted
        self._last.add(cells[pick], events.due_ns[pick], events.sent_ns[pick])

    def _add_maybe(self, events: ScheduledEvents, cells: Index, late: Flags) -> None:
        produce_ms = events.sent_ns // NS_PER_MS
        if self._answered_ms is not None:
            late = late & (produce_ms <= self._answered_ms[cells])
        if not late.any():
            return
        if self._maybe is None:
            self._maybe = Counted.nothing(self.cells.count)
        event_type = events.contents["event_type"][late]
        self._maybe.add(cells[late], event_type, produce_ms[late], events.event_time_ns[late])

    def finish(self) -> AdCtrTruth:
        """Return the truth."""
        return AdCtrTruth(
            cells=self.cells,
            must=self._must,
            maybe=self._maybe,
            excused=self._must.by_type if self._withheld_unnamed else self._excused,
            last_due_ns=self._last.due_ns,
            last_sent_ns=self._last.sent_ns,
        )
