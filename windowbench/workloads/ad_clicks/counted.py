"""The right rows of campaigns and of device types: counts with bounds, where late events may count or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.approximation import counts_something
from windowbench.judge.truth.comparison import Flags, Index, ValueJudgement, within_one_ulp
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import NS_PER_MS
from windowbench.workloads.kit.cells import Cells, LastEvents

Numbers = NDArray[np.float64]
_NONE = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Least and greatest right value of each cell."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def hold(self, values: Index, cells: Index) -> Flags:
        """Whether values lie within those of their cells."""
        return np.asarray((values >= self.low[cells]) & (values <= self.high[cells]))


@dataclass(frozen=True, kw_only=True)
class CountedTruth:
    """Expected rows of all campaigns, or of all device types; arrays of one entry a cell.

    Attributes
    ----------
    cells : Cells
    impressions, clicks, produce_ms : Bounds
        `produce_ms` of the greatest produce time.
    total : Bounds
        Of the field named `total_name`: cost, or distinct users.
    total_name : str
    approximate : bool
        Whether the engine was asked for an approximation of `total`: then any count of something is right, the bounds
        say what is true.
    excused : int64[cells]
        Events that must count and that the generator withheld, or sent when the window might be final already.
    last_due_ns, last_sent_ns : int64[cells]
        Due and send time of the last event that must count.
    """

    cells: Cells
    impressions: Bounds
    clicks: Bounds
    produce_ms: Bounds
    total: Bounds
    total_name: str
    excused: Index
    last_due_ns: Index
    last_sent_ns: Index
    approximate: bool = False

    @property
    def greatest_produce_ms(self) -> Index:
        """Greatest produce time of the events that must count, each click once."""
        return self.produce_ms.low

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window."""
        return self.cells.closing_ns

    @property
    def first_earliest_ns(self) -> Index:
        """The same: nothing revises a row."""
        return self.earliest_ns

    @property
    def required(self) -> Flags:
        """Cells that must have a row: at least one impression must count."""
        return np.asarray(self.impressions.low > 0)

    @property
    def possible(self) -> Flags:
        """Cells that may have a row."""
        return np.asarray(self.impressions.high > 0)

    @property
    def absence_explained(self) -> Flags:
        """Cells of which the generator withheld as many events as they have impressions."""
        return np.asarray((self.excused > 0) & (self.excused >= self.impressions.low))

    @property
    def unsettled(self) -> Flags:
        """Cells whose counts are not one value."""
        bounds = (self.impressions, self.clicks, self.total)
        return np.asarray(np.logical_or.reduce([bound.low != bound.high for bound in bounds]))

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return not self.unsettled.any()

    def least_events(self, cells: Index) -> Index:
        """Return 1 for each cell: its first row is its final one."""
        return np.ones(len(cells), dtype=np.int64)

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; doubles within 1 ulp."""
        integers = {name: column[index] for name, column in rows.integers.items()}
        total = integers[self.total_name]
        approximately = counts_something(total)
        right = self.counts_fit(rows, index, cells)
        right &= approximately if self.approximate else self.total.hold(total, cells)
        shape = self.consistent(rows, index, cells)
        if self.total_name == "cost":
            per_click = _ratio(total, integers["clicks"])
            shape &= within_one_ulp(rows.doubles["cost_per_click"][index], per_click)
        below = integers["impressions"] >= self.impressions.low[cells] - self.excused[cells]
        for name, bound in (("impressions", self.impressions), ("clicks", self.clicks)):
            below &= (integers[name] >= 0) & (integers[name] <= bound.high[cells])
        below &= approximately if self.approximate else (total >= 0) & (total <= self.total.high[cells])
        nothing = np.zeros(len(index), dtype=np.bool_)
        return ValueJudgement(
            right=right & shape,
            partial=nothing,
            events=np.ones(len(index), dtype=np.int64),
            undecidable=self.unsettled[cells],
            explained=shape & below & ~right & (self.excused[cells] > 0),
        )

    def counts_fit(self, rows: ParsedRows, index: Index, cells: Index) -> Flags:
        """Whether impressions, clicks and greatest produce time of rows are right."""
        good = self.impressions.hold(rows.integers["impressions"][index], cells)
        good &= self.clicks.hold(rows.integers["clicks"][index], cells)
        return good & self.produce_ms.hold(rows.integers["max_produce_time"][index], cells)

    def consistent(self, rows: ParsedRows, index: Index, cells: Index) -> Flags:
        """Whether window end and rate of rows follow from their own start and counts."""
        ends = self.cells.closing.ends_ms[self.cells.window_index(cells)]
        good: Flags = rows.integers["window_end"][index] == ends
        rate = _ratio(rows.integers["clicks"][index], rows.integers["impressions"][index])
        return good & within_one_ulp(rows.doubles["ctr"][index], rate)


def _ratio(above: Index, below: Index) -> Numbers:
    """Return quotients, NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


class Counting:
    """Adds up events of one dimension, campaigns or device types."""

    def __init__(
        self,
        cells: Cells,
        answered_ms: Index | None,
        total_name: str,
        users: int = 0,
        *,
        approximate: bool = False,
    ) -> None:
        self.cells = cells
        self._answered_ms, self._total_name, self._approximate = answered_ms, total_name, approximate
        count = cells.count
        self._low: NDArray[np.int64] = np.zeros((2, count), dtype=np.int64)
        self._more: NDArray[np.int64] = np.zeros((2, count), dtype=np.int64)
        self._excused: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self._cost: NDArray[np.int64] = np.zeros((2, count), dtype=np.int64)
        self._least_ms: NDArray[np.int64] = np.full(count, _NONE, dtype=np.int64)
        self._most_ms: NDArray[np.int64] = np.full(count, _NONE, dtype=np.int64)
        self._last = LastEvents(count)
        width = -(-users // 8)
        self._seen: NDArray[np.uint8] = np.zeros((2, count if users else 0, width), dtype=np.uint8)

    def add(
        self, events: ScheduledEvents, cell: Index, kind: Index, *, must: Flags, unseen: Flags, in_time: Flags
    ) -> None:
        """Add impressions (kind 0), clicks (1) and duplicates (2), each with its cell."""
        sent = events.sent_ns
        was_sent = sent != UNSENT
        produce_ms = np.where(was_sent, sent // NS_PER_MS, _NONE)
        maybe = ~must & ~unseen
        if self._answered_ms is not None:
            maybe &= produce_ms <= self._answered_ms[cell]
        counts = kind < 2
        low, more = must & counts, maybe & counts
        np.add.at(self._low, (kind[low], cell[low]), 1)
        np.add.at(self._more, (kind[more], cell[more]), 1)
        np.add.at(self._excused, cell[low & (unseen | ~in_time)], 1)
        cost = events.contents["cost"]
        np.add.at(self._cost[0], cell[low], cost[low])
        np.add.at(self._cost[1], cell[more], cost[more])
        np.maximum.at(self._least_ms, cell[low], produce_ms[low])
        np.maximum.at(self._most_ms, cell[must | maybe], produce_ms[must | maybe])
        self._last.add(cell[low & was_sent], events.due_ns[low & was_sent], sent[low & was_sent])
        if self._seen.size:
            user = events.contents["viewer"].astype(np.int64)
            for place, which in enumerate((low & (kind == 0), more & (kind == 0))):
                bit = np.left_shift(1, user[which] % 8).astype(np.uint8)
                np.bitwise_or.at(self._seen[place], (cell[which], user[which] // 8), bit)

    def finish(self, *, all_excused: bool) -> CountedTruth:
        """Return the truth."""
        low, high = self._low, self._low + self._more
        if self._seen.size:
            users = [np.bitwise_count(seen).sum(axis=1, dtype=np.int64) for seen in self._seen]
            both = np.bitwise_count(self._seen[0] | self._seen[1]).sum(axis=1, dtype=np.int64)
            total = Bounds(low=users[0], high=both)
        else:
            total = Bounds(low=self._cost[0], high=self._cost[0] + self._cost[1])
        return CountedTruth(
            cells=self.cells,
            impressions=Bounds(low=low[0], high=high[0]),
            clicks=Bounds(low=low[1], high=high[1]),
            produce_ms=Bounds(low=self._least_ms, high=self._most_ms),
            total=total,
            total_name=self._total_name,
            excused=low.sum(axis=0) if all_excused else self._excused,
            last_due_ns=self._last.due_ns,
            last_sent_ns=self._last.sent_ns,
            approximate=self._approximate,
        )
