import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import ConfigError
from tests.unit.summaries import typed
from windowbench.capacity.objective import Objective, parse_objective
from windowbench.judge.measures.latency import LATENCIES
from windowbench.judge.measures.statistic import STATISTICS, latency_statistic


def test_every_latency_has_its_percentiles():
    percents = ("p50", "p90", "p95", "p99", "max")
    assert set(STATISTICS) == {
        f"{until}{latency}_{percent}_ms" for until in ("", "visible_") for latency in LATENCIES for percent in percents
    }


@given(st.sampled_from(list(STATISTICS.values())), st.integers(1, 10**6), st.booleans())
def test_an_objective_reads_what_it_prints(statistic, bound, strict):
    objective = Objective(statistic=statistic, bound_ms=bound, strict=strict)
    assert parse_objective(str(objective)) == objective


def test_spaces_around_the_parts_do_not_matter():
    assert parse_objective(" excess_p90_ms <= 1500 ") == parse_objective("excess_p90_ms<=1500")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("excess_p90_ms", "STATISTIC<=MILLISECONDS"),
        ("excess_p90_ms>=3", "STATISTIC<=MILLISECONDS"),
        ("<=3", "STATISTIC<=MILLISECONDS"),
        ("", "STATISTIC<=MILLISECONDS"),
        ("excess_p90_ms<=fast", "a number of ms above 0"),
        ("excess_p90_ms<=0", "a number of ms above 0"),
        ("excess_p90_ms<=-5", "a number of ms above 0"),
        ("excess_p90_ms<=nan", "a number of ms above 0"),
        ("excess_p90_ms<=inf", "a number of ms above 0"),
        ("excess_p80_ms<=5", "did you mean excess_p90_ms?"),
    ],
)
def test_what_is_no_objective_is_refused_with_what_would_be(text, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        parse_objective(text)


def test_a_statistic_is_read_from_a_summary():
    statistic = latency_statistic("freshness_p99_ms")
    assert statistic.of(typed(latencies_ms={"freshness": {"p99": 12.5}})) == 12.5
    assert statistic.of(typed(latencies_ms={"freshness": {"p99": None}})) is None
    assert statistic.of(typed(latencies_ms={})) is None
