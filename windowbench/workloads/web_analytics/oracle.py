"""The right answer of web_analytics: the exact rows of windows, sessions and alerts. Pure.

Every row is written once, when the watermark has passed its window: one of fixed windows, a session from its first
event to the gap after its last, or the window of a single view. Which events must count, and which may,
:mod:`windowbench.workloads.kit.tally` says. Where some may, each number may be any from the sum over the one kind to
the sum over both.

Events are in between only where they were placed too late on purpose. They are views of users without any other event,
so they add to counts, and never change a session of others.

Which sessions and single views there are follows from the schedule: :mod:`.sessions`. What a type of row holds is in
:mod:`.truth`. What is added up here are events by window and key, distinct users, and for each cell what the generator
did late or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from config import Config
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes
from windowbench.judge.truth.comparison import CellTable, Flags, Index, single_rows
from windowbench.judge.truth.oracle import Evidence, Oracle, outlined
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.joined import JoinedCells, JoinedTruth, ListedCells, ListedWindows, joined_truth
from windowbench.workloads.kit.tally import NEVER, NONE, Admitted, Approximated, Bounds, Sendings, Tallied, Tally
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, text_codes
from windowbench.workloads.web_analytics.events import CONVERSION, COUNTRIES, START, STOP, VIEW, country_of, page_urls
from windowbench.workloads.web_analytics.payload import user_ids
from windowbench.workloads.web_analytics.sessions import NOWHERE, Gathered, Places, SessionTable, SingleViews
from windowbench.workloads.web_analytics.settings import TOP_PAGES, WebAnalyticsSettings
from windowbench.workloads.web_analytics.truth import (
    Doubles,
    PartTruth,
    no_doubles,
    rates_of_conversion,
    rates_of_traffic,
)

_USER_BITS = 32
_OF_SESSIONS = ("events", "page_views", "duration_ms", "revenue_cents", "funnel_step")


@dataclass(frozen=True, kw_only=True)
class WebClosing:
    """The windows of a run, of every kind, and when each may be emitted."""

    assigner: WindowAssigner
    traffic: ClosingTimes
    behaviour: ClosingTimes
    sessions: SessionTable
    single: SingleViews


def closing_of(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> WebClosing:
    """Return when each window may first be emitted: once the watermark has passed it."""
    traffic = ClosingBuilder(config, schedule)
    sliding = ClosingBuilder(*_with_sliding_windows(config, schedule))
    gathered = Gathered(config, schedule)
    for block in events:
        for builder in (traffic, sliding, gathered):
            builder.add(block)
    sessions, single = gathered.finish()
    return WebClosing(
        assigner=WindowAssigner.of(config, schedule),
        traffic=traffic.finish(),
        behaviour=sliding.finish(),
        sessions=sessions,
        single=single,
    )


def _with_sliding_windows(config: Config, schedule: Schedule) -> tuple[Config, Schedule]:
    """Return configuration and schedule as if the sliding windows were the run's own, aligned like all windows."""
    own = WebAnalyticsSettings.of(config.workload)
    windows = dataclasses.replace(
        config.windows, window_size_sec=own.behaviour_window_sec, slide_sec=own.behaviour_slide_sec
    )
    slide_ns = own.behaviour_slide_ms * NS_PER_MS
    aligned = dataclasses.replace(schedule, base_time_ns=schedule.base_time_ns // slide_ns * slide_ns)
    load = dataclasses.replace(
        config.load, duration_seconds=max(config.load.duration_seconds, own.behaviour_window_sec)
    )
    return dataclasses.replace(config, windows=windows, load=load), aligned


def cells(config: Config, closing: WebClosing) -> JoinedCells:
    """Return the cells of a run, in the order of the types of ``model.ROWS``."""
    del config
    sessions = closing.sessions
    carts = np.flatnonzero(sessions.abandoned)
    parts = (
        Cells(closing=closing.traffic, keys=1, column=KEY_COLUMN),
        Cells(closing=closing.behaviour, keys=1, column=KEY_COLUMN),
        Cells(closing=closing.behaviour, keys=len(COUNTRIES), column=KEY_COLUMN, names=text_codes(COUNTRIES)),
        Cells(
            closing=closing.behaviour,
            keys=TOP_PAGES,
            column=KEY_COLUMN,
            names=np.arange(1, TOP_PAGES + 1, dtype=np.int64),
        ),
        _listed(sessions.places),
        _listed(closing.single.places),
        _listed(sessions.places, carts),
    )
    return JoinedCells(assigner=closing.assigner, parts=parts)


def _listed(places: Places, chosen: Index | None = None) -> ListedCells:
    """Return a cell for each window of a user, or for some of them."""
    windows, users = places.windows, places.user
    if chosen is not None:
        columns = {f.name: getattr(windows, f.name)[chosen] for f in dataclasses.fields(ListedWindows)}
        windows, users = ListedWindows(**columns), users[chosen]
    codes = text_codes([user.decode() for user in user_ids(users).tolist()])
    return ListedCells(closing=windows, keys=codes)


class Users:
    """The distinct users of each cell."""

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._pairs: list[Index] = [np.empty(0, dtype=np.int64)]
        self._must: list[Flags] = [np.empty(0, dtype=np.bool_)]

    def add(self, cells: Index, users: Index, admitted: Admitted) -> None:
        """Add users, each to its cell."""
        may = admitted.must | admitted.maybe
        self._pairs.append((cells[may] << _USER_BITS) + users[may])
        self._must.append(admitted.must[may])

    @property
    def bounds(self) -> Bounds:
        """How many there are."""
        pairs, must = np.concatenate(self._pairs), np.concatenate(self._must)
        return Bounds(low=self._distinct(pairs[must]), high=self._distinct(pairs))

    def _distinct(self, pairs: Index) -> Index:
        """Return how many different ones each cell has; by sorting, for ``np.unique`` takes ten times as long."""
        ordered = np.sort(pairs)
        distinct = ordered[np.diff(ordered, prepend=-1) != 0]
        return np.bincount(distinct >> _USER_BITS, minlength=self._cells).astype(np.int64)


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth."""

    def __init__(self, config: Config, closing: WebClosing, evidence: Evidence) -> None:
        self._config, self._closing, self._evidence = config, closing, evidence
        self.cells = cells(config, closing)
        self._urls = page_urls(WebAnalyticsSettings.of(config.workload).num_products)
        sums = (
            ("page_views", "sessions_ended", "bounces", "duration_ms"),
            ("sessions", "conversions", "revenue_cents"),
            ("sessions", "revenue_cents"),
        )
        of_parts = self.cells.evidence_of_parts(evidence)
        traffic, conversion, country, top, session, single, cart = zip(self.cells.parts, of_parts, strict=True)
        self._traffic, self._conversion, self._country = (
            Tally(part.closing, part.count, own, sums=names)
            for (part, own), names in zip((traffic, conversion, country), sums, strict=True)
        )
        self._sessions, self._single, self._abandoned = (
            Tally(part.closing, part.count, own) for part, own in (session, single, cart)
        )
        pages = len(closing.behaviour.closing_ns) * len(self._urls)
        self._pages = Tally(closing.behaviour, pages, _of_pages(top[1], len(self._urls)))
        self._active, self._behaving = Users(traffic[0].count), Users(conversion[0].count)
        self._carts: Index = np.full(session[0].count, NOWHERE, dtype=np.int64)
        self._carts[closing.sessions.abandoned] = np.arange(cart[0].count)

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        if len(events.due_ns) == 0:
            return
        of, sendings = events.contents, Sendings.of(events, self._evidence)
        kind, user, ms = of["event_type"], of["visitor"].astype(np.int64), events.event_time_ns // NS_PER_MS
        view, ended = kind == VIEW, kind == STOP
        # Its start was noted in ns, and is written in ms.
        start_ms = (events.event_time_ns - of["age_ns"]) // NS_PER_MS
        visits = {
            "page_views": view.astype(np.int64),
            "sessions_ended": ended.astype(np.int64),
            "bounces": (ended & (of["views_before"] == 1)).astype(np.int64),
            "duration_ms": np.where(ended, ms - start_ms, 0),
        }
        for windows in self._closing.traffic.windows_of(events.event_time_ns):
            self._active.add(windows, user, self._traffic.add(sendings, windows, windows, **visits))
        in_country = {
            "sessions": (kind == START).astype(np.int64),
            "revenue_cents": of["revenue_cents"].astype(np.int64),
        }
        conversions = (kind == CONVERSION).astype(np.int64)
        country = country_of(user, self._config.run.seed)
        of_views, page = sendings.at(view), of["page_index"][view]
        for windows in self._closing.behaviour.windows_of(events.event_time_ns):
            admitted = self._conversion.add(sendings, windows, windows, conversions=conversions, **in_country)
            self._behaving.add(windows, user, admitted)
            self._country.add(sendings, windows, windows * len(COUNTRIES) + country, **in_country)
            self._pages.add(of_views, windows[view], windows[view] * len(self._urls) + page)
        place = self._closing.sessions.places.of(user, ms)
        self._sessions.add(sendings, place, place)
        single = np.where(view, self._closing.single.places.of(user, ms), NOWHERE)
        for tally, found in ((self._abandoned, self._carts[place]), (self._single, single)):
            there = found != NOWHERE
            tally.add(sendings.at(there), found[there], found[there])

    def finish(self) -> JoinedTruth:
        """Return the truth."""
        config, sessions, urls = self._config, self._closing.sessions, text_codes(self._urls)
        max_error = config.judge.approximation_error if config.workload.approximate else None
        rates = partial(rates_of_traffic, config.windows.size_ms)
        outcome = text_codes(["abandoned", "converted"])[sessions.converted.astype(np.int64)]
        traffic, conversion, country, top, session, single, cart = self.cells.parts
        carts = np.flatnonzero(sessions.abandoned)
        parts = (
            _summed(traffic, self._traffic, self._active, rates, max_error=max_error),
            _summed(conversion, self._conversion, self._behaving, rates_of_conversion),
            _summed(country, self._country),
            self._top_pages(top, urls),
            _listed_truth(
                session,
                self._sessions,
                {name: getattr(sessions, name) for name in _OF_SESSIONS},
                path=text_codes(sessions.paths),
                outcome=outcome,
            ),
            _listed_truth(
                single,
                self._single,
                {"page_views": np.ones(single.count, dtype=np.int64)},
                url=urls[self._closing.single.page],
            ),
            _listed_truth(
                cart, self._abandoned, {"events": sessions.events[carts], "cart_time": sessions.cart_ms[carts]}
            ),
        )
        return joined_truth(self._closing.assigner, parts)

    def _top_pages(self, cells: CellTable, url_codes: Index) -> PartTruth:
        """Return the pages of each window that were viewed most: by count, the most first, then by address."""
        windows, pages = len(self._closing.behaviour.closing_ns), len(self._urls)
        of_pages = self._pages.finish()
        by_url = np.argsort(np.array([url.encode() for url in self._urls]), kind="stable")
        must, may = (bound.reshape(windows, pages)[:, by_url] for bound in (of_pages.events.low, of_pages.events.high))
        order = np.argsort(-must, axis=1, kind="stable")[:, :TOP_PAGES]
        page = by_url[order]
        at = (np.arange(windows)[:, None] * pages + page).ravel()
        assert cells.count == len(at), "there are at least as many pages as ranks"
        views = np.take_along_axis(must, order, axis=1).ravel()
        most = -np.sort(-may, axis=1)[:, :TOP_PAGES].ravel()
        newest = of_pages.produce_ms.high.reshape(windows, pages).max(axis=1, initial=NONE)
        excused = np.repeat(of_pages.excused.reshape(windows, pages).any(axis=1), TOP_PAGES)
        tallied = Tallied(
            must=views[np.newaxis].astype(np.int32),
            maybe=(most - views)[np.newaxis].astype(np.int32),
            # An event that was withheld may have decided any rank.
            excused=np.where(excused, np.maximum(views, 1), 0)[np.newaxis].astype(np.int32),
            produce_ms=Bounds(low=of_pages.produce_ms.low[at], high=np.repeat(newest, TOP_PAGES)),
            last_due_ns=of_pages.last_due_ns[at],
            last_sent_ns=of_pages.last_sent_ns[at],
        )
        return PartTruth(
            cells=cells,
            tallied=tallied,
            integers={"page_views": tallied.events},
            texts={"url": url_codes[page].ravel()},
            undecided=np.repeat((may > must).any(axis=1), TOP_PAGES),
        )


def _of_pages(of_ranks: Evidence, pages: int) -> Evidence:
    """Return what was seen of pages, which have no rows but by their rank: those of a window are answered together."""
    if of_ranks.answered_ms is None:
        return of_ranks
    first = of_ranks.answered_ms.reshape(-1, TOP_PAGES).min(axis=1, initial=NEVER)
    return dataclasses.replace(of_ranks, answered_ms=np.repeat(first, pages))


def _summed(
    cells: CellTable,
    tally: Tally,
    users: Users | None = None,
    doubles: Doubles = no_doubles,
    *,
    max_error: float | None = None,
) -> PartTruth:
    """Return rows that hold sums over the events of a window, and perhaps its distinct users.

    They are counted approximately where there is a greatest error, as a share.
    """
    tallied = tally.finish()
    active = {} if users is None else {"active_users": users.bounds}
    integers = {"events": tallied.events, **tallied.sums, **active}
    off = {} if max_error is None else {name: Approximated.within(max_error, true) for name, true in active.items()}
    return PartTruth(cells=cells, tallied=tallied, integers=integers, approximated=off, doubles=doubles)


def _listed_truth(cells: CellTable, tally: Tally, integers: dict[str, Index], **texts: Index) -> PartTruth:
    """Return rows of windows that events make, of which all is known from the schedule."""
    exact = {name: Bounds(low=column, high=column) for name, column in integers.items()}
    return PartTruth(cells=cells, tallied=tally.finish(), integers=exact, texts=texts)


ORACLE = Oracle(outline=outlined(closing_of, cells, TruthBuilder), rules=lambda _: single_rows, bare_topics=None)
