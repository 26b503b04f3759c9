import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from config import Config
from data_generation_mmpp import MmppModel, MmppPath, mmpp_model
from windowbench.judge.measures.dispersion import (
    bin_counts,
    mmpp_dispersion,
    mmpp_index_of_dispersion,
    poisson_dispersion,
)
from windowbench.judge.measures.goodness_of_fit import (
    FEW_STATE_CHANGES,
    MIN_EVENTS,
    describe_arrivals,
    ks_exponential,
    rescaled,
    sojourn_means,
    spread_within_ns,
)
from windowbench.load.arrivals import modulating_path, scheduled_offsets
from windowbench.load.schedule import NS_PER_S
from windowbench.runs.files.codec import as_json, from_json
from windowbench.runs.files.load import GoodnessOfFit


def make_config(generator, rate=1000.0, **values):
    return Config().replace(data_generator=generator, rate=rate, events_per_producer=None, **values)


def describe(config, seconds):
    until_ns = round(seconds * NS_PER_S)
    offsets = [scheduled_offsets(config, i, until_ns) for i in range(config.load.num_producers)]
    return describe_arrivals(config, offsets, modulating_path(config, until_ns), until_ns)


def a_path(starts_s, states, until_s, rates=(1.0, 3.0)):
    states = np.array(states)
    return MmppPath(
        starts_ns=np.array(starts_s) * NS_PER_S,
        states=states,
        rates=np.array(rates)[states],
        until_ns=until_s * NS_PER_S,
    )


# --- the single figures -----------------------------------------------------------------------------------------------


@given(n=st.integers(30, 300), seed=st.integers(0, 10_000), mean=st.sampled_from([1.0, 1e5]), wrong=st.floats(0.7, 1.4))
def test_ks_agrees_with_an_independent_implementation(n, seed, mean, wrong):
    values = np.random.default_rng(seed).exponential(mean * wrong, n)
    ours, theirs = ks_exponential(values, mean), stats.kstest(values, "expon", args=(0, mean))
    assert ours.n == n
    assert math.isclose(ours.statistic, theirs.statistic, rel_tol=1e-9)
    assert abs(ours.p_value - theirs.pvalue) < 0.02


def test_ks_rejects_about_as_often_as_its_level_says():
    rng = np.random.default_rng(3)
    p_values = [ks_exponential(rng.standard_exponential(200)).p_value for _ in range(1000)]
    assert abs(np.mean(np.array(p_values) < 0.05) - 0.05) < 0.02


def test_times_are_spread_within_their_own_nanosecond():
    spread = spread_within_ns(np.array([5, 5, 5, 6, 2**53 // 4096]))
    assert np.floor(spread).tolist() == [5, 5, 5, 6, 2**53 // 4096]
    assert len(set(spread.tolist())) == 5


def test_rescaled_time_is_the_integral_of_the_rate():
    path = a_path([0, 2, 3], [0, 1, 0], 10)
    times = np.array([0.0, 1.0, 2.0, 2.5, 3.0, 10.0]) * NS_PER_S
    np.testing.assert_allclose(rescaled(times, path), [0.0, 1.0, 2.0, 3.5, 5.0, 12.0])


def test_counts_at_the_bounds_of_bins():
    offsets = np.array([0, 9, 10, 19, 20, 29, 30, 34])
    assert bin_counts(offsets, 10, 35).tolist() == [2, 2, 2]
    assert bin_counts(offsets, 10, 40).tolist() == [2, 2, 2, 2]


def test_poisson_sampling_error_is_the_scatter_of_the_index():
    rng = np.random.default_rng(5)
    found = [poisson_dispersion(rng.poisson(0.5, 200), 0.5, NS_PER_S) for _ in range(2000)]
    assert math.isclose(np.std([d.index for d in found]), found[0].standard_error, rel_tol=0.1)
    assert abs(np.mean([d.z for d in found])) < 0.1


@given(
    rates=st.tuples(st.floats(0, 1e5), st.floats(1, 1e5)),
    sojourns=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    bin_s=st.floats(0.05, 50),
)
def test_index_of_dispersion_of_two_states_is_the_formula_of_the_documentation(rates, sojourns, bin_s):
    share = sojourns[0] / sum(sojourns)
    model = MmppModel(rates=rates, sojourns_s=sojourns, jumps=((0.0, 1.0), (1.0, 0.0)), stationary=(share, 1 - share))
    sigma = 1 / sojourns[0] + 1 / sojourns[1]
    st_ = sigma * bin_s
    expected = 1 + 2 * share * (1 - share) * (rates[0] - rates[1]) ** 2 / (sigma * model.mean_rate) * (
        1 + math.expm1(-st_) / st_
    )
    assert math.isclose(mmpp_index_of_dispersion(model, bin_s), expected, rel_tol=1e-6, abs_tol=1e-6)


def test_index_of_dispersion_is_one_when_all_states_have_the_same_rate():
    model = mmpp_model(make_config("mmpp", mmpp_sojourn_seconds=(1.0, 2.0, 3.0), mmpp_multipliers=(1.0,) * 3).load)
    assert math.isclose(mmpp_index_of_dispersion(model, 1.0), 1.0)


def test_mmpp_sampling_error_is_the_scatter_of_the_index():
    config = make_config("mmpp", rate=50.0)
    model, until_ns, found = mmpp_model(config.load), 500 * NS_PER_S, []
    for seed in range(60):
        offsets = scheduled_offsets(config.replace(seed=seed, num_producers=1), 0, until_ns)
        found.append(mmpp_dispersion(bin_counts(offsets, NS_PER_S, until_ns), model, NS_PER_S))
    assert math.isclose(np.std([d.index for d in found]), np.mean([d.standard_error for d in found]), rel_tol=0.3)


def test_sojourn_means_count_the_time_of_the_unfinished_last_one_but_not_an_exit_from_it():
    model = mmpp_model(make_config("mmpp").load)
    calm, burst = sojourn_means(a_path([0, 6, 7, 9], [0, 1, 0, 1], 14), model)
    assert (calm.exits, calm.mean_s, calm.expected_s) == (2, 4.0, 4.0)
    assert (burst.exits, burst.mean_s, burst.expected_s) == (1, 6.0, 1.0)
    assert calm.z == 0.0
    assert math.isclose(burst.z, (1 - 6) / math.sqrt(6))


def test_sojourn_means_of_a_state_never_left_and_one_never_visited():
    calm, burst = sojourn_means(a_path([0], [0], 10), mmpp_model(make_config("mmpp").load))
    assert (calm.exits, calm.mean_s) == (0, None)
    assert (burst.exits, burst.mean_s, burst.z) == (0, None, None)


# --- the description of a run -----------------------------------------------------------------------------------------


def test_uniform_load_is_described_by_the_spread_of_its_counts():
    fit = describe(make_config("uniform", rate=999.9), 100)
    assert fit.bin_spread in (0, 1)
    assert fit.events == math.ceil(99_990)
    assert math.isclose(fit.realised_rate, 999.9)
    assert (fit.gaps, fit.dispersion, fit.path_rate, fit.state_changes, fit.sojourns) == (None, None, None, None, ())
    assert not fit.reasons


def test_uneven_uniform_load_shows():
    offsets = np.arange(100_000) * 1_000_000
    fit = describe_arrivals(make_config("uniform"), offsets[offsets % NS_PER_S != 0], None, 100 * NS_PER_S)
    assert fit.bin_spread == 0
    fit = describe_arrivals(make_config("uniform"), np.delete(offsets, [500, 501]), None, 100 * NS_PER_S)
    assert fit.bin_spread == 2


def test_poisson_load_is_described_by_gaps_and_dispersion():
    fit = describe(make_config("poisson"), 100)
    assert fit.gaps.n == fit.events
    assert fit.gaps.p_value > 0.001
    assert fit.dispersion.expected == 1.0
    assert abs(fit.dispersion.z) < 4
    assert (fit.dispersion.bin_ns, fit.dispersion.bins) == (NS_PER_S, 100)
    assert (fit.bin_spread, fit.path_rate, fit.sojourn_shape) == (None, None, None)
    assert not fit.few_state_changes
    assert not fit.reasons


def test_mmpp_load_is_described_along_its_path():
    config = make_config("mmpp")
    fit = describe(config, 300)
    assert fit.gaps.p_value > 0.001
    assert fit.sojourn_shape.p_value > 0.001
    assert abs(fit.dispersion.z) < 4
    assert fit.dispersion.expected == mmpp_index_of_dispersion(mmpp_model(config.load), 1.0)
    assert [s.state for s in fit.sojourns] == [0, 1]
    assert sum(s.exits for s in fit.sojourns) == fit.state_changes > 80
    assert abs(fit.realised_rate - fit.path_rate) < 5 * math.sqrt(fit.path_rate / 300)
    assert fit.nominal_rate == 1000.0
    assert not fit.few_state_changes
    assert not fit.reasons


def test_a_merged_schedule_and_one_by_producer_are_described_alike():
    config = make_config("poisson")
    parts = [scheduled_offsets(config, i, 20 * NS_PER_S) for i in range(2)]
    by_producer = describe_arrivals(config, parts, None, 20 * NS_PER_S)
    assert describe_arrivals(config, np.concatenate(parts), None, 20 * NS_PER_S) == by_producer


def test_figures_that_a_short_run_cannot_give_have_a_reason():
    fit = describe(make_config("mmpp", rate=5.0, seed=1), 6)
    assert fit.events < MIN_EVENTS
    assert (fit.gaps, fit.dispersion, fit.sojourn_shape) == (None, None, None)
    assert set(fit.reasons) == {"gaps", "dispersion", "sojourn_shape"}
    assert f"{fit.events} events" in fit.reasons["gaps"]
    assert fit.state_changes < FEW_STATE_CHANGES
    assert fit.few_state_changes


def test_mmpp_dispersion_of_a_load_with_few_cycles_is_not_given():
    fit = describe(make_config("mmpp"), 60)
    assert fit.gaps is not None
    assert fit.dispersion is None
    assert "20 mean cycles" in fit.reasons["dispersion"]


@pytest.mark.parametrize("generator", ["uniform", "poisson", "mmpp"])
@pytest.mark.parametrize("offsets", [[], [7]])
def test_a_schedule_of_no_or_one_event_is_described(generator, offsets):
    config = make_config(generator)
    fit = describe_arrivals(config, np.array(offsets, dtype=np.int64), modulating_path(config, 50), 50)
    assert fit.events == len(offsets)
    assert fit.gaps is None


@pytest.mark.parametrize(("changes", "few"), [(9, True), (10, False)])
def test_the_warning_of_few_state_changes_at_ten(changes, few):
    path = a_path(range(changes + 1), [k % 2 for k in range(changes + 1)], changes + 1)
    fit = describe_arrivals(make_config("mmpp"), np.arange(200), path, (changes + 1) * NS_PER_S)
    assert (fit.state_changes, fit.few_state_changes) == (changes, few)


@pytest.mark.parametrize("generator", ["uniform", "poisson", "mmpp"])
@pytest.mark.parametrize("seconds", [2, 150])
def test_a_description_is_plain_json(generator, seconds):
    fit = describe(make_config(generator), seconds)
    values = as_json(fit)
    assert as_json(from_json(values, GoodnessOfFit)) == values


def test_two_million_events_are_described_and_gaps_tested_over_the_first_million():
    fit = describe(make_config("poisson", rate=50_000.0), 40)
    assert abs(fit.events - 2_000_000) < 10_000
    assert fit.gaps.n == 1_000_000
    assert fit.gaps.p_value > 0.001
