"""The right answer of ad_clicks: the rows of campaigns and device types, and which campaigns are anomalies. Pure.

A row is final when no click can come for it any more: when the watermark is the attribution beyond the end of its
window. C(w) is when that may first be; for rows of campaigns, device types and anomalies alike. Which events must
count, and which may, :mod:`windowbench.workloads.kit.tally` says; the window of a click is that of its impression.

Which clicks are attributed is known from how they were made, and checked against both ends of the attribution. Of equal
clicks each may be the one that is counted, so the greatest produce time of a row has some play where one comes twice.

An anomaly follows from the rates of a campaign's windows. Where one of them is not settled, neither is the anomaly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from config import Config
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes
from windowbench.judge.truth.comparison import (
    NO_CELL,
    Comparison,
    Flags,
    RowClass,
    single_rows,
)
from windowbench.judge.truth.oracle import Evidence, Oracle, outlined
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_clicks.anomalies import AnomalyTruth, anomalies
from windowbench.workloads.ad_clicks.counted import Counting
from windowbench.workloads.ad_clicks.events import CLICK, DUPLICATE, ORPHAN, is_raised
from windowbench.workloads.ad_clicks.settings import DEVICES, AdClicksSettings
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.joined import JoinedCells, JoinedTruth, joined_truth
from windowbench.workloads.kit.tally import Sendings
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, text_codes

_ANOMALIES = 2
"""Number of the part of anomalies, behind those of campaigns and device types."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """When the rows of each window may be emitted, and when the load began."""

    times: ClosingTimes
    epoch_ns: int


def closing_of(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> Closing:
    """Return when the rows of each window may be emitted: once the watermark is the attribution beyond its end."""
    builder = ClosingBuilder(config, schedule, wait_ms=AdClicksSettings.of(config.workload).attribution_ms)
    for block in events:
        builder.add(block)
    return Closing(times=builder.finish(), epoch_ns=schedule.epoch_ns)


def cells_of_keys(config: Config, closing: Closing) -> tuple[Cells, Cells]:
    """Return the cells of campaigns, and those of device types."""
    campaigns = AdClicksSettings.of(config.workload).num_campaigns
    return (
        Cells(closing=closing.times, keys=campaigns, column=KEY_COLUMN),
        Cells(closing=closing.times, keys=len(DEVICES), column=KEY_COLUMN, names=text_codes(DEVICES)),
    )


def cells(config: Config, closing: Closing) -> JoinedCells:
    """Return the cells of a run."""
    by_campaign, by_device = cells_of_keys(config, closing)
    return JoinedCells(assigner=closing.times.assigner, parts=(by_campaign, by_device, by_campaign))


@dataclass(frozen=True, kw_only=True)
class AdClicksTruth(JoinedTruth):
    """Expected rows of a run, and what else the load held.

    Attributes
    ----------
    clicks : dict of str to int
        Clicks of the whole load, by what became of them.
    touched : bool[cells of campaigns]
        Windows of which a part lies in a planted anomaly.
    """

    clicks: dict[str, int] = field(default_factory=dict)
    touched: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def remarks(self, comparison: Comparison, rows: ParsedRows) -> Mapping[str, float]:
        """Return what was found of planted anomalies, how many clicks there were, and how far approximations are off.

        A planted anomaly lasts from the first window that it touches to the last; it is found if one of them is
        reported. One counts whose first window has history. Windows that only END makes final are left out: the load
        ends before all their clicks.
        """
        part = self.parts[_ANOMALIES]
        assert isinstance(part, AnomalyTruth)
        low = self.cells.bounds[_ANOMALIES]
        right = np.isin(comparison.classes, (RowClass.EXACT, RowClass.UNDECIDABLE))
        own = comparison.cells[right & (comparison.cells != NO_CELL)]
        reported = np.zeros(part.cells.count, dtype=np.bool_)
        reported[own[own >= low] - low] = True
        shape = (-1, part.cells.keys)
        whole = np.repeat(~part.cells.closing.by_end, part.cells.keys)
        touched = self.touched.reshape(shape).T
        begins = touched & ~np.pad(touched, ((0, 0), (1, 0)))[:, :-1]
        number = np.where(touched, np.cumsum(begins.ravel()).reshape(touched.shape), 0)
        planted = np.unique(number[begins & (part.has_history & whole).reshape(shape).T])
        found = np.intersect1d(planted, number[(reported & whole).reshape(shape).T])
        alone = part.has_history & whole & ~self.touched
        return {
            "planted anomalies": len(planted),
            "planted anomalies reported": len(found),
            "windows of campaigns without a planted anomaly": int(np.count_nonzero(alone)),
            "of which reported": int(np.count_nonzero(alone & reported)),
            **{f"{kind} clicks in the load": count for kind, count in self.clicks.items()},
            **super().remarks(comparison, rows),
        }


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth."""

    def __init__(self, config: Config, closing: Closing, evidence: Evidence) -> None:
        own = AdClicksSettings.of(config.workload)
        self._config, self._own, self._closing, self._evidence = config, own, closing, evidence
        of_campaigns, of_devices, _ = cells(config, closing).evidence_of_parts(evidence)
        by_campaign, by_device = cells_of_keys(config, closing)
        self._campaigns = Counting(by_campaign, of_campaigns, "campaign_id")
        max_error = config.judge.approximation_error if own.approximate else None
        self._devices = Counting(by_device, of_devices, "device_type", own.num_users, max_error=max_error)
        self._clicks = dict.fromkeys(("attributed", "orphan", "duplicate"), 0)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        kinds = events.contents["event_kind"]
        for name, number in (("attributed", CLICK), ("orphan", ORPHAN), ("duplicate", DUPLICATE)):
            self._clicks[name] += int(np.count_nonzero(kinds == number))
        shown_ns = events.event_time_ns - events.contents["lag_ns"]
        lag_ms = events.event_time_ns // NS_PER_MS - shown_ns // NS_PER_MS
        counts = (kinds != ORPHAN) & (lag_ms >= 0) & (lag_ms <= self._own.attribution_ms)
        sendings = Sendings.of(events, self._evidence).at(counts)
        contents = {name: column[counts] for name, column in events.contents.items()}
        for windows in self._closing.times.windows_of(shown_ns[counts]):
            self._campaigns.add(sendings, windows, contents)
            self._devices.add(sendings, windows, contents)

    def finish(self) -> AdClicksTruth:
        """Return the truth."""
        campaigns, devices = self._campaigns.finish(), self._devices.finish()
        joined = joined_truth(self._closing.times.assigner, (campaigns, devices, anomalies(campaigns, self._own)))
        return AdClicksTruth(
            cells=joined.cells, parts=joined.parts, clicks=self._clicks, touched=self._touched(campaigns.cells)
        )

    def _touched(self, by_campaign: Cells) -> Flags:
        """Return which windows lie in planted anomalies, be it in part; a spell is longer than a window."""
        cell = np.arange(by_campaign.count)
        campaign = (cell % by_campaign.keys).astype(np.int32)
        window = by_campaign.window_index(cell)
        times = self._closing.times
        touched = np.zeros(by_campaign.count, dtype=np.bool_)
        for at_ms, less_ns in ((times.starts_ms, 0), (times.ends_ms, 1)):
            offset_ns = np.maximum(at_ms * NS_PER_MS - less_ns - self._closing.epoch_ns, 0)
            touched |= is_raised(self._config, campaign, offset_ns[window])
        return touched


ORACLE = Oracle(outline=outlined(closing_of, cells, TruthBuilder), rules=lambda _: single_rows, bare_topics=None)
