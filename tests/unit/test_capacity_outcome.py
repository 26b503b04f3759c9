import pytest

from tests.unit.summaries import typed
from windowbench.capacity.objective import parse_objective
from windowbench.capacity.outcome import Outcome, assess

GROWS = {"code": "excess_grows", "party": "engine", "text": "excess grows"}
AGES = {"code": "freshness_grows", "party": "engine", "text": "freshness grows"}
LAGS = {"code": "results_lag", "party": "engine", "text": "results lag"}
BEHIND = {"code": "excess_too_great", "party": "engine", "text": "P90 is above 5000 ms"}
MISSING = {"code": "rows_missing", "party": "engine", "text": "40 rows are missing"}
WRONG = {"code": "rows_wrong", "party": "engine", "text": "1 row is wrong"}
LATE = {"code": "lateness_p99", "party": "generator", "text": "P99 of send lateness is 80 ms"}
EXPLAINED = {"code": "rows_missing_explained", "party": "generator", "text": "2 rows are missing; explained"}
STOLEN = {"code": "cpu_steal", "party": "host", "text": "40 % stolen"}
FAILED = {"code": "judge_failed", "party": "judge", "text": "the judge failed"}

SUMMARY = {
    "verdict": {"verdict": "valid", "reasons": []},
    "generator": {"failed": 0, "ack_p99_ms": 20.0, "scheduled_measured": 240_000, "sent_measured": 240_000},
    "host": {"cpu_broker": 0.4},
    "load": {"scheduled_rate": 10_000.0, "measured_seconds": 24.0},
    "steady_state": {"excess_slope_ms_per_s": {"estimate": 250.0, "low": 200.0, "high": 300.0, "points": 12}},
    "latencies_ms": {"excess": {"p90": 1_500.0, "max": None}},
}


def summary(*reasons, **changes):
    """Return a summary with these reasons; ``generator__failed=3`` changes a figure of it."""
    found = {group: dict(figures) for group, figures in SUMMARY.items()}
    if reasons:
        behind = all(reason in (GROWS, AGES, LAGS, BEHIND) for reason in reasons)
        found["verdict"] = {"verdict": "unsustainable" if behind else "invalid", "reasons": list(reasons)}
    for name, value in changes.items():
        group, _, figure = name.partition("__")
        found[group] = {**found[group], figure: value} if figure else value
    return typed(**found)


def outcome(*reasons, objectives=(), **changes):
    return assess(summary(*reasons, **changes), [parse_objective(text) for text in objectives], cores=2).outcome


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        pytest.param((), Outcome.SUSTAINABLE, id="valid"),
        pytest.param((GROWS,), Outcome.UNSUSTAINABLE, id="excess grows"),
        pytest.param((AGES,), Outcome.UNSUSTAINABLE, id="updates grow older"),
        pytest.param((LAGS,), Outcome.UNSUSTAINABLE, id="results lag"),
        pytest.param((BEHIND,), Outcome.UNSUSTAINABLE, id="too far behind"),
        pytest.param((MISSING, LAGS), Outcome.UNSUSTAINABLE, id="rows did not come in time"),
        pytest.param((MISSING,), Outcome.INEXACT, id="rows are lost though the engine kept up"),
        pytest.param((WRONG, GROWS), Outcome.INEXACT, id="wrong rows"),
        pytest.param((LATE,), Outcome.GENERATOR_SATURATED, id="late load"),
        pytest.param((LATE, GROWS, WRONG), Outcome.GENERATOR_SATURATED, id="late load comes before the engine"),
        pytest.param((EXPLAINED,), Outcome.INCONCLUSIVE, id="another fault of the generator"),
        pytest.param((STOLEN, GROWS), Outcome.INCONCLUSIVE, id="a stolen machine says nothing about the engine"),
        pytest.param((FAILED,), Outcome.INCONCLUSIVE, id="unknown"),
    ],
)
def test_what_a_verdict_says_about_a_rate(reasons, expected):
    assert outcome(*reasons) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"generator__failed": 3}, Outcome.BROKER_SATURATED, id="events not delivered"),
        pytest.param({"generator__ack_p99_ms": 501.0}, Outcome.BROKER_SATURATED, id="acknowledged after 501 ms"),
        pytest.param({"generator__ack_p99_ms": 500.0}, Outcome.GENERATOR_SATURATED, id="acknowledged after 500 ms"),
        pytest.param({"generator__ack_p99_ms": None}, Outcome.GENERATOR_SATURATED, id="acknowledgement not sampled"),
        pytest.param({"host__cpu_broker": 1.81}, Outcome.BROKER_SATURATED, id="more than nine tenths of the cores"),
        pytest.param({"host__cpu_broker": 1.80}, Outcome.GENERATOR_SATURATED, id="nine tenths of the cores"),
    ],
)
def test_a_load_that_the_broker_held_up_is_not_charged_to_the_generator(changes, expected):
    assert outcome(LATE, **changes) is expected


@pytest.mark.parametrize(("reasons", "expected"), [((), Outcome.SUSTAINABLE), ((LAGS,), Outcome.UNSUSTAINABLE)])
def test_slow_acknowledgements_of_a_load_that_was_offered_in_time_held_nobody_up(reasons, expected):
    assert outcome(*reasons, generator__ack_p99_ms=900.0) is expected


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        pytest.param("excess_p90_ms<=1500", Outcome.SUSTAINABLE, id="exactly the bound"),
        pytest.param("excess_p90_ms<1500", Outcome.OBJECTIVE_MISSED, id="not below it"),
        pytest.param("excess_p90_ms<=1499.9", Outcome.OBJECTIVE_MISSED, id="above it"),
        pytest.param("excess_max_ms<=1500", Outcome.OBJECTIVE_MISSED, id="a figure that is not known"),
    ],
)
def test_objectives_are_a_condition(objective, expected):
    assert outcome(objectives=["excess_p90_ms<=9000", objective]) is expected


def test_the_words_name_the_figure_and_the_objective():
    found = assess(summary(), [parse_objective("excess_p90_ms<=700")], cores=2)
    assert found.why == "excess_p90_ms is 1500.0, not excess_p90_ms<=700"


def test_the_words_of_a_saturated_broker_come_before_what_it_led_to():
    found = assess(summary(LATE, generator__failed=3), [], cores=2)
    assert found.why == "the broker took 3 events not in time or not at all; P99 of send lateness is 80 ms"


def test_excess_that_grows_by_a_quarter_second_a_second_tells_that_four_fifths_got_through():
    assert assess(summary(GROWS), [], cores=2).throughput == pytest.approx(8_000)


def test_updates_that_age_tell_it_as_well():
    slope = {"estimate": 1_000.0, "low": 900.0, "high": 1_100.0, "points": 12}
    ages = {"excess_slope_ms_per_s": None, "freshness_slope_ms_per_s": slope}
    assert assess(summary(AGES, steady_state=ages), [], cores=2).throughput == 5_000


def test_excess_that_falls_tells_nothing_of_what_got_through():
    falls = {"estimate": -3.0, "low": -4.0, "high": -2.0, "points": 12}
    assert assess(summary(LAGS, steady_state__excess_slope_ms_per_s=falls), [], cores=2).throughput is None


def test_a_saturated_generator_tells_how_much_it_sent():
    assert assess(summary(LATE, generator__sent_measured=120_000), [], cores=2).throughput == 5_000
    assert assess(summary(LATE), [], cores=2).throughput is None


def test_where_the_generator_gave_out_who_had_the_cores_stands_there():
    cores = {"host__cpu_engine": 1.42, "host__cpu_broker": 0.3, "host__cpu_producers": 0.21}
    late = assess(summary(LATE, **cores), [], cores=2)
    assert late.why == (
        "P99 of send lateness is 80 ms; of 2 cores engine had 1.42, broker had 0.30, producers had 0.21"
    )
    assert "cores" not in assess(summary(GROWS, **cores), [], cores=2).why
