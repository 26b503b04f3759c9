import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures.steady_state import LEAST_POINTS, grows, theil_sen, trend_note


def line(slope, n=30, noise=0.0, seed=1):
    x = np.arange(n, dtype=float)
    return x, slope * x + np.random.default_rng(seed).normal(0, noise, n) if noise else slope * x


@pytest.mark.parametrize(("points", "some"), [(LEAST_POINTS - 1, False), (LEAST_POINTS, True)])
def test_slope_needs_5_points(points, some):
    assert (theil_sen(*line(1.0, points)) is not None) == some


@given(st.floats(-1e3, 1e3), st.integers(5, 40))
def test_a_straight_line_has_its_own_slope_and_no_width(slope, n):
    found = theil_sen(*line(slope, n))
    assert found.estimate == pytest.approx(slope, abs=1e-9)
    assert found.low == pytest.approx(found.high, abs=1e-9)


@pytest.mark.parametrize(
    ("slope", "grown"),
    [
        pytest.param(10.0, False, id="exactly at 10 ms per s"),
        pytest.param(10.001, True, id="just above"),
        pytest.param(-50.0, False, id="falling"),
    ],
)
def test_growth_is_a_lower_bound_above_10_ms_per_s(slope, grown):
    assert grows(theil_sen(*line(slope))) == grown


@pytest.mark.parametrize(
    ("points", "slope", "grown"),
    [
        pytest.param(5, 249.9, False, id="five that grew by less than a second in all"),
        pytest.param(5, 250.1, True, id="by more"),
        pytest.param(9, 124.9, False, id="nine"),
        pytest.param(9, 125.1, True, id="nine, by more"),
        pytest.param(10, 10.1, True, id="ten, by anything above the limit"),
    ],
)
def test_few_points_must_have_grown_by_a_second_in_all(points, slope, grown):
    assert grows(theil_sen(*line(slope, points))) == grown


def test_windows_that_meet_batches_later_and_later_do_not_grow():
    """A batch of 1.1 s against windows of 2 s: the wait for the next batch shifts by 0.2 s from window to window."""
    x = 2.0 * np.arange(6)
    waits = (1.1 - x % 1.1) * 1000
    assert not any(grows(theil_sen(x, sign * waits)) for sign in (1, -1))


def test_no_slope_is_no_growth():
    assert not grows(None)


def test_noise_around_a_level_is_no_growth_even_where_the_estimate_is_steep():
    x, y = line(0.0, n=10, noise=500.0, seed=3)
    assert not grows(theil_sen(x, y))


def test_one_long_pause_does_not_make_a_trend():
    x, y = line(0.0, n=12, noise=1.0)
    y[-1] += 30_000
    found = theil_sen(x, y)
    assert abs(found.estimate) < 1
    assert not found.trends


def test_growth_hidden_in_noise_is_found_with_enough_points():
    assert grows(theil_sen(*line(20.0, n=60, noise=200.0)))


def test_lower_bound_is_exceeded_by_chance_about_5_times_in_100():
    rng = np.random.default_rng(8)
    x = np.arange(20, dtype=float)
    above = sum(theil_sen(x, rng.normal(0, 1, 20)).low > 0 for _ in range(600))
    assert 10 <= above <= 50


def test_many_points_are_thinned_and_the_slope_stays():
    found = theil_sen(*line(3.0, n=5_000))
    assert found.points <= 600
    assert found.estimate == pytest.approx(3.0)


def test_points_at_one_instant_have_no_slope():
    assert theil_sen(np.zeros(20), np.arange(20.0)) is None


@pytest.mark.parametrize(
    ("slope", "words"), [(-35.0, "still fall: -35.0 ms/s"), (35.0, "still rise: +35.0 ms/s"), (0.0, "no trend")]
)
def test_note_says_in_words_whether_measured_windows_trend(slope, words):
    assert words in trend_note(theil_sen(*line(slope)), 30)


def test_note_says_when_there_are_too_few_windows():
    assert trend_note(None, 4) == "4 windows, too few to see a trend"
