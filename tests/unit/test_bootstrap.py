import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures import bootstrap
from windowbench.judge.measures.bootstrap import LEAST_WINDOWS, RunSample, block_length, percentile_intervals, too_few
from windowbench.judge.measures.quantiles import nearest_rank


def sample(values, windows):
    return RunSample(values={"x": np.array(values, dtype=np.int64)}, windows=np.array(windows, dtype=np.int64))


def interval(run, percent=90, **how):
    return percentile_intervals(run, percent, **how)["x"]


@pytest.mark.parametrize(("windows", "some"), [(LEAST_WINDOWS - 1, False), (LEAST_WINDOWS, True)])
def test_interval_needs_30_windows(windows, some):
    found = interval(sample(range(windows), range(windows)))
    assert (found is not None) == some
    assert too_few(29) == "29 windows, too few for an interval"


def test_an_empty_run_gives_nothing():
    assert interval(sample([], [])) is None


@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 12), min_size=30, max_size=40),
    percent=st.sampled_from([50, 90, 99]),
)
def test_positions_equal_the_percentile_of_rows_repeated_by_weight(seed, sizes, percent):
    rng = np.random.default_rng(seed)
    windows = np.repeat(np.arange(len(sizes)), sizes)
    values = np.sort(rng.integers(0, 50, len(windows)))
    windows = rng.permutation(windows)
    weights = rng.integers(0, 4, (20, len(sizes))).astype(np.float32)
    weights[:, 0] = 1
    if not len(windows) or sizes[0] == 0:
        return
    search = bootstrap._WeightedSearch(windows, len(sizes))
    found = values[search.positions(weights, percent)]
    for replicate, value in zip(weights.astype(int), found, strict=True):
        assert value == nearest_rank(np.repeat(values, replicate[windows]), percent)


def test_search_through_bins_of_bins_equals_the_search_row_by_row(monkeypatch):
    rng = np.random.default_rng(5)
    windows = rng.integers(0, 60, 5_000)
    weights = bootstrap._block_weights(rng, 50, 60)
    by_row = bootstrap._WeightedSearch(windows, 60)
    monkeypatch.setattr(bootstrap, "_FEW_ROWS", 10_000)
    expected = by_row.positions(weights, 90)
    monkeypatch.setattr(bootstrap, "_FEW_ROWS", 3)
    monkeypatch.setattr(bootstrap, "_BINS", 7)
    assert bootstrap._WeightedSearch(windows, 60).positions(weights, 90).tolist() == expected.tolist()


@pytest.mark.parametrize("size", [1, 2, 7, 30, 31, 64, 1000])
def test_every_replicate_draws_blocks_of_windows_until_it_has_as_many_as_there_were(size):
    rng = np.random.default_rng(3)
    weights = bootstrap._block_weights(rng, 200, size)
    assert (weights.sum(axis=1) == size).all()
    assert (weights >= 0).all()
    assert weights.mean() == 1


def test_windows_are_drawn_in_blocks_of_neighbours():
    size = 1000
    length = block_length(size)
    weights = bootstrap._block_weights(np.random.default_rng(3), 50, size)
    changes = np.count_nonzero(np.diff(weights, axis=1), axis=1)
    assert length == 10
    assert (changes <= 2 * -(-size // length)).all()


def test_equal_arguments_give_equal_intervals_and_another_seed_another():
    rng = np.random.default_rng(1)
    run = sample(rng.integers(0, 10**9, 2_000), np.repeat(np.arange(100), 20))
    assert interval(run) == interval(run)
    assert interval(run) != interval(run, seed=7)


def test_interval_of_identical_rows_has_no_width():
    found = interval(sample([5] * 80, range(80)))
    assert found == (5, 5)


def test_rows_of_one_window_are_not_independent_samples():
    """Windows that differ as a whole make the interval far wider than as many free rows would."""
    rng = np.random.default_rng(9)
    level = rng.normal(0, 1000, 60)
    values = (np.repeat(level, 100) + rng.normal(0, 1, 6_000)).astype(int)
    by_window = interval(sample(values, np.repeat(np.arange(60), 100)), 50)
    as_if_free = interval(sample(values, rng.permutation(6_000)), 50)
    assert np.diff(by_window)[0] > 5 * np.diff(as_if_free)[0]


def test_an_interval_covers_the_true_percentile_about_95_times_in_100():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        level = rng.normal(0, 100, 80)
        values = np.round(np.repeat(level, 5) + rng.normal(0, 100, 400)).astype(int)
        found = interval(sample(values, np.repeat(np.arange(80), 5)), 50, replicates=200)
        covered += found[0] <= 0 <= found[1]
    assert 85 <= covered <= 100
