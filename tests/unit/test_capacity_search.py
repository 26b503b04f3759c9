import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.simulated_engine import SimulatedEngine, probe, search
from windowbench.capacity.objective import parse_objective
from windowbench.capacity.outcome import Outcome
from windowbench.capacity.search import Found, History, Plan, Probe, TimeLeft, Try, next_step

PASS, FAIL, NOISE = Outcome.SUSTAINABLE, Outcome.UNSUSTAINABLE, Outcome.INCONCLUSIVE
PLAN = Plan(start=10_000)
FINE = Plan(start=10_000, tolerance=0.01, most_probes=24, most_full=6)


def probes(*attempts):
    """Return probes from (rate, outcome) or (rate, outcome, "full")."""
    return [Probe(rate=rate, outcome=outcome, full=bool(full)) for rate, outcome, *full in attempts]


def fold(answer, plan=PLAN, time=None):
    """Search with an answer to every rate; return what was found and all probes."""
    made = []
    while isinstance(step := next_step(made, plan, time), Try):
        made.append(Probe(rate=step.rate, outcome=answer(step, made), full=step.full))
        assert len(made) <= plan.most_probes + plan.most_full, "a search must end"
    return step, made


def limited_at(limit, above=FAIL):
    return lambda step, _made: PASS if step.rate <= limit else above


# --- a simulated engine with a known limit ----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [900, 7_000, 61_234, 250_000])
def test_the_known_limit_is_found_within_3_percent(limit):
    found, _ = search(SimulatedEngine(service_rate=limit), FINE)
    assert found.rate == pytest.approx(limit, rel=0.03)
    assert found.confirmed
    assert found.limited_by is FAIL


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("jitter", [0.02, 0.05])
def test_the_known_limit_is_found_within_3_percent_with_noise(seed, jitter):
    found, made = search(SimulatedEngine(service_rate=48_000, jitter=jitter, seed=seed), FINE)
    assert found.rate == pytest.approx(48_000, rel=0.03)
    assert found.confirmed
    assert found.rate in {p.rate for p in made if p.full and p.outcome is PASS}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_the_known_limit_is_found_within_3_percent_before_a_cliff(seed, jitter):
    """Beyond half a second of unread events the engine collapses to a third: what gets through then says nothing."""
    engine = SimulatedEngine(service_rate=48_000, cliff_events=96_000, jitter=jitter, seed=seed)
    limit = 48_000 * 96_000 / (48_000 * engine.overhead_s + 96_000)
    found, made = search(engine, FINE)
    assert found.rate == pytest.approx(limit, rel=0.03)
    assert found.confirmed
    assert all(p.throughput < limit / 2 for p in made if p.rate > 1.5 * limit and p.throughput)


def test_an_objective_below_the_limit_decides():
    """A window waits for one batch to two, and at rest a batch lasts overhead / (1 - rate / limit)."""
    engine = SimulatedEngine(service_rate=50_000, overhead_s=0.1)
    objective = parse_objective("excess_p90_ms<=600")
    found, _ = search(engine, FINE, [objective])
    assert found.limited_by is Outcome.OBJECTIVE_MISSED
    batch_ms = engine.overhead_s * 1000 / (1 - found.rate / 50_000)
    assert batch_ms < 600 < 2.5 * batch_ms
    assert found.rate < search(engine, FINE)[0].rate * 0.95


@pytest.mark.parametrize(("named", "settings"), [("generator", "generator_rate"), ("broker", "broker_rate")])
def test_a_limit_of_generator_or_broker_is_never_passed_off_as_the_engines(named, settings):
    found, made = search(SimulatedEngine(service_rate=90_000, **{settings: 30_000}), FINE)
    assert found.rate == pytest.approx(30_000, rel=0.03)
    assert found.limited_by is Outcome(f"{named} saturated")
    assert not any(p.outcome.is_the_engines for p in made if 30_000 < p.rate < 80_000)


def test_a_limit_of_the_engine_below_that_of_the_generator_is_the_engines():
    found, _ = search(SimulatedEngine(service_rate=20_000, generator_rate=30_000), FINE)
    assert found.rate == pytest.approx(20_000, rel=0.03)
    assert found.limited_by is FAIL


def test_a_disturbed_probe_is_made_again_and_the_limit_found():
    quiet, made = search(SimulatedEngine(service_rate=48_000), FINE)
    found, disturbed = search(SimulatedEngine(service_rate=48_000, disturbed=frozenset({2, 6})), FINE)
    assert found == quiet
    assert [p.rate for p in disturbed if p.outcome is not NOISE] == [p.rate for p in made]
    assert sum(p.outcome is NOISE for p in disturbed) == 2


def test_what_got_through_an_overloaded_probe_saves_probes():
    engine = SimulatedEngine(service_rate=61_234)
    made = search(engine, PLAN)[1]
    blind = fold(lambda step, _made: probe(engine, step).outcome)[1]
    assert len(made) < len(blind)


@pytest.mark.parametrize("share", [0.5, 0.97, 0.999])
def test_a_misleading_figure_of_what_got_through_costs_a_few_probes_only(share):
    told = []
    while isinstance(step := next_step(told, FINE), Try):
        outcome = limited_at(61_234)(step, None)
        told.append(Probe(rate=step.rate, outcome=outcome, full=step.full, throughput=step.rate * share))
    silent = fold(limited_at(61_234), FINE)[1]
    assert len(told) <= len(silent) + 3


# --- the rules, one by one --------------------------------------------------------------------------------------------


def test_it_begins_at_the_start_rate():
    assert next_step([], replace(PLAN, start=12_345)) == Try(rate=12_345, full=False, why="start")


@pytest.mark.parametrize(
    ("made", "rate", "why"),
    [
        pytest.param([(10_000, PASS)], 20_000, "up", id="up while rates pass"),
        pytest.param([(10_000, FAIL)], 5_000, "down", id="down while they fail"),
        pytest.param([(10_000, PASS), (20_000, FAIL)], 14_100, "bisect", id="the geometric middle of a bracket"),
        pytest.param([(10_000, NOISE)], 10_000, "retry", id="an inconclusive probe is tried again"),
        pytest.param([(10_000, PASS), (20_000, NOISE), (20_000, NOISE)], 14_100, "bisect", id="and bounds after that"),
        pytest.param([(10_000, PASS), (10_200, FAIL)], 10_200, "repeat", id="a bound that failed once is repeated"),
    ],
)
def test_the_next_rate(made, rate, why):
    assert next_step(probes(*made), PLAN) == Try(rate=rate, full=False, why=why)


def test_a_bound_that_failed_twice_is_firm_and_the_rate_below_is_confirmed():
    made = probes((10_000, PASS), (10_200, FAIL), (10_200, FAIL))
    assert next_step(made, PLAN) == Try(rate=10_000, full=True, why="confirm")


def test_a_bound_whose_repetition_passes_is_none_and_the_search_goes_on_above_it():
    made = probes((10_000, PASS), (20_000, FAIL), (10_200, FAIL), (10_200, PASS))
    assert next_step(made, PLAN) == Try(rate=14_300, full=False, why="bisect")


def test_a_failure_below_a_rate_that_passed_was_chance():
    history = History(probes((10_000, FAIL), (12_000, PASS), (20_000, FAIL)))
    assert (history.low, history.high) == (12_000, 20_000)


def test_a_failed_full_run_outweighs_every_probe_at_and_above_its_rate():
    history = History(probes((9_000, PASS), (10_000, PASS), (11_000, PASS), (10_000, FAIL, "full")))
    assert (history.low, history.high) == (9_000, 10_000)


def test_a_full_run_that_passed_ends_the_search():
    made = probes((10_000, PASS), (10_200, FAIL), (10_200, FAIL), (10_000, PASS, "full"))
    found = Found.of(rate=10_000, confirmed=True, bound=10_200, limited_by=FAIL, converged=True)
    assert next_step(made, PLAN) == found


def test_full_runs_go_down_in_doubling_steps_and_then_halve_what_is_left():
    limits = iter([FAIL, FAIL, PASS, FAIL])
    found, made = fold(lambda step, _made: next(limits) if step.full else limited_at(10_000)(step, None))
    assert [p.rate for p in made if p.full] == [10_000, 9_710, 9_160, 9_430]
    assert found == Found.of(rate=9_160, confirmed=True, bound=9_430, limited_by=FAIL, converged=True)


def test_an_inconclusive_confirmation_is_made_again_once_and_refutes_nothing():
    found, made = fold(lambda step, _made: NOISE if step.full else limited_at(10_000)(step, None))
    assert [p.rate for p in made if p.full] == [10_000, 10_000]
    assert (found.rate, found.confirmed) == (10_000, False)


def test_a_rate_that_failed_for_the_generator_once_is_no_limit_of_the_engine():
    made = probes((10_000, PASS), (10_200, Outcome.GENERATOR_SATURATED), (10_200, FAIL), (10_000, PASS, "full"))
    assert next_step(made, PLAN).limited_by is Outcome.GENERATOR_SATURATED


def test_nothing_passed():
    plan = replace(PLAN, lowest=4_000)
    found, made = fold(lambda _step, _made: FAIL, plan)
    assert [p.rate for p in made] == [10_000, 5_000, 4_000, 4_000]
    assert found == Found.of(rate=None, confirmed=False, bound=4_000, limited_by=FAIL, converged=False)


def test_the_highest_rate_allowed_passed():
    found, made = fold(lambda _step, _made: PASS, replace(PLAN, highest=30_000))
    assert [(p.rate, p.full) for p in made] == [(10_000, False), (20_000, False), (30_000, False), (30_000, True)]
    assert found == Found.of(rate=30_000, confirmed=True, bound=None, limited_by=None, converged=True)


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_s", "step"),
    [
        pytest.param(150, Try(rate=20_000, full=False, why="up"), id="exactly a probe and a full run"),
        pytest.param(149, Try(rate=10_000, full=True, why="confirm"), id="a full run alone"),
    ],
)
def test_time_is_kept_for_the_full_run(left_s, step):
    assert next_step(probes((10_000, PASS)), PLAN, TimeLeft(left_s=left_s, probe_s=50, full_s=100)) == step


def test_without_time_for_a_full_run_what_passed_is_reported_unconfirmed():
    time = TimeLeft(left_s=99, probe_s=50, full_s=100)
    expected = Found.of(rate=10_000, confirmed=False, bound=None, limited_by=None, converged=False)
    assert next_step(probes((10_000, PASS)), PLAN, time) == expected


def test_a_failed_confirmation_without_time_for_another_leaves_the_rate_below_it():
    time = TimeLeft(left_s=10, probe_s=50, full_s=100)
    made = probes((9_000, PASS), (10_000, PASS), (10_000, FAIL, "full"))
    assert next_step(made, PLAN, time) == Found.of(
        rate=9_000, confirmed=False, bound=10_000, limited_by=FAIL, converged=False
    )


# --- whatever the engine does -----------------------------------------------------------------------------------------

PLANS = st.builds(
    Plan,
    start=st.floats(100, 100_000),
    lowest=st.floats(1, 100),
    highest=st.floats(100_000, 1_000_000),
    factor=st.floats(1.3, 4),
    tolerance=st.floats(0.005, 0.2),
    most_probes=st.integers(1, 30),
    most_full=st.integers(1, 5),
)


@given(PLANS, st.integers(0, 2**32))
def test_any_answers_whatever(plan, seed):
    rng, made = np.random.default_rng(seed), []
    while isinstance(step := next_step(made, plan), Try):
        assert plan.lowest <= step.rate <= plan.highest
        history = History(made)
        if not step.full and step.why not in ("retry", "repeat"):
            assert not history.at(step.rate), "a rate is probed anew only to be repeated"
            assert history.low is None or step.rate > history.low
            assert history.high is None or step.rate < history.high
        outcome = list(Outcome)[rng.integers(len(Outcome))]
        throughput = float(rng.uniform(1, 2_000_000)) if rng.random() < 0.5 else None
        made.append(Probe(rate=step.rate, outcome=outcome, full=step.full, throughput=throughput))
        assert len(made) <= plan.most_probes + plan.most_full
    passed = {p.rate for p in made if p.outcome is PASS}
    assert step.rate is None or step.rate in passed
    assert step.rate is not None or not passed or any(p.full for p in made)
    assert step.bound is None or step.rate is None or step.bound > step.rate
    assert step.confirmed == any(p.full and p.outcome is PASS for p in made)
    assert (step.limited_by is None) == (step.bound is None)


@given(PLANS.map(lambda plan: replace(plan, most_probes=60)), st.floats(1, 2_000_000))
def test_an_engine_with_a_sharp_limit_is_found_within_the_tolerance_and_the_bracket_only_shrinks(plan, limit):
    found, made = fold(limited_at(limit), plan)
    widths = []
    for count in range(1, len(made) + 1):
        history = History(made[:count])
        if history.low is not None and history.high is not None:
            widths.append(history.high / history.low)
    assert widths == sorted(widths, reverse=True)
    if limit < plan.lowest:
        assert found.rate is None
    elif limit >= plan.highest:
        assert found.rate == plan.highest
    else:
        assert found.rate <= limit < found.bound <= found.rate * (1 + plan.tolerance)


@given(PLANS, st.floats(1, 1_000_000), st.floats(1, 1_000_000))
def test_a_higher_limit_is_never_found_lower(plan, one, other):
    wide = replace(plan, most_probes=60)
    low, high = (fold(limited_at(limit), wide)[0].rate or 0.0 for limit in sorted((one, other)))
    assert low <= high * (1 + plan.tolerance)


@given(PLANS, st.floats(0, 2_000), st.floats(1, 100), st.floats(1, 200))
def test_time_is_never_overdrawn(plan, total_s, probe_s, full_s):
    """With costs that are known, all of it fits into the time, and the full run with it."""
    left_s, made = total_s, []
    while isinstance(step := next_step(made, plan, TimeLeft(left_s=left_s, probe_s=probe_s, full_s=full_s)), Try):
        left_s -= full_s if step.full else probe_s
        assert left_s >= 0 or math.isclose(left_s, 0, abs_tol=1e-9)
        made.append(Probe(rate=step.rate, outcome=limited_at(5_000)(step, made), full=step.full))
    if any(p.outcome is PASS for p in made):
        assert any(p.full for p in made)


def test_the_simulation_serves_what_it_claims_to():
    """Unread events at the end of an overload are what came less what was served."""
    engine = SimulatedEngine(service_rate=10_000, overhead_s=0.0001)
    starts, ends, _ = engine._batches(12_000, 30.0)
    served = np.interp(30.0, ends, np.minimum(starts * 12_000, 360_000))
    assert served == pytest.approx(300_000, rel=0.2)
