"""The drain: END only after everything was read, over only when every expected row was seen."""

from __future__ import annotations

import itertools

import pytest

from tests.patience import PATIENCE
from windowbench.errors import EngineFailed
from windowbench.orchestrate.drain import drain
from windowbench.orchestrate.live import LiveResults, ResultFigures
from windowbench.workloads.ad_ctr.model import MODEL

EXPECTED = {(0, 1): (5, 5), (0, 2): (3, 4)}


def drained(timeout: float = 5.0, **changes):
    calls: list[str] = []

    def note(name, value):
        calls.append(name)
        return value

    parts = {
        "log_ends": lambda: note("log_ends", {0: 10, 1: 7}),
        "position": lambda: note("position", {0: 10, 1: 7}),
        "write_end": lambda: note("write_end", 123),
        "expected": lambda: note("expected", EXPECTED),
        "missing": lambda _expected: note("missing", []),
        "abort": lambda: None,
        "arrived": lambda: 0,
    } | changes
    return drain(timeout, **parts), calls


def test_end_is_written_after_the_engine_read_all_and_before_the_truth_is_computed():
    result, calls = drained()
    assert calls.index("position") < calls.index("write_end") < calls.index("expected") < calls.index("missing")
    assert result.as_dict()["completed"] is True
    assert result.end_written_ns == 123


def test_end_waits_while_one_partition_is_one_event_short():
    positions = iter([{0: 10, 1: 6}, {0: 10, 1: 6}, {0: 10, 1: 7}])
    seen = []
    result, _ = drained(position=lambda: seen.append(next(positions)) or seen[-1])
    assert len(seen) == 3
    assert result.all_read_ns is not None


def test_a_partition_the_engine_never_mentions_counts_as_unread():
    result, calls = drained(timeout=0.05, position=lambda: {0: 10})
    assert result.all_read_ns is None
    assert "write_end" in calls, "END is written all the same, so that the engine can show what it has"


def test_an_empty_partition_needs_no_position():
    result, _ = drained(log_ends=lambda: {0: 10, 1: 0}, position=lambda: {0: 10})
    assert result.all_read_ns is not None


def test_where_results_tell_end_is_written_once_every_final_value_was_seen_whatever_the_position():
    left = iter([[(0, 1), (0, 2)], [(0, 2)], [], []])
    result, calls = drained(position=lambda: {0: 0, 1: 0}, missing=lambda _e: next(left), results_tell=True)
    assert result.all_read_ns is not None
    assert result.as_dict()["completed"] is True
    assert calls.index("expected") < calls.index("write_end")
    assert calls.count("expected") == 1


def test_where_results_tell_end_is_not_written_while_a_final_value_lacks():
    left = iter([[(0, 2)], [(0, 2)], [], []])
    written = []
    drained(
        position=dict,
        missing=lambda _e: written.append("looked") or next(left),
        write_end=lambda: written.append("END") or 1,
        results_tell=True,
    )
    assert written.index("END") == 3


def test_elsewhere_results_say_nothing_about_what_was_read():
    result, calls = drained(timeout=0.05, position=lambda: {0: 10})
    assert result.all_read_ns is None
    assert calls.index("write_end") < calls.index("missing")


def test_what_is_missing_after_the_time_is_named():
    result, _ = drained(timeout=0.05, missing=lambda _expected: [(0, 2)])
    assert result.as_dict()["completed"] is False
    assert result.as_dict()["missing"] == [[0, 2]]


def test_an_engine_that_has_read_end_and_writes_nothing_more_is_not_waited_for_in_vain():
    rows = iter([0, 1, 2, 3])
    result, _ = drained(
        timeout=PATIENCE, missing=lambda _: [(0, 2)], arrived=lambda: next(rows, 3), silence_seconds=0.05
    )
    assert result.completed_ns is None
    assert result.missing == [(0, 2)]
    assert list(rows) == [], "every row began the silence anew"


def test_an_engine_that_has_not_read_end_is_waited_for():
    ends = iter([{0: 10}, {0: 11}])
    turns = itertools.count()
    result, _ = drained(
        timeout=PATIENCE,
        log_ends=lambda: next(ends),
        position=lambda: {0: 10},
        missing=lambda _: [] if next(turns) > 3 else [(0, 2)],
        silence_seconds=0.0001,
    )
    assert result.completed_ns is not None


def test_a_service_that_dies_ends_the_drain():
    turns = itertools.count()

    def abort():
        if next(turns) > 2:
            raise EngineFailed("engine died")

    with pytest.raises(EngineFailed):
        drained(position=dict, abort=abort)


def row(**changes):
    fields = {"run_id": "r", "window_start": 0, "window_end": 1000, "campaign_id": 1, "events": 5} | changes
    return str(fields).replace("'", '"').encode()


def test_live_results_know_a_row_with_a_right_count_within_its_bounds():
    live = LiveResults("r", MODEL.live, delay_ms=100)
    assert live.missing(EXPECTED) == [(0, 1), (0, 2)]
    live(1500, row())
    live(1500, row(campaign_id=2, events=2))
    assert live.missing(EXPECTED) == [(0, 2)]
    live(1600, row(campaign_id=2, events=4))
    assert live.missing(EXPECTED) == []


@pytest.mark.parametrize("value", [None, b"", b"no json", b"[]", b"7", row(run_id="other"), row(events="five")])
def test_live_results_leave_out_what_is_no_row_of_this_run(value):
    live = LiveResults("r", MODEL.live, delay_ms=100)
    live(1500, value)
    assert live.figures().rows == 0


def test_live_latency_is_over_measured_windows_only():
    live = LiveResults("r", MODEL.live, delay_ms=100)
    live.measure(1000, 3000)
    live(1500, row())
    assert live.figures().p50_ms is None
    live(2350, row(window_start=1000, window_end=2000))
    live(3600, row(window_start=3000, window_end=4000))
    assert live.figures() == ResultFigures(windows=3, rows=3, p50_ms=250, p90_ms=250, max_ms=250)


def test_of_updates_the_latest_count_decides_and_the_live_latency_is_freshness():
    live = LiveResults("r", MODEL.live, delay_ms=100, mode="update")
    live.measure(0, 1000)
    live(700, row(events=3, max_produce_time=650))
    assert live.missing(EXPECTED) == [(0, 1), (0, 2)]
    live(960, row(events=5, max_produce_time=950))
    live.pass_over(8)
    assert live.missing(EXPECTED) == [(0, 2)]
    assert live.figures() == ResultFigures(windows=1, rows=10, p50_ms=10, p90_ms=50, max_ms=50, mode="update")


def test_an_update_that_does_not_say_how_new_it_is_is_left_out():
    live = LiveResults("r", MODEL.live, delay_ms=100, mode="update")
    live(960, row())
    assert live.figures().rows == 0
