"""What follows from the schedule of a website's load alone: sessions, alerts, and when each may be emitted. Pure.

Windows that events make have no number of their own. So all events are looked at together: sorted by user and time they
fall into sessions, two neighbours in one if they are at most the gap apart; and by user and window into single views.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.kit.joined import ListedWindows
from windowbench.workloads.web_analytics.events import CONVERSION, VIEW, page_urls
from windowbench.workloads.web_analytics.settings import CART_URL, LONGEST_PATH, PRODUCT_PREFIX, WebAnalyticsSettings

Index = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
NOWHERE = -1
"""Stands for the place of an event that is in none of the windows asked for."""
_USER_SHIFT = 32
"""Bits of a time within a load, in ms: seven weeks."""


class FirstPast:
    """Finds the due time of the first event whose event time reaches an instant; END is due at the end of the load."""

    def __init__(self, due_ns: Index, time_ms: Index, partition: Index, load_end_ns: int) -> None:
        """Sort by due time, over all partitions and within each."""
        order = np.argsort(due_ns, kind="stable")
        due, time, of = due_ns[order], time_ms[order], partition[order]
        self._load_end_ns = load_end_ns
        self._all = due, np.maximum.accumulate(time)
        self._each = [(due[of == p], np.maximum.accumulate(time[of == p])) for p in np.unique(of).tolist()]

    @staticmethod
    def _first(known: tuple[Index, Index], instants_ms: Index) -> Index:
        due, reached = known
        place = np.searchsorted(reached, instants_ms)
        return np.append(due, NEVER)[place]

    def windows(self, starts_ms: Index, ends_ms: Index, delay_ms: int) -> ListedWindows:
        """Return windows with their closing: when the watermark, so far behind, comes to their last ms."""
        instants = ends_ms + delay_ms - 1
        first = self._first(self._all, instants)
        by_end = first == NEVER
        closing = np.where(by_end, self._load_end_ns, first)
        wait = np.zeros(len(instants), dtype=np.int64)
        for known in self._each:
            own = self._first(known, instants)
            wait = np.maximum(wait, np.where(own == NEVER, self._load_end_ns, own) - closing)
        return ListedWindows(
            ids=np.arange(len(starts_ms), dtype=np.int64),
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            closing_ns=closing,
            by_end=by_end,
            partition_wait_ns=wait,
        )


@dataclass(frozen=True, kw_only=True)
class Places:
    """Windows of users, by user and start; no event is before the origin."""

    windows: ListedWindows
    user: Index
    origin_ms: int

    @cached_property
    def _keys(self) -> Index:
        return _keys(self.user, self.windows.starts_ms, self.origin_ms)

    def of(self, user: Index, time_ms: Index) -> Index:
        """Return the window that holds each user at an instant, :data:`NOWHERE` where none does."""
        if len(self.user) == 0:
            return np.full(len(user), NOWHERE, dtype=np.int64)
        place = np.searchsorted(self._keys, _keys(user, time_ms, self.origin_ms), side="right") - 1
        safe = np.maximum(place, 0)
        inside = (place >= 0) & (self.user[safe] == user) & (time_ms < self.windows.ends_ms[safe])
        return np.where(inside, place, NOWHERE)


def _keys(user: Index, time_ms: Index, origin_ms: int) -> Index:
    keys: Index = (user << _USER_SHIFT) + (time_ms - origin_ms)
    return keys


@dataclass(frozen=True, kw_only=True)
class SessionTable:
    """Every session of a load; arrays of one entry a session, by user and start."""

    places: Places
    events: Index
    page_views: Index
    duration_ms: Index
    """From the first to the last event."""
    revenue_cents: Index
    funnel_step: Index
    converted: NDArray[np.bool_]
    cart_ms: Index
    """First view of the cart, :data:`NEVER` for none."""
    abandoned: NDArray[np.bool_]
    """Whether there is a cart, and no conversion up to the time-out after it."""
    paths: list[str]


@dataclass(frozen=True, kw_only=True)
class SingleViews:
    """Users with exactly one view in a window; arrays of one entry each."""

    places: Places
    page: Index


class _Load(NamedTuple):
    """All events of a load, sorted by user and time, at one time by address."""

    time_ns: Index
    event_type: Index
    user: Index
    page: Index
    revenue_cents: Index


class Gathered:
    """Takes the events of a load and finds its sessions and single views."""

    def __init__(self, config: Config, schedule: Schedule) -> None:
        self._config, self._schedule = config, schedule
        self._own = WebAnalyticsSettings.of(config.workload)
        self._blocks: list[ScheduledEvents] = []

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order does not matter."""
        self._blocks.append(events)

    def finish(self) -> tuple[SessionTable, SingleViews]:
        """Return the sessions and the single views."""
        delay_ms, urls = self._config.windows.delay_ms, page_urls(self._own.num_products)

        names = ("due_ns", "event_time_ns", "partition", "event_type", "visitor", "page_index", "revenue_cents")
        blocks = [
            {"due_ns": b.due_ns, "event_time_ns": b.event_time_ns, "partition": b.partition, **b.contents}
            for b in self._blocks
        ]
        due_ns, time_ns, partition, kind, user, page, revenue = (
            np.concatenate([np.empty(0, dtype=np.int64), *(block[name] for block in blocks)]) for name in names
        )
        first = FirstPast(due_ns, time_ns // NS_PER_MS, partition, self._schedule.load_end_ns)
        place = np.argsort(np.argsort(np.array([url.encode() for url in urls])))
        order = np.lexsort((place[page], time_ns, user))
        load = _Load(*(column[order] for column in (time_ns, kind, user, page, revenue)))
        return _sessions(load, self._own, first, delay_ms), _single_views(load, self._own.bounce_ms, first, delay_ms)


def _sessions(load: _Load, own: WebAnalyticsSettings, first: FirstPast, delay_ms: int) -> SessionTable:
    ms, kind, user, urls = load.time_ns // NS_PER_MS, load.event_type, load.user, page_urls(own.num_products)
    begins = np.flatnonzero(_changes(user) | (np.diff(ms, prepend=0) > own.gap_ms))
    ends = np.append(begins, len(ms))[1:]
    starts_ms, last_ms = ms[begins], ms[ends - 1]
    is_view = kind == VIEW
    step_of_page = np.array([3 if u == CART_URL else 2 if u.startswith(PRODUCT_PREFIX) else 1 for u in urls])
    step = np.where(kind == CONVERSION, 4, np.where(is_view, step_of_page[load.page], 0))
    cart_ms = _reduced(np.minimum, np.where(is_view & (step == 3), ms, NEVER), begins)
    converted_ms = _reduced(np.minimum, np.where(kind == CONVERSION, ms, NEVER), begins)
    in_cart = cart_ms != NEVER
    in_time_ms = np.where(in_cart, cart_ms, 0) + own.cart_timeout_ms
    pages, views = load.page.tolist(), is_view.tolist()
    paths = [
        ">".join([urls[pages[i]] for i in range(begin, end) if views[i]][:LONGEST_PATH])
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    windows = first.windows(starts_ms, last_ms + own.gap_ms, delay_ms)
    return SessionTable(
        places=Places(windows=windows, user=user[begins], origin_ms=_least(ms)),
        events=ends - begins,
        page_views=_reduced(np.add, is_view.astype(np.int64), begins),
        duration_ms=last_ms - starts_ms,
        revenue_cents=_reduced(np.add, load.revenue_cents, begins),
        funnel_step=_reduced(np.maximum, step, begins),
        converted=converted_ms != NEVER,
        cart_ms=cart_ms,
        abandoned=in_cart & (converted_ms > in_time_ms),
        paths=paths,
    )


def _single_views(load: _Load, size_ms: int, first: FirstPast, delay_ms: int) -> SingleViews:
    is_view = load.event_type == VIEW
    user, page = load.user[is_view], load.page[is_view]
    start = load.time_ns[is_view] // NS_PER_MS // size_ms * size_ms
    new = _changes(user) | _changes(start)
    alone = new & np.append(new, True)[1:]
    windows = first.windows(start[alone], start[alone] + size_ms, delay_ms)
    return SingleViews(places=Places(windows=windows, user=user[alone], origin_ms=_least(start)), page=page[alone])


def _changes(values: Index) -> NDArray[np.bool_]:
    """Return which values differ from the one before them; the first does."""
    changes = np.ones(len(values), dtype=np.bool_)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _least(values: Index) -> int:
    return int(values.min()) if len(values) else 0


def _reduced(how: np.ufunc, values: Index, begins: Index) -> Index:
    reduced: Index = how.reduceat(values, begins) if len(begins) else values
    return reduced
