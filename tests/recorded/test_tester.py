"""Tests of the tester: a good run is valid, and every seeded defect makes it invalid for the right reason.

The run is recorded without broker and engine by ``synthetic_run``, which knows nothing of the oracle.
"""

import dataclasses
import json

import numpy as np
import pytest

from tests.unit.synthetic_run import MS, Result, plain_engine, quiet_host, synthetic_run
from windowbench.judge.judgement import evaluate, judge_run
from windowbench.load.arrivals import modulating_path
from windowbench.load.schedule import NS_PER_S
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.verdict import Status
from windowbench.runs.samples import read_table


@pytest.fixture
def run():
    return synthetic_run(rate=60.0)


def verdict_of(run, tmp_path):
    return evaluate(run.write(tmp_path)).verdict


def reasons_of(run, tmp_path):
    """Return ``{code: party}`` of an invalid run."""
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.INVALID, verdict
    return {reason.code: str(reason.party) for reason in verdict.reasons}


def engine_again(run):
    """Let the engine answer what was really sent."""
    run.results = plain_engine(run.config, run.schedule, run.events)


# --- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"data_generator": "uniform"},
        {"data_generator": "mmpp", "num_producers": 3, "mmpp_sojourn_seconds": (1.0, 0.5)},
        {"slide_sec": 0.5},
        {"out_of_order_share": 0.4, "out_of_order_extent_ms": 450, "slide_sec": 1.0},
        {"too_late_share": 0.1, "late_guard_seconds": 2.0},
        {"partitions": 4, "idle_partitions": 2, "partition_skew": 1.0, "num_campaigns": 1},
        {"rate": 2.0},
    ],
)
def test_a_run_in_which_all_went_well_is_valid(settings, tmp_path):
    evaluation = evaluate(synthetic_run(**settings).write(tmp_path))
    assert evaluation.verdict.status is Status.VALID, evaluation.verdict
    assert as_json(evaluation.summary)["headline"]["value_ms"] == pytest.approx(400, abs=2)
    assert as_json(evaluation.summary)["rows"]["exact"] == as_json(evaluation.summary)["rows"]["expected"] > 10


@pytest.mark.parametrize(
    ("consumer", "warned"),
    [
        (None, []),
        ({"left": 0, "error": None}, []),
        ({"left": 7, "error": None}, ["7 records of the results topic did not reach PostgreSQL"]),
        (
            {"left": 3, "error": "killed"},
            ["the result consumer failed: killed", "3 records of the results topic did not reach PostgreSQL"],
        ),
    ],
)
def test_results_that_did_not_reach_the_database_are_warned_of_and_no_fault_of_the_run(run, tmp_path, consumer, warned):
    run.consumer = consumer
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.VALID
    assert list(verdict.warnings) == warned


def test_windows_of_warm_up_measured_and_cool_down_are_all_expected(run, tmp_path):
    found = evaluate(run.write(tmp_path))
    starts = {r.row["window_start"] for r in run.results}
    assert as_json(found.summary)["windows"] == {"warm-up": 3, "measured": 12, "cool-down": 2}
    assert len(starts) == 17
    assert found.windows["expected"] == [3] * 17


# --- rows -------------------------------------------------------------------------------------------------------------

FIELDS = ("views", "clicks", "purchases", "events", "max_produce_time", "max_event_time_ns", "window_end", "ctr")


@pytest.mark.parametrize("field", FIELDS)
def test_a_row_changed_by_one(run, tmp_path, field):
    run.result(4, 1).row[field] += 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


@pytest.mark.parametrize("window", [-1, 4, 12], ids=["warm-up", "measured", "cool-down"])
def test_a_dropped_row_of_any_phase(run, tmp_path, window):
    run.results.remove(run.result(window, 0))
    assert reasons_of(run, tmp_path) == {"rows_missing": "engine"}


def test_a_row_duplicated_with_another_value(run, tmp_path):
    other = dataclasses.replace(run.result(4, 1), row=dict(run.result(4, 1).row))
    other.append_ms += 50
    other.row["views"] += 1
    run.results.append(other)
    assert reasons_of(run, tmp_path) == {"rows_conflicting": "engine"}


def test_a_row_duplicated_with_equal_values_is_a_warning(run, tmp_path):
    run.results.append(dataclasses.replace(run.result(4, 1), append_ms=run.result(4, 1).append_ms + 50))
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.VALID
    assert verdict.warnings == ("1 rows are repeated with equal values",)


def test_a_false_max_produce_time_that_would_hide_latency(run, tmp_path):
    row = run.result(4, 1)
    row.row["max_produce_time"] = row.append_ms - 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


def test_a_row_of_a_campaign_that_does_not_exist(run, tmp_path):
    run.results.append(dataclasses.replace(run.result(4, 1), row={**run.result(4, 1).row, "campaign_id": 3}))
    assert reasons_of(run, tmp_path) == {"rows_unexpected": "engine"}


def test_a_row_of_this_run_with_a_number_written_as_text(run, tmp_path):
    run.result(4, 1).row["views"] = str(run.result(4, 1).row["views"])
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


def test_records_that_are_no_rows_where_nobody_but_the_engine_writes(run, tmp_path):
    append = run.result(4, 1).append_ms
    theirs = json.dumps({**run.result(4, 1).row, "run_id": "theirs", "views": 10**6}).encode()
    for value in (b"", b"\xff", b"[1]", b"null", theirs):
        run.results.append(Result(append_ms=append, row={}, value=value, timestamp_type=0))
    assert reasons_of(run, tmp_path) == {"rows_foreign": "engine"}


@pytest.mark.parametrize("broken", [b"\xef\xbb\xbf", b"NaN "])
def test_a_row_of_this_run_that_is_no_json_is_called_that(run, tmp_path, broken):
    value = broken + json.dumps(run.result(4, 1).row).encode()
    run.results.append(Result(append_ms=run.result(4, 1).append_ms, row={}, value=value))
    assert reasons_of(run, tmp_path) == {"rows_malformed": "engine"}


def test_rows_that_were_removed_after_others_took_their_place(run, tmp_path):
    run.log = {"removed": 60, "end": len(run.results) + 60, "begins_at": 60}
    assert reasons_of(run, tmp_path) == {"records_removed": "outside"}


@pytest.mark.parametrize("name", ["events_topic", "result_topic"])
def test_a_topic_that_was_made_anew(run, tmp_path, name):
    run.topic_ids = {getattr(run.config.kafka, name): "another"}
    assert reasons_of(run, tmp_path) == {"topic_replaced": "outside"}


def test_rows_that_are_committed_and_were_not_read(run, tmp_path):
    run.log = {"committed": len(run.results) + 1}
    assert reasons_of(run, tmp_path) == {"records_unread": "harness"}


def test_rows_in_transactions_of_an_engine_that_says_nothing_of_them(run, tmp_path):
    run.log = {"in_transactions": len(run.results), "markers": 5}
    assert reasons_of(run, tmp_path) == {"visible_time_unknown": "harness"}


def test_rows_in_transactions_that_somebody_observed_are_ranked_by_when_they_were_visible(tmp_path):
    run = synthetic_run(rate=60.0, visible_time=True)
    run.log = {"in_transactions": len(run.results), "markers": 5}
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.status is Status.VALID
    assert evaluation.summary.headline.name == "visible_excess_ms"


@pytest.mark.parametrize(
    ("others", "code"), [({"foreign": 500}, "events_foreign"), ({"end_records": 4}, "end_foreign")]
)
def test_an_engine_that_may_have_counted_what_strangers_wrote_is_not_charged_alone(run, tmp_path, others, code):
    run.result(4, 1).row["views"] += 1
    run.foreign, run.end_records = others.get("foreign", 0), others.get("end_records", 0)
    assert reasons_of(run, tmp_path) == {code: "outside", "rows_wrong": "outside"}


@pytest.mark.parametrize("said", ["next", "resting"])
def test_an_answer_that_nobody_asked_for_is_named(run, tmp_path, said):
    run.progress = [{"type": "unasked", "said": said, "received_ns": 1}] * 2
    assert verdict_of(run, tmp_path).warnings == (f"the engine said {said} 2 times without being asked",)


def test_a_results_topic_with_create_time(run, tmp_path):
    for result in run.results:
        result.timestamp_type = 0
    assert reasons_of(run, tmp_path) == {"not_log_append_time": "broker"}


def test_a_row_appended_before_its_last_event_was_produced(run, tmp_path):
    result = run.result(4, 1)
    result.append_ms = result.row["max_produce_time"] - 1
    assert reasons_of(run, tmp_path) == {
        "e2e_negative": "host",
        "freshness_negative": "host",
        "excess_too_low": "engine",
    }


@pytest.mark.parametrize(("early_ms", "invalid"), [(2, False), (3, True)])
def test_a_row_appended_before_its_window_could_close(run, tmp_path, early_ms, invalid):
    """Closing times lie within a ms; the broker's time stamp of the ms they lie in is up to 1 ms less."""
    found = evaluate(run.write(tmp_path / "before"))
    excess = found.windows["excess_max_ms"][found.windows["window_id"].index(4)]
    for campaign in range(3):
        run.result(4, campaign).append_ms -= int(excess) + early_ms
    verdict = evaluate(run.write(tmp_path / "after")).verdict
    assert (verdict.status is Status.INVALID) == invalid
    assert [r.code for r in verdict.reasons] == (["excess_too_low"] if invalid else [])


# --- the generator ----------------------------------------------------------------------------------------------------


def test_a_producer_slower_than_its_schedule_is_at_fault_and_not_the_engine(run, tmp_path):
    epoch = run.schedule.epoch_ns
    for event in run.events:
        if event.producer == 1:
            event.sent = epoch + (event.due - epoch) * 5 // 4
    engine_again(run)
    reasons = reasons_of(run, tmp_path)
    assert {"sent_differs_from_schedule", "lateness_p99", "lateness_exceeds_watermark"} <= reasons.keys()
    assert "generator" in reasons.values()
    assert "engine" not in reasons.values()


def test_rows_that_lack_what_a_producer_never_sent_are_not_charged_to_the_engine(run, tmp_path):
    stop = run.schedule.base_time_ns + 9 * NS_PER_S
    for event in run.events:
        if event.producer == 1 and event.due >= stop:
            event.sent = -1
    engine_again(run)
    reasons = reasons_of(run, tmp_path)
    assert reasons == {"sent_differs_from_schedule": "generator", "rows_wrong_explained": "generator"}


def test_a_load_that_nobody_sent_explains_every_missing_row(run, tmp_path):
    for event in run.events:
        event.sent = -1
    run.results = []
    assert reasons_of(run, tmp_path) == {
        "sent_differs_from_schedule": "generator",
        "no_events_measured": "generator",
        "rows_missing_explained": "generator",
    }


def test_an_event_sent_early(run, tmp_path):
    event = next(e for e in run.events if e.due // MS * MS > run.schedule.base_time_ns)
    event.sent = event.due // MS * MS - 1
    engine_again(run)
    assert reasons_of(run, tmp_path) == {"sent_early": "generator"}


def test_an_event_sent_within_the_ms_it_was_due_is_not_early(run, tmp_path):
    event = next(e for e in run.events if e.due % MS > 1)
    event.sent = event.due // MS * MS
    engine_again(run)
    assert verdict_of(run, tmp_path).status is Status.VALID


def test_one_acknowledged_event_missing_is_the_generators_fault_and_so_is_the_row_that_lacks_it(run, tmp_path):
    lost = run.events[1000]
    run.missing = [[lost.producer, lost.number]]
    engine_sees = [e for e in run.events if e is not lost]
    run.results = plain_engine(run.config, run.schedule, engine_sees)
    assert reasons_of(run, tmp_path) == {"acknowledged_missing": "generator", "rows_wrong_explained": "generator"}


def test_a_missing_event_does_not_excuse_the_row_of_another_window(run, tmp_path):
    lost = run.events[1000]
    run.missing = [[lost.producer, lost.number]]
    run.result(11, 1).row["views"] += 1
    assert reasons_of(run, tmp_path) == {"acknowledged_missing": "generator", "rows_wrong": "engine"}


def test_records_of_others_in_the_events_topic_are_a_warning(run, tmp_path):
    run.foreign = 3
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.VALID
    assert verdict.warnings == ("3 records of others are in the events topic",)


def test_sends_that_nobody_scheduled(run, tmp_path):
    run.extra_sends = [run.schedule.load_end_ns] * 40
    assert reasons_of(run, tmp_path) == {"sent_differs_from_schedule": "generator"}


@pytest.mark.parametrize(("late_ms", "invalid"), [(50, False), (51, True)])
def test_p99_of_lateness_at_and_above_its_limit(run, tmp_path, late_ms, invalid):
    for event in run.events:
        event.sent = event.due + late_ms * MS
    engine_again(run)
    verdict = verdict_of(run, tmp_path)
    assert [r.code for r in verdict.reasons] == (["lateness_p99"] if invalid else [])


@pytest.mark.parametrize(("late_ns", "invalid"), [(500 * MS - 1, False), (500 * MS, True)])
def test_greatest_lateness_below_and_at_watermark_delay_less_m(run, tmp_path, late_ns, invalid):
    event = next(e for e in run.events if e.due > run.schedule.base_time_ns + 5 * NS_PER_S)
    event.sent = event.due + late_ns
    engine_again(run)
    verdict = verdict_of(run, tmp_path)
    assert [r.code for r in verdict.reasons] == (["lateness_exceeds_watermark"] if invalid else [])


def test_an_engine_that_lags_beyond_the_late_guard_leaves_rows_undecidable_and_not_wrong(tmp_path):
    run = synthetic_run(too_late_share=0.1, late_guard_seconds=2.0, max_excess_ms=8_000.0)
    run.results = plain_engine(run.config, run.schedule, run.events, batch_ms=6_000, end_after_ms=4_000)
    evaluation = evaluate(run.write(tmp_path))
    assert as_json(evaluation.summary)["rows"]["undecidable"] > 0
    assert as_json(evaluation.summary)["rows"]["wrong_value"] == 0
    assert evaluation.verdict.status is Status.VALID
    assert any("cannot be decided" in warning for warning in evaluation.verdict.warnings)


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step_ms", "invalid"), [(5, False), (6, True), (-6, True)])
def test_a_step_of_the_wall_clock(run, tmp_path, step_ms, invalid):
    wall = quiet_host(run.schedule)["wall_ns"]
    wall[15:] += step_ms * MS
    run.host["wall_ns"] = wall
    verdict = verdict_of(run, tmp_path)
    assert [(r.code, str(r.party)) for r in verdict.reasons] == ([("clock_step", "host")] if invalid else [])


@pytest.mark.parametrize(
    ("column", "share", "code", "warned"),
    [
        ("steal", 0.02, None, False),
        ("steal", 0.03, None, True),
        ("steal", 0.11, "cpu_steal", False),
        ("throttled", 0.11, "cpu_throttled", False),
        ("cpu_harness", 0.25, None, False),
        ("cpu_harness", 0.26, "harness_cpu", False),
    ],
)
def test_what_the_machine_took(run, tmp_path, column, share, code, warned):
    run.host[column] = np.full(len(quiet_host(run.schedule)["steal"]), share)
    verdict = verdict_of(run, tmp_path)
    assert [r.code for r in verdict.reasons] == ([code] if code else [])
    assert bool(verdict.warnings) == warned


def external(run, directory, offset_ms, bound_ms):
    """Let the broker's clock be ahead of ours, as an external one's may."""
    run.config = run.config.replace(bootstrap_servers="broker:9092", broker="external")
    for result in run.results:
        result.append_ms += offset_ms
    recorded = run.write(directory)
    probe = {"offset_ms": float(offset_ms), "bound_ms": bound_ms}
    recorded.write_json("external_clock.json", {"before": probe, "after": probe})
    return evaluate(recorded)


@pytest.mark.parametrize("offset_ms", [-2_000, 2_000])
def test_latencies_are_corrected_by_the_offset_of_an_external_brokers_clock(run, tmp_path, offset_ms):
    before = as_json(evaluate(run.write(tmp_path / "own")).summary)
    found = external(run, tmp_path / "external", offset_ms, 0.4)
    assert found.verdict.status is Status.VALID
    assert as_json(found.summary)["latencies_ms"]["excess"]["p90"] == before["latencies_ms"]["excess"]["p90"]
    assert as_json(found.summary)["external_clock_ms"] == {"offset": offset_ms, "bound": 0.4}


@pytest.mark.parametrize(("bound_ms", "codes"), [(5.0, []), (5.1, ["external_clock"])])
def test_an_external_clock_known_to_within_5_ms_and_worse(run, tmp_path, bound_ms, codes):
    assert [r.code for r in external(run, tmp_path, 10, bound_ms).verdict.reasons] == codes


def test_an_external_broker_without_clock_probes_is_unknown(run, tmp_path):
    run.config = run.config.replace(bootstrap_servers="broker:9092", broker="external")
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.UNKNOWN
    assert "external_clock.json" in verdict.reasons[0].text


# --- keeping up -------------------------------------------------------------------------------------------------------


def lag_more_and_more(run, ms_per_s):
    base_ms = run.schedule.base_time_ns // MS
    for result in run.results:
        result.append_ms += max(0, (result.row["window_end"] - base_ms) * ms_per_s // 1000)


@pytest.mark.parametrize(("ms_per_s", "status"), [(5, Status.VALID), (50, Status.UNSUSTAINABLE)])
def test_excess_that_grows(run, tmp_path, ms_per_s, status):
    lag_more_and_more(run, ms_per_s)
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is status
    assert [r.code for r in verdict.reasons] == (["excess_grows"] if status is Status.UNSUSTAINABLE else [])


def bursty(seed):
    """Return a run under long bursts, which nothing but its growth can make unsustainable."""
    sojourns = {"data_generator": "mmpp", "mmpp_sojourn_seconds": (4.0, 4.0)}
    return synthetic_run(rate=60.0, seed=seed, max_excess_ms=60_000.0, **sojourns)


def wait_for_a_server_of_the_mean_rate(run):
    """Let each row come later by the backlog at its end: what came, less what the mean rate had served by then."""
    path = modulating_path(run.config, run.schedule.load_length_ns)
    rate, waits, backlog, step_ms = 60.0, [], 0.0, 5
    rates = path.rates[np.searchsorted(path.starts_ns, np.arange(0, path.until_ns, step_ms * MS), side="right") - 1]
    for coming in rates:
        waits.append(backlog / rate)
        backlog = max(0.0, backlog + (coming - rate) * step_ms / 1000)
    for result in run.results:
        closed_ms = min(result.append_ms - run.schedule.epoch_ns // MS, path.until_ns // MS) - 400
        result.append_ms += round(waits[closed_ms // step_ms] * 1000)


RISING, CALM = 6, 17
"""Seeds of loads whose bursts make the backlog of a server of the mean rate rise through the run, and hardly at all."""


@pytest.mark.parametrize(
    ("seed", "waits", "ms_per_s", "status"),
    [
        pytest.param(RISING, False, 0, Status.VALID, id="an engine that is fast enough for bursts"),
        pytest.param(RISING, True, 0, Status.VALID, id="what the bursts bring about"),
        pytest.param(RISING, True, 200, Status.UNSUSTAINABLE, id="and more"),
        pytest.param(CALM, False, 200, Status.UNSUSTAINABLE, id="without bursts to blame"),
    ],
)
def test_under_bursts_growth_beyond_their_own_backlog_counts(tmp_path, seed, waits, ms_per_s, status):
    run = bursty(seed)
    if waits:
        wait_for_a_server_of_the_mean_rate(run)
    lag_more_and_more(run, ms_per_s)
    evaluation = evaluate(run.write(tmp_path))
    assert [r.code for r in evaluation.verdict.reasons] == (["excess_grows"] if ms_per_s else [])
    assert evaluation.verdict.status is status
    assert evaluation.summary.steady_state.judged
    assert (evaluation.summary.steady_state.excess_slope_ms_per_s.low > 10) == (waits or ms_per_s > 0)


@pytest.mark.parametrize(
    ("windows", "ms_per_s", "judged", "status"),
    [
        pytest.param(4, 300, False, Status.VALID, id="four windows"),
        pytest.param(5, 300, True, Status.UNSUSTAINABLE, id="five"),
        pytest.param(6, 80, True, Status.VALID, id="six that grow by less than a second in all"),
        pytest.param(10, 80, True, Status.UNSUSTAINABLE, id="ten"),
    ],
)
def test_growth_of_few_windows_is_judged_from_five_on(tmp_path, windows, ms_per_s, judged, status):
    run = synthetic_run(rate=60.0, duration_seconds=2.0 * windows)
    lag_more_and_more(run, ms_per_s)
    evaluation = evaluate(run.write(tmp_path))
    summary = evaluation.summary
    assert evaluation.verdict.status is status
    assert summary.steady_state.judged is judged
    if status is Status.VALID:
        assert any("growth not judged" in words for words in summary.headline.caveats) is not judged


@pytest.mark.parametrize(
    ("settings", "batches", "told"),
    [
        pytest.param({}, 10, [], id="enough of both"),
        pytest.param({}, 9, ["not ranked: 9 micro-batches measured, fewer than 10"], id="batches of Spark"),
        pytest.param({"engine": "reference"}, 0, [], id="an engine without batches"),
        pytest.param(
            {"engine": "command", "engine_command": "x"},
            3,
            ["not ranked: 3 micro-batches measured, fewer than 10"],
            id="an engine that says that it has batches",
        ),
        pytest.param(
            {"duration_seconds": 8.0},
            10,
            [
                "not ranked: 4 windows measured, fewer than 5",
                "growth not judged: it takes 5 points",
            ],
            id="windows",
        ),
    ],
)
def test_a_run_that_measured_too_little_says_so_beside_its_headline_and_does_not_rank(
    tmp_path, settings, batches, told
):
    run = synthetic_run(rate=60.0, **settings)
    received = run.schedule.base_time_ns + NS_PER_S
    run.progress = [{"type": "progress", "batch_ms": 700, "received_ns": received + i} for i in range(batches)]
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.status is Status.VALID
    assert list(evaluation.summary.headline.caveats) == told
    assert evaluation.summary.headline.ranks is not any("not ranked" in words for words in told)


def shift(run, late_ms, *, measured_alone=True):
    """Let the rows of measured windows come later, or the rows of every window."""
    for result in run.results:
        if not measured_alone or result.row["window_end"] <= run.schedule.measure_end_ns // MS:
            result.append_ms += late_ms


@pytest.mark.parametrize(
    ("late_ms", "settings", "status"),
    [
        pytest.param(4_500, {}, Status.VALID, id="below 5 s"),
        pytest.param(4_700, {}, Status.UNSUSTAINABLE, id="above 5 s"),
        pytest.param(4_700, {"trigger_interval_ms": 3_000}, Status.VALID, id="within two triggers"),
        pytest.param(4_700, {"window_size_sec": 6.0}, Status.VALID, id="within a window"),
        pytest.param(4_700, {"max_excess_ms": 6_000.0}, Status.VALID, id="within what was set"),
        pytest.param(700, {"max_excess_ms": 1_000.0}, Status.UNSUSTAINABLE, id="above what was set"),
    ],
)
def test_excess_that_is_too_great_though_it_does_not_grow(tmp_path, late_ms, settings, status):
    run = synthetic_run(**{"rate": 60.0, **settings})
    shift(run, late_ms)
    verdict = verdict_of(run, tmp_path)
    assert [r.code for r in verdict.reasons] == (["excess_too_great"] if status is Status.UNSUSTAINABLE else [])
    assert verdict.status is status


def test_no_batch_that_an_engine_claims_excuses_anything(run, tmp_path):
    shift(run, 7_000, measured_alone=False)
    received = run.schedule.base_time_ns + NS_PER_S
    run.progress = [{"type": "progress", "batch_ms": 60_000, "received_ns": received}]
    verdict = verdict_of(run, tmp_path)
    assert [r.code for r in verdict.reasons] == ["excess_too_great", "results_lag"]


@pytest.mark.parametrize(
    ("after_s", "settings", "status"),
    [
        pytest.param(4.9, {}, Status.VALID, id="below 5 s"),
        pytest.param(5.1, {}, Status.UNSUSTAINABLE, id="above 5 s"),
        pytest.param(5.1, {"max_excess_ms": 6_000.0}, Status.VALID, id="within what was set"),
    ],
)
def test_results_that_reach_the_end_of_the_load_late(tmp_path, after_s, settings, status):
    run = synthetic_run(**{"rate": 60.0, **settings})
    by_load = [r for r in run.results if r.append_ms * MS < run.schedule.load_end_ns]
    max(by_load, key=lambda r: r.append_ms).append_ms = run.schedule.load_end_ns // MS + round(after_s * 1000)
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is status
    assert [r.code for r in verdict.reasons] == (["results_lag"] if status is Status.UNSUSTAINABLE else [])


@pytest.mark.parametrize(
    ("read_after_s", "row_after_s", "status"),
    [
        pytest.param(4.9, 2.0, Status.VALID, id="read in time, and written after END"),
        pytest.param(0.1, 20.0, Status.VALID, id="what END alone closes says nothing of the load"),
        pytest.param(5.1, 0.1, Status.UNSUSTAINABLE, id="read late"),
    ],
)
def test_what_only_end_closes_is_not_late_for_having_waited_for_end(run, tmp_path, read_after_s, row_after_s, status):
    end_after_ms = round((read_after_s + row_after_s) * 1000)
    run.results = plain_engine(run.config, run.schedule, run.events, end_after_ms=end_after_ms)
    directory = run.write(tmp_path)
    written_ns = run.schedule.load_end_ns + round(read_after_s * NS_PER_S)
    directory.write_json("drain.json", {"all_read_ns": written_ns, "end_written_ns": written_ns})
    verdict = evaluate(directory).verdict
    assert verdict.status is status
    assert [r.code for r in verdict.reasons] == (["results_lag"] if status is Status.UNSUSTAINABLE else [])


def test_what_makes_a_run_invalid_outweighs_that_it_was_unsustainable(run, tmp_path):
    lag_more_and_more(run, 50)
    run.result(4, 1).row["views"] += 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine", "excess_grows": "engine"}


# --- the machine ------------------------------------------------------------------------------------------------------


def test_a_clock_that_steps_back_beyond_the_begin_of_the_load(run, tmp_path):
    host = quiet_host(run.schedule)
    host["wall_ns"][15:] -= 3600 * NS_PER_S
    run.host = {"wall_ns": host["wall_ns"]}
    assert reasons_of(run, tmp_path) == {"clock_step": "host"}


def sampled_but(run, first, last):
    host = quiet_host(run.schedule)
    keep = np.r_[0:first, last : len(host["wall_ns"])]
    run.host = {name: column[keep] for name, column in host.items()}


def test_a_machine_that_nobody_watched_for_more_than_three_seconds_is_an_unknown_verdict(run, tmp_path):
    sampled_but(run, 15, 18)
    verdict = verdict_of(run, tmp_path)
    assert verdict.status is Status.UNKNOWN
    assert [(r.code, r.party) for r in verdict.reasons] == [("host_unwatched", "host")]
    assert "not watched for 4.0 s" in verdict.reasons[0].text


def test_a_sample_left_out_does_no_harm(run, tmp_path):
    sampled_but(run, 15, 17)
    assert verdict_of(run, tmp_path).status is Status.VALID


def test_what_makes_a_run_invalid_outweighs_that_nobody_watched_the_machine(run, tmp_path):
    sampled_but(run, 15, 18)
    run.result(4, 1).row["views"] += 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine", "host_unwatched": "host"}


def test_whether_an_engine_kept_up_is_unknown_where_nobody_watched_the_machine(run, tmp_path):
    sampled_but(run, 15, 18)
    lag_more_and_more(run, 50)
    assert verdict_of(run, tmp_path).status is Status.UNKNOWN


@pytest.mark.parametrize("rate", [0.001, 0.002])
def test_a_run_that_measured_nothing_is_not_valid(rate, tmp_path):
    reasons = reasons_of(synthetic_run(rate=rate), tmp_path)
    assert reasons == {"no_events_measured": "generator", "no_windows_measured": "generator"}


# --- what cannot be judged --------------------------------------------------------------------------------------------


def test_a_run_without_schedule_is_unknown(run, tmp_path):
    directory = run.write(tmp_path)
    directory.schedule.unlink()
    verdict = evaluate(directory).verdict
    assert (verdict.status, verdict.reasons[0].code) == (Status.UNKNOWN, "no_schedule")


@pytest.mark.parametrize(
    "name",
    ["schedule.json", "producers.json", "events_topic.json", "samples/results.parquet", "samples/host.parquet",
     "samples/producer-1.parquet", "samples/acks-0.parquet"],
)  # fmt: skip
def test_a_damaged_file_is_an_unknown_verdict_that_names_it(run, tmp_path, name):
    directory = run.write(tmp_path)
    directory.file(name).write_bytes(b'{"half": ')
    verdict = evaluate(directory).verdict
    assert verdict.status is Status.UNKNOWN
    assert name in verdict.reasons[0].text


@pytest.mark.parametrize("name", ["producers.json", "samples/results.parquet", "samples/producer-0.parquet"])
def test_a_missing_file_is_an_unknown_verdict_that_names_it(run, tmp_path, name):
    directory = run.write(tmp_path)
    directory.file(name).unlink()
    verdict = evaluate(directory).verdict
    assert verdict.status is Status.UNKNOWN
    assert name in verdict.reasons[0].text


def test_an_exception_in_the_judge_is_unknown_and_not_valid(run, tmp_path, monkeypatch):
    monkeypatch.setattr("windowbench.judge.judgement.compare", lambda *_: 1 // 0)
    verdict = verdict_of(run, tmp_path)
    assert (verdict.status, verdict.reasons[0].code) == (Status.UNKNOWN, "judge_failed")


def test_a_run_that_was_aborted_is_invalid_whatever_it_recorded(run, tmp_path):
    run.status = {"status": "aborted", "error": "interrupted by the user"}
    assert reasons_of(run, tmp_path) == {"not_completed": "harness"}


# --- what is written --------------------------------------------------------------------------------------------------


def test_only_a_valid_run_has_a_headline(run, tmp_path):
    run.result(4, 1).row["views"] += 1
    assert as_json(evaluate(run.write(tmp_path)).summary)["headline"] is None


def test_files_of_a_judged_run(run, tmp_path):
    directory = run.write(tmp_path)
    judged = judge_run(directory)
    assert judged.verdict.exit_code == 0
    report = directory.file("latency_report_2_720_poisson.csv").read_text().splitlines()
    assert report[0] == "window_id,max_latency_ms"
    base_ms = run.schedule.base_time_ns // MS
    for line, window in zip(report[1:], range(12), strict=True):
        start = base_ms + 2000 * window
        e2e = [r.append_ms - r.row["max_produce_time"] for r in run.results if r.row["window_start"] == start]
        assert line == f"{window},{max(e2e)}"
    windows = directory.windows_csv.read_text().splitlines()
    assert len(windows) == 1 + 17
    rows = read_table(directory.judged_rows)
    assert rows.num_rows == len(run.results)
    assert set(rows.column("row_class").to_pylist()) == {"exact"}
    assert directory.read_json("verdict.json")["verdict"] == "valid"
    assert directory.read_json("summary.json")["latencies_ms"]["e2e"]["rows"] == 36


def test_judging_again_gives_the_same_files(run, tmp_path):
    directory = run.write(tmp_path)
    judge_run(directory)
    before = {path: path.read_bytes() for path in sorted(directory.path.rglob("*")) if path.is_file()}
    judge_run(directory)
    assert {path: path.read_bytes() for path in sorted(directory.path.rglob("*")) if path.is_file()} == before


def test_an_unknown_verdict_is_written_too(run, tmp_path):
    directory = run.write(tmp_path)
    directory.schedule.unlink()
    assert judge_run(directory).verdict.exit_code == 21
    assert directory.read_json("verdict.json")["verdict"] == "unknown"
    assert directory.read_json("summary.json")["verdict"]["reasons"][0]["code"] == "no_schedule"


@pytest.mark.parametrize(
    "settings", [{}, {"slide_sec": 1.0, "out_of_order_share": 0.4, "out_of_order_extent_ms": 450, "num_producers": 3}]
)
def test_latencies_of_every_row_equal_those_counted_by_hand(tmp_path, settings):
    run = synthetic_run(**settings)
    for event in run.events:
        event.sent = event.due + (event.number * 7919 % 20) * MS  # so that the last due is not the last sent
    engine_again(run)
    directory = run.write(tmp_path)
    judge_run(directory)
    windows, schedule = run.config.windows, run.schedule
    expected = []
    for result in sorted(run.results, key=lambda r: r.append_ms):
        start, campaign = result.row["window_start"], result.row["campaign_id"]
        end = start + windows.size_ms
        own = [e for e in run.events if e.campaign == campaign and start * MS <= e.time < end * MS]
        closing = [e.due for e in run.events if e.time // MS >= end + windows.delay_ms - 1]
        append = result.append_ms * MS
        last = max(own, key=lambda e: e.due)
        expected.append(
            {
                "window_id": (start * MS - schedule.base_time_ns) // (windows.slide_ms * MS),
                "key": campaign,
                "e2e_ns": append - max(e.sent // MS * MS for e in own),
                "since_window_end_ns": append - end * MS,
                "excess_ns": append - min(closing, default=schedule.load_end_ns),
                "freshness_ns": append - result.row["max_produce_time"] * MS,
                "last": (last.due, last.sent),
            }
        )
    rows = read_table(directory.judged_rows).to_pylist()
    names = [name for name in expected[0] if name != "last"]
    assert [{name: row[name] for name in names} for row in rows] == [
        {name: row[name] for name in names} for row in expected
    ]
    measured = [row["last"] for row in expected if row["window_id"] >= 0 and _is_measured(run, row["window_id"])]
    lateness = sorted(sent - due for due, sent in measured)
    parts = directory.read_json("summary.json")["decomposition_ms"]
    assert parts["send_lateness"]["max"] == lateness[-1] / MS
    assert parts["send_lateness"]["p50"] == lateness[-(-len(lateness) // 2) - 1] / MS


def _is_measured(run, window_id):
    windows, schedule = run.config.windows, run.schedule
    end = schedule.base_time_ns + (window_id * windows.slide_ms + windows.size_ms) * MS
    return end <= schedule.measure_end_ns
