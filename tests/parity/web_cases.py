"""Cases of visits: events in, and what must be said of them. Data only.

Times are ns after ``cases.ORIGIN_MS``. The last event of a batch moves the watermark; END comes after all batches. Of
each case some rows are written down, in those fields that it is about; in all others engines must agree.
"""

from dataclasses import dataclass, field, replace

from tests.parity.cases import MS, ORIGIN_MS, S
from windowbench.workloads.web_analytics.settings import CART_URL, LONGEST_PATH

SPANS = {
    "window_size_sec": 10.0,
    "watermark_delay_sec": 3.0,
    "behaviour_window_sec": 20.0,
    "behaviour_slide_sec": 10.0,
    "session_gap_sec": 5.0,
    "bounce_window_sec": 20.0,
    "cart_timeout_sec": 3.0,
    "num_products": 30,
}


@dataclass(frozen=True)
class Visit:
    """An event, produced 5 ms after its event time; `start` is when its session says that it began, in ms."""

    kind: str
    user: int
    at: int
    url: str = "/"
    revenue: int = 0
    views: int = 0
    start: int = 0

    @property
    def event_time_ns(self):
        return ORIGIN_MS * MS + self.at

    @property
    def produce_ms(self):
        return self.event_time_ns // MS + 5


@dataclass(frozen=True)
class WebCase:
    """Batches of events; some of the rows that must come of them, by metric; `starts` are in ms after the origin."""

    name: str
    batches: tuple
    rows: dict = field(default_factory=dict)


def view(user, at, url="/"):
    return Visit("PAGE_VIEW", user, at, url)


def start(user, at):
    return Visit("SESSION_START", user, at)


def stop(user, at, *, views, began):
    return Visit("SESSION_END", user, at, views=views, start=began)


def buy(user, at, cents):
    return Visit("CONVERSION", user, at, "/checkout", revenue=cents)


def session(user, begin, end, events, **more):
    return {"user_id": user, "window_start": begin, "window_end": end, "events": events, **more}


def cart(user, at):
    return view(user, at, CART_URL)


WEB_CASES = (
    WebCase("no event at all", ((),), {"traffic": [], "session": [], "high_bounce_rate": []}),
    WebCase(
        "a gap exactly met is one session, a gap longer by a ms is two, and parts of a ms make no difference",
        (
            (
                view(1, 1 * S),
                view(2, 1 * S),
                view(3, 1 * S),
                view(1, 6 * S),
                view(2, 6_001 * MS),
                view(3, 6 * S + 999_999),
            ),
        ),
        {
            "session": [
                session(1, 1_000, 11_000, 2, duration_ms=5_000),
                session(2, 1_000, 6_000, 1, duration_ms=0),
                session(2, 6_001, 11_001, 1, duration_ms=0),
                session(3, 1_000, 11_000, 2, duration_ms=5_000),
            ]
        },
    ),
    WebCase(
        "an event out of order makes one session of two, and its page stands in its place",
        (
            (view(1, 1 * S, "/search"), view(1, 7_500 * MS, "/checkout"), view(2, 8 * S)),
            (view(1, 5_500 * MS, "/product/3"), view(2, 8_500 * MS)),
        ),
        {
            "session": [
                session(1, 1_000, 12_500, 3, path="/search>/product/3>/checkout", funnel_step=2),
                session(2, 8_000, 13_500, 2, path="/>/"),
            ]
        },
    ),
    WebCase(
        "sliding windows overlap, and begin with their first ms",
        ((view(1, 9_999 * MS), start(2, 10 * S), buy(1, 10_500 * MS, 3_000)),),
        {
            "conversion": [
                {"window_start": -10_000, "events": 1, "active_users": 1, "sessions": 0, "conversion_rate": None},
                {
                    "window_start": 0,
                    "events": 3,
                    "active_users": 2,
                    "sessions": 1,
                    "conversions": 1,
                    "conversion_rate": 1.0,
                    "revenue_cents": 3_000,
                    "revenue_per_user": 15.0,
                },
                {"window_start": 10_000, "events": 2, "active_users": 2, "sessions": 1, "conversion_rate": 1.0},
            ]
        },
    ),
    WebCase(
        "pages viewed equally often stand by address, and the eleventh has no row",
        (
            (
                *(view(1, 11 * S + n, f"/product/{n}") for n in range(20, 9, -1)),
                view(2, 12 * S, "/search"),
                view(3, 13 * S, "/search"),
                view(3, 14 * S, "/"),
            ),
        ),
        {
            "top_page": [
                {"window_start": begin, "rank": rank, "url": url, "page_views": views}
                for begin in (0, 10_000)
                for rank, (url, views) in enumerate(
                    [("/search", 2), ("/", 1), *((f"/product/{n}", 1) for n in range(10, 18))], 1
                )
            ]
        },
    ),
    WebCase(
        "one view of a user in a window is alarming, two are not, nor is none",
        (
            (
                start(1, 1 * S),
                view(1, 2 * S, "/search"),
                view(2, 2 * S),
                view(2, 3 * S),
                start(3, 4 * S),
                view(4, 19_999 * MS),
                view(4, 20 * S),
            ),
        ),
        {
            "high_bounce_rate": [
                {"window_start": 0, "user_id": 1, "url": "/search", "page_views": 1},
                {"window_start": 0, "user_id": 4, "url": "/", "page_views": 1},
                {"window_start": 20_000, "user_id": 4, "url": "/", "page_views": 1},
            ]
        },
    ),
    WebCase(
        "a cart converted exactly in time is not abandoned, a ms later or never it is; an earlier conversion counts",
        (
            (
                cart(1, 1 * S),
                cart(2, 1 * S),
                cart(3, 1 * S),
                buy(4, 1 * S, 100),
                cart(4, 2 * S),
                buy(1, 4 * S, 500),
                buy(2, 4_001 * MS, 500),
                view(5, 4_500 * MS),
            ),
        ),
        {
            "abandoned_cart": [
                {"window_start": 1_000, "user_id": 2, "cart_time": 1_000, "events": 2},
                {"window_start": 1_000, "user_id": 3, "cart_time": 1_000, "events": 1},
            ],
            "session": [
                session(1, 1_000, 9_000, 2, funnel_step=4, outcome="converted", revenue_cents=500, path=CART_URL),
                session(2, 1_000, 9_001, 2, funnel_step=4, outcome="converted", revenue_cents=500, path=CART_URL),
                session(3, 1_000, 6_000, 1, funnel_step=3, outcome="abandoned", revenue_cents=0, path=CART_URL),
                session(4, 1_000, 7_000, 2, funnel_step=4, outcome="converted", revenue_cents=100, path=CART_URL),
                session(5, 4_500, 9_500, 1, funnel_step=1, outcome="abandoned", revenue_cents=0, path="/"),
            ],
        },
    ),
    WebCase(
        "what comes when everything that could hold it has closed is in nothing",
        ((view(1, 1 * S), view(1, 40 * S)), (view(2, 2 * S), view(1, 40_500 * MS))),
        {
            "session": [session(1, 1_000, 6_000, 1), session(1, 40_000, 45_500, 2)],
            "high_bounce_rate": [{"window_start": 0, "user_id": 1}],
            "traffic": [{"window_start": 0, "events": 1}, {"window_start": 40_000, "events": 2}],
        },
    ),
    WebCase(
        "sessions that ended: bounces and mean duration, and no rate without any",
        (
            (
                start(1, 1 * S),
                stop(1, 2 * S, views=1, began=500),
                stop(2, 3 * S, views=4, began=0),
                stop(3, 4 * S, views=0, began=4_000),
                view(1, 12 * S),
            ),
        ),
        {
            "traffic": [
                {
                    "window_start": 0,
                    "page_views": 0,
                    "active_users": 3,
                    "sessions_ended": 3,
                    "bounces": 1,
                    "duration_ms": 4_500,
                    "bounce_rate": 1 / 3,
                    "mean_duration_ms": 1_500.0,
                },
                {
                    "window_start": 10_000,
                    "page_views": 1,
                    "page_views_per_second": 0.1,
                    "bounce_rate": None,
                    "mean_duration_ms": None,
                },
            ],
            "session": [
                session(1, 1_000, 7_000, 2, path="", funnel_step=0),
                session(1, 12_000, 17_000, 1),
                session(2, 3_000, 8_000, 1),
                session(3, 4_000, 9_000, 1),
            ],
        },
    ),
    WebCase(
        "a path has so many pages and no more",
        (tuple(view(1, k * 100 * MS, "/search" if k else "/") for k in range(LONGEST_PATH + 5)),),
        {
            "session": [
                session(1, 0, 15_400, 105, page_views=105, path=">".join(["/", *["/search"] * (LONGEST_PATH - 1)]))
            ]
        },
    ),
)

APART_MS, SPREAD = 100_000, 100
"""Cases follow each other in one stream so far apart, and their users too."""


def joined(cases):
    """Return one case in which all follow each other."""
    batches = []
    for number, case in enumerate(cases):
        batches += [tuple(moved(event, number) for event in batch) for batch in case.batches]
    return WebCase("joined", tuple(filter(None, batches)))


def moved(event, number):
    later = number * APART_MS
    return replace(event, user=event.user + number * SPREAD, at=event.at + later * MS, start=event.start + later)


def part_of(rows, number):
    """Return the rows of one of the cases, as they would be of that case alone."""
    mine = []
    for row in rows:
        after_origin = row["window_start"] - ORIGIN_MS
        if (after_origin + APART_MS // 2) // APART_MS != number:
            continue
        times = {name: row[name] - ORIGIN_MS - number * APART_MS for name in TIMES if name in row}
        user = {"user_id": int(row["user_id"][-10:]) - number * SPREAD} if "user_id" in row else {}
        mine.append({**row, **times, **user})
    return sorted(mine, key=in_order)


TIMES = ("window_start", "window_end", "max_produce_time", "cart_time")


def in_order(row):
    return row["metric"], row["window_start"], str(row.get("user_id", row.get("country", ""))), row.get("rank", 0)


def asked_of(case, metric, rows):
    """Return the rows of a metric, in the fields that a case is about."""
    expected = sorted(({"metric": metric, **row} for row in case.rows[metric]), key=in_order)
    mine = [row for row in rows if row["metric"] == metric]
    names = [set(row) for row in expected]
    found = [{name: row.get(name) for name in wanted} for row, wanted in zip(mine, names, strict=False)]
    return found + mine[len(names) :], expected
