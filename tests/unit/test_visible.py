"""When rows became visible: each figure by its definition, what ranks, and what an observation must have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded.document import text_of
from tests.unit.synthetic_run import MS, calibration, synthetic_run
from tests.unit.test_latency import DELAY_MS, ROW
from windowbench.judge.judgement import evaluate
from windowbench.judge.measured import MeasuredRows, Phase
from windowbench.judge.measures.latency import RowTimes, row_latencies
from windowbench.judge.truth.rows import ParsedRows, ResultRows
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.reasons import ReasonCode
from windowbench.judge.verdict.visibility import LEAST_CALIBRATION
from windowbench.judge.visible import NEVER, VISIBLE_LATENCIES, VisibleSamples, first_seen_ns, visible_rows
from windowbench.load.schedule import Schedule
from windowbench.report.latencies import definitions_of
from windowbench.report.terminal import WIDTH
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.verdict import Status
from windowbench.runs.samples import read_table

SCHEDULE = Schedule(epoch_ns=0, base_time_ns=1_000 * MS, measure_end_ns=9_000 * MS, load_end_ns=12_000 * MS)
EXACTLY_ONCE = {"engine": "flink", "flink_delivery": "exactly-once"}


def samples(places, calibration_of=((2_000, 2_003),)):
    """Return the observer's samples from (partition, offset, visible ns) and (append ms, visible ms)."""
    columns = np.array(places, dtype=np.int64).reshape(-1, 3)
    probes = np.array(calibration_of, dtype=np.int64).reshape(-1, 2)
    return VisibleSamples(
        rows={"partition": columns[:, 0], "offset": columns[:, 1], "visible_ns": columns[:, 2]},
        calibration={"append_ms": probes[:, 0], "visible_ns": probes[:, 1] * MS},
    )


def results_at(places):
    count = len(places)
    return ResultRows(
        parsed=ParsedRows.concatenated([], (), ()),
        partition=np.array([p for p, _ in places], dtype=np.int32),
        offset=np.array([o for _, o in places], dtype=np.int64),
        append_ms=np.full(count, ROW["append_ns"] // MS),
        timestamp_type=np.ones(count, dtype=np.int8),
    )


def one_row(seen, clock=None, **probes):
    times = RowTimes(**{n: np.array([v], dtype=np.int64) for n, v in ROW.items()}, delay_ns=DELAY_MS * MS)
    zero = np.zeros(1, dtype=np.int64)
    measured = MeasuredRows(
        row=zero,
        cell=zero,
        window=zero,
        phase=np.full(1, Phase.MEASURED, dtype=np.int8),
        times=times,
        latencies=row_latencies(times),
    )
    return visible_rows(
        results_at([(0, 5)]), measured, samples(seen, **probes), SCHEDULE, clock or ClockOffset(), ranks=True
    )


# --- definitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ms"),
    [
        ("visible_e2e", 4_405),
        ("visible_since_window_end", 4_400),
        ("visible_excess", 1_380),
        ("visible_freshness", 4_409),
        ("visible_delay", 500),
    ],
)
def test_definition(name, ms):
    found = one_row([(0, 5, 14_400 * MS)])
    assert found.of(name).tolist() == [ms * MS]
    assert found.seen.tolist() == [True]


def test_every_visible_latency_is_defined_for_the_reader():
    assert set(VISIBLE_LATENCIES) <= definitions_of({}).keys()


def test_the_overhead_is_that_of_calibration_records_of_the_measured_phase_on_the_producers_clock():
    probes = [(999, 1_500), (1_000, 1_002), (8_999, 9_003), (9_000, 9_900)]
    figures = one_row([], calibration_of=probes).figures
    assert (figures.calibration, figures.overhead_p50_ms, figures.overhead_max_ms) == (2, 2.0, 4.0)
    ahead = one_row([], clock=ClockOffset(offset_ns=MS, bound_ns=0), calibration_of=probes).figures
    assert (ahead.calibration, ahead.overhead_p50_ms, ahead.overhead_max_ms) == (2, 5.0, 901.0)


def test_a_row_that_was_never_seen_is_counted_and_not_measured():
    found = one_row([(0, 4, 14_400 * MS), (1, 5, 14_400 * MS)])
    assert found.seen.tolist() == [False]
    assert (found.figures.rows_seen, found.figures.rows_not_seen) == (0, 1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 2**62)), max_size=12),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=8),
)
def test_a_row_is_visible_when_it_was_first_returned_by_partition_and_offset(seen, rows):
    first = {}
    for partition, offset, at in seen:
        first[partition, offset] = min(at, first.get((partition, offset), NEVER))
    found = first_seen_ns(results_at(rows), samples(seen).rows)
    assert found.tolist() == [first.get(place, NEVER) for place in rows]


# --- in the verdict and the report ------------------------------------------------------------------------------------


def test_what_ranks_with_transactions_is_when_rows_became_visible(tmp_path):
    run = synthetic_run(duration_seconds=70.0, rate=40.0, **EXACTLY_ONCE)
    directory = run.write(tmp_path)
    evaluation = evaluate(directory)
    assert evaluation.verdict.status is Status.VALID, evaluation.verdict
    headline = as_json(evaluation.summary)["headline"]
    assert headline["name"] == "visible_excess_ms"
    assert headline["value_ms"] == as_json(evaluation.summary)["latencies_ms"]["visible_excess"]["p90"]
    assert headline["value_ms"] == pytest.approx(400 + 700, abs=2)
    assert headline["interval_ms"][0] <= headline["value_ms"] <= headline["interval_ms"][1]
    assert as_json(evaluation.summary)["latencies_ms"]["visible_delay"]["p50"] == 700
    assert as_json(evaluation.summary)["visible"]["overhead_p90_ms"] == 1.5
    text = text_of(as_json(evaluation.summary), long=True)
    said = " ".join(text.split())
    assert "visible_excess_ms P90 1,100." in said
    assert "Visible time of the row - earliest possible emission of its window; nearest rank" in said
    assert "P50 1.5 ms, P90 1.5 ms, max 1.5 ms" in said
    assert max(map(len, text.splitlines())) <= WIDTH
    assert set(evaluation.windows["visible_excess_max_ms"][4:30]) != {None}


def test_rows_and_their_visible_latencies_are_kept(tmp_path):
    from windowbench.judge.judgement import judge_run

    directory = synthetic_run(rate=60.0, **EXACTLY_ONCE).write(tmp_path)
    judge_run(directory)
    table = read_table(directory.judged_rows).to_pydict()
    counted = [n for n, counts in enumerate(table["counts"]) if counts]
    assert counted
    assert {table["visible_delay_ns"][n] for n in counted} == {700 * MS}
    assert all(table["visible_excess_ns"][n] - table["excess_ns"][n] == 700 * MS for n in counted)


def test_what_ranks_is_the_append_time_where_visible_time_is_only_asked_for_beside_it(tmp_path):
    evaluation = evaluate(synthetic_run(rate=60.0, visible_time=True).write(tmp_path))
    assert evaluation.verdict.status is Status.VALID
    assert as_json(evaluation.summary)["headline"]["name"] == "excess_ms"
    assert as_json(evaluation.summary)["latencies_ms"]["visible_excess"]["p50"] == pytest.approx(1_100, abs=2)


def test_a_run_that_nobody_observed_has_no_visible_figures(tmp_path):
    evaluation = evaluate(synthetic_run(rate=60.0).write(tmp_path))
    assert as_json(evaluation.summary)["visible"] is None
    assert not [name for name in as_json(evaluation.summary)["latencies_ms"] if name.startswith("visible")]
    assert not [name for name in evaluation.rows if name.startswith("visible")]


@pytest.mark.parametrize("ranks", [True, False])
def test_a_row_that_was_never_seen_counts_against_a_run_that_it_ranks_and_is_a_warning_else(tmp_path, ranks):
    run = synthetic_run(rate=60.0, **(EXACTLY_ONCE if ranks else {"visible_time": True}))
    run.result(3, 1).commit_ms = None
    evaluation = evaluate(run.write(tmp_path))
    assert as_json(evaluation.summary)["visible"]["rows_not_seen"] == 1
    assert as_json(evaluation.summary)["latencies_ms"]["visible_excess"]["rows"] == (
        as_json(evaluation.summary)["latencies_ms"]["excess"]["rows"] - 1
    )
    said = [reason.code for reason in evaluation.verdict.reasons]
    assert said == (["rows_not_observed"] if ranks else [])
    assert any("never seen" in warning for warning in evaluation.verdict.warnings) is not ranks


def test_a_row_that_is_visible_before_it_was_appended_makes_the_run_invalid(tmp_path):
    run = synthetic_run(rate=60.0, visible_time=True)
    run.result(3, 1).commit_ms = -1
    assert [reason.code for reason in evaluate(run.write(tmp_path)).verdict.reasons] == ["visible_before_append"]


@pytest.mark.parametrize("count", [LEAST_CALIBRATION - 1, LEAST_CALIBRATION])
def test_a_ranking_figure_needs_a_calibrated_observer(tmp_path, count):
    run = synthetic_run(rate=60.0, **EXACTLY_ONCE)
    columns = calibration(run.schedule)
    inside = np.flatnonzero(columns["append_ms"] * MS >= run.schedule.base_time_ns)[:count]
    run.calibration = {name: column[inside] for name, column in columns.items()}
    said = [reason.code for reason in evaluate(run.write(tmp_path)).verdict.reasons]
    assert said == (["observer_not_calibrated"] if count < LEAST_CALIBRATION else [])


def test_a_run_in_transactions_that_nobody_observed_is_invalid_by_name(tmp_path):
    directory = synthetic_run(rate=60.0, **EXACTLY_ONCE).write(tmp_path)
    directory.visible_samples.unlink()
    verdict = evaluate(directory).verdict
    assert [reason.code for reason in verdict.reasons] == [ReasonCode.VISIBLE_TIME_UNKNOWN]
    assert verdict.status is Status.INVALID


def test_a_missing_calibration_is_named(tmp_path):
    directory = synthetic_run(rate=60.0, visible_time=True).write(tmp_path)
    directory.visible_calibration.unlink()
    (reason,) = evaluate(directory).verdict.reasons
    assert "visible_calibration.parquet is missing" in reason.text


def test_an_observation_does_not_touch_the_latencies_by_append_time(tmp_path):
    run = synthetic_run(rate=60.0, **EXACTLY_ONCE)
    observed = as_json(evaluate(run.write(tmp_path)).summary)["latencies_ms"]
    run.config = run.config.replace(flink_delivery="at-least-once")
    plain = as_json(evaluate(run.write(tmp_path / "plain")).summary)["latencies_ms"]
    assert plain == {name: observed[name] for name in plain}


def test_of_updates_it_is_the_final_row_whose_visible_time_is_shown(tmp_path):
    run = synthetic_run(rate=30.0, engine="spark", spark_mode="update", visible_time=True)
    evaluation = evaluate(run.write(tmp_path))
    latencies = as_json(evaluation.summary)["latencies_ms"]
    assert as_json(evaluation.summary)["headline"]["name"] == "freshness_ms"
    assert latencies["visible_e2e"]["rows"] == latencies["e2e"]["rows"] < latencies["freshness"]["rows"]
    assert latencies["visible_e2e"]["p50"] == latencies["e2e"]["p50"] + 700
    text = " ".join(text_of(as_json(evaluation.summary), long=True).split())
    assert "visible_e2e_ms visible time of the final row - greatest produce time" in text
