import json
import shutil

import pytest

from tests.recorded.comparison_content import comparison_content
from tests.recorded.document import Document
from tests.unit.synthetic_run import RUN_ID, synthetic_run
from windowbench.errors import EnvironmentProblem
from windowbench.orchestrate import benchmark
from windowbench.report.command import body
from windowbench.report.run_files import (
    REPORT,
    comparison_page,
    latencies_ms,
    read_content,
    read_windows,
    write_report,
)
from windowbench.report.terminal import WIDTH
from windowbench.runs.samples import read_columns, write_parquet
from windowbench.runs.store import RunDirectory
from windowbench.settings.knobs import ConfigError


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Return a run that was judged and reported; to be read only."""
    recorded = synthetic_run(rate=60.0)
    recorded.progress = [
        {"type": "progress", "received_ns": recorded.schedule.base_time_ns + n * 10**9, "batch_ms": 200 + n}
        for n in range(3)
    ]
    run = recorded.write(tmp_path_factory.mktemp("runs"))
    run.write_json("origins.json", {"rate": "command line"})
    run.write_json("environment.json", {"cpu_model": "A CPU"})
    assert body([str(run.path)]) == 0
    return run


@pytest.fixture
def run(judged, tmp_path):
    """Return a copy of it that a test may damage."""
    return RunDirectory.open(shutil.copytree(judged.path, tmp_path / RUN_ID))


# --- what is read -----------------------------------------------------------------------------------------------------


def test_latencies_are_those_of_the_rows_of_measured_windows_that_the_summary_counts(judged):
    summary = judged.read_json("summary.json")["latencies_ms"]
    found = latencies_ms(judged.judged_rows, list(summary))
    assert found.keys() == summary.keys()
    for name, values in found.items():
        assert len(values) == summary[name]["rows"] == 36
        assert values.max() == summary[name]["max"]


def test_columns_of_windows_are_numbers_where_they_hold_figures(judged):
    windows = read_windows(judged.windows_csv)
    assert windows["window_id"][:4] == [-3, -2, -1, 0]
    assert windows["phase"][:4] == ["warm-up"] * 3 + ["measured"]
    assert all(isinstance(value, float) for value in windows["excess_p50_ms"])


def test_everything_a_run_holds_is_read_without_a_problem(judged):
    content = read_content(judged)
    assert content.problems == []
    assert content.progress.work["batch_ms"].y.tolist() == [200, 201, 202]
    assert content.load["scheduled"].sum() == content.summary["generator"]["scheduled"]
    assert content.config["rate"] == 60.0


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_report_is_made_again_from_the_samples_alone_and_the_command_says_where_it_is(run, capsys):
    first = run.file(REPORT).read_bytes()
    for derived in (run.summary, run.verdict, run.windows_csv, run.judged_rows, run.load_series, run.file(REPORT)):
        derived.unlink()
    assert body([str(run.path)]) == 0
    assert run.file(REPORT).read_bytes() == first
    said = capsys.readouterr().out
    assert said.startswith(f"verdict: valid   run {RUN_ID}\n")
    assert said.endswith(f"\nreport: {run.file(REPORT)}\n")


def test_the_command_shows_what_is_wanted_first_and_all_of_it_when_asked(judged, capsys):
    assert body([str(judged.path)]) == 0
    short = capsys.readouterr().out
    assert body([str(judged.path), "--long"]) == 0
    long = capsys.readouterr().out
    assert "CONFIGURATION" in long
    assert "A CPU" in long
    assert "A CPU" not in short
    assert max(map(len, short.splitlines())) <= WIDTH


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_a_run_that_ended_early_has_a_report_with_what_there_is(tmp_path, status):
    run = RunDirectory.create(tmp_path / "early")
    run.write_config(synthetic_run().config)
    run.write_json("status.json", {"status": status, "phase": "start", "error": "no Java", "remedy": "install it"})
    assert body([str(run.path)]) == 0
    page = Document(run.file(REPORT).read_text(encoding="utf-8"))
    assert page.sections == ["verdict", "configuration"]
    assert status in page.one("verdict").text
    assert "no Java" in page.one("verdict").text


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_what_is_no_run_directory_is_refused(tmp_path, name):
    with pytest.raises(EnvironmentProblem, match="run directory"):
        body([str(tmp_path / name)])


def test_the_command_needs_a_run():
    with pytest.raises(ConfigError, match="RUN"):
        body([])


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "summary.json",
        "status.json",
        "origins.json",
        "environment.json",
        "schedule.json",
        "timeline.json",
        "config.json",
        "windows.csv",
        "progress.jsonl",
        "samples/host.parquet",
        "samples/load.parquet",
        "samples/rows.parquet",
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_read(run, name):
    run.file(name).write_bytes(b'{"half": \nxx,"y"\n')
    content = read_content(run)
    assert any(name.rpartition("/")[2] in problem for problem in content.problems), content.problems
    assert content.run_id == RUN_ID


def test_a_run_of_a_version_that_knew_less_has_a_page(run):
    host = read_columns(run.host_samples)
    del host["rss_harness"]
    write_parquet(run.host_samples, host)
    run.load_series.unlink()
    summary = run.read_json("summary.json")
    del summary["resources"]
    for part in summary["decomposition_ms"].values():
        del part["mean"]
    run.write_json("summary.json", summary)
    page = Document(write_report(run).read_text(encoding="utf-8"))
    assert {"latency", "windows", "decomposition", "resources"} <= set(page.sections)


# --- at the end of a run ----------------------------------------------------------------------------------------------


def test_a_page_that_cannot_be_made_is_said_with_the_command_that_tries_again(run, monkeypatch, capsys):
    def fail(_run):
        raise ValueError("no room")

    monkeypatch.setattr("windowbench.report.run_files.write_report", fail)
    benchmark.leave_report(run, None)
    told = capsys.readouterr().err
    assert "ValueError: no room" in told
    assert f"python -m windowbench report {run.path}" in told


def test_the_page_of_a_run_names_no_file_outside_of_it(judged):
    assert json.loads(judged.summary.read_text())["files"] == [
        "summary.json",
        "verdict.json",
        "windows.csv",
        judged.latency_report(judged.read_config()).name,
        "samples/rows.parquet",
        "samples/load.parquet",
    ]


# --- comparisons ------------------------------------------------------------------------------------------------------


def test_a_comparison_shows_what_only_the_directories_of_its_runs_know(judged, tmp_path):
    content = comparison_content()
    for run in content["runs"]:
        run["directory"] = str(judged.path if run["run_id"] == "spark-1" else tmp_path / "gone")
    page = Document(comparison_page(content))
    assert {"windows", "decomposition", "resources"} <= set(page.sections)
    assert "of 1 run over time" in next(e.attributes["aria-label"] for e in page.all("svg") if "over time" in str(e))
