import numpy as np
import pytest

from tests.unit.synthetic_run import NOW_NS, scheduled, small_config
from windowbench.judge.truth import replay
from windowbench.judge.truth.replay import UNSENT, TwoLooks, scheduled_events
from windowbench.load.schedule import plan


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(replay, "_BLOCKS_AT_A_TIME", 2)


def replayed(config, sent=None):
    schedule = plan(config, NOW_NS)
    blocks = list(scheduled_events(config, schedule) if sent is None else scheduled_events(config, schedule, sent))
    return schedule, blocks


def test_replay_gives_every_event_of_every_producer_in_due_order_once():
    config = small_config(rate=800.0, duration_seconds=4.0, num_producers=2)
    schedule, blocks = replayed(config)
    expected = scheduled(config, schedule)
    for producer in range(2):
        own = [b for b in blocks if b.producer == producer]
        assert len(own) > 1
        assert [b.first for b in own] == np.cumsum([0, *(len(b.due_ns) for b in own)])[:-1].tolist()
        due = np.concatenate([b.due_ns for b in own])
        assert due.tolist() == [e.due for e in expected if e.producer == producer]
        assert np.concatenate([b.event_time_ns for b in own]).tolist() == [
            e.time for e in expected if e.producer == producer
        ]


def test_send_times_stay_with_their_events_however_the_file_is_cut_up():
    config = small_config(rate=800.0, duration_seconds=4.0)

    def sent(_producer):
        start = 0
        for size in (1, 7, 0, 3_000, 3, 100_000):
            yield np.arange(start, start + size, dtype=np.int64)
            start += size

    _, blocks = replayed(config, sent)
    for block in blocks:
        assert block.sent_ns.tolist() == list(range(block.first, block.first + len(block.due_ns)))


def test_events_beyond_the_recorded_send_times_count_as_unsent():
    _, blocks = replayed(small_config(), lambda _producer: iter([np.array([11, 12], dtype=np.int64)]))
    for block in blocks:
        if block.first == 0:
            assert block.sent_ns[:2].tolist() == [11, 12]
            assert set(block.sent_ns[2:].tolist()) == {UNSENT}


@pytest.mark.parametrize("most_remembered", [0, 3_000, 1 << 22])
def test_both_looks_at_a_load_show_the_same_events_whether_remembered_or_made_again(monkeypatch, most_remembered):
    monkeypatch.setattr(replay, "_MOST_REMEMBERED", most_remembered)
    config = small_config(rate=800.0, duration_seconds=4.0, num_producers=3)
    schedule = plan(config, NOW_NS)

    def sent(producer):
        return iter([np.arange(5_000, dtype=np.int64) + producer * 10**6])

    load = TwoLooks(config, schedule)
    first = list(load.at_schedule())
    second = list(load.beside(sent))
    expected = list(scheduled_events(config, schedule, sent))
    assert len(first) == len(second) == len(expected) >= 6
    for before, now, right in zip(first, second, expected, strict=True):
        assert (now.producer, now.first) == (right.producer, right.first)
        assert now.sent_ns.tolist() == right.sent_ns.tolist()
        assert now.due_ns.tolist() == before.due_ns.tolist() == right.due_ns.tolist()
        assert set(before.sent_ns.tolist()) == {UNSENT}
