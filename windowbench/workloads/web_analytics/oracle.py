"""The right answer of web_analytics: the exact rows of windows, sessions and alerts. Pure.

Every row is written once, when the watermark has passed its window: one of fixed windows, a session from its first
event to the gap after its last, or the window of a single view. An event

* *must count* if due + M < C(w), M = 500 ms, or if only END closes the window;
* *must not count* if it was produced after the row of its cell was appended;
* in between both are right, and each number may be any from the sum over the one kind to the sum over both.

Events are in between only where they were placed too late on purpose. They are views of users without any other event,
so they add to counts, and never change a session of others.

Which sessions and single views there are follows from the schedule: :mod:`.sessions`. What is added up here are events
by window and key, distinct users, and for each cell what the generator did late or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.judge.truth.approximation import approximation_remarks, counts_something
from windowbench.judge.truth.closing import ClosingBuilder, ClosingTimes, ahead_ns
from windowbench.judge.truth.comparison import (
    CellTable,
    Comparison,
    Flags,
    Index,
    Rules,
    ValueJudgement,
    single_rows,
    within_one_ulp,
)
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.workloads.kit.cells import Cells, LastEvents
from windowbench.workloads.kit.joined import JoinedCells, JoinedTruth, ListedCells, ListedWindows, joined_truth
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, text_codes
from windowbench.workloads.web_analytics.events import CONVERSION, COUNTRIES, START, STOP, VIEW, country_of, page_urls
from windowbench.workloads.web_analytics.payload import user_ids
from windowbench.workloads.web_analytics.sessions import NOWHERE, Gathered, Places, SessionTable, SingleViews
from windowbench.workloads.web_analytics.settings import TOP_PAGES, WebAnalyticsSettings

_NEVER = np.iinfo(np.int64).max
_NONE = np.iinfo(np.int64).min
_USER_BITS = 32
Doubles = Callable[[Mapping[str, Index]], dict[str, NDArray[np.float64]]]


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


def rules(config: Config) -> Rules:
    """Return what the rows of one cell mean together: there is one."""
    del config
    return single_rows


def remarks(truth: JoinedTruth, comparison: Comparison, rows: ParsedRows) -> dict[str, float]:
    """Return how far approximate counts are from the truth; nothing where none was asked for."""
    found: dict[str, float] = {}
    for first, part in zip(truth.cells.bounds.tolist(), truth.parts, strict=False):
        assert isinstance(part, PartTruth)
        for name in part.approximate:
            low, high = part.low[name], part.high[name]
            found |= approximation_remarks(name, rows, comparison, first=first, low=low, high=high)
    return found


def cells(config: Config, closing: WebClosing) -> JoinedCells:
    """Return the cells of a run, in the order of ``model.METRICS``."""
    return JoinedCells(assigner=closing.assigner, parts=_parts(config, closing))


def _parts(config: Config, closing: WebClosing) -> tuple[CellTable, ...]:
    del config
    sessions = closing.sessions
    carts = np.flatnonzero(sessions.abandoned)
    return (
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


def _listed(places: Places, chosen: Index | None = None) -> ListedCells:
    """Return a cell for each window of a user, or for some of them."""
    windows, users = places.windows, places.user
    if chosen is not None:
        columns = {f.name: getattr(windows, f.name)[chosen] for f in dataclasses.fields(ListedWindows)}
        windows, users = ListedWindows(**columns), users[chosen]
    codes = text_codes([user.decode() for user in user_ids(users).tolist()])
    return ListedCells(closing=windows, keys=codes)


@dataclass(frozen=True, kw_only=True)
class PartTruth:
    """Expected rows of one type; arrays of one entry a cell.

    Attributes
    ----------
    cells : CellTable
    closing_ns : int64[cells]
    low, high : mapping of str to int64[cells]
        Bounds of each integer, and of the code of each text; equal where the truth is one value.
    approximate : tuple of str
        Integers of which any count of something is right, for an approximation was asked for.
    texts : mapping of str to int64[cells]
        Codes of texts; where the truth is a set, any is right.
    doubles : callable
        Gives the doubles that follow from the integers of a row.
    required, possible, excused, absence_explained : bool[cells]
        Whether there must be a row; whether there may be one; whether the generator withheld an event that must count,
        and whether it withheld all of them.
    greatest_produce_ms, greatest_of_all_ms : int64[cells]
        Greatest produce time of the events that must count, and of those that may count as well.
    last_due_ns, last_sent_ns : int64[cells]
        Due and send time of the last event that must count.
    """

    cells: CellTable
    closing_ns: Index
    low: Mapping[str, Index]
    high: Mapping[str, Index]
    texts: Mapping[str, Index]
    doubles: Doubles
    required: Flags
    possible: Flags
    undecidable: Flags
    excused: Flags
    absence_explained: Flags
    greatest_produce_ms: Index
    greatest_of_all_ms: Index
    last_due_ns: Index
    last_sent_ns: Index
    approximate: tuple[str, ...] = ()

    @property
    def earliest_ns(self) -> Index:
        """Closing of each cell's window: nothing comes after it."""
        return self.closing_ns

    @property
    def first_earliest_ns(self) -> Index:
        """The same: nothing revises a row."""
        return self.closing_ns

    @property
    def settled(self) -> bool:
        """Whether the truth is one value everywhere."""
        return not self.undecidable.any()

    def least_events(self, cells: Index) -> Index:
        """Return 1 for each cell: its first row is its final one."""
        return np.ones(len(cells), dtype=np.int64)

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        found = {name: rows.integers[name][index] for name in (*self.low, *self.texts)}
        undecidable = self.undecidable[cells]
        right = rows.integers["window_end"][index] == self.cells.closing.ends_ms[self.cells.window_index(cells)]
        for name, low in self.low.items():
            if name in self.approximate:
                right &= counts_something(found[name])
            else:
                right &= (found[name] >= low[cells]) & (found[name] <= self.high[name][cells])
        for name, code in self.texts.items():
            right &= undecidable | (found[name] == code[cells])
        for name, expected in self.doubles(found).items():
            right &= within_one_ulp(rows.doubles[name][index], expected)
        produce = rows.integers["max_produce_time"][index]
        known = produce == self.greatest_produce_ms[cells]
        right &= np.where(undecidable, produce <= self.greatest_of_all_ms[cells], known)
        return ValueJudgement(
            right=right,
            partial=np.zeros(len(index), dtype=np.bool_),
            events=np.ones(len(index), dtype=np.int64),
            undecidable=undecidable,
            explained=~right & self.excused[cells],
        )


class Tally:
    """Adds up events by cell: those that must count, and those that may.

    Parameters
    ----------
    windows : ClosingTimes or ListedWindows
    answered_ms : int64[cells]
        When each cell was answered.
    greatest_ack_ms : float
        Greatest time seen from sending to acknowledgement.
    columns : iterable of str
        Names of what is added up.
    """

    def __init__(
        self, windows: ClosingTimes | ListedWindows, answered_ms: Index, greatest_ack_ms: float, columns: Iterable[str]
    ) -> None:
        """Begin with nothing."""
        count = len(answered_ms)
        self._answered_ms = answered_ms
        self._must_before_ns = ahead_ns(windows, MUST_COUNT_MARGIN_MS * NS_PER_MS)
        self._sent_before_ns = ahead_ns(windows, round(greatest_ack_ms * NS_PER_MS))
        self.events = _Bounds(count)
        self.sums = {name: _Bounds(count) for name in columns}
        self.excused: Index = np.zeros(count, dtype=np.int64)
        self.produce_ms: Index = np.full(count, _NONE, dtype=np.int64)
        self.all_produce_ms: Index = np.full(count, _NONE, dtype=np.int64)
        self.last = LastEvents(count)
        self._users: list[tuple[Index, Flags]] = []

    def add(
        self,
        events: ScheduledEvents,
        windows: Index,
        cells: Index,
        *,
        unseen: Flags,
        counted: Flags | None = None,
        weights: Mapping[str, Index] | None = None,
        users: Index | None = None,
    ) -> None:
        """Add events, each to its cell.

        Parameters
        ----------
        events : ScheduledEvents
        windows, cells : int64[n]
        unseen : bool[n]
            Events that never came.
        counted : bool[n], optional
            Events to be added; all, when None.
        weights : mapping of str to int64[n], optional
            What each adds to each column.
        users : int64[n], optional
            Whose they are, where users are counted.
        """
        at = np.arange(len(cells)) if counted is None else np.flatnonzero(counted)
        window, cell, due, sent = windows[at], cells[at], events.due_ns[at], events.sent_ns[at]
        produce_ms = np.where(sent == UNSENT, _NONE, sent // NS_PER_MS)
        must = due < self._must_before_ns[window]
        may = must | (~unseen[at] & (produce_ms <= self._answered_ms[cell]))
        excused = must & (unseen[at] | (sent >= self._sent_before_ns[window]))
        np.add.at(self.excused, cell[excused], 1)
        self.events.add(cell, np.ones(len(at), dtype=np.int64), must, may)
        for name, weight in (weights or {}).items():
            self.sums[name].add(cell, weight[at], must, may)
        if users is not None:
            pairs = (cell << _USER_BITS) + users[at]
            self._users.append((pairs[may], must[may]))
        np.maximum.at(self.produce_ms, cell[must], produce_ms[must])
        np.maximum.at(self.all_produce_ms, cell[may], produce_ms[may])
        was_sent = must & (sent != UNSENT)
        self.last.add(cell[was_sent], due[was_sent], sent[was_sent])

    def distinct_users(self) -> tuple[Index, Index]:
        """Return how many users each cell has, of the events that must count and of all that may."""
        count = len(self.excused)
        pairs = np.concatenate([pairs for pairs, _ in self._users]) if self._users else np.empty(0, dtype=np.int64)
        must = np.concatenate([must for _, must in self._users]) if self._users else np.empty(0, dtype=np.bool_)
        return _users_of(pairs[must], count), _users_of(pairs, count)

    def truth(
        self,
        cells: CellTable,
        bounds: Mapping[str, tuple[Index, Index]],
        *,
        texts: Mapping[str, Index] | None = None,
        doubles: Doubles | None = None,
        approximate: tuple[str, ...] = (),
        withheld_unnamed: bool = False,
    ) -> PartTruth:
        """Return the truth of cells that are those of this tally."""
        required = self.events.must > 0
        return PartTruth(
            cells=cells,
            closing_ns=cells.closing.closing_ns[cells.window_index(np.arange(cells.count))],
            low={name: low for name, (low, _) in bounds.items()},
            high={name: high for name, (_, high) in bounds.items()},
            texts=texts or {},
            doubles=doubles or (lambda _: {}),
            required=required,
            possible=self.events.may > 0,
            undecidable=self.events.may > self.events.must,
            excused=required if withheld_unnamed else self.excused > 0,
            absence_explained=required & ((self.excused >= self.events.must) | withheld_unnamed),
            greatest_produce_ms=self.produce_ms,
            greatest_of_all_ms=self.all_produce_ms,
            last_due_ns=self.last.due_ns,
            last_sent_ns=self.last.sent_ns,
            approximate=approximate,
        )


def _users_of(pairs: Index, cells: int) -> Index:
    """Return how many distinct users each cell has; by sorting, for ``np.unique`` takes ten times as long."""
    ordered = np.sort(pairs)
    distinct = ordered[np.diff(ordered, prepend=-1) != 0]
    return np.bincount(distinct >> _USER_BITS, minlength=cells).astype(np.int64)


class _Bounds:
    """A sum by cell over the events that must count, and over all that may."""

    def __init__(self, cells: int) -> None:
        self.must: Index = np.zeros(cells, dtype=np.int64)
        self.may: Index = np.zeros(cells, dtype=np.int64)

    def add(self, cells: Index, weights: Index, must: Flags, may: Flags) -> None:
        np.add.at(self.must, cells[must], weights[must])
        np.add.at(self.may, cells[may], weights[may])

    @property
    def both(self) -> tuple[Index, Index]:
        return np.minimum(self.must, self.may), np.maximum(self.must, self.may)


class TruthBuilder:
    """Adds up the scheduled events of a run into its truth.

    Parameters
    ----------
    config : Config
    closing : WebClosing
        When each window closes.
    answered_ms : int64[cells], optional
        When the row of each cell was appended, on the producers' clock; the greatest int64 where there is none. Without
        it every event that need not count may count.
    greatest_ack_ms : float
        Greatest time seen from sending to acknowledgement.
    withheld : mapping of int to int64 array
        Numbers of events that are missing from the events topic, by producer.
    withheld_unnamed : bool
        Whether further ones are missing whose numbers are not known: then any event may be.
    """

    def __init__(
        self,
        config: Config,
        closing: WebClosing,
        *,
        answered_ms: Index | None = None,
        greatest_ack_ms: float = 0.0,
        withheld: Mapping[int, Index] | None = None,
        withheld_unnamed: bool = False,
    ) -> None:
        own = WebAnalyticsSettings.of(config.workload)
        self._config, self._closing = config, closing
        self._withheld, self._withheld_unnamed = withheld or {}, withheld_unnamed
        self.cells = joined = cells(config, closing)
        answered = np.full(joined.count, _NEVER, dtype=np.int64) if answered_ms is None else answered_ms
        traffic, conversion, country, top, session, single, cart = joined.split(answered)
        self._urls = page_urls(own.num_products)
        # Pages have no rows but through their rank: those of a window are answered together.
        of_page = np.repeat(top.reshape(-1, TOP_PAGES).min(axis=1, initial=_NEVER), len(self._urls))
        places, ack = closing.sessions.places, greatest_ack_ms
        self._carts: Index = np.full(len(places.user), NOWHERE, dtype=np.int64)
        self._carts[closing.sessions.abandoned] = np.arange(len(cart))
        cart_windows = joined.parts[-1].closing
        assert isinstance(cart_windows, ListedWindows)
        self._traffic = Tally(closing.traffic, traffic, ack, ("page_views", "sessions_ended", "bounces", "duration_ms"))
        self._conversion = Tally(closing.behaviour, conversion, ack, ("sessions", "conversions", "revenue_cents"))
        self._country = Tally(closing.behaviour, country, ack, ("sessions", "revenue_cents"))
        self._pages = Tally(closing.behaviour, of_page, ack, ())
        self._sessions = Tally(places.windows, session, ack, ())
        self._single = Tally(closing.single.places.windows, single, ack, ())
        self._abandoned = Tally(cart_windows, cart, ack, ())

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""
        if len(events.due_ns) == 0:
            return
        of, unseen = events.contents, events.unseen(self._withheld)
        kind, user, ms = of["event_type"], of["visitor"].astype(np.int64), events.event_time_ns // NS_PER_MS
        view, ended = kind == VIEW, kind == STOP
        # Its start was noted in ns, and is written in ms.
        start_ms = (events.event_time_ns - of["age_ns"]) // NS_PER_MS
        weights = {
            "page_views": view.astype(np.int64),
            "sessions_ended": ended.astype(np.int64),
            "bounces": (ended & (of["views_before"] == 1)).astype(np.int64),
            "duration_ms": np.where(ended, ms - start_ms, 0),
        }
        for windows in self._closing.traffic.windows_of(events.event_time_ns):
            self._traffic.add(events, windows, windows, unseen=unseen, weights=weights, users=user)
        weights = {
            "sessions": (kind == START).astype(np.int64),
            "conversions": (kind == CONVERSION).astype(np.int64),
            "revenue_cents": of["revenue_cents"].astype(np.int64),
        }
        in_country = {name: weights[name] for name in ("sessions", "revenue_cents")}
        country = country_of(user, self._config.run.seed)
        for windows in self._closing.behaviour.windows_of(events.event_time_ns):
            self._conversion.add(events, windows, windows, unseen=unseen, weights=weights, users=user)
            self._country.add(events, windows, windows * len(COUNTRIES) + country, unseen=unseen, weights=in_country)
            self._pages.add(events, windows, windows * len(self._urls) + of["page_index"], unseen=unseen, counted=view)
        place = self._closing.sessions.places.of(user, ms)
        self._sessions.add(events, place, place, unseen=unseen)
        cart = self._carts[place]
        self._abandoned.add(events, cart, cart, unseen=unseen, counted=cart != NOWHERE)
        single = self._closing.single.places.of(user, ms)
        self._single.add(events, single, single, unseen=unseen, counted=view & (single != NOWHERE))

    def finish(self) -> JoinedTruth:
        """Return the truth."""
        traffic, conversion, country, top, session, single, cart = self.cells.parts
        sessions, all_urls = self._closing.sessions, text_codes(self._urls)
        carts = np.flatnonzero(sessions.abandoned)
        unnamed = self._withheld_unnamed
        exact = {
            "events": sessions.events,
            "page_views": sessions.page_views,
            "duration_ms": sessions.duration_ms,
            "revenue_cents": sessions.revenue_cents,
            "funnel_step": sessions.funnel_step,
        }
        outcomes = text_codes(["abandoned", "converted"])
        of_session = {"path": text_codes(sessions.paths), "outcome": outcomes[sessions.converted.astype(np.int64)]}
        ones = np.ones(single.count, dtype=np.int64)
        parts = (
            self._traffic.truth(
                traffic,
                {**self._bounds(self._traffic), "active_users": self._traffic.distinct_users()},
                doubles=_rates_of_traffic(self._config.windows.size_ms),
                approximate=("active_users",) if self._config.workload.approximate else (),
                withheld_unnamed=unnamed,
            ),
            self._conversion.truth(
                conversion,
                {**self._bounds(self._conversion), "active_users": self._conversion.distinct_users()},
                doubles=_rates_of_conversion,
                withheld_unnamed=unnamed,
            ),
            self._country.truth(country, self._bounds(self._country), withheld_unnamed=unnamed),
            self._top_pages(top, all_urls),
            self._sessions.truth(session, _exactly(exact), texts=of_session, withheld_unnamed=unnamed),
            self._single.truth(
                single,
                _exactly({"page_views": ones}),
                texts={"url": all_urls[self._closing.single.page]},
                withheld_unnamed=unnamed,
            ),
            self._abandoned.truth(
                cart,
                _exactly({"events": sessions.events[carts], "cart_time": sessions.cart_ms[carts]}),
                withheld_unnamed=unnamed,
            ),
        )
        return joined_truth(self._closing.assigner, parts)

    @staticmethod
    def _bounds(tally: Tally) -> dict[str, tuple[Index, Index]]:
        return {"events": tally.events.both, **{name: of.both for name, of in tally.sums.items()}}

    def _top_pages(self, cells: CellTable, url_codes: Index) -> PartTruth:
        """Return the pages of each window that were viewed most: by count, the most first, then by address."""
        pages = len(self._urls)
        tally, windows = self._pages, len(self._closing.behaviour.closing_ns)

        def by_window(column: Index) -> Index:
            return column.reshape(windows, pages)

        by_url = np.argsort(np.array([url.encode() for url in self._urls]), kind="stable")
        must, may = by_window(tally.events.must)[:, by_url], by_window(tally.events.may)[:, by_url]
        order = np.argsort(-must, axis=1, kind="stable")[:, :TOP_PAGES]
        page = by_url[order]
        at = (np.arange(windows)[:, None] * pages + page).ravel()
        fill = cells.count - len(at)  # of a website of fewer pages than ranks
        assert fill == 0, "there are at least as many pages as ranks"
        views = np.take_along_axis(must, order, axis=1).ravel()
        most = -np.sort(-may, axis=1)[:, :TOP_PAGES].ravel()
        undecided = np.repeat((may > must).any(axis=1), TOP_PAGES)
        newest = np.repeat(by_window(tally.all_produce_ms).max(axis=1, initial=_NONE), TOP_PAGES)
        excused = np.repeat(by_window(tally.excused).any(axis=1), TOP_PAGES)
        required = views > 0
        if self._withheld_unnamed:
            excused = required
        return PartTruth(
            cells=cells,
            closing_ns=np.repeat(self._closing.behaviour.closing_ns, TOP_PAGES),
            low={"page_views": views},
            high={"page_views": most},
            texts={"url": url_codes[page].ravel()},
            doubles=lambda _: {},
            required=required,
            possible=most > 0,
            undecidable=undecided,
            excused=excused,
            absence_explained=required & excused,
            greatest_produce_ms=tally.produce_ms[at],
            greatest_of_all_ms=newest,
            last_due_ns=tally.last.due_ns[at],
            last_sent_ns=tally.last.sent_ns[at],
        )


def _exactly(values: Mapping[str, Index]) -> dict[str, tuple[Index, Index]]:
    return {name: (column, column) for name, column in values.items()}


def _ratio(upper: Index, lower: Index) -> NDArray[np.float64]:
    """Return the quotient, null where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lower == 0, np.nan, upper / lower)


def _rates_of_traffic(size_ms: int) -> Doubles:
    def doubles(row: Mapping[str, Index]) -> dict[str, NDArray[np.float64]]:
        return {
            "page_views_per_second": row["page_views"] * 1000 / size_ms,
            "bounce_rate": _ratio(row["bounces"], row["sessions_ended"]),
            "mean_duration_ms": _ratio(row["duration_ms"], row["sessions_ended"]),
        }

    return doubles


def _rates_of_conversion(row: Mapping[str, Index]) -> dict[str, NDArray[np.float64]]:
    return {
        "conversion_rate": _ratio(row["conversions"], row["sessions"]),
        "revenue_per_user": _ratio(row["revenue_cents"], row["active_users"] * 100),
    }
