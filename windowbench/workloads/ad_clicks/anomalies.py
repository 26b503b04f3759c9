"""Which campaigns are anomalies: what follows from the right counts of their windows, one after the other. Pure."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.comparison import Flags, Index, ValueJudgement
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.ad_clicks.counted import CountedTruth
from windowbench.workloads.ad_clicks.settings import ZERO_VARIANCE_TOLERANCE, AdClicksSettings
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.truth import TalliedTruth, judged_once

Numbers = NDArray[np.float64]
TIE = 1e-6
"""A score so near the limit may count as an anomaly or not."""
TOLERANCE = 1e-9
"""How far means, deviations and scores may be from ours, in parts of the rates they are made of: engines add up the
rates of a campaign in different orders and units."""


@dataclass(frozen=True, kw_only=True)
class AnomalyTruth(TalliedTruth):
    """Which campaigns are anomalies, and what their rows hold; arrays of one entry a cell.

    An anomaly may be emitted with the row of its campaign.

    Attributes
    ----------
    cells : Cells
        Those of campaigns.
    counted : CountedTruth
        The rows of campaigns.
    expected, deviation, spread, score : float64[cells]
        Mean of the rates before, how far the rate is from it, their sample standard deviation, and the quotient of the
        two; NaN where there is no history, `score` also where `spread` is 0.
    has_history : bool[cells]
        Where there are windows enough before it.
    surely, perhaps : bool[cells]
        Anomalies, and what may be one: at the limit, or where the counts of a window are not settled.
    doubtful, excusable : bool[cells]
        Where a window's counts are not settled, or lack events that the generator withheld: that of the cell or one of
        its history.
    """

    cells: Cells
    counted: CountedTruth
    expected: Numbers
    deviation: Numbers
    spread: Numbers
    score: Numbers
    has_history: Flags
    surely: Flags
    perhaps: Flags
    doubtful: Flags
    excusable: Flags

    @property
    def required(self) -> Flags:
        """Cells that must have a row."""
        return self.surely

    @property
    def possible(self) -> Flags:
        """Cells that may have a row."""
        return self.perhaps

    @property
    def undecidable(self) -> Flags:
        """Cells of which a window's counts are not settled."""
        return self.doubtful

    @property
    def absence_explained(self) -> Flags:
        """Cells of which a window lacks events that the generator withheld."""
        return self.excusable

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`."""
        found = {name: column[index] for name, column in rows.doubles.items()}
        shape = self.counted.consistent(rows, index, cells)
        expected, spread, score = self.expected[cells], self.spread[cells], self.score[cells]
        rates = np.maximum(np.abs(found["ctr"]), np.abs(expected))
        with np.errstate(divide="ignore", invalid="ignore"):
            in_spreads = np.where(spread > 0, rates / spread, 0.0)
        fits = self.counted.counts_fit(rows, index, cells)
        fits &= _near(found["expected_ctr"], expected, rates)
        fits &= _near(found["deviation"], self.deviation[cells], rates)
        fits &= _near(found["standard_deviation"], spread, rates)
        fits &= _near(found["score"], score, np.maximum(np.abs(np.nan_to_num(score)), 1.0) * (1.0 + in_spreads))
        open_to = self.doubtful[cells]
        tie = self.perhaps[cells] & ~self.surely[cells]
        return judged_once(
            shape & (fits | (open_to & self.counted.counts_fit(rows, index, cells))),
            undecidable=open_to | tie,
            explained=shape & ~fits & self.excusable[cells],
        )


def _near(found: Numbers, right: Numbers, scale: Numbers) -> Flags:
    """Whether doubles differ by no more than the tolerance in parts of `scale`; null is near null alone."""
    both_null = np.isnan(found) & np.isnan(right)
    with np.errstate(invalid="ignore"):
        near = np.abs(found - right) <= TOLERANCE * scale
    return np.asarray(both_null | near)


def anomalies(counted: CountedTruth, own: AdClicksSettings) -> AnomalyTruth:
    """Return what the rates of campaigns say, window after window."""
    campaigns = counted.cells.keys
    windows = counted.cells.count // campaigns
    impressions, clicks = (b.low.reshape(windows, campaigns) for b in (counted.impressions, counted.clicks))
    unsettled, excused = (f.reshape(windows, campaigns) for f in (counted.undecidable, counted.excused > 0))
    past = _Past(campaigns, own.history_windows)
    most_shown = counted.impressions.high.reshape(windows, campaigns)
    figures = np.full((4, windows, campaigns), np.nan)
    surely, perhaps, doubtful, excusable, has_history = np.zeros((5, windows, campaigns), dtype=np.bool_)
    for window in range(windows):
        active = impressions[window] > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(active, clicks[window] / impressions[window], np.nan)
            expected, spread = past.mean_and_deviation()
            deviation = rate - expected
            score = np.where(spread > 0, deviation / spread, np.nan)
        enough = active & (past.count >= own.least_history_windows)
        figures[:, window, enough] = np.stack((expected, deviation, spread, score))[:, enough]
        far = np.abs(deviation) > ZERO_VARIANCE_TOLERANCE
        above, not_below = (
            np.where(spread == 0, far, np.abs(score) > own.anomaly_deviations + tie) for tie in (TIE, -TIE)
        )
        past.doubt(unsettled[window], excused[window])
        has_history[window], doubtful[window], excusable[window] = enough, past.doubtful, past.excusable
        surely[window] = enough & above & ~past.doubtful
        perhaps[window] = (enough & not_below) | (past.doubtful & (most_shown[window] > 0))
        past.add(active, rate)
    expected, deviation, spread, score = figures.reshape(4, -1)
    return AnomalyTruth(
        cells=counted.cells,
        tallied=counted.tallied,
        counted=counted,
        expected=expected,
        deviation=deviation,
        spread=spread,
        score=score,
        has_history=has_history.ravel(),
        surely=surely.ravel(),
        perhaps=perhaps.ravel(),
        doubtful=doubtful.ravel(),
        excusable=excusable.ravel(),
    )


class _Past:
    """The last rates of each campaign, and for how many windows more something in them is in doubt."""

    def __init__(self, campaigns: int, length: int) -> None:
        self._length = length
        self._rates: Numbers = np.full((length, campaigns), np.nan)
        self.count: NDArray[np.int64] = np.zeros(campaigns, dtype=np.int64)
        self._doubtful_for: NDArray[np.int64] = np.zeros((2, campaigns), dtype=np.int64)

    def mean_and_deviation(self) -> tuple[Numbers, Numbers]:
        """Return mean and sample standard deviation; exactly 0 where all rates are alike."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # campaigns without any rate, or with one
            least, most = np.nanmin(self._rates, axis=0), np.nanmax(self._rates, axis=0)
            mean, deviation = np.nanmean(self._rates, axis=0), np.nanstd(self._rates, axis=0, ddof=1)
        alike = least == most
        return np.where(alike, least, mean), np.where(alike, 0.0, deviation)

    def doubt(self, unsettled: Flags, excused: Flags) -> None:
        """Note that a window's counts are not settled, or excused: so is what comes of it until it is forgotten."""
        for row, flags in zip(self._doubtful_for, (unsettled, excused), strict=True):
            row[flags] = self._length + 1

    @property
    def doubtful(self) -> Flags:
        """Campaigns with a window that is not settled."""
        return np.asarray(self._doubtful_for[0] > 0)

    @property
    def excusable(self) -> Flags:
        """Campaigns with a window that lacks events."""
        return np.asarray(self._doubtful_for[1] > 0)

    def add(self, active: Flags, rate: Numbers) -> None:
        """Add a window; it counts for campaigns with impressions alone."""
        which = np.flatnonzero(active)
        self._rates[self.count[which] % self._length, which] = rate[which]
        self.count[which] += 1
        self._doubtful_for[:, which] = np.maximum(self._doubtful_for[:, which] - 1, 0)
