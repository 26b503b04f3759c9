"""How sure a difference of two arms is; the acceptance of the statistics by simulation with fixed seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures.bootstrap import RunSample, percentile_replicates
from windowbench.judge.measures.difference import (
    LEAST_REPEATS,
    Level,
    RunFigure,
    arm_figure,
    difference,
    level_of,
    mann_whitney,
)
from windowbench.judge.measures.quantiles import nearest_rank

WITHIN_CV, BETWEEN_CV, LAG_1 = 0.15, 0.03, 0.3
TYPICAL_NS = 100_000_000


def log_normal_sigma(cv):
    return np.sqrt(np.log(1 + cv**2))


def latencies(rng, runs, windows, between_cv=BETWEEN_CV):
    """One latency a window: log-normal, neighbours correlated, with a factor of its own for each run."""
    noise = rng.normal(size=(runs, windows))
    level = noise[:, 0]
    columns = [level]
    for i in range(1, windows):
        level = LAG_1 * level + np.sqrt(1 - LAG_1**2) * noise[:, i]
        columns.append(level)
    of_run = rng.normal(size=(runs, 1)) * log_normal_sigma(between_cv)
    return TYPICAL_NS * np.exp(log_normal_sigma(WITHIN_CV) * np.column_stack(columns) + of_run)


def figures(values, percent, replicates=200):
    """One figure a run, each drawn with a stream of its own."""
    found = []
    for number, run in enumerate(np.round(values).astype(np.int64)):
        sample = RunSample(values={"x": run}, windows=np.arange(len(run)))
        drawn = percentile_replicates(sample, (percent,), replicates=replicates, seed=number)["x"][percent]
        found.append(RunFigure(value=nearest_rank(run, percent), replicates=drawn))
    return found


def simulate(pairs, *, percent, runs=5, windows=60, shift=1.1, replicates=200, between_cv=BETWEEN_CV):
    """Return how many A/A pairs look different, and how many pairs with a shift do."""
    false_alarms = found = 0
    for seed in range(pairs):
        rng = np.random.default_rng(seed)
        base, same, other = (
            figures(factor * latencies(rng, runs, windows, between_cv), percent, replicates)
            for factor in (1.0, 1.0, shift)
        )
        false_alarms += difference(base, same).absolute.excludes_zero
        found += difference(base, other).absolute.excludes_zero
    return false_alarms, found


def test_few_false_alarms_and_a_shift_of_a_tenth_found_in_a_few_pairs():
    false_alarms, found = simulate(60, percent=50)
    assert false_alarms <= 6
    assert found >= 50


@pytest.mark.all
def test_at_most_16_false_alarms_in_200_pairs_and_a_shift_of_a_tenth_found_in_9_of_10():
    false_alarms, found = simulate(200, percent=50, replicates=1000)
    assert false_alarms <= 16
    assert found >= 180


@pytest.mark.all
@pytest.mark.parametrize(("runs", "between_cv"), [(3, 0.0), (3, 0.03), (3, 0.12), (5, 0.12), (10, 0.03)])
@pytest.mark.parametrize("percent", [50, 90])
def test_false_alarms_stay_few_whatever_the_runs_and_their_spread(runs, between_cv, percent):
    false_alarms, _ = simulate(200, percent=percent, runs=runs, between_cv=between_cv)
    assert false_alarms <= 20


def runs_of(values, spread=1.0, replicates=400, seed=1):
    rng = np.random.default_rng(seed)
    return [RunFigure(value=v, replicates=v + spread * rng.normal(size=replicates)) for v in values]


@pytest.mark.parametrize(
    ("base", "arm", "level"),
    [
        (LEAST_REPEATS, LEAST_REPEATS, Level.BETWEEN),
        (LEAST_REPEATS - 1, LEAST_REPEATS, Level.WITHIN),
        (LEAST_REPEATS, 1, Level.WITHIN),
    ],
)
def test_three_repeats_in_both_arms_are_needed_to_speak_of_the_spread_between_runs(base, arm, level):
    found = difference(runs_of([100.0] * base), runs_of([110.0] * arm))
    assert found.level == level
    assert level_of(runs_of([1.0] * base), runs_of([1.0] * arm)) == level


def test_the_figure_of_an_arm_is_the_mean_of_its_runs():
    assert arm_figure(runs_of([10.0, 20.0, 60.0])).value == 30.0
    assert difference(runs_of([10.0, 20.0]), runs_of([40.0])).absolute.value == 25.0


def test_the_change_is_a_share_of_the_base():
    found = difference(runs_of([200.0] * 3), runs_of([250.0] * 3))
    assert found.relative.value == pytest.approx(0.25)
    assert found.relative.low < 0.25 < found.relative.high


@pytest.mark.parametrize("base", [[0.0], [-5.0], [0.5]])
def test_there_is_no_share_of_a_base_that_is_not_surely_above_zero(base):
    assert difference(runs_of(base), runs_of([10.0])).relative is None


def test_within_runs_the_spread_between_them_does_not_count():
    near, far = runs_of([100.0, 100.0]), runs_of([80.0, 120.0])
    base = runs_of([100.0, 100.0], seed=2)
    widths = [found.high - found.low for found in (difference(base, arm).absolute for arm in (near, far))]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)


def test_with_few_runs_that_differ_the_interval_is_that_of_students_t():
    """Three and three runs, no noise within: the bootstrap alone would be less than half as wide."""
    base, arm = runs_of([90.0, 100.0, 110.0], spread=1e-6), runs_of([95.0, 100.0, 105.0], spread=1e-6)
    found = difference(base, arm).absolute
    variance = 100 / 3 + 25 / 3
    freedom = variance**2 / ((100 / 3) ** 2 / 2 + (25 / 3) ** 2 / 2)
    quantile = 3.22  # of Student's t at 97.5 % with 2.94 degrees of freedom
    assert freedom == pytest.approx(2.94, abs=0.01)
    assert (found.high - found.low) / 2 == pytest.approx(quantile * variance**0.5, rel=0.01)


def test_where_the_windows_decide_the_interval_is_that_of_the_bootstrap():
    """Runs whose percentiles hardly differ: their spread is nothing beyond what the windows explain."""
    base, arm = runs_of([100.0, 100.1, 99.9], spread=5), runs_of([100.0, 100.1, 99.9], spread=5, seed=2)
    found = difference(base, arm).absolute
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 5 * (2 / 3) ** 0.5, rel=0.1)


def test_pairs_take_out_what_is_common_to_both():
    paths = np.array([0.0, 50.0, 100.0, 150.0])
    base, arm = runs_of(100 + paths), runs_of(110 + paths, seed=2)
    paired = difference(base, arm, paired=True).absolute
    free = difference(base, arm).absolute
    assert paired.excludes_zero
    assert not free.excludes_zero
    assert paired.high - paired.low < (free.high - free.low) / 10


def test_pairs_have_fewer_degrees_of_freedom_where_nothing_is_common():
    rng = np.random.default_rng(8)
    base, arm = (runs_of(100 + 10 * rng.normal(size=3), spread=1e-6) for _ in range(2))
    paired, free = (difference(base, arm, paired=p).absolute for p in (True, False))
    assert paired.high - paired.low > free.high - free.low


@given(
    base=st.lists(st.floats(50, 150), min_size=1, max_size=5),
    arm=st.lists(st.floats(50, 150), min_size=1, max_size=5),
)
def test_exchanging_the_arms_turns_the_sign(base, arm):
    there, back = difference(runs_of(base), runs_of(arm)).absolute, difference(runs_of(arm), runs_of(base)).absolute
    assert there.value == pytest.approx(-back.value)
    assert there.low <= there.value <= there.high
    width, other = there.high - there.low, back.high - back.low
    assert width == pytest.approx(other, rel=0.25)


def test_equal_arguments_give_equal_intervals_and_another_seed_another():
    base, arm = runs_of([100.0] * 3), runs_of([101.0] * 3)
    assert difference(base, arm) == difference(base, arm)
    assert difference(base, arm) != difference(base, arm, seed=5)


def test_runs_without_any_noise_that_differ_have_an_interval_all_the_same():
    arm = [RunFigure(value=v, replicates=np.full(10, v)) for v in (1.0, 1.0, 1.0)]
    assert (arm_figure(arm).low, arm_figure(arm).high) == (1.0, 1.0)
    other = [RunFigure(value=v, replicates=np.full(10, v)) for v in (1.0, 2.0, 3.0)]
    assert arm_figure(other).low < 1.0
    assert arm_figure(other).high > 3.0


def test_mann_whitney_is_the_share_of_pairs_in_which_the_second_is_above():
    first, second = np.array([1, 2, 3]), np.array([2, 3, 4])
    by_hand = np.mean([(b > a) + 0.5 * (b == a) for a in first for b in second])
    assert mann_whitney(first, second).probability == pytest.approx(by_hand)
    assert mann_whitney(first, first).probability == 0.5


def test_mann_whitney_of_constants_and_of_nothing():
    same = np.full(5, 7)
    assert (mann_whitney(same, same).probability, mann_whitney(same, same).p_value) == (0.5, 1.0)
    assert mann_whitney(same, same[:0]) is None
