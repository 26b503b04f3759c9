"""The right answer of the ad_ctr workload: the exact row of every (window, campaign). Pure.

Expected values follow from the schedule; which events must count, and which may, :mod:`windowbench.workloads.kit.tally`
says. The answer of a cell, one (window, campaign), is its first row in append mode, the last one in update mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config import Config
from windowbench.judge.truth.closing import ClosingTimes, closing_times
from windowbench.judge.truth.comparison import Flags, Index, ValueJudgement, within_one_ulp
from windowbench.judge.truth.oracle import Evidence, Oracle, outlined
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.truth.updates import rules_of
from windowbench.workloads.ad_ctr.pair import BARE_TOPICS
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE
from windowbench.workloads.kit.tally import Bounds, Sendings, Tally, greatest
from windowbench.workloads.kit.truth import UpdatedTruth, ratio


def cells(config: Config, closing: ClosingTimes) -> Cells:
    """Return the cells of a run."""
    return Cells(closing=closing, keys=AdCtrSettings.of(config.workload).num_campaigns, column="campaign_id")


@dataclass(frozen=True, kw_only=True)
class AdCtrTruth(UpdatedTruth):
    """Expected rows of a run; events are counted in the order of ``settings.EVENT_TYPES``."""

    event_time_ns: Bounds

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        found = {name: column[index] for name, column in rows.integers.items()}
        counted = np.stack([found[f"{kind}s"] for kind in EVENT_TYPES])
        return self.judge_counts(
            counted,
            found["events"],
            cells,
            self._consistent(rows, index, counted) & self.ends_fit(rows, index, cells),
            (found[NEWEST_PRODUCE], self.tallied.produce_ms),
            (found["max_event_time_ns"], self.event_time_ns),
        )

    @staticmethod
    def _consistent(rows: ParsedRows, index: Index, counted: Index) -> Flags:
        """Whether sum and rates of rows follow from their own counts."""
        views, clicks, _ = counted
        good: Flags = rows.integers["events"][index] == counted.sum(axis=0)
        good &= within_one_ulp(rows.doubles["ctr"][index], ratio(clicks, views))
        return good & within_one_ulp(rows.doubles["ctr_smoothed"][index], ratio(clicks, views + 1))


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth."""

    def __init__(self, config: Config, closing: ClosingTimes, evidence: Evidence) -> None:
        self.cells = cells(config, closing)
        self._evidence = evidence
        self._tally = Tally(closing, self.cells.count, evidence, kinds=len(EVENT_TYPES))
        self._event_time = greatest(self.cells.count)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        sendings = Sendings.of(events, self._evidence)
        for windows in self.cells.closing.windows_of(events.event_time_ns):
            cell = self.cells.at(windows, events.contents["campaign_id"])
            must, maybe = self._tally.add(sendings, windows, cell, kinds=events.contents["event_type"])
            self._event_time.add(cell, events.event_time_ns, must, must | maybe)

    def finish(self) -> AdCtrTruth:
        """Return the truth."""
        return AdCtrTruth(cells=self.cells, tallied=self._tally.finish(), event_time_ns=self._event_time.bounds)


ORACLE = Oracle(
    outline=outlined(closing_times, cells, TruthBuilder),
    rules=lambda config: rules_of(config.output_mode),
    bare_topics=BARE_TOPICS,
)
