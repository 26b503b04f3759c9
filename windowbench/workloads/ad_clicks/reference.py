"""The click attribution workload in plain Python, without any framework: reading, joining, counting, comparing. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py``, and takes one event after the
other into dictionaries.

The way of an event: :class:`EventReader` -> :class:`Forwarded` of one consumer -> :class:`OpenWindows` of the
aggregator. A click and its impression come through different consumers, so those pass events on as they are; they meet
in the aggregator, where either waits for the other.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from config import JobConfig
from windowbench.engines.reference.counts import Forwarded
from windowbench.engines.reference.query import ReferenceQuery, ResultRecord, Row
from windowbench.engines.reference.records import Intake, RecordReader, is_int64
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS
from windowbench.workloads.ad_clicks.settings import (
    KINDS,
    LONGEST_ID,
    METRICS,
    ZERO_VARIANCE_TOLERANCE,
    AdClicksQuery,
)

Event = tuple[int, str, int, int, *tuple[int | str, ...]]
"""Index into ``KINDS``, impression id, event time in ns, produce time in ms; then of an impression its campaign, device
type, user and cost, of a click its click id."""

END: Event = (-1, "", END_EVENT_TIME_NS, -1)
"""What :class:`EventReader` makes of an END record of its own run."""
_CAMPAIGN, _DEVICE, _ANOMALY = METRICS


def _is_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_ID


class EventReader(RecordReader[Event]):
    """Reads records of both topics."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id, END, "event_type")

    def good(self, event: Mapping[str, Any], kind: Any, topic: int) -> Event | None:  # noqa: ANN401 - as read
        """Return an event of the kind that its topic holds, with ids of moderate length and no negative cost."""
        shown, user = event["impression_id"], event["user_id"]
        if kind == KINDS[0]:
            rest: tuple[Any, ...] = event["campaign_id"], event["device_type"], user, event["cost"]
            good = is_int64(rest[0]) and _is_id(rest[1]) and is_int64(rest[3]) and rest[3] >= 0
        else:
            rest = (event["click_id"],)
            good = _is_id(rest[0])
        if not (good and kind == KINDS[topic] and _is_id(shown) and _is_id(user)):
            return None
        return (topic, shown, event["event_time_ns"], event["produce_time"], *rest)


@dataclass(slots=True)
class Tally:
    """Counts of a campaign or a device type in a window."""

    impressions: int = 0
    clicks: int = 0
    cost: int = 0
    users: set[str] = field(default_factory=set)
    max_produce_ms: int = 0


@dataclass(slots=True)
class Impression:
    """An impression that may still be clicked."""

    at_ms: int
    places: tuple[tuple[str, int | str], ...]
    """Where it and its clicks count: as a type of row, and by which key."""
    clicks: set[str] = field(default_factory=set)


class OpenWindows:
    """Joins, counts, emits a window once no click can come for it any more, and forgets it.

    Beside late impressions it counts orphans, clicks that found no impression, and duplicates.
    """

    def __init__(self, config: JobConfig) -> None:
        own = AdClicksQuery.of(config.workload)
        self._own, self._run_id = own, config.run.run_id or ""
        self._size_ms, self._slide_ms = config.windows.size_ms, config.windows.slide_ms
        self._wait_ms = own.attribution_ms
        self._watermark_ms = -(2**63)
        self._open: dict[int, dict[tuple[str, int | str], Tally]] = {}
        self._shown: dict[str, Impression] = {}
        self._waiting: dict[str, list[tuple[int, str, int]]] = {}
        self._past: dict[int, deque[float]] = {}
        self.late = self.orphans = self.duplicates = 0

    def __len__(self) -> int:
        """Return how many windows are open."""
        return len(self._open)

    def _is_final(self, start_ms: int) -> bool:
        return start_ms + self._size_ms + self._wait_ms <= self._watermark_ms

    def _starts(self, at_ms: int) -> range:
        """Return the starts of the windows that hold an instant; they are multiples of the slide since 1970."""
        return range(at_ms - at_ms % self._slide_ms, at_ms - self._size_ms, -self._slide_ms)

    def add(self, partials: Iterable[Sequence[Any]]) -> None:
        """Take events."""
        for kind, shown, event_ns, produce_ms, *rest in partials:
            if kind == 0:
                self._add_impression(shown, event_ns // NS_PER_MS, produce_ms, *rest)
            elif shown in self._shown:
                self._add_click(self._shown[shown], event_ns // NS_PER_MS, rest[0], produce_ms)
            else:
                self._waiting.setdefault(shown, []).append((event_ns // NS_PER_MS, rest[0], produce_ms))

    def _tallies(self, impression: Impression) -> Iterator[Tally]:
        for start in self._starts(impression.at_ms):
            if self._is_final(start):
                continue
            tallies = self._open.setdefault(start, {})
            for place in impression.places:
                yield tallies.setdefault(place, Tally())

    def _add_impression(self, shown: str, at_ms: int, produce_ms: int, *rest: Any) -> None:  # noqa: ANN401 - of Event
        campaign, device, user, cost = rest
        impression = Impression(at_ms, ((_CAMPAIGN, campaign), (_DEVICE, device)))
        self.late += sum(self._is_final(start) for start in self._starts(at_ms))
        for tally in self._tallies(impression):
            tally.impressions += 1
            tally.cost += cost
            tally.users.add(user)
            tally.max_produce_ms = max(tally.max_produce_ms, produce_ms)
        self._shown[shown] = impression
        for click in self._waiting.pop(shown, ()):
            self._add_click(impression, *click)

    def _add_click(self, impression: Impression, at_ms: int, click: str, produce_ms: int) -> None:
        if not 0 <= at_ms - impression.at_ms <= self._wait_ms:
            self.orphans += 1
        elif click in impression.clicks:
            self.duplicates += 1
        else:
            impression.clicks.add(click)
            for tally in self._tallies(impression):
                tally.clicks += 1
                tally.max_produce_ms = max(tally.max_produce_ms, produce_ms)

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield the rows of every window that is final, the oldest window first."""
        watermark_ms = watermark_ns // NS_PER_MS
        if watermark_ms <= self._watermark_ms:
            return
        self._watermark_ms = watermark_ms
        final = sorted(start for start in self._open if self._is_final(start))
        for start in final:
            for (metric, key), tally in self._open.pop(start).items():
                yield from (
                    self._of_campaign(start, int(key), tally)
                    if metric == _CAMPAIGN
                    else [self._row(_DEVICE, start, tally, device_type=key, users=len(tally.users))]
                )
        if final:  # so that going through everything that waits stays rare
            self._forget()

    def _forget(self) -> None:
        """Forget impressions without an open window, and clicks whose impressions cannot come any more."""
        kept = self._shown.items()
        self._shown = {i: s for i, s in kept if not all(map(self._is_final, self._starts(s.at_ms)))}
        for shown, clicks in list(self._waiting.items()):
            left = [click for click in clicks if click[0] + self._size_ms >= self._watermark_ms]
            self.orphans += len(clicks) - len(left)
            self._waiting[shown] = left
            if not left:
                del self._waiting[shown]

    def _of_campaign(self, start: int, campaign: int, tally: Tally) -> Iterator[Row]:
        """Yield the row of a campaign, and that of an anomaly where it is one."""
        per_click = tally.cost / tally.clicks if tally.clicks else None
        yield self._row(_CAMPAIGN, start, tally, campaign_id=campaign, cost=tally.cost, cost_per_click=per_click)
        past = self._past.setdefault(campaign, deque(maxlen=self._own.history_windows))
        rate = tally.clicks / tally.impressions
        if len(past) >= self._own.least_history_windows:
            expected = statistics.fmean(past)
            if len(set(past)) == 1:
                expected, spread, score = past[0], 0.0, None
                is_anomaly = abs(rate - expected) > ZERO_VARIANCE_TOLERANCE
            else:
                spread = statistics.stdev(past)
                score = (rate - expected) / spread
                is_anomaly = abs(score) > self._own.anomaly_deviations
            if is_anomaly:
                yield self._row(
                    _ANOMALY,
                    start,
                    tally,
                    campaign_id=campaign,
                    expected_ctr=expected,
                    deviation=rate - expected,
                    standard_deviation=spread,
                    score=score,
                )
        past.append(rate)

    def _row(self, metric: str, start: int, tally: Tally, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        return {
            "run_id": self._run_id,
            "metric": metric,
            "window_start": start,
            "window_end": start + self._size_ms,
            "impressions": tally.impressions,
            "clicks": tally.clicks,
            "ctr": tally.clicks / tally.impressions,
            **fields,
            "max_produce_time": tally.max_produce_ms,
        }


def record(row: Mapping[str, object]) -> ResultRecord:
    """Return a row's result record."""
    key = row["device_type"] if row["metric"] == _DEVICE else row["campaign_id"]
    return ResultRecord(f"{row['metric']}:{key}:{row['window_start']}".encode(), orjson.dumps(row))


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), Forwarded()),
    windows=OpenWindows,
    record=record,
)
