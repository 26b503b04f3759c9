import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic_run import NOW_NS, quiet_host, small_config
from windowbench.judge.verdict.host import ClockOffset, host_figures
from windowbench.load.schedule import plan

MS = 1_000_000
SCHEDULE = plan(small_config(), NOW_NS)


def figures(**columns):
    return host_figures({**quiet_host(SCHEDULE), **columns}, SCHEDULE)


def wall():
    return quiet_host(SCHEDULE)["wall_ns"]


def test_steady_clocks_show_neither_step_nor_drift():
    assert (figures().greatest_step_ms, figures().drift_ppm) == (0.0, 0.0)


def test_slow_drift_is_no_step():
    seconds = np.arange(len(wall()))
    found = figures(wall_ns=wall() + seconds * 100_000)
    assert found.drift_ppm == pytest.approx(100)
    assert found.greatest_step_ms == pytest.approx(0.1)


@pytest.mark.parametrize("step_ms", [7, -7])
def test_step_has_its_sign(step_ms):
    stepped = wall()
    stepped[20:] += step_ms * MS
    assert figures(wall_ns=stepped).greatest_step_ms == pytest.approx(step_ms)


def test_a_step_before_the_load_is_none_of_this_run():
    stepped = wall()
    stepped[:3] -= 1000 * MS
    assert figures(wall_ns=stepped).greatest_step_ms == 0.0


def without(columns, first, last):
    """Leave out the samples from one to before another."""
    keep = np.ones(len(columns["wall_ns"]), dtype=bool)
    keep[first:last] = False
    return {name: column[keep] for name, column in columns.items()}


@pytest.mark.parametrize("length", [0, 2, 8])
def test_a_step_is_as_great_as_it_is_however_long_nobody_looked(length):
    columns = quiet_host(SCHEDULE)
    columns["wall_ns"][20:] += 9 * MS
    found = host_figures(without(columns, 20 - length, 20), SCHEDULE)
    assert found.greatest_step_ms == pytest.approx(9.0)


@pytest.mark.parametrize("seconds", [-1_000_000, -3600, -16, -1, 1, 3600])
@pytest.mark.parametrize("at", [5, 6, 12, -20])
def test_a_step_of_any_size_is_found_and_hides_nothing_of_the_phase(seconds, at):
    stepped = wall()
    stepped[at:] += seconds * 1000 * MS
    found = figures(wall_ns=stepped)
    assert found.greatest_step_ms == pytest.approx(seconds * 1000)
    assert found.samples == figures().samples
    assert found.longest_gap_s == pytest.approx(1.0)


@given(
    gaps=st.lists(st.integers(1, 9), min_size=8, max_size=30),
    step=st.integers(-10_000, 10_000).filter(lambda ms: abs(ms) > 5),
    where=st.floats(0.3, 0.9),
)
def test_a_step_anywhere_between_samples_at_any_distance_is_found_whole(gaps, step, where):
    seconds = np.cumsum([-4, 3, *gaps])
    columns = {name: np.resize(column[:1], len(seconds)) for name, column in quiet_host(SCHEDULE).items()}
    columns["mono_ns"] = 77_000_000_000 + seconds * 1000 * MS
    columns["wall_ns"] = SCHEDULE.epoch_ns + seconds * 1000 * MS
    columns["wall_ns"][int(len(seconds) * where) :] += step * MS
    assert host_figures(columns, SCHEDULE).greatest_step_ms == pytest.approx(step)


@pytest.mark.parametrize(
    ("first", "last", "gap"),
    [(14, 15, 2.0), (14, 18, 5.0), (9, 12, 4.0), (8, 14, 7.0), (31, 36, 6.0), (0, 14, None), (31, 100, None)],
)
def test_a_gap_that_reaches_into_the_measured_phase_is_as_long_as_nobody_looked(first, last, gap):
    columns = without(quiet_host(SCHEDULE), first, last)
    found = host_figures(columns, SCHEDULE).longest_gap_s
    assert found == pytest.approx(gap) if gap else found > 3


def test_a_gap_before_the_measured_phase_is_none_of_it():
    assert host_figures(without(quiet_host(SCHEDULE), 1, 8), SCHEDULE).longest_gap_s == pytest.approx(1.0)


def test_shares_are_means_over_the_measured_phase_only():
    inside = (wall() > SCHEDULE.base_time_ns) & (wall() <= SCHEDULE.measure_end_ns)
    found = figures(steal=np.where(inside, 0.25, 1.0), cpu_harness=np.where(inside, 0.5, 0.0))
    assert found.samples == np.count_nonzero(inside) == 24
    assert (found.steal, found.cpu_harness) == (pytest.approx(0.25), pytest.approx(0.5))


def test_memory_is_the_greatest_of_the_whole_run():
    rss = np.zeros(len(wall()), dtype=np.int64)
    rss[-1] = 10**9
    assert figures(rss_engine=rss).rss_engine_bytes == 10**9


def test_no_samples_give_zeros_and_say_so():
    empty = {name: column[:0] for name, column in quiet_host(SCHEDULE).items()}
    found = host_figures(empty, SCHEDULE)
    assert (found.samples, found.greatest_step_ms, found.drift_ppm, found.steal) == (0, 0.0, 0.0, 0.0)
    assert found.longest_gap_s == pytest.approx(24.0)


def test_clock_offset_is_the_mean_of_both_measurements_and_its_bound_covers_the_change():
    found = ClockOffset.measured({"offset_ms": 1.0, "bound_ms": 0.3}, {"offset_ms": 2.0, "bound_ms": 0.5})
    assert (found.offset_ns, found.bound_ns) == (1_500_000, 1_000_000)


def test_the_result_consumer_counts_neither_as_engine_nor_as_harness():
    seconds = len(wall())
    found = figures(cpu_consumer=np.full(seconds, 0.7), rss_consumer=np.full(seconds, 5))
    assert (found.cpu_consumer, found.rss_consumer_bytes) == (pytest.approx(0.7), 5)
    assert (found.cpu_harness, found.cpu_engine) == (pytest.approx(0.1), pytest.approx(0.8))


def test_a_run_recorded_before_there_were_consumers_has_figures():
    columns = quiet_host(SCHEDULE)
    del columns["cpu_consumer"], columns["rss_consumer"]
    found = host_figures(columns, SCHEDULE)
    assert (found.cpu_consumer, found.rss_consumer_bytes) == (0.0, 0)
