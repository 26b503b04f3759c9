"""How far approximate counts are from the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.approximation import approximation_remarks, counts_something, error_figures
from windowbench.judge.truth.comparison import Comparison
from windowbench.judge.truth.rows import ParsedRows

P50, P90, MOST, BIAS = "error P50, %", "error P90, %", "error max, %", "bias (mean signed error), %"
COUNTS = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=40)


def columns(pairs):
    return (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))


def test_errors_are_parts_of_the_true_number_and_those_above_and_below_it_make_up_for_each_other_in_the_bias():
    found = np.array([110, 95, 100, 24, 300])
    true = np.array([100, 100, 100, 20, 400])
    # + 10, - 5, 0, + 20, - 25 %
    assert error_figures(found, true) == {"rows": 5, P50: 10.0, P90: 25.0, MOST: 25.0, BIAS: 0.0}
    assert error_figures(found[:2], true[:2]) == {"rows": 2, P50: 5.0, P90: 10.0, MOST: 10.0, BIAS: 2.5}


def test_of_no_rows_there_is_no_error():
    assert error_figures(np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == {"rows": 0}


@given(COUNTS)
def test_so_many_rows_are_no_further_off_than_their_percentile(pairs):
    found, true = columns(pairs)
    figures = error_figures(found, true)
    off = [abs(one - right) / right * 100 for one, right in pairs]
    for share, name in ((0.5, P50), (0.9, P90), (1.0, MOST)):
        within = sum(one <= figures[name] * (1 + 1e-12) for one in off)
        assert within >= share * len(pairs)
        assert any(one == pytest.approx(figures[name], rel=1e-12) for one in off), "an error that occurred"
    assert abs(figures[BIAS]) <= figures[MOST] * (1 + 1e-12)


@given(COUNTS)
def test_exact_counts_have_no_error(pairs):
    _, true = columns(pairs)
    assert error_figures(true, true) == {"rows": len(pairs), P50: 0.0, P90: 0.0, MOST: 0.0, BIAS: 0.0}


def test_a_count_of_something_is_at_least_one():
    assert counts_something(np.array([-1, 0, 1, 10**9])).tolist() == [False, False, True, True]


def test_rows_count_that_are_right_and_whose_true_number_is_one_value():
    #           of another type; right; no row; may be 10 or 11; no event at all; right
    row_of_cell = np.array([3, 2, -1, 0, 4, 1])
    low, high = np.array([10, 10, 10, 0, 40]), np.array([10, 10, 11, 0, 40])
    comparison = Comparison(
        classes=np.zeros(5, dtype=np.uint8),
        cells=np.array([3, 5, 1, 0, 4]),
        explained=np.zeros(5, dtype=np.bool_),
        row_of_cell=row_of_cell,
        missing=np.array([2]),
        missing_explained=np.array([False]),
    )
    rows = ParsedRows(
        kind=np.zeros(5, dtype=np.uint8), integers={"users": np.array([10, 30, 11, 77, 5]), "x": np.ones(5)}, doubles={}
    )
    found = approximation_remarks("users", rows, comparison, first=1, low=low, high=high)
    assert found == {
        f"approximate users: {name}": value
        for name, value in {"rows": 2, P50: 10.0, P90: 25.0, MOST: 25.0, BIAS: -7.5}.items()
    }
