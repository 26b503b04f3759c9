"""Open-loop pacing against a clock that tests move and a sender that is a list."""

from __future__ import annotations

from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from windowbench.load.pacing import Pacer, RenderedSlice
from windowbench.load.schedule import NS_PER_MS, NS_PER_S

START = 1_700_000_000 * NS_PER_S


class FakeClock:
    """A wall clock that moves only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[int] = []

    def now_ns(self) -> int:
        return self.now

    def sleep_ns(self, duration_ns: int) -> None:
        self.slept.append(duration_ns)
        self.now += duration_ns


class ListSender:
    """Keeps what is sent; takes `cost_ns` of the clock for each event, and `stall_ns` once for event `stall_at`."""

    def __init__(self, clock: FakeClock, *, cost_ns: int = 0, stall_at: int = -1, stall_ns: int = 0) -> None:
        self.clock, self.cost_ns, self.stall_at, self.stall_ns = clock, cost_ns, stall_at, stall_ns
        self.values: list[bytes] = []
        self.sent_at: list[int] = []
        self.timestamps: list[int] = []

    def send(self, value: bytes, key: bytes, partition: int, timestamp_ms: int) -> None:
        assert key == b"0:%d" % len(self.values)
        assert partition == len(self.values) % 2
        self.sent_at.append(self.clock.now)
        self.clock.now += self.cost_ns + (self.stall_ns if len(self.values) == self.stall_at else 0)
        self.values.append(value)
        self.timestamps.append(timestamp_ms)

    def poll(self) -> None:
        pass


def slices_of(due: list[int], size: int, rendered: list[int] | None = None):
    for start in range(0, len(due), size):
        part = due[start : start + size]
        numbers = range(start, start + len(part))
        if rendered is not None:
            rendered.append(start)
        yield RenderedSlice(
            due_ns=part,
            partitions=[n % 2 for n in numbers],
            keys=[b"0:%d" % n for n in numbers],
            prefixes=[b'{"n":%d,"produce_time":' % n for n in numbers],
        )


def paced(due: list[int], *, size: int = 4, **sender_options: int):
    clock = FakeClock()
    sender = ListSender(clock, **sender_options)
    record: list[tuple[list[int], array[int]]] = []
    Pacer(
        slices_of(due, size), sender, clock, on_slice=lambda d, s: record.append((d, s)), on_tick=lambda _now: None
    ).run()
    return sender, [t for _, sent in record for t in sent], [d for slice_due, _ in record for d in slice_due]


@given(
    gaps=st.lists(st.integers(0, 50 * NS_PER_MS), min_size=1, max_size=60),
    size=st.integers(1, 9),
    cost=st.integers(0, 5 * NS_PER_MS),
)
def test_every_event_is_sent_once_in_order_and_never_before_it_is_due(gaps, size, cost):
    due = []
    at = START
    for gap in gaps:
        at += gap
        due.append(at)
    sender, sent, recorded_due = paced(due, size=size, cost_ns=cost)
    assert recorded_due == due
    assert len(sent) == len(due) == len(sender.values)
    assert all(s >= d for s, d in zip(sent, due, strict=True))
    assert all(b >= a for a, b in pairwise(sent))


def test_event_due_exactly_now_is_sent_without_waiting():
    sender, sent, _ = paced([START])
    assert sent == [START]
    assert sender.clock.slept == []


def test_event_due_one_ns_from_now_is_waited_for():
    _, sent, _ = paced([START + 1])
    assert sent[0] >= START + 1


def test_a_stall_of_the_broker_does_not_move_the_schedule():
    due = [START + n * 10 * NS_PER_MS for n in range(100)]
    _, sent, recorded_due = paced(due, stall_at=10, stall_ns=300 * NS_PER_MS)
    assert recorded_due == due
    late = [s - d for s, d in zip(sent, due, strict=True)]
    assert late[11] > 280 * NS_PER_MS, "the events due in the stall are late"
    assert sent[11:40] == [sent[11]] * 29, "and sent at once when it is over"
    assert late[60] < 2 * NS_PER_MS, "after which the schedule is met again"


def test_produce_time_is_the_hand_over_in_ms_and_the_timestamp_of_the_record():
    sender, sent, _ = paced([START + 1_999_999, START + 2_000_000])
    assert sender.timestamps == [s // NS_PER_MS for s in sent]
    assert sender.values[0] == b'{"n":0,"produce_time":%d}' % (sent[0] // NS_PER_MS)


def test_payloads_are_rendered_about_a_second_ahead_and_not_further():
    due = [START + n * 100 * NS_PER_MS for n in range(100)]
    clock = FakeClock()
    rendered: list[int] = []
    ahead: list[int] = []

    class Watching(ListSender):
        def send(self, value: bytes, key: bytes, partition: int, timestamp_ms: int) -> None:
            super().send(value, key, partition, timestamp_ms)
            ahead.append(due[rendered[-1]] - self.clock.now)

    pacer = Pacer(
        slices_of(due, 2, rendered), Watching(clock), clock, on_slice=lambda *_: None, on_tick=lambda _now: None
    )
    pacer.run()
    assert max(ahead) <= NS_PER_S + 200 * NS_PER_MS
    assert ahead[10] > 700 * NS_PER_MS


def test_an_empty_load_ends_at_once():
    sender, sent, _ = paced([])
    assert sender.values == sent == []
