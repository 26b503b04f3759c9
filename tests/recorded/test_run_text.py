import copy

import pytest

from tests.recorded.document import text_of
from tests.unit.synthetic_run import synthetic_run
from windowbench.judge.judgement import evaluate
from windowbench.report import run_facts
from windowbench.report.document import said
from windowbench.report.terminal import WIDTH
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


KINDS = ["poisson", "mmpp", "updates", "micro", "invalid"]


def words_of(summary, **how):
    return " ".join(text_of(summary, **how).split())


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_a_report_fits_80_columns_of_plain_text(summaries, name, long):
    text = text_of(summaries[name], long=long)
    assert max(map(len, text.splitlines())) <= WIDTH == 80
    assert text.isascii()
    assert text == "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", KINDS)
def test_what_is_wanted_first_fits_a_terminal(summaries, name):
    files = {"files": ["summary.json", "verdict.json", "windows.csv", "samples/rows.parquet", "samples/load.parquet"]}
    text = text_of({**summaries[name], **files}, directory="runs/20261201-120000-spark-poisson-s42")
    assert len(text.splitlines()) <= 36


def test_verdict_comes_first_and_then_the_headline_with_interval_count_and_definition(summaries):
    lines = text_of(summaries["poisson"]).splitlines()
    assert lines[0] == "verdict: valid   run synthetic"
    assert "every row was right" in lines[2]
    assert lines[4].startswith("excess_ms P90   400.")
    note = " ".join(" ".join(lines[5:8]).split())
    assert note.startswith("95 % interval 400.")
    assert "earliest possible emission of its window" in note
    assert note.endswith("nearest rank over 105 rows of 35 windows.")


def test_p99_9_is_shown_where_there_are_1000_rows(summaries):
    assert "P99.9" not in text_of(summaries["poisson"], long=True)
    shown = text_of(summaries["updates"])
    assert summaries["updates"]["latencies_ms"]["freshness"]["rows"] >= 1_000
    lines = shown.splitlines()
    (heads,) = [line.split() for line in lines if line.startswith("Latency, ms")]
    assert heads[-3:] == ["P99", "P99.9", "max"]
    figures = {line.split()[0]: line.split()[-2] for line in lines if line.startswith(("e2e_ms", "freshness_ms  "))}
    assert figures == {"e2e_ms": "-", "freshness_ms": "21.0"}


def test_too_few_windows_for_an_interval_are_said(summaries):
    said = words_of(summaries["mmpp"])
    assert "23 windows, too few for an interval. Append time" in said
    assert "No interval" not in said
    assert "No interval: " in words_of({**summaries["mmpp"], "headline": None})


def test_an_invalid_run_has_reasons_with_party_and_code_and_no_headline(summaries):
    lines = text_of(summaries["invalid"]).splitlines()
    assert lines[0].startswith("verdict: invalid")
    assert "  - engine: 1 rows hold a wrong value [rows_wrong]" in lines
    assert "  - engine: 1 expected rows are missing [rows_missing]" in lines
    assert not any(line.startswith("excess_ms P90") for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        "e2e_ms  ",
        "since_window_end_ms  ",
        "freshness_ms  ",
        "120 expected: 120 exact, 0 wrong, 0 missing",
        "disorder, late events, idle partition, bursts",
        "3 warm-up, 35 measured, 2 cool-down",
        "0 e2e below 0",
        "poisson, 2 producers, 70 s measured, seed 42",
        "40.0 nominal",
        "2 s, watermark delay 1 s, 3 campaigns",
        "CPU s per million events",
    ],
)
def test_what_is_wanted_first_holds(summaries, words):
    assert words in text_of(summaries["poisson"])


@pytest.mark.parametrize(
    "words",
    [
        "Greatest of each window",
        "WHERE THE TIME WENT",
        "send lateness",
        "acknowledgement",
        "no trend",
        "slowest partition",
        "CPU-seconds by phase",
        "CPU time of the measured phase",
        "95 % interval of P90",
    ],
)
def test_all_of_a_report_holds_more(summaries, words):
    assert words in text_of(summaries["poisson"], long=True)
    assert words not in text_of(summaries["poisson"])


def test_bursty_load_shows_latencies_by_state_and_warns_of_few_changes(summaries):
    said = words_of(summaries["mmpp"], long=True)
    assert "By state of the load" in said
    assert "excess_ms, state 1, 321/s" in said
    assert "along the path of states" in said
    assert "too few to call its rate typical" in words_of(summaries["mmpp"])


def test_a_run_of_updates_has_freshness_in_front_and_no_excess_anywhere(summaries):
    said = words_of(summaries["updates"], long=True)
    assert "freshness_ms P90 21.0 ms 95 % interval" in said
    rows = summaries["updates"]["latencies_ms"]["freshness"]["rows"]
    assert f"nearest rank over {rows:,} updates of 35 windows" in said
    assert f"105 final rows and {rows:,} updates, final ones included, of 35 measured windows" in said
    assert f"{summaries['updates']['rows']['intermediate']:,} intermediate updates" in said
    assert "Measured windows show no trend" in said
    for words in ("excess_ms", "WHERE THE TIME WENT", "slowest partition"):
        assert words not in said


def test_the_report_says_how_long_batches_of_real_time_mode_are_and_how_many_ended_in_the_measured_phase(summaries):
    said = words_of(summaries["updates"], long=True)
    assert "Real-Time Mode batches of 60 s, 2 batch boundaries in the measured phase" in said


def test_the_report_names_preset_and_mode(summaries):
    assert "preset tuned records rejected 0" in words_of(summaries["poisson"], long=True)
    assert "preset default mode update records rejected 0" in words_of(summaries["micro"], long=True)


def test_the_report_says_how_much_state_there_was_and_how_long_checkpoints_took(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    assert "state" not in engine_of(summary)
    assert "checkpoint" not in engine_of(summary)
    summary["engine"] |= {"state_rows": 1_234, "state_bytes": 5_600_000}
    summary["engine"] |= {"checkpoints": 3, "checkpoint_p50_ms": 12.0, "checkpoint_max_ms": 55.0}
    shown = engine_of(summary)
    assert "state, most in the measured phase: 1,234 rows, 6 MB" in shown
    assert "checkpoints in the measured phase: 3, median 12 ms, longest 55 ms" in shown


def engine_of(summary):
    """Return what is said of the engine."""
    return "; ".join(": ".join(map(said, row.cells)) for row in run_facts.engine(summary).rows)


def test_the_report_of_a_run_of_an_earlier_version_does_without_state(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    for name in ("state_rows", "state_bytes", "checkpoints", "checkpoint_p50_ms", "checkpoint_max_ms"):
        del summary["engine"][name]
    assert "records rejected: 0" in engine_of(summary)


def test_the_report_says_that_rows_passed_a_python_worker(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    assert "Python worker" not in engine_of(summary)
    summary["engine"]["settings"] = {"windowbench.python_worker": "on the measured path"}
    assert "Python worker: on the measured path" in engine_of(summary)


def test_the_report_says_what_the_engine_counted_approximately(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    assert "approximate" not in engine_of(summary)
    summary["engine"]["approximate"] = ["distinct_users"]
    assert "distinct_users: approximate" in engine_of(summary)


def test_where_the_files_are_comes_last(summaries):
    text = text_of({**summaries["poisson"], "files": ["summary.json", "windows.csv"]}, directory="/runs/x")
    assert text.splitlines()[-2:] == ["files in /runs/x:", "  summary.json, windows.csv"]


def test_a_run_that_could_not_be_judged_has_its_reason(summaries):
    verdict = {"verdict": "unknown", "reasons": [{"code": "c", "party": "judge", "text": "t " * 60}], "warnings": ["w"]}
    lines = text_of({"run_id": "r", "verdict": verdict}).splitlines()
    assert lines[0] == "verdict: unknown   run r"
    assert lines[-1] == "  - w"
    assert max(map(len, lines)) <= WIDTH


def test_figures_that_do_not_exist_show_as_a_dash(summaries):
    summary = copy.deepcopy(summaries["poisson"])
    for figures in summary["latencies_ms"].values():
        figures.update(dict.fromkeys(("p50", "p90", "p95", "p99", "max")), p90_interval=None)
    summary["headline"] |= {"value_ms": None, "interval_ms": None}
    summary["generator"]["ack_p50_ms"] = None
    assert "excess_ms - - - - -" in words_of(summary)
    assert "acknowledgement P50 -, P99" in words_of(summary, long=True)


def test_a_workload_may_have_something_to_say_beside_its_rows(summaries, monkeypatch, tmp_path):
    assert summaries["poisson"]["remarks"] == {}
    assert "Of this workload" not in text_of(summaries["poisson"], long=True)

    def remarks(truth, comparison, rows):
        right = comparison.row_of_cell >= 0
        views = rows.integers["views"][comparison.row_of_cell[right]]
        return {"cells of the truth": truth.cells.count, "views of a row, mean": float(views.mean()), "nothing": -0.001}

    monkeypatch.setattr(oracle.AdCtrTruth, "remarks", remarks)
    summary = as_json(evaluate(synthetic_run().write(tmp_path)).summary)
    count, mean, _ = summary["remarks"].values()
    assert count > 0
    assert mean > 0
    words = f"cells of the truth {count} views of a row, mean {mean:.2f} nothing 0.00"
    assert words in words_of(summary, long=True)
