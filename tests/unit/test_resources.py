import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.measures.resources import TREES, Span, resources

S = 1_000_000_000
EPOCH = 1_760_000_000 * S


def host(seconds, **columns):
    """Return samples at these seconds; every tree but a consumer uses one core and 100 bytes unless said otherwise."""
    ends = np.array(seconds, dtype=np.float64)
    found = {f"cpu_{tree}": np.ones(len(ends)) for tree in TREES}
    found |= {f"rss_{tree}": np.full(len(ends), 100) for tree in TREES}
    found |= {"cpu_consumer": np.zeros(len(ends)), "rss_consumer": np.zeros(len(ends))}
    found["wall_ns"] = EPOCH + (ends * S).astype(np.int64)
    found["mono_ns"] = (ends * S).astype(np.int64)
    return {**found, **{name: np.array(column) for name, column in columns.items()}}


def span(name, start, end):
    return Span(name=name, start_ns=EPOCH + int(start * S), end_ns=EPOCH + int(end * S))


def test_cpu_seconds_are_cores_times_time_and_belong_to_the_phase_they_were_used_in():
    found = resources(
        host([0, 1, 2, 3], cpu_engine=[9, 0.5, 2, 1]), [span("a", 0, 2), span("b", 2, 9)], span("m", 0, 3), 1
    )
    assert found.cpu_seconds["engine"] == {"a": 2.5, "b": 1.0}
    assert found.cpu_seconds["broker"] == {"a": 2.0, "b": 1.0}


def test_a_sample_across_the_end_of_a_phase_is_shared_out_by_time():
    found = resources(
        host([0, 1, 2], cpu_engine=[0, 0, 1]), [span("a", 0, 1.25), span("b", 1.25, 2)], span("m", 0, 2), 1
    )
    assert found.cpu_seconds["engine"] == {"a": pytest.approx(0.25), "b": pytest.approx(0.75)}


def test_the_first_sample_has_no_time_to_speak_for():
    found = resources(host([5, 6], cpu_engine=[8, 1]), [span("a", 0, 9)], span("m", 0, 9), 1)
    assert found.cpu_seconds["engine"] == {"a": 1.0}


def test_a_step_of_the_wall_clock_does_not_change_how_long_a_sample_lasted():
    samples = host([0, 1, 2])
    samples["wall_ns"][2] += 60 * S
    assert resources(samples, [span("a", 0, 100)], span("m", 0, 1), 1).cpu_seconds["engine"] == {"a": 2.0}


def test_a_million_events_cost_what_the_measured_phase_used_for_each_of_its_events():
    found = resources(host(range(11)), [span("a", 0, 10)], span("m", 2, 6), 8_000)
    assert found.cpu_seconds_per_million_events["engine"] == pytest.approx(4 / 8_000 * 1e6)


def test_without_events_there_is_no_cost_of_one():
    found = resources(host(range(3)), [span("a", 0, 2)], span("m", 0, 2), 0)
    assert set(found.cpu_seconds_per_million_events.values()) == {None}


def test_phases_that_were_not_sampled_are_left_out():
    found = resources(
        host([3, 4]), [span("prepare", 0, 3), span("start", 3, 4), span("report", 4, 5)], span("m", 3, 4), 1
    )
    assert list(found.cpu_seconds["engine"]) == ["start"]


def test_memory_is_the_greatest_and_a_tree_that_was_not_sampled_has_none():
    samples = host([0, 1, 2], rss_engine=[1, 7, 3])
    del samples["rss_harness"]
    found = resources(samples, [span("a", 0, 2)], span("m", 0, 2), 1)
    assert found.memory_bytes == {"engine": 7, "broker": 100, "producers": 100}


def test_the_result_consumer_is_named_where_there_was_one():
    found = resources(host([0, 1], cpu_consumer=[0, 0.5], rss_consumer=[0, 5]), [span("a", 0, 1)], span("m", 0, 1), 1)
    assert found.cpu_seconds["consumer"] == {"a": 0.5}
    assert "consumer" not in resources(host([0, 1]), [span("a", 0, 1)], span("m", 0, 1), 1).cpu_seconds


@pytest.mark.parametrize("seconds", [[], [1]])
def test_no_time_between_samples_is_no_figure(seconds):
    assert resources(host(seconds), [span("a", 0, 2)], span("m", 0, 2), 1) is None


@given(st.lists(st.tuples(st.floats(0.1, 3), st.floats(0, 4)), min_size=2, max_size=30), st.integers(1, 9))
def test_phases_without_gaps_share_out_all_that_was_used(samples, cuts):
    lengths, cores = zip(*samples, strict=True)
    ends = np.cumsum(lengths)
    edges = np.linspace(ends[0], ends[-1], cuts + 1)
    phases = [span(str(i), a, b) for i, (a, b) in enumerate(itertools.pairwise(edges))]
    found = resources(host(ends, cpu_engine=cores), phases, phases[0], 1)
    assert sum(found.cpu_seconds["engine"].values()) == pytest.approx(np.dot(cores[1:], lengths[1:]), abs=1e-6)
