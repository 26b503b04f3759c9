import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures.quantiles import (
    PERCENTS,
    DurationHistogram,
    nearest_rank,
    percentiles,
    rank_of,
    window_maxima,
    window_medians,
)
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.figures import Percentiles

numbers = st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=200)


def brute_force(values, percent):
    """Return the least value with at least `percent` % of the values at or below it."""
    return min(
        v for v in values if Fraction(sum(other <= v for other in values), len(values)) >= Fraction(percent, 100)
    )


@given(numbers, st.integers(1, 100))
def test_percentile_equals_brute_force_and_numpy_inverted_cdf(values, percent):
    found = nearest_rank(np.array(values), percent)
    assert found == brute_force(values, percent)
    # NumPy's own rank is q * n in floats; where that product is not exact it may be one off.
    if (percent / 100 * len(values)).is_integer() == (percent * len(values) % 100 == 0):
        assert found == np.quantile(values, percent / 100, method="inverted_cdf")


@pytest.mark.parametrize(
    ("percent", "count", "rank"),
    [
        pytest.param(95, 20, 18, id="exactly at a rank"),
        pytest.param(95, 21, 19, id="just beyond a rank"),
        pytest.param(90, 10, 8, id="9 of 10"),
        pytest.param(99, 100, 98, id="99 of 100"),
        pytest.param(99, 99, 98, id="99 of 99 is the greatest"),
        pytest.param(50, 1, 0, id="a single value"),
    ],
)
def test_rank(percent, count, rank):
    assert rank_of(percent, count) == rank


def test_no_values_have_no_percentile():
    assert percentiles(np.array([], dtype=np.int64)) == Percentiles(p50=None, p90=None, p95=None, p99=None, max=None)
    with pytest.raises(ValueError, match="no percentile"):
        rank_of(50, 0)


@pytest.mark.parametrize(("count", "expected"), [(999, None), (1_000, 998), (1_001, 999), (2_000, 1_997)])
def test_p99_9_is_that_of_1000_values_or_more(count, expected):
    assert percentiles(np.arange(count)[::-1] * NS_PER_MS).p99_9 == expected


@given(numbers)
def test_all_percentiles_at_once_equal_single_ones(values):
    found = percentiles(np.array(values))
    assert found.max == max(values) / NS_PER_MS
    assert [getattr(found, f"p{p}") for p in PERCENTS] == [brute_force(values, p) / NS_PER_MS for p in PERCENTS]


rows = st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(-5, 5) | st.just(10**6)), max_size=60)


@given(rows)
def test_maxima_and_medians_of_each_window(pairs):
    values = np.array([v for v, _ in pairs], dtype=np.int64)
    windows = np.array([w for _, w in pairs], dtype=np.int64)
    ids = sorted(set(windows.tolist()))
    members = {i: sorted(v for v, w in pairs if w == i) for i in ids}
    found_ids, greatest = window_maxima(values, windows)
    assert (found_ids.tolist(), greatest.tolist()) == (ids, [members[i][-1] for i in ids])
    found_ids, medians = window_medians(values, windows)
    assert found_ids.tolist() == ids
    assert medians.tolist() == [members[i][math.ceil(len(members[i]) / 2) - 1] for i in ids]


@given(st.lists(st.integers(-(10**6), 3 * 10**9), min_size=1, max_size=100))
def test_histogram_is_never_below_the_exact_percentile_and_at_most_a_bin_above(values):
    histogram = DurationHistogram()
    for start in range(0, len(values), 7):
        histogram.add(np.array(values[start : start + 7]))
    assert (histogram.count, histogram.least_ns, histogram.greatest_ns) == (len(values), min(values), max(values))
    for percent in PERCENTS:
        exact = max(brute_force(values, percent), 0)
        bin_ns = 1_000 if exact < 10**9 else 1_000_000
        assert min(exact, max(values)) <= histogram.percentile_ns(percent) <= exact + bin_ns


def test_histogram_of_nothing_has_no_percentile():
    histogram = DurationHistogram()
    histogram.add(np.array([], dtype=np.int64))
    assert histogram.percentile_ns(50) is None
    assert histogram.greatest_ns is None


def test_histogram_keeps_the_greatest_of_durations_beyond_its_bins():
    histogram = DurationHistogram()
    histogram.add(np.array([10**16]))
    assert histogram.percentile_ns(99) == 10**12
    assert histogram.greatest_ns == 10**16
