import copy

import pytest

from tests.unit.synthetic_run import synthetic_run
from windowbench.judge.judgement import evaluate
from windowbench.report import run_facts
from windowbench.report.summary import WIDTH, render_summary
from windowbench.runs.files.codec import as_json
from windowbench.workloads.ad_ctr import oracle


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    made = {}
    for name, settings in {
        "poisson": {"duration_seconds": 70.0, "rate": 40.0},
        "mmpp": {"data_generator": "mmpp", "mmpp_sojourn_seconds": (8.0, 4.0), "slide_sec": 1.0},
    }.items():
        made[name] = as_json(evaluate(synthetic_run(**settings).write(tmp_path_factory.mktemp(name))).summary)
    updates = synthetic_run(duration_seconds=70.0, rate=40.0, engine="spark", spark_mode="realtime")
    at = updates.schedule.base_time_ns
    updates.progress = [{"type": "progress", "batch_ms": 60_000.0, "received_ns": at + i * 10**9} for i in (5, 65, 90)]
    made["updates"] = as_json(evaluate(updates.write(tmp_path_factory.mktemp("updates"))).summary)
    micro = synthetic_run(duration_seconds=70.0, rate=4.0, engine="spark", spark_mode="update", preset="default")
    made["micro"] = as_json(evaluate(micro.write(tmp_path_factory.mktemp("micro"))).summary)
    broken = synthetic_run()
    broken.result(3, 0).row["views"] += 1
    broken.results.remove(broken.result(5, 0))
    made["invalid"] = as_json(evaluate(broken.write(tmp_path_factory.mktemp("invalid"))).summary)
    return made


@pytest.mark.parametrize("name", ["poisson", "mmpp", "updates", "micro", "invalid"])
def test_report_fits_80_columns_of_plain_text(summaries, name):
    text = render_summary(summaries[name])
    assert max(map(len, text.splitlines())) <= WIDTH == 80
    assert text.isascii()
    assert text == "\n".join(line.rstrip() for line in text.splitlines())


def test_verdict_comes_first_and_then_the_headline_with_interval_count_and_definition(summaries):
    lines = render_summary(summaries["poisson"]).splitlines()
    assert lines[0].startswith("verdict: valid   run synthetic")
    assert lines[2].startswith("excess_ms P90   ")
    assert "95 % interval" in lines[2]
    assert " ".join(line.strip() for line in lines[3:5]).endswith("nearest rank over 105 rows of 35 windows")
    assert "earliest possible emission" in lines[3]


def test_too_few_windows_for_an_interval_are_said(summaries):
    assert "(23 windows, too few for an interval)" in render_summary(summaries["mmpp"])


def test_an_invalid_run_has_reasons_with_party_and_code_and_no_headline(summaries):
    lines = render_summary(summaries["invalid"]).splitlines()
    assert lines[0].startswith("verdict: invalid")
    assert lines[1] == "  - engine: 1 rows hold a wrong value [rows_wrong]"
    assert lines[2] == "  - engine: 1 expected rows are missing [rows_missing]"
    assert not any(line.startswith("excess_ms P90") for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        "e2e_ms  ",
        "since_window_end_ms  ",
        "freshness_ms  ",
        "greatest of each window",
        "where the time went",
        "send lateness",
        "acknowledgement",
        "impossible latencies: 0 e2e below 0",
        "windows: 3 warm-up, 35 measured, 2 cool-down",
        "no trend",
        "slowest partition",
        "CPU-seconds by phase",
        "per million events, measured phase",
    ],
)
def test_report_names(summaries, words):
    assert words in render_summary(summaries["poisson"])


def test_bursty_load_shows_latencies_by_state_and_warns_of_few_changes(summaries):
    text = render_summary(summaries["mmpp"])
    assert "latency by MMPP state" in text
    assert "state 1 (" in text
    assert "/s along its path" in " ".join(text.split())
    assert "too few to call its rate typical" in " ".join(text.split())


def test_a_run_of_updates_has_freshness_in_front_and_no_excess_anywhere(summaries):
    text = render_summary(summaries["updates"])
    lines = text.splitlines()
    assert lines[2].startswith("freshness_ms P90   ")
    assert "95 % interval" in lines[2]
    said = " ".join(text.split())
    rows = summaries["updates"]["latencies_ms"]
    assert f"nearest rank over {rows['freshness']['rows']} updates of 35 windows" in said
    assert (
        f"105 final rows and {rows['freshness']['rows']} updates, final ones included, of 35 measured windows" in said
    )
    assert f"{summaries['updates']['rows']['intermediate']} intermediate updates" in said
    assert "excess_ms" not in text
    assert "where the time went" not in text
    assert "slowest partition" not in text
    assert "measured windows show no trend" in said


def test_the_report_says_how_long_batches_of_real_time_mode_are_and_how_many_ended_in_the_measured_phase(summaries):
    said = " ".join(render_summary(summaries["updates"]).split())
    words = "engine: spark, preset tuned, Real-Time Mode, batches of 60 s, 2 batch boundaries in the measured phase;"
    assert words in said


def test_the_report_names_preset_and_mode(summaries):
    assert "engine: spark, preset tuned; 0 records" in render_summary(summaries["poisson"])
    assert "engine: spark, preset default, update mode; 0 records" in render_summary(summaries["micro"])


def test_the_report_says_how_much_state_there_was_and_how_long_checkpoints_took(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    for said in (render_summary(summary), str(run_facts.engine(summary))):
        assert "state" not in said
        assert "checkpoint" not in said
    summary["engine"] |= {"state_rows": 1_234, "state_bytes": 5_600_000}
    summary["engine"] |= {"checkpoints": 3, "checkpoint_p50_ms": 12.0, "checkpoint_max_ms": 55.0}
    said = " ".join(render_summary(summary).split())
    assert "state of at most 1,234 rows, 6 MB, 3 checkpoints, median 12 ms, longest 55 ms; 0 records" in said
    shown = dict(row.cells for row in run_facts.engine(summary).rows)
    assert shown["state, most in the measured phase"] == "1,234 rows, 6 MB"
    assert shown["checkpoints in the measured phase"] == "3, median 12 ms, longest 55 ms"


def test_the_report_of_a_run_of_an_earlier_version_does_without_state(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    for name in ("state_rows", "state_bytes", "checkpoints", "checkpoint_p50_ms", "checkpoint_max_ms"):
        del summary["engine"][name]
    assert "engine: spark, preset tuned; 0 records" in render_summary(summary)
    assert run_facts.engine(summary) is not None


def test_the_report_says_that_rows_passed_a_python_worker(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    assert "Python worker" not in render_summary(summary)
    summary["engine"]["settings"] = {"windowbench.python_worker": "on the measured path"}
    said = " ".join(render_summary(summary).split())
    assert "engine: spark, preset tuned, with a Python worker on the measured path; 0 records" in said


def test_where_the_files_are_comes_last(summaries):
    summary = {**summaries["poisson"], "files": ["summary.json", "windows.csv"]}
    assert render_summary(summary, directory="/runs/x").splitlines()[-3:] == [
        "files in /runs/x:",
        "  summary.json",
        "  windows.csv",
    ]


def test_a_run_that_could_not_be_judged_has_its_reason(summaries):
    verdict = {"verdict": "unknown", "reasons": [{"code": "c", "party": "judge", "text": "t " * 60}], "warnings": ["w"]}
    lines = render_summary({"run_id": "r", "verdict": verdict}).splitlines()
    assert lines[0] == "verdict: unknown   run r"
    assert lines[-1] == "  - w"
    assert max(map(len, lines)) <= WIDTH


def test_figures_that_do_not_exist_show_as_a_dash(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    for figures in summary["latencies_ms"].values():
        figures.update(dict.fromkeys(("p50", "p90", "p95", "p99", "max")), p90_interval=None)
    summary["headline"]["value_ms"] = None
    summary["headline"]["interval_ms"] = None
    summary["generator"]["ack_p50_ms"] = None
    text = render_summary(summary)
    assert "excess_ms                              -" in text


def test_a_workload_may_have_something_to_say_beside_its_rows(summaries, monkeypatch, tmp_path):
    assert summaries["poisson"]["remarks"] == {}
    assert run_facts.remarks(summaries["poisson"]) is None

    def remarks(truth, comparison, rows):
        right = comparison.row_of_cell >= 0
        views = rows.integers["views"][comparison.row_of_cell[right]]
        return {"cells of the truth": truth.cells.count, "views of a row, mean": float(views.mean()), "nothing": -0.001}

    monkeypatch.setattr(oracle.AdCtrTruth, "remarks", remarks)
    summary = as_json(evaluate(synthetic_run().write(tmp_path)).summary)
    count, mean, _ = summary["remarks"].values()
    assert count > 0
    assert mean > 0
    text = render_summary(summary)
    assert f"  cells of the truth: {count}\n  views of a row, mean: {mean:.2f}\n  nothing: 0.00\n" in text
    table = run_facts.remarks(summary)
    assert [row.cells for row in table.rows] == [
        ["cells of the truth", str(count)],
        ["views of a row, mean", f"{mean:.2f}"],
        ["nothing", "0.00"],
    ]


def test_the_report_says_what_the_engine_counted_approximately(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    assert summary["engine"]["approximate"] == []
    assert "approximate" not in render_summary(summary)
    summary["engine"]["approximate"] = ["distinct_users"]
    assert "engine: spark, preset tuned, distinct_users approximate; 0" in " ".join(render_summary(summary).split())
    assert ("distinct_users", "approximate") in [row.cells for row in run_facts.engine(summary).rows]
