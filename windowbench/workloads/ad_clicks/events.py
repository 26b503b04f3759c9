"""Impressions and clicks on them: what such an event holds, and how it is drawn. Pure.

Both kinds come from one stream of arrivals, and an event goes to the topic of its kind. What a click is:

* *attributed*: it names an impression that the same producer made before it, at most the attribution less the
  extent of disorder earlier. So it is within the attribution whatever event times say, and comes long before its
  impression's window may be emitted; no click is placed too late, nor on an impression that is;
* an *orphan*: it names an impression that nobody has seen;
* a *duplicate*: it repeats ``click_id`` and impression of the producer's latest attributed click.

Planted anomalies: time is cut into spells of two windows' length, and in a spell a campaign may be *raised*: its
impressions are clicked so many times as often. A spell has a length that covers at least one whole window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.disorder import EventTimes
from windowbench.load.draws import Choice, DealtPartitions, zipf_weights
from windowbench.load.events import BLOCK, EventBlock, EventSource
from windowbench.load.schedule import NS_PER_MS
from windowbench.load.streams import stream_rng
from windowbench.workloads.ad_clicks.settings import AdClicksSettings

IMPRESSION, CLICK, ORPHAN, DUPLICATE = range(4)
"""What an event is to the truth; the last three are clicks to everybody else."""
LEAST_COST, COSTS = 100, 9_900
"""Costs of an impression in millionths, each as likely as the others: how the least is, and how many there are."""
ADS_PER_CAMPAIGN = 10
SPELL_WINDOWS = 2
"""Length of a spell in windows: it covers at least one whole."""
_DEVICE_WEIGHTS, _BROWSER_WEIGHTS = [6.0, 3.0, 1.0, 0.5], [6.0, 2.0, 1.0, 1.0, 0.5]
_WEIGHT = 1000
"""Weight of an impression that is not raised, in choosing which one a click is on."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AdBlock(EventBlock):
    """Consecutive events of one producer; a click has what its impression has."""

    event_kind: NDArray[np.uint8]
    campaign_id: NDArray[np.int32]
    ad: NDArray[np.int32]
    """Number of the advertisement, over all campaigns."""
    device_type: NDArray[np.uint8]
    """Index into ``DEVICES``."""
    browser: NDArray[np.uint8]
    viewer: NDArray[np.int32]
    """Number of the user."""
    cost: NDArray[np.int64]
    """In millionths; 0 for a click."""
    shown: NDArray[np.int64]
    """Number of the impression: an event's own, or that of a click; that of the click itself where it is an orphan."""
    clicked: NDArray[np.int64]
    """Number of the click: its own, or that of the one it repeats."""
    lag_ns: NDArray[np.int64]
    """Event time less that of the impression."""


@lru_cache(maxsize=64)
def raised_campaigns(seed: int, spell: int, campaigns: int, share: float) -> NDArray[np.bool_]:
    """Return which campaigns have an anomaly planted in a spell."""
    raised: NDArray[np.bool_] = stream_rng(seed, "anomalies", spell).random(campaigns) < share
    return raised


def spell_ns(config: Config) -> int:
    """Return the length of a spell."""
    return SPELL_WINDOWS * config.windows.size_ms * NS_PER_MS


def is_raised(config: Config, campaign: NDArray[np.int32], offset_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of each campaign and offset whether an anomaly is planted there."""
    own = AdClicksSettings.of(config.workload)
    found: NDArray[np.bool_] = np.zeros(campaign.size, dtype=np.bool_)
    if own.anomaly_share == 0:
        return found
    spells = offset_ns // spell_ns(config)
    for spell in np.unique(spells).tolist():
        there = spells == spell
        raised = raised_campaigns(config.run.seed, spell, own.num_campaigns, own.anomaly_share)
        found[there] = raised[campaign[there]]
    return found


class Shown:
    """The impressions of one producer that may still be clicked, in the order of their due times."""

    COLUMNS = ("due", "event", "campaign", "ad", "device_type", "browser", "viewer", "number", "weight_before")

    def __init__(self, reach_ns: int) -> None:
        self._reach_ns = reach_ns
        self._total = 0
        self._columns: dict[str, NDArray[np.int64]] = {name: np.empty(0, dtype=np.int64) for name in self.COLUMNS}

    def __len__(self) -> int:
        return self._columns["due"].size

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self._columns[name]

    def forget(self, before_ns: int) -> None:
        """Forget impressions that no event due at `before_ns` or later may click."""
        start = np.searchsorted(self["due"], before_ns - self._reach_ns)
        self._columns = {name: column[start:] for name, column in self._columns.items()}

    def add(self, weight: NDArray[np.int64], **columns: NDArray[np.int64]) -> None:
        """Add impressions."""
        columns["weight_before"] = self._total + np.cumsum(weight) - weight
        self._total += int(weight.sum())
        self._columns = {name: np.concatenate((self[name], columns[name])) for name in self.COLUMNS}

    def choose(
        self, due: NDArray[np.int64], known: NDArray[np.int64], uniform: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return an impression for each click by weight, -1 where there is none.

        Clicks are due at `due`, `known` impressions were made before each, and `uniform` numbers in [0, 1) choose.
        """
        before = np.append(self["weight_before"], self._total)
        low = np.searchsorted(self["due"], due - self._reach_ns)
        span = before[known] - before[low]
        wanted = before[low] + (uniform * span).astype(np.int64)
        chosen = np.searchsorted(before, wanted, side="right") - 1
        return np.where(span > 0, chosen, -1)


class BlockDraw:
    """Draws what the events of one producer hold, block after block."""

    def __init__(self, config: Config, producer: int) -> None:
        """Make a stream for each purpose: what is late, or raised, changes nothing else."""
        seed, own = config.run.seed, AdClicksSettings.of(config.workload)
        self._config, self._own, self._producer = config, own, producer
        self._rng = stream_rng(seed, "ads", producer)
        self._campaign = Choice(zipf_weights(own.num_campaigns, own.campaign_skew))
        self._device, self._browser = Choice(_DEVICE_WEIGHTS), Choice(_BROWSER_WEIGHTS)
        regular = own.click_ratio * (1 - own.orphan_share - own.duplicate_share)
        self._kind = Choice([1.0, regular, own.click_ratio * own.orphan_share, own.click_ratio * own.duplicate_share])
        self._each = config.kafka.partitions
        self._dealt = DealtPartitions(config, producer)
        self._extent_ns = config.events.out_of_order_extent_ms * NS_PER_MS
        self._times = EventTimes(config, producer, wait_ms=own.attribution_ms)
        # Event times are cut to ms, and those of impressions may be earlier by the extent.
        self._shown = Shown((own.attribution_ms - 1) * NS_PER_MS - self._extent_ns)
        self._last_click: dict[str, int] = {}

    def __call__(self, first: int, due: NDArray[np.int64]) -> AdBlock:
        """Return the next block, trimmed to the due times given."""
        n, own = due.size, self._own
        uniform = self._rng.random((6, BLOCK))[:, :n]
        ints = self._rng.integers(0, [[ADS_PER_CAMPAIGN], [own.num_users], [COSTS]], size=(3, BLOCK))[:, :n]
        number = np.arange(first, first + n, dtype=np.int64)
        kind = self._kind(uniform[0]).astype(np.uint8)
        times = self._times(due)
        in_time = times >= due - 1 - self._extent_ns
        campaign = self._campaign(uniform[1]).astype(np.int32)
        columns = {
            "campaign": campaign.astype(np.int64),
            "ad": campaign * np.int64(ADS_PER_CAMPAIGN) + ints[0],
            "device_type": self._device(uniform[2]).astype(np.int64),
            "browser": self._browser(uniform[3]).astype(np.int64),
            "viewer": ints[1],
            "number": number,
            "event": times.copy(),
        }
        shown = self._show(columns, campaign, due, (kind == IMPRESSION) & in_time)
        clicked = number.copy()
        self._click(kind, columns, clicked, due, shown, uniform=uniform[4])
        is_click = kind != IMPRESSION
        # A click never happens before its impression, and is never too late itself.
        event = np.where(is_click, np.where(in_time, times, due), times)
        named = (kind == CLICK) | (kind == DUPLICATE)
        event = np.where(named, np.maximum(event, columns["event"]), event)
        partition = self._dealt(first, n) + np.where(is_click, np.int32(self._each), np.int32(0))
        return AdBlock(
            producer=self._producer,
            first=first,
            due_offset_ns=due,
            event_offset_ns=event,
            partition=partition.astype(np.int32),
            event_kind=kind,
            campaign_id=columns["campaign"].astype(np.int32),
            ad=columns["ad"].astype(np.int32),
            device_type=columns["device_type"].astype(np.uint8),
            browser=columns["browser"].astype(np.uint8),
            viewer=columns["viewer"].astype(np.int32),
            cost=np.where(is_click, 0, LEAST_COST + ints[2]),
            shown=columns["number"],
            clicked=clicked,
            lag_ns=np.where(named, event - columns["event"], 0),
        )

    def _show(
        self,
        columns: dict[str, NDArray[np.int64]],
        campaign: NDArray[np.int32],
        due: NDArray[np.int64],
        clickable: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Remember the impressions of a block; return how many were made before each of its events."""
        if due.size:
            self._shown.forget(int(due[0]))
        known = len(self._shown)
        raised = is_raised(self._config, campaign[clickable], columns["event"][clickable])
        weight = np.where(raised, round(_WEIGHT * self._own.anomaly_factor), _WEIGHT).astype(np.int64)
        self._shown.add(weight, due=due[clickable], **{name: c[clickable] for name, c in columns.items()})
        return known + np.cumsum(clickable) - clickable

    def _click(
        self,
        kind: NDArray[np.uint8],
        columns: dict[str, NDArray[np.int64]],
        clicked: NDArray[np.int64],
        due: NDArray[np.int64],
        known: NDArray[np.int64],
        *,
        uniform: NDArray[np.float64],
    ) -> None:
        """Give clicks what their impressions hold, and duplicates what the latest click before them holds.

        What finds none is an orphan.
        """
        clicks = np.flatnonzero(kind == CLICK)
        place = self._shown.choose(due[clicks], known[clicks], uniform[clicks])
        kind[clicks[place < 0]] = ORPHAN
        clicks, place = clicks[place >= 0], place[place >= 0]
        for name, column in columns.items():
            column[clicks] = self._shown[name][place]
        latest = np.maximum.accumulate(np.where(kind == CLICK, np.arange(kind.size), -1))
        if not self._last_click:
            kind[(kind == DUPLICATE) & (latest < 0)] = ORPHAN
        repeats = np.flatnonzero(kind == DUPLICATE)
        for name, column in (columns | {"clicked": clicked}).items():
            here = latest[repeats]
            column[repeats] = np.where(here >= 0, column[here], self._last_click.get(name, 0))
            if clicks.size:
                self._last_click[name] = int(column[clicks[-1]])


SOURCE = EventSource(draw=BlockDraw, contents=("event_kind", "campaign_id", "device_type", "viewer", "cost", "lag_ns"))
