"""How far approximate counts are from the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.approximation import count_error, error_of, error_remarks, nearest_counts
from windowbench.judge.truth.comparison import Comparison, ErrorFigures
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.verdict.verdict import approximation_reasons

COUNTS = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=40)


def columns(pairs):
    return (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))


def test_errors_are_parts_of_the_true_number_and_those_above_and_below_it_make_up_for_each_other_in_the_bias():
    found = np.array([110, 95, 100, 24, 300])
    true = np.array([100, 100, 100, 20, 400])
    # + 10, - 5, 0, + 20, - 25 %
    assert error_of(found, true) == ErrorFigures(rows=5, p50=10.0, p90=25.0, max=25.0, bias=0.0)
    assert error_of(found[:2], true[:2]) == ErrorFigures(rows=2, p50=5.0, p90=10.0, max=10.0, bias=2.5)


def test_of_no_rows_there_is_no_error():
    assert error_of(np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == ErrorFigures(rows=0)


@given(COUNTS)
def test_so_many_rows_are_no_further_off_than_their_percentile(pairs):
    found, true = columns(pairs)
    figures = error_of(found, true)
    off = [abs(one - right) / right * 100 for one, right in pairs]
    for share, bound in ((0.5, figures.p50), (0.9, figures.p90), (1.0, figures.max)):
        within = sum(one <= bound * (1 + 1e-12) for one in off)
        assert within >= share * len(pairs)
        assert any(one == pytest.approx(bound, rel=1e-12) for one in off), "an error that occurred"
    assert abs(figures.bias) <= figures.max * (1 + 1e-12)


@given(COUNTS)
def test_exact_counts_have_no_error(pairs):
    _, true = columns(pairs)
    assert error_of(true, true) == ErrorFigures(rows=len(pairs), p50=0.0, p90=0.0, max=0.0, bias=0.0)


def near(low, high, share=0.25):
    least, most = nearest_counts(np.array([low]), np.array([high]), share)
    return int(least[0]), int(most[0])


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        pytest.param(1000, 1000, (750, 1250), id="a quarter of the true number"),
        pytest.param(1000, 1200, (750, 1500), id="of the least and of the greatest where it is a set"),
        pytest.param(7, 7, (6, 8), id="a quarter, whole"),
        pytest.param(3, 3, (2, 4), id="off by one of a handful"),
        pytest.param(1, 1, (1, 2), id="a row counts something"),
        pytest.param(0, 2, (1, 3), id="also where nothing must count"),
    ],
)
def test_an_approximate_count_is_within_a_share_of_the_true_one_or_off_by_one(low, high, bounds):
    assert near(low, high) == bounds


@given(st.integers(1, 10**6), st.floats(0.001, 1))
def test_the_true_count_is_near_and_a_greater_share_allows_no_less(true, share):
    low, high = near(true, true, share)
    assert 1 <= low <= true <= high
    assert high - true == max(int(share * true), 1)
    wider = near(true, true, min(2 * share, 1.0))
    assert wider[0] <= low
    assert wider[1] >= high


@pytest.mark.parametrize(
    ("p50", "greatest", "codes"),
    [
        (12.5, 0.25, []),
        (12.6, 0.25, ["approximation_too_coarse"]),
        (12.6, 0.3, []),
        (None, 0.25, []),
    ],
)
def test_the_median_error_has_half_the_bound(p50, greatest, codes):
    reasons = approximation_reasons({"users": ErrorFigures(rows=40, p50=p50)}, greatest)
    assert [reason.code for reason in reasons] == codes
    assert all(reason.party == "engine" for reason in reasons)


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
    found = count_error("users", rows, comparison, first=1, low=low, high=high)
    assert found == ErrorFigures(rows=2, p50=10.0, p90=25.0, max=25.0, bias=-7.5)


def test_the_report_words_every_figure_that_there_is():
    found = ErrorFigures(rows=2, p50=10.0, p90=25.0, max=25.0, bias=-7.5)
    assert error_remarks({"users": found, "others": ErrorFigures(rows=0)}) == {
        "approximate users: rows": 2,
        "approximate users: error P50, %": 10.0,
        "approximate users: error P90, %": 25.0,
        "approximate users: error max, %": 25.0,
        "approximate users: bias (mean signed error), %": -7.5,
        "approximate others: rows": 0,
    }
