"""Anomalies by the oracle against the definition, rate after rate; and by the function that Spark calls."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.workloads.ad_clicks import spark
from windowbench.workloads.ad_clicks.anomalies import anomalies
from windowbench.workloads.ad_clicks.counted import CountedTruth
from windowbench.workloads.ad_clicks.settings import AdClicksSettings
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.tally import Bounds, Tallied

OWN = AdClicksSettings(num_campaigns=2, history_windows=6, least_history_windows=3, anomaly_deviations=2.0)
COUNTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=25)


def counted(windows, more=None):
    """Return the truth of two campaigns with the same (impressions, clicks) in each window."""
    n = len(windows)
    closing = ClosingTimes(
        assigner=WindowAssigner(size_ms=10, slide_ms=10),
        first_id=0,
        closing_ns=np.arange(n),
        by_end=np.zeros(n, dtype=bool),
        partition_wait_ns=np.zeros(n, dtype=np.int64),
    )
    columns = np.repeat(np.array(windows, dtype=np.int64).reshape(n, 2), 2, axis=0).T
    columns[1][columns[0] == 0] = 0
    nothing = np.zeros(2 * n, dtype=np.int64)
    added = nothing if more is None else np.repeat(np.array(more, dtype=np.int64), 2)
    return CountedTruth(
        cells=Cells(closing=closing, keys=2, column="key"),
        tallied=Tallied(
            must=columns.astype(np.int32),
            maybe=np.stack([added, nothing]).astype(np.int32),
            excused=np.zeros((2, 2 * n), dtype=np.int32),
            produce_ms=Bounds(low=nothing, high=nothing),
            last_due_ns=nothing,
            last_sent_ns=nothing,
        ),
        total=Bounds(low=nothing, high=nothing),
        total_name="cost",
    )


def by_definition(windows):
    """Yield whether each window is an anomaly, its mean, deviation and score; None without history enough."""
    past = []
    for impressions, clicks in windows:
        if impressions == 0:
            yield None
            continue
        rate, last = clicks / impressions, past[-OWN.history_windows :]
        past.append(rate)
        if len(last) < OWN.least_history_windows:
            yield None
        elif len(set(last)) == 1:
            yield abs(rate - last[0]) > 1e-9, last[0], 0.0, None
        else:
            mean, spread = statistics.fmean(last), statistics.stdev(last)
            score = (rate - mean) / spread
            yield abs(score) > OWN.anomaly_deviations, mean, spread, score


@given(COUNTS)
def test_anomalies_are_those_of_the_definition(windows):
    found = anomalies(counted(windows), OWN)
    for window, right in enumerate(by_definition(windows)):
        for cell in (2 * window, 2 * window + 1):
            assert found.has_history[cell] == (right is not None)
            if right is None:
                assert not found.possible[cell]
                continue
            is_anomaly, mean, spread, score = right
            assert (found.expected[cell], found.spread[cell]) == pytest.approx((mean, spread), rel=1e-12)
            assert np.isnan(found.score[cell]) == (score is None)
            if score is None or abs(abs(score) - OWN.anomaly_deviations) > 1e-5:
                assert found.required[cell] == found.possible[cell] == is_anomaly


@pytest.mark.parametrize("off", [-5e-7, 0.0, 5e-7])
def test_at_the_limit_either_answer_is_right(off):
    windows = [(4, 1), (4, 2), (4, 1), (4, 3)]
    score = (3 / 4 - 1 / 3) / statistics.stdev([1 / 4, 2 / 4, 1 / 4])
    found = anomalies(counted(windows), replace(OWN, anomaly_deviations=score + off))
    assert found.possible[6]
    assert not found.required[6]
    for beyond, sure in ((2e-6, False), (-2e-6, True)):
        found = anomalies(counted(windows), replace(OWN, anomaly_deviations=score + beyond))
        assert found.possible[6] == found.required[6] == sure


def test_a_window_that_is_not_settled_leaves_nothing_settled_until_it_is_forgotten():
    more = [0, 0, 1, *[0] * 10]
    found = anomalies(counted([(4, 1)] * 13, more), OWN)
    unsettled = found.undecidable.reshape(-1, 2)
    assert unsettled[:, 0].tolist() == [False, False, *[True] * 7, *[False] * 4]
    assert found.possible.reshape(-1, 2)[2:9].all()
    assert not found.required.any()


@given(COUNTS, st.integers(1, 4))
def test_the_function_of_spark_says_the_same_however_rows_are_cut_into_calls(windows, chunk):
    compare = spark.comparing(OWN.history_windows, OWN.least_history_windows, OWN.anomaly_deviations)
    active = [(i, min(c, 3)) for i, c in windows if i]
    kept, found = [], []
    for start in range(0, len(active), chunk):
        rows, kept = compare([("campaign", *row) for row in active[start : start + chunk]], kept)
        found += rows
    for (is_anomaly, mean, spread, score), right in zip(found, by_definition(active), strict=True):
        if right is None:
            assert (is_anomaly, mean) == (False, None)
            continue
        assert math.isclose(mean, right[1], rel_tol=1e-12)
        assert math.isclose(spread, right[2], rel_tol=1e-9)
        assert (score is None) == (right[3] is None)
        if score is None or abs(abs(score) - OWN.anomaly_deviations) > 1e-6:
            assert is_anomaly == right[0]
    assert compare([("device", 3, 1)], kept) == ([(False, None, None, None)], kept)
