"""Figures of a report, each against the same thing counted by hand from a recorded run."""

import math

import numpy as np
import pytest

from config import Config
from tests.unit.synthetic_run import MS, synthetic_run
from windowbench.judge.engine import engine_figures
from windowbench.judge.judgement import evaluate
from windowbench.judge.measures.quantiles import nearest_rank
from windowbench.load.arrivals import modulating_path
from windowbench.load.schedule import NS_PER_S, Schedule
from windowbench.runs.files.codec import as_json


def measured_events(run):
    return [e for e in run.events if run.schedule.base_time_ns <= e.due < run.schedule.measure_end_ns]


def state_at(path, offset_ns):
    for start, state in reversed(list(zip(path.starts_ns.tolist(), path.states.tolist(), strict=True))):
        if start <= offset_ns:
            return state
    raise AssertionError


@pytest.fixture(scope="module")
def bursty(tmp_path_factory):
    run = synthetic_run(data_generator="mmpp", mmpp_sojourn_seconds=(2.0, 1.0))
    return run, as_json(evaluate(run.write(tmp_path_factory.mktemp("bursty"))).summary)


# --- rates ------------------------------------------------------------------------------------------------------------


def test_the_scheduled_rate_counts_the_events_due_in_the_measured_phase_and_the_nominal_one_is_configured(tmp_path):
    run = synthetic_run()
    load = as_json(evaluate(run.write(tmp_path)).summary)["load"]
    assert load["nominal_rate"] == 150.0
    assert load["scheduled_rate"] == len(measured_events(run)) / 24
    assert load["path_rate"] is None


def test_the_path_rate_is_the_mean_rate_along_the_path_within_the_measured_phase(bursty):
    run, summary = bursty
    path = modulating_path(run.config, run.schedule.load_length_ns)
    begin, end = (ns - run.schedule.epoch_ns for ns in (run.schedule.base_time_ns, run.schedule.measure_end_ns))
    total = 0.0
    for start, stop, rate in zip(path.starts_ns, [*path.starts_ns[1:], path.until_ns], path.rates, strict=True):
        total += max(0, min(stop, end) - max(start, begin)) * rate
    assert summary["load"]["path_rate"] == pytest.approx(total / (end - begin))


# --- states -----------------------------------------------------------------------------------------------------------


def test_a_row_belongs_to_the_mmpp_state_in_which_its_last_event_was_due(bursty):
    run, summary = bursty
    path = modulating_path(run.config, run.schedule.load_length_ns)
    by_state = {0: [], 1: []}
    for result in run.results:
        start = result.row["window_start"]
        if not run.schedule.base_time_ns <= start * MS <= run.schedule.measure_end_ns - 2 * NS_PER_S:
            continue
        last = max(
            e.due
            for e in run.events
            if e.campaign == result.row["campaign_id"] and start * MS <= e.time < (start + 2000) * MS
        )
        by_state[state_at(path, last - run.schedule.epoch_ns)].append(result.append_ms - start - 2000)
    assert all(by_state.values())
    for found in summary["states"]["by_state"]:
        values = np.array(by_state[found["state"]])
        assert found["rows"] == len(values)
        assert found["since_window_end_ms"]["p50"] == nearest_rank(values, 50)
        assert found["since_window_end_ms"]["max"] == values.max()


def test_state_changes_are_those_of_the_measured_phase(bursty):
    run, summary = bursty
    path = modulating_path(run.config, run.schedule.load_length_ns)
    starts = path.starts_ns[1:] + run.schedule.epoch_ns
    inside = [s for s in starts.tolist() if run.schedule.base_time_ns < s < run.schedule.measure_end_ns]
    assert summary["states"]["changes"] == len(inside) > 0


# --- what the engine says of itself -----------------------------------------------------------------------------------

SCHEDULE = Schedule(epoch_ns=0, base_time_ns=10 * NS_PER_S, measure_end_ns=20 * NS_PER_S, load_end_ns=25 * NS_PER_S)


def batch(second: float, batch_ms: float, **fields: object) -> dict[str, object]:
    return {"type": "progress", "received_ns": round(second * NS_PER_S), "batch_ms": batch_ms, **fields}


def test_batches_are_those_reported_within_the_measured_phase():
    lines = [batch(9.999, 5000), batch(10, 300), batch(15, 100), batch(19.999, 200), batch(20, 7000)]
    figures = engine_figures(Config(), lines, SCHEDULE)
    assert (figures.batches, figures.batch_p50_ms, figures.batch_max_ms) == (3, 200, 300)


def test_state_is_the_most_of_the_measured_phase_and_checkpoints_have_median_and_longest():
    lines = [
        batch(9.999, 1, state_rows=900, state_bytes=9_000, checkpoint_ms=900),
        batch(10, 1, state_rows=10, state_bytes=300, checkpoint_ms=30),
        batch(12, 1, state_rows=20, state_bytes=100, checkpoint_ms=None),
        batch(13, 1, state_rows=None, state_bytes=None, checkpoint_ms=10),
        batch(19.999, 1, state_rows=0, state_bytes=0, checkpoint_ms=20.5),
        batch(20, 1, state_rows=800, state_bytes=8_000, checkpoint_ms=800),
    ]
    figures = engine_figures(Config(), lines, SCHEDULE)
    assert (figures.state_rows, figures.state_bytes) == (20, 300)
    assert (figures.checkpoints, figures.checkpoint_p50_ms, figures.checkpoint_max_ms) == (3, 20.5, 30)


def test_an_engine_that_keeps_nothing_is_told_from_one_that_does_not_say():
    assert engine_figures(Config(), [batch(15, 1, state_rows=0)], SCHEDULE).state_rows == 0
    assert engine_figures(Config(), [batch(15, 1)], SCHEDULE).state_rows is None


@pytest.mark.parametrize("odd", [None, "many", True, [], {}, -1, math.nan, math.inf])
def test_state_and_checkpoints_that_are_nonsense_are_unknown(odd):
    line = batch(15, 1, state_rows=odd, state_bytes=odd, checkpoint_ms=odd)
    figures = engine_figures(Config(), [line], SCHEDULE)
    assert (figures.state_rows, figures.state_bytes) == (None, None)
    assert (figures.checkpoints, figures.checkpoint_p50_ms, figures.checkpoint_max_ms) == (0, None, None)


def test_rejected_records_are_the_last_running_total_of_the_whole_run():
    # An engine that knows records read and records accepted at two instants may say too much for a while.
    lines = [batch(1, 5, rejected=2), batch(15, 5, rejected=21), batch(24, 5, rejected=9), batch(25, 5)]
    assert engine_figures(Config(), lines, SCHEDULE).rejected == 9


@pytest.mark.parametrize("odd", [None, "many", True, [], {}])
def test_an_engine_that_reports_nonsense_or_nothing_has_no_figures(odd):
    figures = engine_figures(
        Config(), [{"type": "progress", "batch_ms": odd, "received_ns": odd, "rejected": odd}, {}], SCHEDULE
    )
    assert (figures.batches, figures.batch_p50_ms, figures.batch_max_ms, figures.rejected) == (0, 0.0, 0.0, 0)


def test_the_settings_an_engine_reports_are_kept():
    lines = [{"type": "settings", "effective": {"spark.x": "1"}}, {"type": "settings", "effective": "none"}]
    assert engine_figures(Config(), lines, SCHEDULE).settings == {"spark.x": "1"}
