"""``--fail-on``: what it means, and what is refused."""

import pytest

from config import ConfigError
from windowbench.compare.thresholds import evaluate, exit_code_of, parse_threshold
from windowbench.errors import ExitCode
from windowbench.runs.files.comparison import ArmDifference, Figure

METRICS = ("excess_ms", "since_window_end_ms")


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("excess_p90_ms>+5%", ("excess_ms", 90, 5.0, "%")),
        ("since_window_end_p50_ms > +20ms", ("since_window_end_ms", 50, 20.0, "ms")),
        ("e2e_p90_ms>+2.5", ("e2e_ms", 90, 2.5, "ms")),
        ("visible_excess_p90_ms>-3 %", ("visible_excess_ms", 90, -3.0, "%")),
    ],
)
def test_an_expression_is_metric_percentile_limit_and_unit(expression, parts):
    found = parse_threshold(expression)
    assert (found.metric, found.percent, found.limit, found.unit) == parts


MALFORMED = """
excess | excess_p90_ms | excess_p90_ms>5% | excess_p90_ms<+5% | excess_p90_ms>+5s | excess_ms>+5% | excess_p90_ms>=+5%
| excess_p90_ms>+% | excess_p90_ms>+5% or so | excess_p90_ms>+nan% | p90_ms>+5%
"""


@pytest.mark.parametrize("expression", ["", *(word.strip() for word in MALFORMED.split("|"))])
def test_a_malformed_expression_is_refused_with_an_example(expression):
    with pytest.raises(ConfigError, match=r"such as excess_p90_ms>\+5%"):
        parse_threshold(expression)


def test_a_percentile_that_is_not_compared_is_refused():
    with pytest.raises(ConfigError, match="only p50 and p90"):
        parse_threshold("excess_p99_ms>+5%")


def difference(*, value, interval, base=100.0, ranks=True, note=None):
    """A difference of 1 % for each ms, as the base is 100 ms."""
    figure = Figure(value=value, interval=interval, note=note)
    return ArmDifference(
        arm="new", base="old", metric="excess_ms", percent=90, ranks=ranks, base_value_ms=base, value_ms=base + value,
        difference_ms=figure, change_percent=figure, level="between runs", paired=False, repeats=(3, 3),
        windows=(60, 60), conclusion="undecided", mann_whitney=None,
    )  # fmt: skip


def outcome(expression="excess_p90_ms>+5%", **how):
    found = evaluate(parse_threshold(expression), ["new"], [difference(**how)], METRICS)
    return found.results[0].outcome, exit_code_of([found])


@pytest.mark.parametrize("unit", ["%", "ms"])
@pytest.mark.parametrize(
    ("value", "interval", "expected", "code"),
    [
        (4.0, [2.0, 6.0], "kept", ExitCode.OK),
        (5.0, [4.0, 9.0], "kept", ExitCode.OK),
        (7.0, [5.0, 9.0], "inconclusive", ExitCode.OK),
        (7.0, [5.1, 9.0], "missed", ExitCode.THRESHOLD_MISSED),
        (7.0, None, "undecided", ExitCode.OK),
    ],
)
def test_missed_when_the_whole_interval_is_beyond_the_limit_inconclusive_when_the_estimate_is(
    unit, value, interval, expected, code
):
    note = None if interval else "9 windows, too few for an interval"
    assert outcome(f"excess_p90_ms>+5{unit}", value=value, interval=interval, note=note) == (expected, code)


def test_an_arm_without_a_valid_run_is_undecided():
    found = evaluate(parse_threshold("excess_p90_ms>+5%"), ["new"], [], METRICS)
    assert found.results[0].outcome == "undecided"


@pytest.mark.parametrize("base", [0.0, -1.5])
def test_a_percentage_of_a_base_that_is_not_above_zero_is_refused_and_a_limit_in_ms_is_not(base):
    with pytest.raises(ConfigError, match="no percentage of that; give a limit in ms"):
        outcome(value=7.0, interval=[6.0, 8.0], base=base)
    assert outcome("excess_p90_ms>+5ms", value=7.0, interval=[6.0, 8.0], base=base)[0] == "missed"


def test_a_metric_that_does_not_mean_the_same_is_refused_and_the_one_that_does_is_named():
    with pytest.raises(ConfigError, match="compare them by since_window_end_p90_ms"):
        outcome(value=7.0, interval=[6.0, 8.0], ranks=False)


def test_a_metric_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match="these runs have no exces_ms; there are excess_p90_ms"):
        evaluate(parse_threshold("exces_p90_ms>+5%"), ["new"], [], METRICS)
