"""Tests of the tester in update mode: a good run is valid, and every seeded defect turns it, for the right reason."""

import dataclasses

import numpy as np
import pytest

from tests.unit.synthetic_run import MS, plain_engine, synthetic_run, update_engine
from windowbench.judge.judgement import evaluate
from windowbench.load.schedule import NS_PER_S
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.verdict import Status


def run_of(**settings):
    return synthetic_run(**{"rate": 30.0, "engine": "spark", "spark_mode": "realtime", **settings})


@pytest.fixture
def run():
    return run_of()


def reasons_of(run, tmp_path):
    """Return ``{code: party}`` of an invalid run."""
    verdict = evaluate(run.write(tmp_path)).verdict
    assert verdict.status is Status.INVALID, verdict
    return {reason.code: str(reason.party) for reason in verdict.reasons}


def again(result, *, after_ms=5, **changes):
    """Return a row once more, a little later."""
    return dataclasses.replace(result, append_ms=result.append_ms + after_ms, row={**result.row, **changes})


# --- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"spark_mode": "update"},
        {"data_generator": "mmpp", "num_producers": 3, "mmpp_sojourn_seconds": (1.0, 0.5)},
        {"slide_sec": 0.5},
        {"out_of_order_share": 0.4, "out_of_order_extent_ms": 450, "slide_sec": 1.0},
        {"partitions": 4, "idle_partitions": 2, "partition_skew": 1.0, "num_campaigns": 1},
        {"rate": 2.0},
    ],
)
def test_a_run_of_updates_in_which_all_went_well_is_valid(settings, tmp_path):
    run = run_of(**settings)
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.status is Status.VALID, evaluation.verdict
    headline, rows = as_json(evaluation.summary)["headline"], as_json(evaluation.summary)["rows"]
    assert headline["name"] == "freshness_ms"
    assert headline["value_ms"] == pytest.approx(21, abs=1)
    assert rows["exact"] == rows["expected"] > 10
    assert rows["exact"] + rows["intermediate"] == len(run.results)


def test_final_values_need_no_end(run, tmp_path):
    last = max(event.sent for event in run.events) // MS
    assert max(result.append_ms for result in run.results) <= last + 21
    assert evaluate(run.write(tmp_path)).verdict.status is Status.VALID


def test_freshness_is_that_of_every_update_and_the_other_latencies_are_of_final_rows(run, tmp_path):
    base, end = run.schedule.base_time_ns // MS, run.schedule.measure_end_ns // MS
    measured = [r for r in run.results if base <= r.row["window_start"] and r.row["window_end"] <= end]
    by_key = {}
    for result in sorted(measured, key=lambda r: r.append_ms):
        by_key[result.row["window_start"], result.row["campaign_id"]] = result
    found = as_json(evaluate(run.write(tmp_path)).summary)["latencies_ms"]
    assert found["freshness"]["rows"] == len(measured)
    assert found["freshness"]["max"] == max(r.append_ms - r.row["max_produce_time"] for r in measured)
    waits = [r.append_ms - r.row["window_end"] for r in by_key.values()]
    assert found["since_window_end"]["rows"] == len(waits) == 36
    assert found["since_window_end"]["max"] == max(waits)
    assert found["e2e"]["max"] == max(r.append_ms - r.row["max_produce_time"] for r in by_key.values())


def test_the_final_row_is_the_first_that_holds_the_final_value(run, tmp_path):
    final = run.updates(4, 1)[-1]
    run.results.append(again(final, after_ms=700))
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.warnings == ("1 rows are repeated with equal values",)
    table = evaluation.windows
    at = table["window_id"].index(4)
    waits = [run.updates(4, campaign)[0 if campaign == 9 else -1] for campaign in (0, 2)]
    waits = [r.append_ms - r.row["window_end"] for r in waits] + [final.append_ms - final.row["window_end"]]
    assert table["since_window_end_max_ms"][at] == max(waits)


def test_windows_show_how_many_updates_they_had(run, tmp_path):
    table = evaluate(run.write(tmp_path)).windows
    at = table["window_id"].index(4)
    assert table["exact"][at] == 3
    assert table["intermediate"][at] == sum(len(run.updates(4, campaign)) for campaign in range(3)) - 3
    assert table["freshness_p50_ms"][at] == pytest.approx(21, abs=1)


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_a_row_that_goes_backwards(run, tmp_path):
    updates = run.updates(4, 1)
    run.results.append(again(updates[3], after_ms=updates[5].append_ms - updates[3].append_ms + 1))
    assert reasons_of(run, tmp_path) == {"rows_backwards": "engine"}


def test_a_row_above_the_truth(run, tmp_path):
    row = run.updates(4, 1)[3].row
    row["views"] += 1000
    row["events"] += 1000
    row["ctr"] = row["clicks"] / row["views"]
    row["ctr_smoothed"] = row["clicks"] / (row["views"] + 1)
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


@pytest.mark.parametrize("field", ["views", "events", "window_end", "ctr", "ctr_smoothed"])
def test_an_intermediate_row_that_contradicts_itself(run, tmp_path, field):
    run.updates(4, 1)[3].row[field] = run.updates(4, 1)[3].row.get(field, 0) + 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


@pytest.mark.parametrize("field", ["max_produce_time", "max_event_time_ns"])
def test_an_intermediate_row_that_claims_an_event_newer_than_any(run, tmp_path, field):
    run.updates(4, 1)[3].row[field] = run.updates(4, 1)[-1].row[field] + 1
    assert "rows_wrong" in reasons_of(run, tmp_path)


def test_a_final_row_that_claims_a_newer_event_is_none(run, tmp_path):
    run.updates(4, 1)[-1].row["max_produce_time"] += 1
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine", "rows_missing": "engine"}


def test_a_final_value_never_reached(run, tmp_path):
    run.results.remove(run.updates(4, 1)[-1])
    evaluation = evaluate(run.write(tmp_path))
    assert [reason.code for reason in evaluation.verdict.reasons] == ["rows_missing"]
    start = run.schedule.base_time_ns // MS + 8000
    assert as_json(evaluation.summary)["rows"]["missing_examples"] == [{"window_start": start, "key": 1}]


@pytest.mark.parametrize("window", [-1, 4, 12], ids=["warm-up", "measured", "cool-down"])
def test_a_key_without_any_row(run, tmp_path, window):
    for result in run.updates(window, 0):
        run.results.remove(result)
    assert reasons_of(run, tmp_path) == {"rows_missing": "engine"}


def test_a_late_duplicate_of_the_final_row_is_a_warning(run, tmp_path):
    run.results.append(again(run.updates(4, 1)[-1], after_ms=3000))
    verdict = evaluate(run.write(tmp_path)).verdict
    assert verdict.status is Status.VALID
    assert verdict.warnings == ("1 rows are repeated with equal values",)


def test_a_late_duplicate_of_an_intermediate_row_goes_backwards(run, tmp_path):
    run.results.append(again(run.updates(4, 1)[2], after_ms=3000))
    assert reasons_of(run, tmp_path) == {"rows_backwards": "engine"}


def test_rows_after_the_final_value(run, tmp_path):
    final = run.updates(4, 1)[-1]
    views = final.row["views"] + 1
    more = {"views": views, "events": final.row["events"] + 1, "ctr": final.row["clicks"] / views}
    run.results.append(again(final, **more, ctr_smoothed=final.row["clicks"] / (views + 1)))
    assert reasons_of(run, tmp_path) == {"rows_wrong": "engine"}


def test_as_many_events_as_before_but_others(run, tmp_path):
    update = next(u for u in run.updates(4, 1)[5:] if u.row["clicks"] and u.row["views"] > 1)
    views, clicks = update.row["views"] - 1, update.row["clicks"]
    other = {"views": views, "purchases": update.row["purchases"], "clicks": clicks + 1, "ctr": (clicks + 1) / views}
    run.updates(4, 1)[-1].row["clicks"] += 0
    most = run.updates(4, 1)[-1].row["clicks"]
    assert clicks + 1 <= most, "otherwise it would be above the truth"
    run.results.append(again(update, after_ms=0, **other, ctr_smoothed=(clicks + 1) / (views + 1)))
    assert reasons_of(run, tmp_path) == {"rows_conflicting": "engine"}


def test_an_update_appended_before_an_event_it_counts_was_produced(run, tmp_path):
    update = run.updates(4, 1)[0]
    update.append_ms = update.row["max_produce_time"] - 1
    assert reasons_of(run, tmp_path) == {"freshness_negative": "host"}


def test_a_final_row_before_its_window_can_close_is_no_error(run, tmp_path):
    summary = as_json(evaluate(run.write(tmp_path)).summary)
    assert summary["latencies_ms"]["excess"]["p50"] < -500
    assert summary["rows"]["impossible"]["excess_too_low"] == 0


def test_an_engine_in_append_mode_gives_valid_updates_but_one_in_update_mode_no_valid_append(tmp_path):
    run = run_of()
    run.results = plain_engine(run.config, run.schedule, run.events)
    assert evaluate(run.write(tmp_path / "a")).verdict.status is Status.VALID
    run = run_of(spark_mode="append")
    run.results = update_engine(run.config, run.schedule, run.events)
    assert "rows_conflicting" in reasons_of(run, tmp_path / "b")


# --- whose fault ------------------------------------------------------------------------------------------------------


def test_a_final_value_that_lacks_an_event_missing_from_the_topic_is_the_generators(run, tmp_path):
    lost = next(e for e in run.events if (e.time // MS - run.schedule.base_time_ns // MS) // 2000 == 4)
    run.missing = [[lost.producer, lost.number]]
    run.results = update_engine(run.config, run.schedule, [e for e in run.events if e is not lost])
    assert reasons_of(run, tmp_path) == {"acknowledged_missing": "generator", "rows_missing_explained": "generator"}


# --- late events ------------------------------------------------------------------------------------------------------


def late_run(**settings):
    return run_of(spark_mode="update", too_late_share=0.1, late_guard_seconds=2.0, **settings)


def test_late_events_that_are_never_counted_leave_every_row_exact(tmp_path):
    run = late_run()
    in_time = [e for e in run.events if e.due - e.time < NS_PER_S]
    assert len(in_time) < len(run.events)
    run.results = update_engine(run.config, run.schedule, in_time)
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.status is Status.VALID
    assert as_json(evaluation.summary)["rows"]["undecidable"] == 0


def test_late_events_that_are_counted_make_the_final_row_undecidable_not_wrong(tmp_path):
    run = late_run()
    evaluation = evaluate(run.write(tmp_path))
    assert evaluation.verdict.status is Status.VALID, evaluation.verdict
    rows = as_json(evaluation.summary)["rows"]
    assert rows["undecidable"] > 0
    assert rows["undecidable"] + rows["exact"] >= rows["expected"]
    assert rows["wrong_value"] == rows["backwards"] == rows["conflicting"] == 0


# --- keeping up -------------------------------------------------------------------------------------------------------


def test_freshness_that_grows_is_unsustainable(run, tmp_path):
    base = run.schedule.base_time_ns // MS
    for result in run.results:
        result.append_ms += max(result.append_ms - base, 0) // 50
    verdict = evaluate(run.write(tmp_path)).verdict
    assert verdict.status is Status.UNSUSTAINABLE, verdict
    assert [reason.code for reason in verdict.reasons] == ["freshness_grows"]


def test_growth_is_judged_by_the_median_of_each_second(run, tmp_path):
    summary = as_json(evaluate(run.write(tmp_path)).summary)
    slope = summary["steady_state"]["freshness_slope_ms_per_s"]
    assert slope["points"] == 24, "the measured phase has so many seconds"
    assert abs(slope["estimate"]) < 1
    assert summary["steady_state"]["judged"] is True


@pytest.mark.parametrize(("late_ms", "codes"), [(4_900, []), (5_100, ["results_lag"])])
def test_a_final_value_needs_no_end_and_may_be_as_late_as_any_row(run, tmp_path, late_ms, codes):
    late = max(run.results, key=lambda r: r.append_ms)
    late.append_ms = run.schedule.load_end_ns // MS + late_ms
    evaluation = evaluate(run.write(tmp_path))
    assert as_json(evaluation.summary)["steady_state"]["results_lag_limit_s"] == 5
    assert [reason.code for reason in evaluation.verdict.reasons] == codes


def test_updates_that_are_too_old_though_they_do_not_age(run, tmp_path):
    for result in run.results:
        result.append_ms += 5_100
    verdict = evaluate(run.write(tmp_path)).verdict
    assert "excess_too_great" in [reason.code for reason in verdict.reasons]


def test_freshness_of_every_update_is_kept_and_other_latencies_of_final_rows_only(run, tmp_path):
    rows = evaluate(run.write(tmp_path)).rows
    assert rows["freshness_ns"].null_count == 0
    assert len(rows["e2e_ns"]) - rows["e2e_ns"].null_count == np.count_nonzero(rows["counts"])
