"""Arrival processes against their definitions, on 20 seeds each.

Levels: each of the 20 p-values must exceed 0.01 / 20, so that a right generator fails once in a hundred seeds sets;
the 20 together must look uniform, which finds a small bias that no single seed shows.
"""

import itertools
import math
import tracemalloc
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import data_generation_mmpp
import data_generation_poisson_baseline
from config import Config
from data_generation_mmpp import mmpp_model, mmpp_offsets, mmpp_path
from data_generation_poisson_baseline import poisson_offsets
from windowbench.judge.measures.dispersion import (
    bin_counts,
    mmpp_dispersion,
    mmpp_index_of_dispersion,
    poisson_dispersion,
)
from windowbench.judge.measures.goodness_of_fit import (
    ks_exponential,
    rescaled,
    sojourn_means,
    sojourn_shape,
    spread_within_ns,
)
from windowbench.load.arrivals import arrival_offsets, modulating_path, scheduled_offsets
from windowbench.load.schedule import NS_PER_S
from windowbench.load.streams import CHUNK, stream_rng

SEEDS = range(20)
LEVEL = 0.01 / len(SEEDS)
Z_LIMIT = stats.norm.isf(LEVEL / 2)


def make_config(generator, *, rate=300.0, producers=3, **values):
    return Config().replace(
        data_generator=generator, rate=rate, events_per_producer=None, num_producers=producers, **values
    )


def merged(config, until_ns):
    parts = [scheduled_offsets(config, i, until_ns) for i in range(config.load.num_producers)]
    return np.sort(np.concatenate(parts))


def poisson_gaps_test(offsets, rate):
    return ks_exponential(np.diff(spread_within_ns(offsets), prepend=0.0), NS_PER_S / rate)


def rescaled_gaps_test(offsets, path):
    return ks_exponential(np.diff(rescaled(spread_within_ns(offsets), path), prepend=0.0))


def assert_p_values_fit(p_values):
    assert min(p_values) > LEVEL
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def first(offsets, count):
    """The first `count` numbers of an endless iterator of chunks."""
    found = np.empty(0, dtype=np.int64)
    for chunk in offsets:
        found = np.concatenate((found, chunk))
        if found.size >= count:
            return found[:count]
    raise AssertionError


# --- all processes ----------------------------------------------------------------------------------------------------

rates_and_sojourns = st.sampled_from(
    [
        (0.001, (40_000.0, 10_000.0)),
        (0.7, (4.0, 1.0)),
        (1000.0, (0.001, 0.003)),
        (1000.0, (5000.0, 1.0)),
        (3_000_000.0, (4.0, 1.0)),
    ]
)
any_config = st.builds(
    make_config,
    st.sampled_from(["uniform", "poisson", "mmpp"]),
    producers=st.integers(1, 7),
    seed=st.integers(0, 1000),
    rate=st.shared(rates_and_sojourns, key="rate").map(lambda pair: pair[0]),
    mmpp_sojourn_seconds=st.shared(rates_and_sojourns, key="rate").map(lambda pair: pair[1]),
    mmpp_multipliers=st.sampled_from([(), (0.0, 1.0), (3.0, 0.0), (0.5, 0.5)]),
)


@given(config=any_config, count=st.integers(1, 3 * CHUNK), more=st.integers(0, 3 * CHUNK))
def test_offsets_are_whole_ns_never_decrease_and_do_not_depend_on_how_far_one_goes(config, count, more):
    producer = config.load.num_producers - 1
    offsets = first(arrival_offsets(config, producer), count)
    assert offsets.dtype == np.int64
    assert offsets[0] >= 0
    assert np.all(np.diff(offsets) >= 0)
    np.testing.assert_array_equal(first(arrival_offsets(config, producer), count + more)[:count], offsets)


@given(config=any_config, share=st.floats(0.1, 1))
def test_scheduled_offsets_are_those_before_the_end_and_no_others(config, share):
    until_ns = round(5000 * NS_PER_S / float(config.load.total_rate) * share)
    offsets = scheduled_offsets(config, 0, until_ns)
    more = first(arrival_offsets(config, 0), offsets.size + 1)
    np.testing.assert_array_equal(more[:-1], offsets)
    assert np.all(offsets < until_ns)
    assert more[-1] >= until_ns


@pytest.mark.parametrize("generator", ["uniform", "poisson", "mmpp"])
def test_an_event_at_the_very_end_of_the_load_is_not_scheduled(generator):
    config = make_config(generator)
    offsets = scheduled_offsets(config, 0, 20 * NS_PER_S)
    assert scheduled_offsets(config, 0, int(offsets[50]))[-1] == offsets[49]
    assert scheduled_offsets(config, 0, int(offsets[50]) + 1)[-1] == offsets[50]


@pytest.mark.parametrize("generator", ["uniform", "poisson", "mmpp"])
def test_an_hour_of_load_takes_no_more_memory_than_seconds(generator):
    offsets = arrival_offsets(make_config(generator, rate=1500.0), 0)
    tracemalloc.start()
    try:
        for chunk in offsets:
            if chunk[-1] > 3600 * NS_PER_S:
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("generator", ["poisson", "mmpp"])
def test_offsets_of_random_arrivals_are_resolved_to_the_ns(generator):
    digits = np.bincount(first(arrival_offsets(make_config(generator), 0), 20_000) % 100, minlength=100)
    assert stats.chisquare(digits).pvalue > 0.001


def test_an_unknown_process_is_an_error():
    config = SimpleNamespace(load=SimpleNamespace(data_generator="fractal"), run=SimpleNamespace(seed=1))
    with pytest.raises(ValueError, match="fractal"):
        arrival_offsets(config, 0)


@pytest.mark.parametrize("generator", ["uniform", "poisson"])
def test_only_mmpp_has_a_path(generator):
    assert modulating_path(make_config(generator), NS_PER_S) is None


# --- uniform ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_counts_of_equal_bins_differ_by_at_most_one(seed):
    rng = np.random.default_rng(seed)
    rate = Fraction(int(rng.integers(1, 10**8)), int(rng.integers(1, 10_000)))
    config = make_config("uniform", rate=float(rate), producers=int(rng.integers(1, 9)), seed=seed)
    until_ns = int(20_000 * NS_PER_S / config.load.total_rate)
    offsets = merged(config, until_ns)
    for bins in (7, 30, 1000):
        counts = bin_counts(offsets, until_ns // bins, until_ns)
        assert counts.max() - counts.min() <= 1
    step, scale = (NS_PER_S / config.load.total_rate).as_integer_ratio()
    assert offsets.tolist() == [k * step // scale for k in range(offsets.size)]


# --- Poisson ----------------------------------------------------------------------------------------------------------


def test_poisson_gaps_are_exponential_on_20_seeds_merged_and_for_each_producer():
    together, alone = [], []
    for seed in SEEDS:
        config = make_config("poisson", seed=seed)
        together.append(poisson_gaps_test(merged(config, 200 * NS_PER_S), 300.0).p_value)
        alone.append(poisson_gaps_test(scheduled_offsets(config, seed % 3, 200 * NS_PER_S), 100.0).p_value)
    assert_p_values_fit(together)
    assert_p_values_fit(alone)


def test_poisson_gaps_are_exponential_at_a_rate_of_many_events_in_a_microsecond():
    offsets = merged(make_config("poisson", rate=9_000_000.0), NS_PER_S // 50)
    assert poisson_gaps_test(offsets, 9_000_000.0).p_value > LEVEL


def test_poisson_index_of_dispersion_is_one_within_its_sampling_error_on_20_seeds():
    for bin_ns in (NS_PER_S, NS_PER_S // 10):
        found = [
            poisson_dispersion(
                bin_counts(merged(make_config("poisson", seed=seed), 400 * NS_PER_S), bin_ns, 400 * NS_PER_S),
                300.0 * bin_ns / NS_PER_S,
                bin_ns,
            )
            for seed in SEEDS
        ]
        assert max(abs(d.z) for d in found) < Z_LIMIT
        assert abs(sum(d.z for d in found)) / math.sqrt(len(found)) < 3


def test_poisson_streams_of_different_producers_share_nothing():
    offsets = [first(poisson_offsets(Fraction(300), i, 3, 1), 1000) for i in range(3)]
    for left, right in itertools.combinations(offsets, 2):
        assert not np.intersect1d(left, right).size


def test_poisson_offsets_keep_their_precision_over_hours():
    rate = Fraction(20)
    count = 500_000  # seven hours
    gaps = stream_rng(5, "arrivals", 0).standard_exponential(count) * 5e7
    whole = np.floor(gaps)  # whole parts add up exactly as integers, fractions nearly so as small floats
    exact = np.cumsum(whole.astype(np.int64)) + np.floor(np.cumsum(gaps - whole)).astype(np.int64)
    off = first(poisson_offsets(rate, 0, 1, 5), count) - exact
    assert np.abs(off).max() <= 1
    assert np.mean(off != 0) < 0.003


# --- MMPP -------------------------------------------------------------------------------------------------------------

THREE_STATES = {
    "mmpp_sojourn_seconds": (2.0, 0.5, 1.0),
    "mmpp_multipliers": (1.0, 6.0, 0.0),
    "mmpp_jump_matrix": ((0.0, 0.7, 0.3), (0.2, 0.0, 0.8), (1.0, 0.0, 0.0)),
}
LONG_NS = 1000 * NS_PER_S


@pytest.fixture(scope="module", params=["two states", "three states"])
def mmpp_seeds(request):
    """(config, model, path, merged offsets) of 20 seeds."""
    values = {} if request.param == "two states" else THREE_STATES
    configs = [make_config("mmpp", rate=80.0, seed=seed, **values) for seed in SEEDS]
    return [(c, mmpp_model(c.load), modulating_path(c, LONG_NS), merged(c, LONG_NS)) for c in configs]


def test_mmpp_arrivals_rescaled_along_the_path_are_a_unit_poisson_process_on_20_seeds(mmpp_seeds):
    assert_p_values_fit([rescaled_gaps_test(offsets, path).p_value for _, _, path, offsets in mmpp_seeds])


def test_mmpp_sojourns_are_exponential_with_their_means_on_20_seeds(mmpp_seeds):
    assert_p_values_fit([sojourn_shape(path, model).p_value for _, model, path, _ in mmpp_seeds])
    scores = [[mean.z for mean in sojourn_means(path, model)] for _, model, path, _ in mmpp_seeds]
    assert np.abs(scores).max() < stats.norm.isf(LEVEL / 2 / 3)
    assert np.abs(np.sum(scores, axis=0)).max() / math.sqrt(len(SEEDS)) < 3


def test_mmpp_index_of_dispersion_is_its_closed_form_within_sampling_error_on_20_seeds(mmpp_seeds):
    for bin_ns in (NS_PER_S, NS_PER_S // 4):
        found = [
            mmpp_dispersion(bin_counts(offsets, bin_ns, LONG_NS), model, bin_ns) for _, model, _, offsets in mmpp_seeds
        ]
        limit = stats.t.isf(LEVEL / 2, df=49)  # the error itself is estimated, from 50 batches
        assert max(abs(d.z) for d in found) < limit
        indices = [d.index for d in found]
        error = np.std(indices, ddof=1) / math.sqrt(len(indices))
        assert abs(np.mean(indices) - found[0].expected) < 3 * error
        assert error < 0.05 * found[0].expected


def test_mmpp_jumps_follow_their_matrix(mmpp_seeds):
    _, model, *_ = mmpp_seeds[0]
    counts = np.zeros((len(model.rates), len(model.rates)))
    for _, _, path, _ in mmpp_seeds:
        np.add.at(counts, (path.states[:-1], path.states[1:]), 1)
    visits = counts.sum(axis=1, keepdims=True)
    jumps = np.array(model.jumps)
    assert np.all(np.abs(counts - visits * jumps) <= 4 * np.sqrt(visits * jumps * (1 - jumps)))


def test_mmpp_time_in_states_and_mean_rate_are_kept_in_expectation(mmpp_seeds):
    _, model, *_ = mmpp_seeds[0]
    assert math.isclose(model.mean_rate, 80.0)
    rates = [path.mean_rate for _, _, path, _ in mmpp_seeds]
    assert abs(np.mean(rates) - 80.0) < 3 * np.std(rates, ddof=1) / math.sqrt(len(rates))
    realised = [offsets.size / 1000 for *_, offsets in mmpp_seeds]
    assert max(abs(r - p) * 1000 / math.sqrt(p * 1000) for r, p in zip(realised, rates, strict=True)) < Z_LIMIT
    shares = np.mean(
        [
            [path.lengths_ns[path.states == s].sum() / LONG_NS for s in range(len(model.rates))]
            for _, _, path, _ in mmpp_seeds
        ],
        axis=0,
    )
    np.testing.assert_allclose(shares, model.stationary, rtol=0.1)


def test_default_states_are_calm_four_seconds_and_five_times_faster_one_second_on_average():
    model = mmpp_model(make_config("mmpp", rate=900.0).load)
    np.testing.assert_allclose(model.rates, [500.0, 2500.0])
    assert model.stationary == (0.8, 0.2)
    assert model.jumps == ((0.0, 1.0), (1.0, 0.0))


@given(n=st.integers(2, 6), data=st.data())
def test_stationary_shares_solve_the_balance_equations(n, data):
    sojourns = tuple(data.draw(st.lists(st.floats(0.001, 1000), min_size=n, max_size=n)))
    weights = np.array(
        data.draw(st.lists(st.lists(st.integers(1, 50), min_size=n, max_size=n), min_size=n, max_size=n))
    )
    weights = weights * (1 - np.eye(n))
    jumps = tuple(map(tuple, (weights / weights.sum(axis=1, keepdims=True)).tolist()))
    model = mmpp_model(
        make_config("mmpp", mmpp_sojourn_seconds=sojourns, mmpp_multipliers=(1.0,) * n, mmpp_jump_matrix=jumps).load
    )
    flow_out = np.array(model.stationary) / np.array(sojourns)
    np.testing.assert_allclose(flow_out @ np.array(jumps), flow_out, rtol=1e-9)
    assert math.isclose(sum(model.stationary), 1.0)
    np.testing.assert_allclose(model.rates, 300.0)


def test_a_state_that_the_matrix_never_enters_directly_from_another_is_never_jumped_to_from_there():
    config = make_config("mmpp", **THREE_STATES)
    path = modulating_path(config, LONG_NS)
    assert not np.any((path.states[:-1] == 2) & (path.states[1:] == 1))
    assert np.all(path.states[:-1] != path.states[1:])


def test_the_path_starts_in_a_state_weighted_by_time_not_by_visits():
    load = make_config("mmpp").load
    bursts = sum(int(mmpp_path(load, 1, seed).states[0]) for seed in range(1000))
    assert abs(bursts - 200) < 4 * math.sqrt(1000 * 0.2 * 0.8)


def test_the_path_is_shared_by_all_producers_and_independent_of_their_number_and_rate():
    paths = [
        modulating_path(make_config("mmpp", rate=rate, producers=n), LONG_NS) for rate, n in ((300.0, 3), (7.0, 1))
    ]
    np.testing.assert_array_equal(paths[0].starts_ns, paths[1].starts_ns)
    np.testing.assert_array_equal(paths[0].states, paths[1].states)
    other = modulating_path(make_config("mmpp", seed=1), LONG_NS)
    assert other.starts_ns[1] != paths[0].starts_ns[1]


def test_a_longer_path_continues_a_shorter_one():
    config = make_config("mmpp")
    short, long = modulating_path(config, 7 * NS_PER_S), modulating_path(config, 9000 * NS_PER_S)
    assert short.starts_ns[0] == 0
    assert short.starts_ns.max() < 7 * NS_PER_S
    assert short.lengths_ns.sum() == 7 * NS_PER_S
    np.testing.assert_array_equal(long.starts_ns[: short.starts_ns.size], short.starts_ns)
    assert long.starts_ns[short.starts_ns.size] >= 7 * NS_PER_S
    assert long.state_changes > 2000


def test_each_segment_has_the_rate_of_its_state():
    config = make_config("mmpp", rate=80.0, **THREE_STATES)
    path, model = modulating_path(config, LONG_NS), mmpp_model(config.load)
    assert path.rates.tolist() == [model.rates[state] for state in path.states.tolist()]


@pytest.mark.parametrize("multipliers", [(0.0, 1.0), (1.0, 0.0)])
def test_no_event_is_due_in_a_state_without_any_rate(multipliers):
    config = make_config("mmpp", rate=500.0, mmpp_multipliers=multipliers, mmpp_sojourn_seconds=(0.3, 0.1))
    path, offsets = modulating_path(config, LONG_NS), merged(config, LONG_NS)
    segment = np.searchsorted(path.starts_ns, offsets, side="right") - 1
    assert np.all(path.rates[segment] > 0)
    assert rescaled_gaps_test(offsets, path).p_value > 0.001


def test_mmpp_arrivals_stay_poisson_along_the_path_hours_into_the_load():
    config = make_config("mmpp", rate=10.0, producers=1)
    until_ns = 6 * 3600 * NS_PER_S
    offsets, path = merged(config, until_ns), modulating_path(config, until_ns)
    late = rescaled(spread_within_ns(offsets), path)[-20_000:]
    assert ks_exponential(np.diff(late)).p_value > 0.001


@pytest.mark.all
@pytest.mark.parametrize("rate", [20.0, 2000.0])
def test_p_values_of_five_hundred_seeds_look_uniform(rate):
    """Finds a bias a fifth as large as the 20 seeds do."""
    p_values = {"poisson gaps": [], "mmpp gaps": [], "mmpp sojourns": []}
    for seed in range(500):
        until_ns = round(20_000 / rate) * NS_PER_S
        poisson, mmpp = make_config("poisson", rate=rate, seed=seed), make_config("mmpp", rate=rate, seed=seed)
        p_values["poisson gaps"].append(poisson_gaps_test(merged(poisson, until_ns), rate).p_value)
        path = modulating_path(mmpp, until_ns)
        p_values["mmpp gaps"].append(rescaled_gaps_test(merged(mmpp, until_ns), path).p_value)
        long_path = modulating_path(mmpp.replace(seed=seed + 1000), LONG_NS)
        p_values["mmpp sojourns"].append(sojourn_shape(long_path, mmpp_model(mmpp.load)).p_value)
    for name, found in p_values.items():
        assert stats.kstest(found, "uniform").pvalue > 0.001, name
        assert min(found) > 0.01 / 500, name


# --- the tests' own power ---------------------------------------------------------------------------------------------


def test_seeing_a_poisson_load_that_is_a_second_worth_of_events_back_to_back_and_a_sleep():
    bunched = (np.arange(200)[:, None] * NS_PER_S + np.arange(300) * 1000).ravel()
    assert poisson_gaps_test(bunched, 300.0).p_value < 1e-12
    assert abs(poisson_dispersion(bin_counts(bunched, NS_PER_S // 10, 200 * NS_PER_S), 30.0, NS_PER_S // 10).z) > 50


def test_seeing_a_poisson_count_in_each_second_with_even_gaps_within_it():
    rng = np.random.default_rng(0)
    even = np.concatenate([s * NS_PER_S + np.arange(n) * NS_PER_S // n for s, n in enumerate(rng.poisson(300, 200))])
    assert poisson_gaps_test(even, 300.0).p_value < 1e-12


def test_seeing_a_rate_that_is_two_per_cent_off():
    offsets = merged(make_config("poisson", rate=306.0), 400 * NS_PER_S)
    assert poisson_gaps_test(offsets, 300.0).p_value < LEVEL


@pytest.mark.parametrize("module", [data_generation_poisson_baseline, data_generation_mmpp])
def test_seeing_one_seed_for_every_producer(module, monkeypatch):
    monkeypatch.setattr(module, "stream_rng", lambda seed, role, index=0: stream_rng(seed, role, 0))
    if module is data_generation_mmpp:
        config = make_config("mmpp")
        offsets, path = merged(config, 20 * NS_PER_S), modulating_path(config, 20 * NS_PER_S)
        assert rescaled_gaps_test(offsets, path).p_value < 1e-12
    else:
        assert poisson_gaps_test(merged(make_config("poisson"), 20 * NS_PER_S), 300.0).p_value < 1e-12


def test_seeing_an_mmpp_that_is_a_fixed_toggle():
    config = make_config("mmpp", rate=80.0)
    model = mmpp_model(config.load)
    starts = np.array([5 * NS_PER_S * (k // 2) + 4 * NS_PER_S * (k % 2) for k in range(400)])
    states = np.arange(400) % 2
    toggle = data_generation_mmpp.MmppPath(
        starts_ns=starts, states=states, rates=np.array(model.rates)[states], until_ns=LONG_NS
    )
    assert sojourn_shape(toggle, model).p_value < 1e-12
    counts = np.random.default_rng(1).poisson(np.where(np.arange(1000) % 5 == 4, model.rates[1], model.rates[0]))
    assert abs(mmpp_dispersion(counts, model, NS_PER_S).z) > 5


def test_seeing_bursts_averaged_away_by_a_path_for_each_producer():
    config = make_config("mmpp", rate=80.0, producers=4)
    parts = [first(mmpp_offsets(config.load, i, seed=i), 30_000) for i in range(4)]
    until_ns = min(int(part[-1]) for part in parts)
    offsets = np.sort(np.concatenate(parts))
    offsets = offsets[offsets < until_ns]
    model = mmpp_model(config.load)
    dispersion = mmpp_dispersion(bin_counts(offsets, NS_PER_S, until_ns), model, NS_PER_S)
    assert dispersion.index < 0.5 * mmpp_index_of_dispersion(model, 1.0)
    assert dispersion.z < -5
    assert rescaled_gaps_test(offsets, mmpp_path(config.load, until_ns, 0)).p_value < 1e-12
