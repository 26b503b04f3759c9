"""Visits of a website: what such an event holds, and how coherent sessions are drawn. Pure.

A producer owns its users. So many of them visit at a time that each acts, on average, once in the think time: they take
turns, and the next event is that of the next of them. What a visitor does is one of :data:`NUM_SCRIPTS` scripts: a
start, views along a plausible path, conversions, an end or silence. When a script is over, its place is taken by
another session: of the same user at once (which makes one session window of two visits), else of the user who rested
longest, once that is longer than the gap, else of a new one.

Too-late events are page views of users that have no other event, and so no session that a late event could belong to.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.load.disorder import EventTimes
from windowbench.load.draws import Choice, zipf_weights
from windowbench.load.events import BLOCK, EventBlock, EventSource
from windowbench.load.schedule import NS_PER_MS, NS_PER_S
from windowbench.load.streams import stream_rng
from windowbench.workloads.web_analytics.settings import CART_URL, EVENT_TYPES, PRODUCT_PREFIX, WebAnalyticsSettings

VIEW, START, STOP, CONVERSION = range(len(EVENT_TYPES))
NUM_SCRIPTS = 4096
NUM_PROFILES = 4096
LATE_USERS = 1 << 30
"""Users of too-late events have numbers from here on."""
AT_ONCE = 0.05
"""Share of sessions after which the same user begins another at once."""
COUNTRIES = ("US", "DE", "GB", "FR", "IN", "BR", "JP", "CA", "AU", "NL")
_NUM_CATEGORIES = 20
_FIXED_URLS = ("/", "/search", CART_URL, "/checkout")
_HOME, _SEARCH, _CART, _CHECKOUT = range(len(_FIXED_URLS))
_CATEGORIES = len(_FIXED_URLS)
_PRODUCTS = _CATEGORIES + _NUM_CATEGORIES


def page_urls(num_products: int) -> list[str]:
    """Return the address of every page."""
    categories = [f"/category/{number:02d}" for number in range(_NUM_CATEGORIES)]
    return [*_FIXED_URLS, *categories, *(f"{PRODUCT_PREFIX}{number}" for number in range(num_products))]


def country_of(users: NDArray[np.integer[Any]], seed: int) -> NDArray[np.uint8]:
    """Return the country of each user, as an index into :data:`COUNTRIES`."""
    countries: NDArray[np.uint8] = profile_countries(seed)[users % NUM_PROFILES]
    return countries


@cache
def profile_countries(seed: int) -> NDArray[np.uint8]:
    """Return the country of each of the profiles that users have."""
    chosen = Choice(zipf_weights(len(COUNTRIES), 0.8))(stream_rng(seed, "countries").random(NUM_PROFILES))
    return chosen.astype(np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WebBlock(EventBlock):
    """Consecutive events of one producer."""

    event_type: NDArray[np.uint8]
    """Index into ``EVENT_TYPES``."""
    visitor: NDArray[np.int32]
    """Number of the user."""
    page_index: NDArray[np.int32]
    """Index into :func:`page_urls`; where the visitor is, whatever the event."""
    came_from: NDArray[np.int32]
    """The page before it, -1 for none."""
    load_ms: NDArray[np.int16]
    revenue_cents: NDArray[np.int32]
    """0 unless it is a conversion."""
    age_ns: NDArray[np.int64]
    """How long ago its session began; 0 where it claims to be from before that."""
    views_before: NDArray[np.int32]
    """Views of its session before it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scripts:
    """What visitors do, step by step; arrays of one row a script. The last script never ends."""

    length: NDArray[np.int32]
    event_type: NDArray[np.uint8]
    page: NDArray[np.int32]
    came_from: NDArray[np.int32]
    views_before: NDArray[np.int32]
    revenue_cents: NDArray[np.int32]

    @staticmethod
    @cache
    def drawn(seed: int, num_products: int) -> Scripts:
        """Draw scripts: 14 views, 3 starts, 2 ends and 1 conversion of each 20 events, in the mean."""
        rng = stream_rng(seed, "scripts")
        walks = Walks(rng, num_products)
        scripts = [walks.script() for _ in range(NUM_SCRIPTS)]
        widest = max(map(len, scripts))
        scripts.append([(START, _HOME, 0), *((VIEW, page, 0) for page in walks.browsing(widest - 1))])
        shape = (len(scripts), widest)
        kind = np.zeros(shape, dtype=np.uint8)
        page, before, revenue = (np.zeros(shape, dtype=np.int32) for _ in range(3))
        for row, script in enumerate(scripts):
            kind[row, : len(script)], page[row, : len(script)], revenue[row, : len(script)] = zip(*script, strict=True)
        views = np.cumsum(kind == VIEW, axis=1, dtype=np.int32)
        before[:, 1:] = views[:, :-1]
        came_from = np.full(shape, -1, dtype=np.int32)
        came_from[:, 1:] = np.where(before[:, 1:] > 0, page[:, :-1], -1)
        length = np.array([len(script) for script in scripts], dtype=np.int32)
        return Scripts(
            length=length, event_type=kind, page=page, came_from=came_from, views_before=before, revenue_cents=revenue
        )


class Walks:
    """Draws paths through the website, and what happens on them."""

    def __init__(self, rng: np.random.Generator, num_products: int) -> None:
        self._rng = rng
        self._product = Choice(zipf_weights(num_products, 0.6))

    def _a_product(self) -> int:
        return _PRODUCTS + int(self._product(self._rng.random(1))[0])

    def browsing(self, views: int) -> list[int]:
        """Return the pages that a visitor without a purpose sees."""
        chance = self._rng.random()
        landing = _HOME if chance < 0.6 else _SEARCH if chance < 0.7 else self._a_product()
        pages = [landing]
        while len(pages) < views:
            look = pages[-1] >= _PRODUCTS and self._rng.random() < 0.5
            to_category = look or pages[-1] < _CATEGORIES
            pages.append(_CATEGORIES + int(self._rng.integers(_NUM_CATEGORIES)) if to_category else self._a_product())
        return pages

    def script(self) -> list[tuple[int, int, int]]:
        """Return a session as steps of event type, page and revenue."""
        rng = self._rng
        intent, revenue = rng.random(), 0
        if intent < 1 / 4:  # bounces
            pages = self.browsing(1)
        elif intent < 1 / 2:
            pages = self.browsing(int(rng.integers(2, 8)))
        elif intent < 2 / 3:  # leaves the cart behind
            pages = [*self.browsing(int(rng.integers(2, 6))), self._a_product(), _CART]
        else:
            seen = int(rng.integers(2, 7)) + int(rng.random() < 1 / 8)
            pages = [*self.browsing(seen), self._a_product(), _CART, _CHECKOUT]
            revenue = int(rng.integers(500, 50_000))
        steps = [(START, pages[0], 0), *((VIEW, page, 0) for page in pages)]
        if revenue:
            steps.append((CONVERSION, pages[-1], revenue))
        if rng.random() < 2 / 3:
            steps.append((STOP, pages[-1], 0))
        return steps


class Visitors:
    """Those who visit at a time, of one producer, and who comes when one leaves."""

    def __init__(self, config: Config, producer: int, scripts: Scripts) -> None:
        own, producers = WebAnalyticsSettings.of(config.workload), config.load.num_producers
        self.count = max(1, round(float(config.load.total_rate) * own.think_time_sec / producers))
        self._scripts = scripts
        self._producer, self._producers = producer, producers
        rest_ms = own.gap_ms + config.events.out_of_order_extent_ms + 2 * MUST_COUNT_MARGIN_MS
        self._rest_ns = rest_ms * NS_PER_MS
        self._met = self.count
        self._resting = Resting()
        # The load begins amid visits: were they all to begin with it, they would stay in step for long.
        length = scripts.length[:NUM_SCRIPTS].astype(np.int64)
        at = stream_rng(config.run.seed, "visitors", producer).integers(0, length.sum(), size=self.count)
        ends = np.cumsum(length)
        self.script: NDArray[np.int32] = np.searchsorted(ends, at, side="right").astype(np.int32)
        self.step: NDArray[np.int32] = (at - (ends - length)[self.script]).astype(np.int32)
        endless = len(range(producer, own.endless_visitors, producers))
        self.script[:endless], self.step[:endless] = NUM_SCRIPTS, 0
        self.user: NDArray[np.int32] = self._numbered(0, self.count)
        self.start_ns: NDArray[np.int64] = self.step.astype(np.int64) * -round(own.think_time_sec * NS_PER_S)

    def _numbered(self, first: int, count: int) -> NDArray[np.int32]:
        return (np.arange(first, first + count) * self._producers + self._producer).astype(np.int32)

    def go_on(
        self, who: NDArray[np.int64], due: NDArray[np.int64], script: NDArray[np.int32], stays: NDArray[np.bool_]
    ) -> None:
        """Let each of `who`, all different, take a step; where a session is over, another of `script` takes its place.

        They act at `due`, which does not decrease; where one `stays`, the next session is of the same user.
        """
        at = self.step[who] + 1
        endless = self.script[who] == NUM_SCRIPTS
        over = at >= self._scripts.length[self.script[who]]
        at[over] = endless[over]  # who stays for ever does not start again
        self.step[who] = at
        over &= ~endless
        self.script[who[over]] = script[over]
        leaves = over & ~stays
        if leaves.any():
            self._replace(who[leaves], due[leaves])

    def _replace(self, who: NDArray[np.int64], now_ns: NDArray[np.int64]) -> None:
        """Let others come for users who leave: those who have rested for long enough, else new ones."""
        back = self._resting.come(who.size, now_ns[0] - self._rest_ns)
        new = self._numbered(self._met, who.size - back.size)
        self._met += new.size
        self._resting.go(self.user[who], now_ns)
        self.user[who] = np.concatenate((back, new))


class Resting:
    """Users who left, in the order in which they did; in parts, so that many of them cost no more than few."""

    def __init__(self) -> None:
        self._parts: deque[tuple[NDArray[np.int32], NDArray[np.int64]]] = deque()

    def go(self, users: NDArray[np.int32], left_ns: NDArray[np.int64]) -> None:
        """Let users rest who have just left."""
        self._parts.append((users, left_ns))

    def come(self, most: int, before_ns: int) -> NDArray[np.int32]:
        """Return the first users who left before an instant, `most` at most; they rest no more."""
        back = [np.empty(0, dtype=np.int32)]
        while most and self._parts and self._parts[0][1][0] < before_ns:
            users, left_ns = self._parts.popleft()
            count = min(most, int(np.searchsorted(left_ns, before_ns)))
            back.append(users[:count])
            most -= count
            if count < users.size:
                self._parts.appendleft((users[count:], left_ns[count:]))
                break
        return np.concatenate(back)


class BlockDraw:
    """Draws what the events of one producer hold, block after block."""

    def __init__(self, config: Config, producer: int) -> None:
        """Make a stream for each purpose: what is late changes nothing else of the visitors."""
        seed, own = config.run.seed, WebAnalyticsSettings.of(config.workload)
        self._config = config
        self._producer = producer
        self._rng = stream_rng(seed, "visits", producer)
        self._scripts = Scripts.drawn(seed, own.num_products)
        self._visitors = Visitors(config, producer, self._scripts)
        self._num_pages = len(page_urls(own.num_products))
        self._in_use = config.kafka.partitions - config.kafka.idle_partitions
        wait_ms = max(0, own.longest_ms - config.windows.size_ms)
        self._times = EventTimes(config, producer, wait_ms=wait_ms)
        self._on_time_ns = (config.events.out_of_order_extent_ms * NS_PER_MS) + 1
        self._turn = 0
        self._late = 0

    def __call__(self, first: int, due: NDArray[np.int64]) -> WebBlock:
        """Return the next block, trimmed to the due times given."""
        n, rng = due.size, self._rng
        scripts = rng.integers(0, NUM_SCRIPTS, size=BLOCK, dtype=np.int32)[:n]
        stays = (rng.random(BLOCK) < AT_ONCE)[:n]
        load_ms = rng.integers(20, 3_000, size=BLOCK, dtype=np.int16)[:n]
        event = self._times(due)
        late = due - event > self._on_time_ns
        script, step, user = (np.zeros(n, dtype=np.int32) for _ in range(3))
        start_ns = np.zeros(n, dtype=np.int64)
        in_turn = np.flatnonzero(~late)
        visitors = self._visitors
        for begin in range(0, in_turn.size, visitors.count):
            at = in_turn[begin : begin + visitors.count]
            who = (self._turn + np.arange(at.size)) % visitors.count
            self._turn += at.size
            script[at], step[at], user[at] = visitors.script[who], visitors.step[who], visitors.user[who]
            starts = step[at] == 0
            visitors.start_ns[who[starts]] = event[at[starts]]
            start_ns[at] = visitors.start_ns[who]
            visitors.go_on(who, due[at], scripts[at], stays[at])
        drawn = self._scripts
        block: dict[str, NDArray[Any]] = {
            "event_type": drawn.event_type[script, step],
            "page_index": drawn.page[script, step],
            "came_from": drawn.came_from[script, step],
            "views_before": drawn.views_before[script, step],
            "revenue_cents": drawn.revenue_cents[script, step],
            "visitor": user,
            "load_ms": load_ms,
        }
        if late.any():
            self._replace_late(block, late)
            start_ns[late] = event[late]
        return WebBlock(
            producer=self._producer,
            first=first,
            due_offset_ns=due,
            event_offset_ns=event,
            partition=(user % self._in_use).astype(np.int32),
            age_ns=np.maximum(event - start_ns, 0),
            **block,
        )

    def _replace_late(self, block: dict[str, NDArray[Any]], late: NDArray[np.bool_]) -> None:
        """Make page views of strangers of the events that come too late."""
        producers, count = self._config.load.num_producers, int(late.sum())
        block["visitor"][late] = LATE_USERS + (self._late + np.arange(count)) * producers + self._producer
        self._late += count
        block["event_type"][late] = VIEW
        block["page_index"][late] = block["load_ms"][late] % self._num_pages
        block["came_from"][late] = -1
        block["views_before"][late] = block["revenue_cents"][late] = 0


SOURCE = EventSource(
    draw=BlockDraw, contents=("event_type", "visitor", "page_index", "revenue_cents", "age_ns", "views_before")
)
