"""Which latencies may be compared between which arms."""

import pytest

from config import Config
from windowbench.compare.ranking import Answer, answer_of, ranking_metric, ranks

APPEND, UPDATE = Answer(mode="append", in_transactions=False), Answer(mode="update", in_transactions=False)
COMMITTED = Answer(mode="append", in_transactions=True)


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({}, APPEND),
        ({"engine": "reference"}, APPEND),
        ({"engine": "flink"}, APPEND),
        ({"engine": "flink", "flink_delivery": "exactly-once"}, COMMITTED),
        ({"spark_mode": "update"}, UPDATE),
        ({"spark_mode": "realtime"}, UPDATE),
        ({"engine": "command", "engine_command": "x"}, APPEND),
    ],
)
def test_what_rows_a_configuration_leads_to(settings, answer):
    assert answer_of(Config().replace(**settings)) == answer


@pytest.mark.parametrize(
    ("answers", "metric"),
    [
        ([APPEND, APPEND], "excess"),
        ([UPDATE, UPDATE], "freshness"),
        ([APPEND, UPDATE], "since_window_end"),
        ([APPEND, COMMITTED], "visible_excess"),
        ([COMMITTED, UPDATE], "visible_since_window_end"),
    ],
)
def test_by_which_latency_arms_are_ranked(answers, metric):
    assert ranking_metric(answers)[0] == metric
    assert ranks(metric, answers)


@pytest.mark.parametrize("metric", ["excess", "e2e", "freshness", "visible_excess"])
def test_across_output_modes_only_the_wait_since_the_end_of_the_window_may_be_compared(metric):
    assert not ranks(metric, [APPEND, UPDATE])
    assert ranks("since_window_end", [APPEND, UPDATE])


def test_append_times_of_rows_in_transactions_are_not_compared():
    assert not ranks("excess", [APPEND, COMMITTED])
    assert not ranks("since_window_end", [COMMITTED, COMMITTED])
    assert ranks("visible_excess", [APPEND, COMMITTED])


def test_between_engines_that_update_the_excess_says_nothing():
    assert not ranks("excess", [UPDATE, UPDATE])
    assert ranks("freshness", [UPDATE, UPDATE])
