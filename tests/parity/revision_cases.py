"""Cases of windows that late events revise: events in, first values and revisions out. Data only.

Times are ns after ``cases.ORIGIN_MS``. The last event of a batch moves the watermark; END comes after all batches. At
most one event of a batch revises a result, so that engines that gather such events say the same as those that do not.
"""

from dataclasses import dataclass, replace

from tests.parity.cases import MS, ORIGIN_MS, RUN_ID, S
from windowbench.workloads.product_ctr.settings import KINDS


@dataclass(frozen=True)
class ProductEvent:
    """An event, produced 5 ms after its event time, or later."""

    kind: str
    product: int
    at: int
    late_ms: int = 5

    @property
    def event_time_ns(self):
        return ORIGIN_MS * MS + self.at

    @property
    def produce_ms(self):
        return self.event_time_ns // MS + self.late_ms

    @property
    def payload(self):
        return {
            "event_id": "0:0",
            "event_type": self.kind,
            "product_id": self.product,
            "user_id": "7b0f8f5e-3c54-4a0c-9a3e-5a7f0c6a1d11",
            "event_time_ns": self.event_time_ns,
            "produce_time": self.produce_ms,
        }


@dataclass(frozen=True)
class Value:
    """What is not a matter of arithmetic in a row; `start` is in ms after the origin."""

    start: int
    product: int
    revision: int
    impressions: int
    clicks: int
    last_produced_ms: int


@dataclass(frozen=True)
class RevisionCase:
    """Batches of events, and every row that must come of them."""

    name: str
    batches: tuple
    values: tuple
    size_ms: int = 10_000
    slide_ms: int = 10_000
    delay_ms: int = 3_000
    lateness_ms: int = 5_000

    @property
    def rows(self):
        return sorted((self._row(value) for value in self.values), key=in_order)

    def _row(self, value):
        return {
            "run_id": RUN_ID,
            "product_id": value.product,
            "window_start": ORIGIN_MS + value.start,
            "window_end": ORIGIN_MS + value.start + self.size_ms,
            "impressions": value.impressions,
            "clicks": value.clicks,
            "revision": value.revision,
            "max_produce_time": ORIGIN_MS + value.last_produced_ms,
            "ctr": value.clicks / value.impressions if value.impressions else None,
        }


def in_order(row):
    return row["window_start"], row["product_id"], row["revision"]


def impression(product, at, late_ms=5):
    return ProductEvent(KINDS[0], product, at, late_ms)


def click(product, at, late_ms=5):
    return ProductEvent(KINDS[1], product, at, late_ms)


REVISION_CASES = (
    RevisionCase("no event at all", ((),), ()),
    RevisionCase(
        "on time: one value, and END gives the last",
        ((impression(1, 4 * S), click(1, 5 * S), impression(1, 13 * S)),),
        (Value(0, 1, 0, 1, 1, 5_005), Value(10_000, 1, 0, 1, 0, 13_005)),
    ),
    RevisionCase(
        "behind the watermark within the lateness: revised",
        ((impression(1, 4 * S), impression(1, 13 * S)), (click(1, 9 * S, 5_000), impression(1, 14 * S))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(0, 1, 1, 1, 1, 14_000), Value(10_000, 1, 0, 2, 0, 14_005)),
    ),
    RevisionCase(
        "revised again and again, the number rising by one",
        (
            (impression(1, 4 * S), impression(1, 13 * S)),
            (click(1, 9 * S), impression(1, 14 * S)),
            (impression(1, 1 * S), impression(1, 15 * S)),
            (click(1, 3 * S), impression(1, 16 * S)),
        ),
        (
            Value(0, 1, 0, 1, 0, 4_005),
            Value(0, 1, 1, 1, 1, 9_005),
            Value(0, 1, 2, 2, 1, 9_005),
            Value(0, 1, 3, 2, 2, 9_005),
            Value(10_000, 1, 0, 4, 0, 16_005),
        ),
    ),
    RevisionCase(
        "the watermark exactly the lateness beyond the end: dropped",
        ((impression(1, 4 * S), impression(1, 18 * S)), (click(1, 9 * S), impression(1, 19 * S))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(10_000, 1, 0, 2, 0, 19_005)),
    ),
    RevisionCase(
        "the watermark two ms before that: revised",
        ((impression(1, 4 * S), impression(1, 17_998 * MS)), (click(1, 9 * S), impression(1, 18_500 * MS))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(0, 1, 1, 1, 1, 9_005), Value(10_000, 1, 0, 2, 0, 18_505)),
    ),
    RevisionCase(
        "older than delay and lateness together, in a window that is not final: revised",
        ((impression(1, 4 * S), impression(1, 17 * S)), (click(1, 500 * MS), impression(1, 17_500 * MS))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(0, 1, 1, 1, 1, 4_005), Value(10_000, 1, 0, 2, 0, 17_505)),
    ),
    RevisionCase(
        "behind the watermark in a window that is open: part of the first value",
        ((impression(1, 4 * S), impression(1, 14 * S)), (click(1, 10_500 * MS), impression(1, 15 * S))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(10_000, 1, 0, 2, 1, 15_005)),
    ),
    RevisionCase(
        "all events of a result late: its first value is number 0",
        ((impression(1, 4 * S), impression(1, 13 * S)), (click(2, 9 * S), impression(1, 14 * S))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(0, 2, 0, 0, 1, 9_005), Value(10_000, 1, 0, 2, 0, 14_005)),
    ),
    RevisionCase(
        "clicks before their impressions: the rate is null, then revised",
        ((click(1, 4 * S), impression(2, 13 * S)), (impression(1, 9 * S), impression(2, 14 * S))),
        (Value(0, 1, 0, 0, 1, 4_005), Value(0, 1, 1, 1, 1, 9_005), Value(10_000, 2, 0, 2, 0, 14_005)),
    ),
    RevisionCase(
        "no click at all: a rate of 0, revised or not",
        ((impression(1, 4 * S), impression(1, 13 * S)), (impression(1, 9 * S), impression(1, 14 * S))),
        (Value(0, 1, 0, 1, 0, 4_005), Value(0, 1, 1, 2, 0, 9_005), Value(10_000, 1, 0, 2, 0, 14_005)),
    ),
    RevisionCase(
        "no impression at all: no rate, revised or not",
        ((click(1, 4 * S), click(1, 13 * S)), (click(1, 9 * S), click(1, 14 * S))),
        (Value(0, 1, 0, 0, 1, 4_005), Value(0, 1, 1, 0, 2, 9_005), Value(10_000, 1, 0, 0, 2, 14_005)),
    ),
    RevisionCase(
        "clicks begin when two windows have been emitted: the first revises the one that is not final",
        (
            (impression(1, 4 * S), impression(1, 13 * S)),
            (impression(1, 23 * S),),
            (click(1, 19 * S), click(1, 24 * S)),
            (click(1, 25 * S), impression(1, 33 * S)),
        ),
        (
            Value(0, 1, 0, 1, 0, 4_005),
            Value(10_000, 1, 0, 1, 0, 13_005),
            Value(10_000, 1, 1, 1, 1, 19_005),
            Value(20_000, 1, 0, 1, 2, 25_005),
            Value(30_000, 1, 0, 1, 0, 33_005),
        ),
    ),
    RevisionCase(
        "sliding windows: one is revised, the next not yet emitted",
        ((impression(1, 1_500 * MS), impression(1, 3 * S)), (click(1, 1_700 * MS), impression(1, 3_100 * MS))),
        (
            Value(0, 1, 0, 1, 0, 1_505),
            Value(0, 1, 1, 1, 1, 1_705),
            Value(1_000, 1, 0, 1, 1, 1_705),
            Value(2_000, 1, 0, 2, 0, 3_105),
            Value(3_000, 1, 0, 2, 0, 3_105),
        ),
        size_ms=2_000,
        slide_ms=1_000,
        delay_ms=1_000,
        lateness_ms=2_000,
    ),
)

APART_MS, SPREAD = 100_000, 100
"""Cases that follow each other in one stream are so far apart, and their products too."""


def shape(case):
    """Return what cases must have in common to follow each other in one stream."""
    return case.size_ms, case.slide_ms, case.delay_ms, case.lateness_ms


def joined(cases):
    """Return one case in which cases of one shape follow each other; the next one ends what is open of the last."""
    batches = []
    for number, case in enumerate(cases):
        for batch in case.batches:
            moved = (replace(e, product=e.product + number * SPREAD, at=e.at + number * APART_MS * MS) for e in batch)
            batches.append(tuple(moved))
    return replace(cases[0], name="joined", batches=tuple(filter(None, batches)), values=())


def part_of(rows, number):
    """Return the rows of one of the cases in the order of :func:`in_order`, as they would be of that case alone."""
    times = ("window_start", "window_end", "max_produce_time")
    mine = [row for row in rows if row["product_id"] // SPREAD == number]
    moved = [
        {name: value - number * APART_MS if name in times else value for name, value in row.items()} for row in mine
    ]
    return sorted((row | {"product_id": row["product_id"] % SPREAD} for row in moved), key=in_order)
