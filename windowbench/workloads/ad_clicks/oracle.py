"""The right answer of ad_clicks: the rows of campaigns and device types, and which campaigns are anomalies. Pure.

A row is final when no click can come for it any more: when the watermark is the attribution beyond the end of its
window. C(w) is when that may first be; for rows of campaigns, device types and anomalies alike. An event

* *must count* if due + M < C(w), M = 500 ms, w being the window of the impression, or if only END makes w final;
* *must not count* if it was produced after the row was appended; in between both are right.

Which clicks are attributed is known from how they were made, and checked against both ends of the attribution. Of equal
clicks each may be the one that is counted, so the greatest produce time of a row has some play where one comes twice.

An anomaly follows from the rates of a campaign's windows. Where one of them is not settled, neither is the anomaly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.judge.truth.approximation import approximation_remarks
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes, ahead_ns
from windowbench.judge.truth.comparison import (
    NO_CELL,
    Comparison,
    Flags,
    RowClass,
    Rules,
    single_rows,
)
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.ad_clicks.anomalies import AnomalyTruth, anomalies
from windowbench.workloads.ad_clicks.counted import CountedTruth, Counting
from windowbench.workloads.ad_clicks.events import CLICK, DUPLICATE, IMPRESSION, ORPHAN, Raised
from windowbench.workloads.ad_clicks.settings import DEVICES, AdClicksSettings
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.joined import JoinedCells, JoinedTruth, joined_truth
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, text_codes

_DEVICES, _ANOMALIES = 1, 2
"""Numbers of the parts of device types and of anomalies, behind that of campaigns."""


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


def rules(config: Config) -> Rules:
    """Return what the rows of one cell mean together: there is one."""
    del config
    return single_rows


def cells(config: Config, closing: Closing) -> JoinedCells:
    """Return the cells of a run."""
    campaigns = AdClicksSettings.of(config.workload).num_campaigns
    by_campaign = Cells(closing=closing.times, keys=campaigns, column=KEY_COLUMN)
    by_device = Cells(closing=closing.times, keys=len(DEVICES), column=KEY_COLUMN, names=text_codes(DEVICES))
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


def remarks(truth: AdClicksTruth, comparison: Comparison, rows: ParsedRows) -> dict[str, float]:
    """Return what a run found of planted anomalies, how many clicks its load held, and how far approximations are off.

    A planted anomaly lasts from the first window that it touches to the last; it is found if one of them is reported.
    One counts whose first window has history. Windows that only END makes final are left out: the load ends before all
    their clicks.
    """
    part = truth.parts[_ANOMALIES]
    assert isinstance(part, AnomalyTruth)
    low = truth.cells.bounds[_ANOMALIES]
    right = np.isin(comparison.classes, (RowClass.EXACT, RowClass.UNDECIDABLE))
    own = comparison.cells[right & (comparison.cells != NO_CELL)]
    reported = np.zeros(part.cells.count, dtype=np.bool_)
    reported[own[own >= low] - low] = True
    shape = (-1, part.cells.keys)
    whole = np.repeat(~part.cells.closing.by_end, part.cells.keys)
    touched = truth.touched.reshape(shape).T
    begins = touched & ~np.pad(touched, ((0, 0), (1, 0)))[:, :-1]
    number = np.where(touched, np.cumsum(begins.ravel()).reshape(touched.shape), 0)
    planted = np.unique(number[begins & (part.has_history & whole).reshape(shape).T])
    found = np.intersect1d(planted, number[(reported & whole).reshape(shape).T])
    alone = part.has_history & whole & ~truth.touched
    return {
        "planted anomalies": len(planted),
        "planted anomalies reported": len(found),
        "windows of campaigns without a planted anomaly": int(np.count_nonzero(alone)),
        "of which reported": int(np.count_nonzero(alone & reported)),
        **{f"{kind} clicks in the load": count for kind, count in truth.clicks.items()},
        **_of_approximation(truth, comparison, rows),
    }


def _of_approximation(truth: AdClicksTruth, comparison: Comparison, rows: ParsedRows) -> dict[str, float]:
    part = truth.parts[_DEVICES]
    assert isinstance(part, CountedTruth)
    if not part.approximate:
        return {}
    first, total = int(truth.cells.bounds[_DEVICES]), part.total
    return approximation_remarks(part.total_name, rows, comparison, first=first, low=total.low, high=total.high)


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth.

    Parameters
    ----------
    config : Config
    closing : Closing
        When each window is final.
    answered_ms : int64[cells], optional
        When the first row of each cell was appended, on the producers' clock; the greatest int64 where there is none.
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
        closing: Closing,
        *,
        answered_ms: NDArray[np.int64] | None = None,
        greatest_ack_ms: float = 0.0,
        withheld: Mapping[int, NDArray[np.int64]] | None = None,
        withheld_unnamed: bool = False,
    ) -> None:
        self.cells = cells(config, closing)
        self._own = own = AdClicksSettings.of(config.workload)
        self._config, self._closing = config, closing
        self._withheld = withheld or {}
        self._withheld_unnamed = withheld_unnamed
        times = closing.times
        self._must_before_ns = ahead_ns(times, MUST_COUNT_MARGIN_MS * NS_PER_MS)
        self._in_time_before_ns = ahead_ns(times, round(greatest_ack_ms * NS_PER_MS))
        answered: list[NDArray[np.int64] | None] = [None, None]
        if answered_ms is not None:
            answered = list(self.cells.split(answered_ms))
        by_campaign, by_device = self.cells.parts[:2]
        assert isinstance(by_campaign, Cells)
        assert isinstance(by_device, Cells)
        self._campaigns = Counting(by_campaign, answered[0], "cost")
        self._devices = Counting(by_device, answered[1], "users", own.num_users, approximate=bool(own.approximate))
        self._clicks = dict.fromkeys(("attributed", "orphan", "duplicate"), 0)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        kinds = events.contents["event_kind"]
        for name, number in (("attributed", CLICK), ("orphan", ORPHAN), ("duplicate", DUPLICATE)):
            self._clicks[name] += int(np.count_nonzero(kinds == number))
        shown_ns = events.event_time_ns - events.contents["lag_ns"]
        lag_ms = events.event_time_ns // NS_PER_MS - shown_ns // NS_PER_MS
        counts = (kinds != ORPHAN) & (lag_ms >= 0) & (lag_ms <= self._own.attribution_ms)
        if not counts.any():
            return
        chosen = ScheduledEvents(
            producer=events.producer,
            first=events.first,
            due_ns=events.due_ns[counts],
            event_time_ns=shown_ns[counts],
            sent_ns=events.sent_ns[counts],
            partition=events.partition[counts],
            contents={name: column[counts] for name, column in events.contents.items()},
        )
        unseen = events.unseen(self._withheld)[counts]
        kind = np.select([kinds[counts] == IMPRESSION, kinds[counts] == CLICK], [0, 1], 2)
        for windows in self._closing.times.windows_of(chosen.event_time_ns):
            must = chosen.due_ns < self._must_before_ns[windows]
            in_time = chosen.sent_ns < self._in_time_before_ns[windows]
            for counting, key in ((self._campaigns, "campaign_id"), (self._devices, "device_type")):
                cell = counting.cells.at(windows, chosen.contents[key].astype(np.int64))
                counting.add(chosen, cell, kind, must=must, unseen=unseen, in_time=in_time)

    def finish(self) -> AdClicksTruth:
        """Return the truth."""
        campaigns, devices = (
            part.finish(all_excused=self._withheld_unnamed) for part in (self._campaigns, self._devices)
        )
        joined = joined_truth(self._closing.times.assigner, (campaigns, devices, anomalies(campaigns, self._own)))
        return AdClicksTruth(
            cells=joined.cells, parts=joined.parts, clicks=self._clicks, touched=self._touched(campaigns.cells)
        )

    def _touched(self, by_campaign: Cells) -> Flags:
        """Return which windows lie in planted anomalies, be it in part; a spell is longer than a window."""
        cell = np.arange(by_campaign.count)
        campaign = (cell % by_campaign.keys).astype(np.int32)
        window = by_campaign.window_index(cell)
        raised, times = Raised(self._config), self._closing.times
        touched = np.zeros(by_campaign.count, dtype=np.bool_)
        for at_ms, less_ns in ((times.starts_ms, 0), (times.ends_ms, 1)):
            offset_ns = np.maximum(at_ms * NS_PER_MS - less_ns - self._closing.epoch_ns, 0)
            touched |= raised(campaign, offset_ns[window])
        return touched
