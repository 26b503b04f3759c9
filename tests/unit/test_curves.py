import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.report.curves import (
    band,
    by_time,
    progress_curves,
    quantile_curve,
    rates,
    spectrum_curve,
    spells,
    stacked,
)

values = st.lists(st.floats(-5, 5000), min_size=1, max_size=300)
S = 1_000_000_000


def by_hand(found, share):
    """Return the least value that at least this share of the values do not exceed."""
    return next(v for i, v in enumerate(sorted(found), start=1) if i >= share * len(found) - 1e-9)


# --- distributions ----------------------------------------------------------------------------------------------------


@given(values)
def test_few_values_are_all_in_the_curve_with_the_share_at_or_below_each(found):
    curve = quantile_curve(found)
    assert curve.x.tolist() == sorted(found)
    assert curve.y.tolist() == [i / len(found) for i in range(1, len(found) + 1)]


@given(values, st.integers(10, 50))
def test_a_thinned_curve_is_bounded_keeps_the_extremes_and_each_point_is_a_nearest_rank(found, most):
    curve = quantile_curve(found, most)
    assert len(curve) <= most
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (min(found), max(found), 1)
    for x, y in zip(curve.x, curve.y, strict=True):
        assert x == by_hand(found, y)


@given(values)
def test_a_spectrum_passes_through_the_percentiles_and_ends_at_the_greatest_value(found):
    curve = spectrum_curve(found)
    assert curve.y[-1] == max(found)
    assert (np.diff(curve.y) >= 0).all()
    for x, y in zip(curve.x[::37], curve.y[::37], strict=True):
        assert y == by_hand(found, 1 - 10**-x)


def test_a_spectrum_of_more_values_reaches_further_into_the_tail():
    assert spectrum_curve(np.arange(1000)).x[-1] == pytest.approx(spectrum_curve(np.arange(10)).x[-1] + 2)


@pytest.mark.parametrize("make", [quantile_curve, spectrum_curve])
def test_no_values_give_no_points(make):
    assert len(make([])) == 0


# --- series -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-5, 5)), min_size=1, max_size=200), st.integers(1, 60))
def test_a_band_is_bounded_and_keeps_the_extremes(points, most):
    xs, ys = zip(*points, strict=True)
    found = band(xs, ys, most)
    assert len(found) <= max(most, 1)
    assert (found.low.min(), found.high.max()) == (min(ys), max(ys))
    assert (found.low <= found.mid).all()
    assert (found.mid <= found.high).all()


def test_a_band_leaves_out_what_has_no_value():
    found = band([1, 2, 3], [np.nan, 7, np.nan])
    assert (found.x.tolist(), found.mid.tolist()) == ([2], [7])


def test_one_instant_is_one_bin_however_many_values_it_has():
    found = band([5.0] * 9, range(9), 4)
    assert (found.low.tolist(), found.mid.tolist(), found.high.tolist()) == ([0], [4], [8])


@given(st.lists(st.integers(0, 500), min_size=1, max_size=900), st.integers(1, 300))
def test_rates_are_bounded_and_lose_no_event(counts, most):
    found = rates(range(len(counts)), counts, most)
    width = -(-len(counts) // most)
    lengths = np.diff(np.append(found.x, len(counts)))
    assert len(found) <= most
    assert lengths.max() <= width
    assert np.dot(found.y, lengths) == pytest.approx(sum(counts))


# --- states of the load -----------------------------------------------------------------------------------------------


def test_spells_of_one_state_in_a_row_are_one():
    found = spells([0, 1, 2, 3], [0, 0, 1, 0], 4)
    assert [(s.start, s.end, s.state) for s in found] == [(0, 2, 0), (2, 3, 1), (3, 4, 0)]


@given(st.lists(st.tuples(st.floats(0.01, 3), st.integers(0, 2)), min_size=1, max_size=200), st.integers(1, 40))
def test_spells_are_bounded_and_cover_the_load_without_gaps(path, most):
    lengths, states = zip(*path, strict=True)
    bounds = np.concatenate(([0.0], np.cumsum(lengths)))
    found = spells(bounds[:-1], states, bounds[-1], most)
    assert len(found) <= most
    assert (found[0].start, found[-1].end) == (0, bounds[-1])
    assert all(a.end == b.start and a.state != b.state for a, b in itertools.pairwise(found))


def test_of_too_many_spells_a_piece_gets_the_state_that_holds_longest_in_it():
    found = spells([0, 3, 4, 7], [0, 1, 1, 0], 8, most=2)
    assert [(s.start, s.end, s.state) for s in found] == [(0, 4, 0), (4, 8, 1)]


# --- what the engine said ---------------------------------------------------------------------------------------------


def said(second, **fields):
    return {"type": "progress", "received_ns": second * S, **fields}


def test_watermark_lag_is_the_time_of_a_message_less_its_watermark():
    found = progress_curves([said(12, watermark_ms=9_500), said(13, watermark_ms=None)], 10 * S, 0, 20 * S)
    assert (found.lag.x.tolist(), found.lag.y.tolist()) == ([2], [2.5])


def test_lengths_of_batches_and_checkpoints_are_kept_apart_and_engines_without_have_none():
    messages = [said(1, batch_ms=100), said(2, checkpoint_ms=30), said(3, batch_ms=True), {"type": "ready"}]
    found = progress_curves(messages, 0, 0, 20 * S)
    assert {name: curve.y.tolist() for name, curve in found.work.items()} == {"batch_ms": [100], "checkpoint_ms": [30]}
    assert progress_curves([said(1)], 0, 0, 20 * S).work == {}


def test_what_was_said_before_and_after_the_load_is_left_out():
    messages = [said(second, batch_ms=second) for second in (4, 5, 9, 10)]
    assert progress_curves(messages, 0, 5 * S, 10 * S).work["batch_ms"].y.tolist() == [5, 9]


# --- bars -------------------------------------------------------------------------------------------------------------


def test_parts_of_a_bar_follow_each_other_and_those_below_zero_lie_left_of_it():
    assert stacked([2, -1, 3, -2]) == [(0, 2), (-1, 1), (2, 3), (-3, 2)]


@given(st.lists(st.floats(-100, 100), max_size=6))
def test_the_right_side_of_a_bar_less_its_left_side_is_the_sum(lengths):
    parts = stacked(lengths)
    right = max((start + length for start, length in parts), default=0)
    left = min((start for start, _ in parts), default=0)
    assert max(right, 0) + min(left, 0) == pytest.approx(sum(lengths), abs=1e-9)


def test_windows_of_several_types_are_drawn_as_one_line_over_time():
    found = by_time(
        {
            "metric": ["a", "a", "b", "b"],
            "window_id": [0.0, 1.0, 0.0, 2.0],
            "window_end_ms": [100.0, 200.0, 90.0, 300.0],
            "phase": ["measured", "measured", "warm-up", "cool-down"],
            "excess_p50_ms": [5.0, 6.0, 9.0, None],
            "excess_max_ms": [8.0, 7.0, 20.0, None],
            "closed_by": ["event"] * 4,
        }
    )
    assert found == {
        "window_id": [0.0, 1.0, 2.0],
        "window_end_ms": [100.0, 200.0, 300.0],
        "phase": ["measured", "measured", "cool-down"],
        "excess_p50_ms": [7.0, 6.0, None],
        "excess_max_ms": [20.0, 7.0, None],
    }
