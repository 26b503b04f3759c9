"""The right answer of product_ctr: first value, revisions and final value of every (window, product). Pure.

Two moments of a window follow from the schedule: C(w), when the watermark has passed it and its first value may be
emitted, and L(w), when the watermark is the allowed lateness beyond it and its result is final. Which events must be in
the first value, and which must or may count in the final one, :mod:`windowbench.workloads.kit.tally` says, with C(w)
and with L(w). The answer of a cell is its last row.

A first value is any that holds all of the first kind and nothing above the truth, for an engine may have seen more
before it emitted; what it took too long is seen in its latency. Revisions grow from there to the final value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes
from windowbench.judge.truth.comparison import Index, ValueJudgement, within_one_ulp
from windowbench.judge.truth.oracle import Evidence, Oracle, outlined
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.revisions import revised_rows
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import Schedule
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE
from windowbench.workloads.kit.tally import NEVER, Sendings, Tally
from windowbench.workloads.kit.truth import UpdatedTruth, ratio
from windowbench.workloads.product_ctr.model import REVISION_COLUMN
from windowbench.workloads.product_ctr.settings import KINDS, ProductCtrSettings


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


def cells(config: Config, closing: TwoClosings) -> Cells:
    """Return the cells of a run."""
    return Cells(closing=closing.first, keys=ProductCtrSettings.of(config.workload).num_products, column="product_id")


@dataclass(frozen=True, kw_only=True)
class ProductTruth(UpdatedTruth):
    """Expected rows of a run; events are counted in the order of ``KINDS``.

    Attributes
    ----------
    first : int32[2, cells]
        Events that must be in the first value.
    first_due_ns : int64[cells]
        Due time of the first event that must count.
    """

    first: NDArray[np.int32]
    first_due_ns: Index

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window, or due time of the last event that revises it."""
        return np.maximum(super().earliest_ns, self.last_due_ns)

    @property
    def first_earliest_ns(self) -> Index:
        """Closing of each cell's window, or due time of its first event where all come late."""
        return np.maximum(super().earliest_ns, self.first_due_ns)

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        counted = np.stack([rows.integers[f"{kind}s"][index] for kind in KINDS])
        impressions, clicks = counted
        consistent = within_one_ulp(rows.doubles["ctr"][index], ratio(clicks, impressions))
        consistent &= self.ends_fit(rows, index, cells)
        newest = rows.integers[NEWEST_PRODUCE][index], self.tallied.produce_ms
        judged = self.judge_counts(counted, counted.sum(axis=0), cells, consistent, newest)
        return replace(judged, first=np.asarray((counted >= self.first[:, cells]).all(axis=0)))


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth."""

    def __init__(self, config: Config, closing: TwoClosings, evidence: Evidence) -> None:
        self.cells = cells(config, closing)
        self._evidence = evidence
        count = self.cells.count
        named = replace(evidence, withheld_unnamed=False)
        self._first = Tally(closing.first, count, named, kinds=len(KINDS))
        self._final = Tally(closing.final, count, evidence, kinds=len(KINDS))
        self._first_due_ns: Index = np.full(count, NEVER, dtype=np.int64)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        sendings, kinds = Sendings.of(events, self._evidence), events.contents["event_kind"]
        for windows in self.cells.closing.windows_of(events.event_time_ns):
            cell = self.cells.at(windows, events.contents["product_id"])
            self._first.add(sendings, windows, cell, kinds=kinds)
            must, _ = self._final.add(sendings, windows, cell, kinds=kinds)
            np.minimum.at(self._first_due_ns, cell[must], events.due_ns[must])

    def finish(self) -> ProductTruth:
        """Return the truth."""
        first = self._first.finish()
        return ProductTruth(
            cells=self.cells,
            tallied=self._final.finish(),
            # What was sent late may have come after the first value, and revised it.
            first=first.must - first.excused,
            first_due_ns=self._first_due_ns,
        )


ORACLE = Oracle(
    outline=outlined(closing_of, cells, TruthBuilder), rules=lambda _: revised_rows(REVISION_COLUMN), bare_topics=None
)
