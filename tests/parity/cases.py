"""One table of cases for all engines: events in, rows out. Data only; each engine has a small runner of its own.

Times are ns after :data:`ORIGIN_MS`, which is a multiple of every window size here but one. A case's batches matter to
runners that read them one after the other; a runner on a static frame takes them as one.
"""

from dataclasses import dataclass, field

ORIGIN_MS = 1_760_000_000_000
RUN_ID = "parity"
US = 1_000
MS = 1_000_000
S = 1_000_000_000
HOUR = 3_600 * S


@dataclass(frozen=True)
class Event:
    """An event; produced 5 ms after its event time, where nothing else is said."""

    kind: str
    campaign: int
    at: int
    produced_ms: int | None = None

    @property
    def event_time_ns(self):
        return ORIGIN_MS * MS + self.at

    @property
    def produce_ms(self):
        return self.event_time_ns // MS + 5 if self.produced_ms is None else ORIGIN_MS + self.produced_ms


@dataclass(frozen=True)
class Row:
    """What is not a matter of arithmetic in a result row; `start` is in ms after the origin."""

    start: int
    campaign: int
    views: int
    clicks: int
    purchases: int
    last_produced_ms: int
    last_at: int


@dataclass(frozen=True)
class Case:
    """Events and the rows that must come of them, with nothing missing and nothing beside them."""

    name: str
    events: tuple
    rows: tuple
    size_ms: int = 10_000
    slide_ms: int = 0
    campaigns: int = 10
    differs: str = field(default="", compare=False)
    """Why the oracle says something else here, by design."""

    @property
    def slide(self):
        return self.slide_ms or self.size_ms


@dataclass(frozen=True)
class StreamCase:
    """Batches of events, and the rows that a watermark leaves of them.

    The last event of a batch is the one that moves the watermark. END comes after the last batch.
    """

    name: str
    batches: tuple
    rows: tuple
    size_ms: int = 10_000
    slide_ms: int = 0
    delay_ms: int = 3_000
    campaigns: int = 10
    differs: str = field(default="", compare=False)

    @property
    def slide(self):
        return self.slide_ms or self.size_ms


def view(campaign, at, produced_ms=None):
    return Event("view", campaign, at, produced_ms)


def click(campaign, at, produced_ms=None):
    return Event("click", campaign, at, produced_ms)


def purchase(campaign, at, produced_ms=None):
    return Event("purchase", campaign, at, produced_ms)


@dataclass(frozen=True)
class PartitionCase:
    """Batches of (partition, event) and the rows that a watermark leaves of them, by the kind of watermark.

    One engine takes the greatest watermark over partitions, another the least over those that are not idle.
    A partition in `idle` has been quiet for longer than the idle time-out from the start.
    """

    name: str
    batches: tuple
    least_rows: tuple
    greatest_rows: tuple
    partitions: int = 2
    idle: tuple = ()
    size_ms: int = 10_000
    slide_ms: int = 0
    delay_ms: int = 3_000
    campaigns: int = 10
    differs: str = field(default="", compare=False)
    """Why the two kinds of engines differ, by design."""

    @property
    def slide(self):
        return self.slide_ms or self.size_ms


CASES = (
    Case("no event at all", (), ()),
    Case("one event", (view(3, 4 * S),), (Row(0, 3, 1, 0, 0, 4_005, 4 * S),)),
    Case("exactly at the start of a window", (view(0, 0),), (Row(0, 0, 1, 0, 0, 5, 0),)),
    Case("one ns after the start", (view(0, 1),), (Row(0, 0, 1, 0, 0, 5, 1),)),
    Case("one ns before the start", (view(0, -1),), (Row(-10_000, 0, 1, 0, 0, 4, -1),)),
    Case("exactly at the end", (view(0, 10 * S),), (Row(10_000, 0, 1, 0, 0, 10_005, 10 * S),)),
    Case("one ns before the end", (view(0, 10 * S - 1),), (Row(0, 0, 1, 0, 0, 10_004, 10 * S - 1),)),
    Case("one us before the end", (view(0, 10 * S - US),), (Row(0, 0, 1, 0, 0, 10_004, 10 * S - US),)),
    Case("one ms before the end", (view(0, 10 * S - MS),), (Row(0, 0, 1, 0, 0, 10_004, 10 * S - MS),)),
    Case(
        "both sides of an end",
        (view(1, 10 * S - 1), click(1, 10 * S)),
        (Row(0, 1, 1, 0, 0, 10_004, 10 * S - 1), Row(10_000, 1, 0, 1, 0, 10_005, 10 * S)),
    ),
    Case("no views: ctr is null", (click(2, 1 * S), click(2, 2 * S)), (Row(0, 2, 0, 2, 0, 2_005, 2 * S),)),
    Case("purchases only", (purchase(2, 1 * S),), (Row(0, 2, 0, 0, 1, 1_005, 1 * S),)),
    Case("views only", (view(2, 1 * S), view(2, 3 * S)), (Row(0, 2, 2, 0, 0, 3_005, 3 * S),)),
    Case("more clicks than views", (view(2, 1), click(2, 2), click(2, 3)), (Row(0, 2, 1, 2, 0, 5, 3),)),
    Case(
        "a rate without an exact double",
        (view(2, 1), view(2, 2), view(2, 3), click(2, 4), purchase(2, 5)),
        (Row(0, 2, 3, 1, 1, 5, 5),),
    ),
    Case(
        "campaigns do not mix",
        (view(1, 1 * S), click(2, 1 * S), view(1, 2 * S), purchase(2, 2 * S)),
        (Row(0, 1, 2, 0, 0, 2_005, 2 * S), Row(0, 2, 0, 1, 1, 2_005, 2 * S)),
    ),
    Case(
        "an empty window in between leaves no row",
        (view(1, 5 * S), view(1, 25 * S)),
        (Row(0, 1, 1, 0, 0, 5_005, 5 * S), Row(20_000, 1, 1, 0, 0, 25_005, 25 * S)),
    ),
    Case(
        "out of order",
        (view(1, 9 * S), view(1, 12 * S), click(1, 2 * S), view(1, 11 * S)),
        (Row(0, 1, 1, 1, 0, 9_005, 9 * S), Row(10_000, 1, 2, 0, 0, 12_005, 12 * S)),
    ),
    Case(
        "newest by event time and newest by produce time are two events",
        (view(1, 3 * S, produced_ms=9_000), view(1, 8 * S, produced_ms=8_001)),
        (Row(0, 1, 2, 0, 0, 9_000, 8 * S),),
    ),
    Case(
        "the same event twice counts twice",
        (view(1, 3 * S), view(1, 3 * S)),
        (Row(0, 1, 2, 0, 0, 3_005, 3 * S),),
    ),
    Case(
        "one hot campaign",
        (*(view(7, k * MS) for k in range(3000)), *(click(7, k * MS) for k in range(500)), view(8, 1 * S)),
        (Row(0, 7, 3000, 500, 0, 3_004, 2_999 * MS), Row(0, 8, 1, 0, 0, 1_005, 1 * S)),
    ),
    Case(
        "the last of many campaigns",
        (view(0, 1 * S), view(99_999, 1 * S)),
        (Row(0, 0, 1, 0, 0, 1_005, 1 * S), Row(0, 99_999, 1, 0, 0, 1_005, 1 * S)),
        campaigns=100_000,
    ),
    Case(
        "accepted at both ends of the guard",
        (view(1, 0, produced_ms=3_600_000), view(2, 5 * S, produced_ms=0)),
        (Row(0, 1, 1, 0, 0, 3_600_000, 0), Row(0, 2, 1, 0, 0, 0, 5 * S)),
    ),
    Case(
        "a window of 2.5 s",
        (view(1, 2_500 * MS - 1), view(1, 2_500 * MS), view(1, 7_499 * MS)),
        (
            Row(0, 1, 1, 0, 0, 2_504, 2_500 * MS - 1),
            Row(2_500, 1, 1, 0, 0, 2_505, 2_500 * MS),
            Row(5_000, 1, 1, 0, 0, 7_504, 7_499 * MS),
        ),
        size_ms=2_500,
    ),
    Case(
        "a window of 500 ms",
        (view(1, 499_999_999), view(1, 500 * MS)),
        (Row(0, 1, 1, 0, 0, 504, 499_999_999), Row(500, 1, 1, 0, 0, 505, 500 * MS)),
        size_ms=500,
    ),
    Case(
        # 1,760,000,000,000 = 2,514,285,714 * 700 + 200
        "windows start at multiples of their size since 1970, not at the first event",
        (view(1, 499 * MS), view(1, 500 * MS)),
        (Row(-200, 1, 1, 0, 0, 504, 499 * MS), Row(500, 1, 1, 0, 0, 505, 500 * MS)),
        size_ms=700,
    ),
    Case(
        "sliding: an event is in size / slide windows",
        (view(1, 10 * S),),
        tuple(Row(start, 1, 1, 0, 0, 10_005, 10 * S) for start in (2_500, 5_000, 7_500, 10_000)),
        slide_ms=2_500,
    ),
    Case(
        "sliding: one ns before a slide",
        (view(1, 10 * S - 1),),
        tuple(Row(start, 1, 1, 0, 0, 10_004, 10 * S - 1) for start in (0, 2_500, 5_000, 7_500)),
        slide_ms=2_500,
    ),
    Case(
        "sliding: windows overlap",
        (view(1, 0), click(1, 1 * S), view(2, 1 * S)),
        (
            Row(-1_000, 1, 1, 0, 0, 5, 0),
            Row(0, 1, 1, 1, 0, 1_005, 1 * S),
            Row(1_000, 1, 0, 1, 0, 1_005, 1 * S),
            Row(0, 2, 1, 0, 0, 1_005, 1 * S),
            Row(1_000, 2, 1, 0, 0, 1_005, 1 * S),
        ),
        size_ms=2_000,
        slide_ms=1_000,
    ),
    Case(
        # 2026-03-29T01:00:00Z is 14,746,000 s after the origin.
        "clocks are put forward in between",
        (view(1, 14_746_000 * S - 1), view(1, 14_746_000 * S), view(1, 14_749_600 * S)),
        (
            Row(14_745_990_000, 1, 1, 0, 0, 14_746_000_004, 14_746_000 * S - 1),
            Row(14_746_000_000, 1, 1, 0, 0, 14_746_000_005, 14_746_000 * S),
            Row(14_749_600_000, 1, 1, 0, 0, 14_749_600_005, 14_749_600 * S),
        ),
    ),
)

STREAM_CASES = (
    StreamCase(
        "out of order within the delay counts",
        ((view(1, 4 * S), view(1, 12 * S)), (click(1, 9_500 * MS), view(1, 12_900 * MS))),
        (Row(0, 1, 1, 1, 0, 9_505, 9_500 * MS), Row(10_000, 1, 2, 0, 0, 12_905, 12_900 * MS)),
    ),
    StreamCase(
        "beyond the delay is dropped, in a window that is open still it counts",
        (
            (view(1, 4 * S), view(1, 14 * S)),
            (click(1, 9 * S), view(1, 15 * S)),
            (purchase(1, 10_500 * MS), view(2, 16 * S)),
        ),
        (
            Row(0, 1, 1, 0, 0, 4_005, 4 * S),
            Row(10_000, 1, 2, 0, 1, 15_005, 15 * S),
            Row(10_000, 2, 1, 0, 0, 16_005, 16 * S),
        ),
    ),
    StreamCase(
        "the watermark exactly at the end closes the window",
        ((view(1, 4 * S), view(1, 13 * S)), (click(1, 9 * S), view(1, 14 * S))),
        (Row(0, 1, 1, 0, 0, 4_005, 4 * S), Row(10_000, 1, 2, 0, 0, 14_005, 14 * S)),
    ),
    StreamCase(
        "the watermark one us before the end does not",
        ((view(1, 4 * S), view(1, 13 * S - US)), (click(1, 9 * S), view(1, 13_500 * MS))),
        (Row(0, 1, 1, 1, 0, 9_005, 9 * S), Row(10_000, 1, 2, 0, 0, 13_505, 13_500 * MS)),
        differs="the earliest possible emission is 1 ms before the end, for engines that close a window there",
    ),
    StreamCase(
        "sliding windows close one after the other",
        ((view(1, 1_500 * MS), view(1, 4 * S)), (click(1, 2_500 * MS), view(1, 9 * S))),
        (
            Row(0, 1, 1, 0, 0, 1_505, 1_500 * MS),
            Row(1_000, 1, 1, 0, 0, 1_505, 1_500 * MS),
            Row(2_000, 1, 0, 1, 0, 2_505, 2_500 * MS),
            Row(3_000, 1, 1, 0, 0, 4_005, 4 * S),
            Row(4_000, 1, 1, 0, 0, 4_005, 4 * S),
            Row(8_000, 1, 1, 0, 0, 9_005, 9 * S),
            Row(9_000, 1, 1, 0, 0, 9_005, 9 * S),
        ),
        size_ms=2_000,
        slide_ms=1_000,
        delay_ms=1_000,
    ),
    StreamCase(
        "without any delay",
        ((view(1, 1 * S), view(1, 2 * S)), (view(1, 1_900 * MS), view(1, 2_500 * MS))),
        (Row(0, 1, 1, 0, 0, 1_005, 1 * S), Row(2_000, 1, 2, 0, 0, 2_505, 2_500 * MS)),
        size_ms=2_000,
        delay_ms=0,
    ),
)

PARTITION_CASES = (
    PartitionCase(
        "events in turn over two partitions",
        (((0, view(1, 4 * S)), (1, view(2, 5 * S))), ((0, click(1, 9 * S)), (1, view(1, 14 * S)))),
        (Row(0, 1, 1, 1, 0, 9_005, 9 * S), Row(0, 2, 1, 0, 0, 5_005, 5 * S), Row(10_000, 1, 1, 0, 0, 14_005, 14 * S)),
        (Row(0, 1, 1, 1, 0, 9_005, 9 * S), Row(0, 2, 1, 0, 0, 5_005, 5 * S), Row(10_000, 1, 1, 0, 0, 14_005, 14 * S)),
    ),
    PartitionCase(
        "a partition that is behind holds the window open",
        (
            ((0, view(1, 4 * S)), (1, view(1, 5 * S)), (0, view(1, 14 * S))),
            ((1, click(1, 9 * S)), (0, view(1, 15 * S))),
        ),
        (Row(0, 1, 2, 1, 0, 9_005, 9 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        (Row(0, 1, 2, 0, 0, 5_005, 5 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        differs="the watermark of partition 1 is still at 2 s when that of partition 0 has passed the end",
    ),
    PartitionCase(
        "a partition that was never used is idle and holds nothing back",
        (((0, view(1, 4 * S)), (0, view(1, 14 * S))), ((0, click(1, 9 * S)), (0, view(1, 15 * S)))),
        (Row(0, 1, 1, 0, 0, 4_005, 4 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        (Row(0, 1, 1, 0, 0, 4_005, 4 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        idle=(1,),
    ),
    PartitionCase(
        "a partition that wakes with an event of a closed window",
        (((0, view(1, 4 * S)), (0, view(1, 14 * S))), ((1, click(1, 9 * S)), (0, view(1, 15 * S)))),
        (Row(0, 1, 1, 0, 0, 4_005, 4 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        (Row(0, 1, 1, 0, 0, 4_005, 4 * S), Row(10_000, 1, 2, 0, 0, 15_005, 15 * S)),
        idle=(1,),
    ),
)
