"""The website workload in plain Python, without any framework: reading, counting, rows. Pure.

A second opinion on the meaning of the workload: it shares no code with ``oracle.py``, and counts one event after the
other in dictionaries and sets.

The way of an event: :class:`EventReader` -> :class:`Forwarded` by one consumer, for users cannot be added up ->
:class:`OpenWindows` of the aggregator, which hands rows out once the watermark has reached the end of their window. A
session is kept by its user; an event that touches two sessions joins them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import orjson

from config import JobConfig
from windowbench.engines.reference.counts import Forwarded
from windowbench.engines.reference.query import ReferenceQuery, ResultRecord, Row
from windowbench.engines.reference.records import Intake, RecordReader, is_int64
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS
from windowbench.workloads.web_analytics.rows import ALERTS, LONGEST
from windowbench.workloads.web_analytics.settings import (
    CART_URL,
    EVENT_TYPES,
    LONGEST_PATH,
    PRODUCT_PREFIX,
    TOP_PAGES,
    WebAnalyticsQuery,
)

Event = tuple[int, str, int, int, str, str, int, int, int]
"""Index into ``EVENT_TYPES``, user, event time in ns, produce time in ms, address, country, revenue in cents, start of
its session in ms, views."""

END: Event = (-1, "", END_EVENT_TIME_NS, -1, "", "", 0, 0, 0)
"""What :class:`EventReader` makes of an END record of its own run."""

VIEW, START, STOP, CONVERSION = range(len(EVENT_TYPES))
_CODES = {name: code for code, name in enumerate(EVENT_TYPES)}


class EventReader(RecordReader[Event]):
    """Reads records of the events topic."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id, END, "event_type")

    def good(self, event: Mapping[str, Any], kind: Any, topic: int) -> Event | None:  # noqa: ANN401 - as read
        """Return an event of a known kind, with texts of moderate length and no negative revenue or views."""
        del topic  # there is one
        code = _CODES[kind]
        user, url, country = texts = [event[name] for name in LONGEST]
        revenue, start_ms, views = event["revenue_cents"], event["session_start"], event["page_views"]
        if not all(map(is_int64, (revenue, start_ms, views))):
            return None
        lengths = zip(texts, LONGEST.values(), strict=True)
        if not all(isinstance(text, str) and 1 <= len(text) <= longest for text, longest in lengths):
            return None
        if ">" in url or revenue < 0 or views < 0:
            return None
        return code, user, event["event_time_ns"], event["produce_time"], url, country, revenue, start_ms, views


@dataclass(slots=True)
class Counted:
    """What events add up to, whatever they are counted for."""

    events: int = 0
    newest_ms: int = 0
    by_type: list[int] = field(default_factory=lambda: [0] * len(EVENT_TYPES))
    revenue: int = 0
    bounces: int = 0
    duration_ms: int = 0
    users: set[str] = field(default_factory=set)
    url: str = ""

    def add(self, event: Event) -> None:
        """Count an event."""
        code, user, event_ns, produce_ms, self.url, _, revenue, start_ms, views = event
        self.events += 1
        self.newest_ms = max(self.newest_ms, produce_ms)
        self.by_type[code] += 1
        self.revenue += revenue
        self.users.add(user)
        if code == STOP:
            self.bounces += views == 1
            self.duration_ms += event_ns // NS_PER_MS - start_ms


class FixedWindows:
    """Counts by window, which starts at a multiple of the slide since the Unix epoch, and by the keys of each event."""

    def __init__(self, size_ms: int, slide_ms: int, keys_of: Callable[[Event], Iterable[Any]]) -> None:
        self.size_ms, self._slide_ms, self._keys_of = size_ms, slide_ms, keys_of
        self._open: dict[int, dict[Any, Counted]] = {}

    def __len__(self) -> int:
        """Return how much is kept: open windows of each key."""
        return sum(map(len, self._open.values()))

    def add(self, event: Event, watermark_ms: int) -> int:
        """Count an event in its windows; return how many of them were closed."""
        at_ms, late = event[2] // NS_PER_MS, 0
        for start in range(at_ms - at_ms % self._slide_ms, at_ms - self.size_ms, -self._slide_ms):
            if start + self.size_ms <= watermark_ms:
                late += 1
            else:
                cells = self._open.setdefault(start, {})
                for key in self._keys_of(event):
                    cells.setdefault(key, Counted()).add(event)
        return late

    def close(self, watermark_ms: int) -> Iterator[tuple[int, dict[Any, Counted]]]:
        """Yield start and counts of every window whose end the watermark has reached, the oldest first."""
        for start in sorted(start for start in self._open if start + self.size_ms <= watermark_ms):
            yield start, self._open.pop(start)


@dataclass(slots=True)
class Session:
    """Events of a user, and the times of the first and the last of them in ms."""

    first_ms: int
    last_ms: int
    events: list[Event]


class Sessions:
    """Events by user, kept until the user was silent for a gap."""

    def __init__(self, gap_ms: int) -> None:
        self._gap_ms = gap_ms
        self._open: dict[str, list[Session]] = {}
        self._ends: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """Return how many users have an open session."""
        return len(self._open)

    def add(self, event: Event, watermark_ms: int) -> int:
        """Add an event to the sessions that it touches, joined, or to a new one; return whether it came too late."""
        at_ms = event[2] // NS_PER_MS
        if at_ms + self._gap_ms <= watermark_ms:
            return 1
        joined, others = Session(at_ms, at_ms, [event]), []
        for session in self._open.get(event[1], ()):
            if session.first_ms - self._gap_ms <= at_ms <= session.last_ms + self._gap_ms:
                session.events += joined.events
                first, last = min(session.first_ms, joined.first_ms), max(session.last_ms, joined.last_ms)
                joined = Session(first, last, session.events)
            else:
                others.append(session)
        self._open[event[1]] = [*others, joined]
        heappush(self._ends, (joined.last_ms + self._gap_ms, event[1]))
        return 0

    def close(self, watermark_ms: int) -> Iterator[Session]:
        """Yield every session whose end the watermark has reached."""
        while self._ends and self._ends[0][0] <= watermark_ms:
            _, user = heappop(self._ends)
            left = []
            for session in self._open.pop(user, ()):
                if session.last_ms + self._gap_ms <= watermark_ms:
                    yield session
                else:
                    left.append(session)
            if left:
                self._open[user] = left


class OpenWindows:
    """Counts the events of all consumers and hands rows out."""

    def __init__(self, config: JobConfig) -> None:
        own, windows = WebAnalyticsQuery.of(config.workload), config.windows
        self._run_id = config.run.run_id or ""
        self._gap_ms, self._timeout_ms = own.gap_ms, own.cart_timeout_ms
        self._watermark_ms = -(2**63)
        self._traffic = FixedWindows(windows.size_ms, windows.slide_ms, lambda _: ("",))
        self._behaviour = FixedWindows(own.behaviour_ms, own.behaviour_slide_ms, _keys_of_behaviour)
        self._bounces = FixedWindows(
            own.bounce_ms, own.bounce_ms, lambda event: (event[1],) if event[0] == VIEW else ()
        )
        self._sessions = Sessions(own.gap_ms)
        self._all: tuple[FixedWindows | Sessions, ...] = (self._traffic, self._behaviour, self._bounces, self._sessions)
        self.late = 0

    def __len__(self) -> int:
        """Return how much is kept: windows of each key, and users with sessions."""
        return sum(len(windows) for windows in self._all)

    def add(self, partials: Iterable[Sequence[Any]]) -> None:
        """Count events, but for windows that have closed."""
        for event in partials:
            for windows in self._all:
                self.late += windows.add(tuple(event), self._watermark_ms)

    def close(self, watermark_ns: int) -> Iterator[Row]:
        """Yield the rows of everything whose end the watermark has reached."""
        if watermark_ns // NS_PER_MS <= self._watermark_ms:
            return
        now = self._watermark_ms = watermark_ns // NS_PER_MS
        for start, cells in self._traffic.close(now):
            yield self._traffic_row(start, cells[""])
        for start, cells in self._behaviour.close(now):
            yield from self._behaviour_rows(start, cells)
        for start, cells in self._bounces.close(now):
            for user, one in cells.items():
                if one.events == 1:
                    fields = {"user_id": user, "url": one.url, "page_views": 1}
                    yield self._row("high_bounce_rate", start, self._bounces.size_ms, one.newest_ms, **fields)
        for session in self._sessions.close(now):
            yield from self._session_rows(session)

    def _row(self, metric: str, start_ms: int, size_ms: int, newest_ms: int, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        return {
            "run_id": self._run_id,
            "metric": metric,
            "window_start": start_ms,
            "window_end": start_ms + size_ms,
            "max_produce_time": newest_ms,
            **fields,
        }

    def _traffic_row(self, start: int, of: Counted) -> Row:
        views, ended, size_ms = of.by_type[VIEW], of.by_type[STOP], self._traffic.size_ms
        return self._row(
            "traffic",
            start,
            size_ms,
            of.newest_ms,
            events=of.events,
            page_views=views,
            active_users=len(of.users),
            sessions_ended=ended,
            bounces=of.bounces,
            duration_ms=of.duration_ms,
            page_views_per_second=views * 1000 / size_ms,
            bounce_rate=of.bounces / ended if ended else None,
            mean_duration_ms=of.duration_ms / ended if ended else None,
        )

    def _behaviour_rows(self, start: int, cells: dict[tuple[str, str], Counted]) -> Iterator[Row]:
        size_ms, of = self._behaviour.size_ms, cells["", ""]
        sessions, users = of.by_type[START], len(of.users)
        yield self._row(
            "conversion",
            start,
            size_ms,
            of.newest_ms,
            events=of.events,
            active_users=users,
            sessions=sessions,
            conversions=of.by_type[CONVERSION],
            revenue_cents=of.revenue,
            conversion_rate=of.by_type[CONVERSION] / sessions if sessions else None,
            revenue_per_user=of.revenue / (users * 100),
        )
        pages = [(-one.events, url, one) for (by, url), one in cells.items() if by == "page"]
        for (by, country), one in cells.items():
            if by == "country":
                fields = {"events": one.events, "sessions": one.by_type[START], "revenue_cents": one.revenue}
                yield self._row("country", start, size_ms, one.newest_ms, country=country, **fields)
        for rank, (_, url, one) in enumerate(sorted(pages, key=lambda page: page[:2])[:TOP_PAGES], 1):
            yield self._row("top_page", start, size_ms, one.newest_ms, rank=rank, url=url, page_views=one.events)

    def _session_rows(self, session: Session) -> Iterator[Row]:
        events = sorted(session.events, key=lambda event: (event[2], event[4]))
        start, last = session.first_ms, session.last_ms
        size_ms, newest, user = last + self._gap_ms - start, max(event[3] for event in events), events[0][1]
        by_type = Counter(event[0] for event in events)
        path = [event[4] for event in events if event[0] == VIEW]
        yield self._row(
            "session",
            start,
            size_ms,
            newest,
            user_id=user,
            events=len(events),
            page_views=by_type[VIEW],
            duration_ms=last - start,
            revenue_cents=sum(event[6] for event in events),
            funnel_step=4 if by_type[CONVERSION] else max(map(_step_of, path), default=0),
            path=">".join(path[:LONGEST_PATH]),
            outcome="converted" if by_type[CONVERSION] else "abandoned",
        )
        carts = [event[2] // NS_PER_MS for event in events if event[0] == VIEW and event[4] == CART_URL]
        bought = [event[2] // NS_PER_MS for event in events if event[0] == CONVERSION]
        if carts and not (bought and bought[0] <= carts[0] + self._timeout_ms):
            fields = {"user_id": user, "events": len(events), "cart_time": carts[0]}
            yield self._row("abandoned_cart", start, size_ms, newest, **fields)


def _keys_of_behaviour(event: Event) -> Iterator[tuple[str, str]]:
    yield "", ""
    yield "country", event[5]
    if event[0] == VIEW:
        yield "page", event[4]


def _step_of(url: str) -> int:
    if url == CART_URL:
        return 3
    return 2 if url.startswith(PRODUCT_PREFIX) else 1


def record(row: Mapping[str, object]) -> ResultRecord:
    """Return a row's result record."""
    key = row.get("user_id", row.get("country", row.get("rank", "")))
    name = f"{row['metric']}:{row['window_start']}:{key}".encode()
    return ResultRecord(name, orjson.dumps(row), int(row["metric"] in ALERTS))


QUERY = ReferenceQuery(
    intake=lambda config: Intake(EventReader(config.run.run_id or ""), Forwarded()),
    windows=OpenWindows,
    record=record,
)
