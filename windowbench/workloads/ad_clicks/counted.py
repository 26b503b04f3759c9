"""The right rows of campaigns and of device types: counts with bounds, where late events may count or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.comparison import Flags, Index, ValueJudgement, within_one_ulp
from windowbench.judge.truth.oracle import Evidence
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.ad_clicks.events import DUPLICATE, IMPRESSION
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE
from windowbench.workloads.kit.tally import Admitted, Approximated, Bounds, Sendings, Tally
from windowbench.workloads.kit.truth import TalliedTruth, judged_once, ratio

_KINDS = 2
"""Impressions and clicks."""


@dataclass(frozen=True, kw_only=True)
class CountedTruth(TalliedTruth):
    """Expected rows of all campaigns, or of all device types; impressions and clicks are counted apart, in this order.

    `total` has the bounds of the field named `total_name`: cost, or distinct users.
    """

    cells: Cells
    total: Bounds
    total_name: str

    def _counts(self, kind: int) -> Bounds:
        low = self.tallied.must[kind].astype(np.int64)
        return Bounds(low=low, high=low + self.tallied.maybe[kind])

    @cached_property
    def impressions(self) -> Bounds:
        """How many each cell has."""
        return self._counts(0)

    @cached_property
    def clicks(self) -> Bounds:
        """How many of them were clicked."""
        return self._counts(1)

    @cached_property
    def excused(self) -> Index:
        """Events that must count and that the generator withheld, or sent when the window might be final already."""
        total: Index = self.tallied.excused.sum(axis=0, dtype=np.int64)
        return total

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
    def undecidable(self) -> Flags:
        """Cells whose counts are not one value."""
        bounds = (self.impressions, self.clicks, self.total)
        return np.asarray(np.logical_or.reduce([bound.low != bound.high for bound in bounds]))

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; doubles within 1 ulp."""
        integers = {name: column[index] for name, column in rows.integers.items()}
        total = integers[self.total_name]
        shape = self.consistent(rows, index, cells)
        if self.total_name == "cost":
            per_click = ratio(total, integers["clicks"])
            shape &= within_one_ulp(rows.doubles["cost_per_click"][index], per_click)
        right = shape & self.counts_fit(rows, index, cells)
        below = integers["impressions"] >= self.impressions.low[cells] - self.excused[cells]
        for name, bound in (("impressions", self.impressions), ("clicks", self.clicks)):
            below &= (integers[name] >= 0) & (integers[name] <= bound.high[cells])
        allowed = self.approximated.get(self.total_name, self.total)
        right &= allowed.hold(total, cells)
        below &= (total >= bool(self.approximated)) & (total <= allowed.high[cells])
        return judged_once(
            right,
            undecidable=self.undecidable[cells],
            explained=shape & below & ~right & (self.excused[cells] > 0),
        )

    def counts_fit(self, rows: ParsedRows, index: Index, cells: Index) -> Flags:
        """Whether impressions, clicks and greatest produce time of rows are right."""
        good = self.impressions.hold(rows.integers["impressions"][index], cells)
        good &= self.clicks.hold(rows.integers["clicks"][index], cells)
        return good & self.tallied.produce_ms.hold(rows.integers[NEWEST_PRODUCE][index], cells)

    def consistent(self, rows: ParsedRows, index: Index, cells: Index) -> Flags:
        """Whether window end and rate of rows follow from their own start and counts."""
        rate = ratio(rows.integers["clicks"][index], rows.integers["impressions"][index])
        return self.ends_fit(rows, index, cells) & within_one_ulp(rows.doubles["ctr"][index], rate)


class SeenUsers:
    """The distinct users of each cell, one bit for each."""

    def __init__(self, cells: int, users: int) -> None:
        self._seen: NDArray[np.uint8] = np.zeros((2, cells, -(-users // 8)), dtype=np.uint8)

    def add(self, cells: Index, users: Index, admitted: Admitted) -> None:
        """Add users, each to its cell."""
        for seen, which in zip(self._seen, admitted, strict=True):
            bit = np.left_shift(1, users[which] % 8).astype(np.uint8)
            np.bitwise_or.at(seen, (cells[which], users[which] // 8), bit)

    @property
    def bounds(self) -> Bounds:
        """How many there are."""
        must, maybe = self._seen
        low, high = (np.bitwise_count(seen).sum(axis=1, dtype=np.int64) for seen in (must, must | maybe))
        return Bounds(low=low, high=high)


class Counting:
    """Adds up events of one dimension, campaigns or device types: the content of an event named `key`.

    Where there are `users`, so many at most, those are counted, and costs are not; approximately where there
    is a greatest error, as a share.
    """

    def __init__(
        self, cells: Cells, evidence: Evidence, key: str, users: int = 0, *, max_error: float | None = None
    ) -> None:
        self.cells = cells
        self._key, self._max_error = key, max_error
        self._users = SeenUsers(cells.count, users) if users else None
        self._tally = Tally(cells.closing, cells.count, evidence, kinds=_KINDS, sums=("cost",))

    def add(self, sendings: Sendings, windows: Index, contents: Mapping[str, NDArray[Any]]) -> None:
        """Add impressions and clicks on them, each with the window of the impression."""
        cell, kind = self.cells.at(windows, contents[self._key].astype(np.int64)), contents["event_kind"]
        shows = kind == IMPRESSION
        admitted = self._tally.add(
            sendings, windows, cell, kinds=~shows, repeats=kind == DUPLICATE, cost=contents["cost"]
        )
        if self._users is not None:
            shown = Admitted(admitted.must & shows, admitted.maybe & shows)
            self._users.add(cell, contents["viewer"].astype(np.int64), shown)

    def finish(self) -> CountedTruth:
        """Return the truth."""
        tallied = self._tally.finish()
        if self._users is None:
            return CountedTruth(cells=self.cells, tallied=tallied, total=tallied.sums["cost"], total_name="cost")
        users = self._users.bounds
        share = self._max_error
        approximated = {} if share is None else {"users": Approximated.within(share, users)}
        return CountedTruth(
            cells=self.cells, tallied=tallied, total=users, total_name="users", approximated=approximated
        )
