"""Cases of clicks attributed to impressions, and of anomalies: events in, rows out. Data only.

Times are ms after ``cases.ORIGIN_MS``. Windows are 10 s, the attribution 5 s, the watermark delay 3 s. Every event is
produced 5 ms after it happened. END comes after all batches.
"""

from dataclasses import dataclass, replace

from tests.parity.cases import ORIGIN_MS, RUN_ID

SIZE_MS, ATTRIBUTION_MS, DELAY_MS = 10_000, 5_000, 3_000
APART_MS, SPREAD = 400_000, 100
"""Cases that follow each other in one stream are so far apart, and their campaigns too."""
LATE_MS = 5


@dataclass(frozen=True)
class Shown:
    """An impression."""

    at: int
    impression: str = "i"
    campaign: int = 1
    device: str = "tv"
    user: str = "u"
    cost: int = 10

    @property
    def payload(self):
        return {
            "event_type": "impression",
            "impression_id": self.impression,
            "user_id": self.user,
            "campaign_id": self.campaign,
            "ad_id": "a",
            "device_type": self.device,
            "browser": "safari",
            "cost": self.cost,
            **times(self.at),
        }


@dataclass(frozen=True)
class Click:
    """A click."""

    at: int
    click: str = "c"
    impression: str = "i"

    @property
    def payload(self):
        return {
            "event_type": "click",
            "click_id": self.click,
            "impression_id": self.impression,
            "user_id": "u",
            **times(self.at),
        }


def times(at):
    return {
        "event_timestamp": ORIGIN_MS + at,
        "event_time_ns": (ORIGIN_MS + at) * 1_000_000,
        "produce_time": ORIGIN_MS + at + LATE_MS,
    }


@dataclass(frozen=True)
class Tally:
    """Counts of a campaign or device type in the window that starts `start` ms after the origin."""

    start: int
    impressions: int
    clicks: int
    last: int
    """When its last event happened, in ms after the origin."""
    cost: int = 10
    users: int = 1
    campaign: int = 1
    device: str = "tv"


@dataclass(frozen=True)
class Anomaly:
    """An anomaly of a campaign: what the windows before it lead to expect."""

    start: int
    expected: float
    spread: float
    score: float | None
    campaign: int = 1


@dataclass(frozen=True)
class Case:
    """Batches of events, and every row that must come of them."""

    name: str
    batches: tuple
    tallies: tuple
    anomalies: tuple = ()

    @property
    def rows(self):
        """The rows in order; a tally gives one for its campaign and one for its device type."""
        return sorted([*self._campaigns(), *self._devices(), *self._anomalies()], key=in_order)

    def _campaigns(self):
        for tally in self.tallies:
            per_click = tally.cost / tally.clicks if tally.clicks else None
            yield {
                **self._row("campaign", tally), "campaign_id": tally.campaign, "cost": tally.cost,
                "cost_per_click": per_click,
            }  # fmt: skip

    def _devices(self):
        for tally in self.tallies:
            yield {**self._row("device", tally), "device_type": tally.device, "users": tally.users}

    def _anomalies(self):
        for anomaly in self.anomalies:
            (tally,) = (t for t in self.tallies if (t.start, t.campaign) == (anomaly.start, anomaly.campaign))
            row = self._row("anomaly", tally)
            yield {
                **row, "campaign_id": anomaly.campaign, "expected_ctr": anomaly.expected,
                "deviation": row["ctr"] - anomaly.expected, "standard_deviation": anomaly.spread,
                "score": anomaly.score,
            }  # fmt: skip

    @staticmethod
    def _row(metric, tally):
        return {
            "run_id": RUN_ID,
            "metric": metric,
            "window_start": ORIGIN_MS + tally.start,
            "window_end": ORIGIN_MS + tally.start + SIZE_MS,
            "impressions": tally.impressions,
            "clicks": tally.clicks,
            "ctr": tally.clicks / tally.impressions,
            "max_produce_time": ORIGIN_MS + tally.last + LATE_MS,
        }


def in_order(row):
    return row["metric"], row["window_start"], row.get("campaign_id", 0), row.get("device_type", "")


def windows(rates, impressions=4):
    """Return the events of windows that follow each other: so many of the impressions of each are clicked once."""
    events = []
    for number, clicked in enumerate(rates):
        for i in range(impressions):
            name = f"{number}-{i}"
            events.append(Shown(number * SIZE_MS + i, name))
            if i < clicked:
                events.append(Click(number * SIZE_MS + 100 + i, name, name))
    return (tuple(events),)


def tallies(rates, impressions=4):
    """Return the tallies of :func:`windows`."""
    return tuple(
        Tally(
            number * SIZE_MS,
            impressions,
            clicked,
            number * SIZE_MS + (100 + clicked - 1 if clicked else impressions - 1),
            cost=10 * impressions,
        )
        for number, clicked in enumerate(rates)
    )


SPREAD_OF_FIVE = 0.05477225575051661
"""Sample standard deviation of 0.25, 0.15, 0.25, 0.15, 0.25 is that."""

CASES = (
    Case(
        "a click at either end of the attribution counts, one ms beyond does not",
        (
            (
                Shown(2_000, "a"),
                Shown(2_001, "b"),
                Click(2_000, "at once", "a"),
                Click(7_000, "at the end", "a"),
                Click(2_000, "before", "b"),
                Click(7_002, "beyond", "b"),
            ),
        ),
        (Tally(0, 2, 2, 7_000, cost=20),),
    ),
    Case(
        "a click counts in the window of its impression",
        ((Shown(9_999), Click(14_999)), (Shown(12_500, "next"),)),
        (Tally(0, 1, 1, 14_999), Tally(10_000, 1, 0, 12_500)),
    ),
    Case(
        "of equal clicks one counts, also where it comes in another batch",
        ((Shown(1_000), Click(2_000), Click(2_000)), (Click(2_000), Shown(2_500, "j"), Click(2_600, "d", "j"))),
        (Tally(0, 2, 2, 2_600, cost=20),),
    ),
    Case(
        "two clicks on one impression are two",
        ((Shown(1_000), Click(2_000), Click(2_001, "d")),),
        (Tally(0, 1, 2, 2_001),),
    ),
    Case(
        "an orphan counts nowhere",
        ((Shown(1_000), Click(2_000, "c", "nobody's")),),
        (Tally(0, 1, 0, 1_000),),
    ),
    Case(
        "a click that comes before its impression waits for it",
        ((Shown(500, "first"), Click(2_000)), (Shown(1_000),)),
        (Tally(0, 2, 1, 2_000, cost=20),),
    ),
    Case(
        "clicks begin when windows without any have been emitted",
        (
            (Shown(1_000, "a"),),
            (Shown(21_000, "b"),),
            (Shown(33_000, "c"), Click(33_500, "c", "c")),
        ),
        (Tally(0, 1, 0, 1_000), Tally(20_000, 1, 0, 21_000), Tally(30_000, 1, 1, 33_500)),
    ),
    Case(
        "campaigns and device types apart, users counted once",
        (
            (
                Shown(1_000, "a", 1, "tv", "u"),
                Shown(1_100, "b", 1, "tv", "u"),
                Shown(1_200, "c", 2, "phone", "v"),
                Shown(1_300, "d", 2, "phone", "w", cost=0),
                Click(1_400, "c", "d"),
            ),
        ),
        (Tally(0, 2, 0, 1_100, cost=20), Tally(0, 2, 1, 1_400, users=2, campaign=2, device="phone")),
    ),
    Case(
        "four windows are no history",
        windows([1, 1, 1, 1, 4]),
        tallies([1, 1, 1, 1, 4]),
    ),
    Case(
        "five windows that are all alike: any other rate is an anomaly, without a score",
        windows([1, 1, 1, 1, 1, 2]),
        tallies([1, 1, 1, 1, 1, 2]),
        (Anomaly(50_000, 0.25, 0.0, None),),
    ),
    Case(
        "five windows that are all alike: the same rate is none",
        windows([1, 1, 1, 1, 1, 1]),
        tallies([1, 1, 1, 1, 1, 1]),
    ),
    Case(
        "further than three deviations is an anomaly, and is history for the next",
        windows([5, 3, 5, 3, 5, 9, 9], 20),
        tallies([5, 3, 5, 3, 5, 9, 9], 20),
        (Anomaly(50_000, 0.21, SPREAD_OF_FIVE, 0.24 / SPREAD_OF_FIVE),),
    ),
    Case(
        "below as well, and a window without impressions is no history",
        (tuple(e for e in windows([9, 10, 9, 0, 10, 9, 10, 1], 20)[0] if not 30_000 <= e.at < 40_000),),
        tuple(t for t in tallies([9, 10, 9, 0, 10, 9, 10, 1], 20) if t.start != 30_000),
        (Anomaly(70_000, 0.475, 0.027386127875258307, -0.425 / 0.027386127875258307),),
    ),
)


def moved(event, number):
    """Return an event of a case in a stream of all cases."""
    if isinstance(event, Click):
        return Click(event.at + number * APART_MS, f"{number} {event.click}", f"{number} {event.impression}")
    return replace(
        event,
        at=event.at + number * APART_MS,
        impression=f"{number} {event.impression}",
        campaign=event.campaign + number * SPREAD,
        device=f"{event.device} {number}",
    )


def joined(cases):
    """Return the batches of all cases, one after the other."""
    return [tuple(moved(e, number) for e in batch) for number, case in enumerate(cases) for batch in case.batches]


def part_of(rows, number):
    """Return the rows of one of the cases in their order, as they would be of that case alone."""
    mine = []
    for row in rows:
        if (row["window_start"] - ORIGIN_MS) // APART_MS != number:
            continue
        back = dict(row)
        for name in ("window_start", "window_end", "max_produce_time"):
            back[name] -= number * APART_MS
        if row["metric"] == "device":
            back["device_type"] = row["device_type"].removesuffix(f" {number}")
        else:
            back["campaign_id"] -= number * SPREAD
        mine.append(back)
    return sorted(mine, key=in_order)
