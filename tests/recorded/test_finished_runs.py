"""Reading finished runs: what may be compared, and what is named instead."""

import json

import numpy as np
import pytest

from tests.unit.finished_run import finished_run
from tests.unit.summaries import content
from tests.unit.synthetic_run import synthetic_run
from windowbench.compare.recorded import read_run
from windowbench.errors import ExitCode
from windowbench.judge.judgement import judge_run
from windowbench.judge.measures.quantiles import percentiles
from windowbench.load.schedule import NS_PER_MS
from windowbench.processes.runlock import RunLock
from windowbench.runs.samples import write_parquet
from windowbench.runs.store import RunDirectory, RunDirectoryProblem


def changed(directory, name, **values):
    path = RunDirectory.open(directory).file(name)
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


THREE_ROWS = content(latencies_ms={"excess": {"rows": 3}})["latencies_ms"]


@pytest.fixture
def run(tmp_path):
    return RunDirectory.open((tmp_path / "r1") if finished_run(tmp_path, "r1") else tmp_path)


@pytest.mark.parametrize("mode", ["append", "update"])
def test_the_latencies_of_a_judged_run_are_those_of_its_summary(tmp_path, mode):
    directory = synthetic_run(spark_mode=mode).write(tmp_path)
    judge_run(directory)
    read = read_run(str(directory.path))
    assert read.eligible
    assert (read.status, read.verdict, read.exit_code) == ("completed", "valid", ExitCode.OK)
    for name, (values, windows) in read.samples.items():
        described = directory.read_json("summary.json")["latencies_ms"][name]
        found = percentiles(values)
        assert (found.p50, found.p90) == (described["p50"], described["p90"])
        assert (len(values), len(np.unique(windows))) == (described["rows"], described["windows"])


def test_rows_outside_measured_windows_are_no_samples(run):
    values, windows = read_run(str(run.path)).samples["excess"]
    assert len(values) == 80
    assert (windows.min(), windows.max()) == (0, 39)
    assert values.max() < 999 * NS_PER_MS


def test_without_samples_nothing_but_the_small_files_is_read(run):
    run.judged_rows.unlink()
    read = read_run(str(run.path), samples=False)
    assert read.eligible
    assert read.samples == {}


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("invalid", ExitCode.RUN_INVALID),
        ("unsustainable", ExitCode.UNSUSTAINABLE),
        ("unknown", ExitCode.VERDICT_UNKNOWN),
    ],
)
def test_a_run_that_is_not_valid_is_not_eligible_and_says_why(tmp_path, verdict, code):
    read = read_run(finished_run(tmp_path, "r", verdict=verdict, reasons=["3 rows are wrong", "a second reason"]))
    assert read.reason == f"{verdict}: 3 rows are wrong; a second reason"
    assert (read.verdict, read.exit_code, read.samples) == (verdict, code, {})


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_a_run_that_did_not_end_well_is_not_eligible_whatever_an_old_summary_says(tmp_path, status):
    word = {"status": status, "phase": "measure", "exit_code": 10, "error": "the engine ended"}
    read = read_run(finished_run(tmp_path, "r", status=word))
    assert read.reason == f"{status} in phase measure: the engine ended"
    assert (read.status, read.exit_code) == (status, ExitCode.ENGINE_FAILED)


def test_a_run_that_is_still_going_on_is_not_eligible(run):
    run.status.unlink()
    with RunLock(run.path):
        read = read_run(str(run.path))
    assert (read.status, read.reason) == ("running", "it is still running")


def test_a_run_that_was_never_judged_and_cannot_be_is_not_eligible(run):
    run.summary.unlink()
    read = read_run(str(run.path))
    assert (read.reason, read.exit_code) == (
        "unknown: run r1: cannot read producers.json: No such file or directory",
        ExitCode.VERDICT_UNKNOWN,
    )


def test_a_run_of_which_nothing_says_how_it_ended_is_not_judged(run):
    run.summary.unlink()
    run.status.unlink()
    read = read_run(str(run.path))
    assert (read.reason, read.exit_code) == ("it was not judged", ExitCode.VERDICT_UNKNOWN)
    assert not run.summary.exists()


def test_a_directory_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(RunDirectoryProblem, match="there is no run directory"):
        read_run(str(tmp_path / "none"))


def cut(run, name):
    path = run.file(name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: run.config.unlink(), "no config.json"),
        (lambda run: cut(run, "config.json"), "config.json"),
        (lambda run: cut(run, "summary.json"), "summary.json is damaged"),
        (lambda run: cut(run, "status.json"), "status.json is damaged"),
        (lambda run: cut(run, "environment.json"), "environment.json is damaged"),
        (lambda run: cut(run, "schedule.json"), "schedule.json is damaged"),
        (lambda run: run.schedule.unlink(), "schedule.json is missing"),
        (lambda run: run.judged_rows.unlink(), "rows.parquet is missing"),
        (lambda run: cut(run, "samples/rows.parquet"), "rows.parquet is damaged"),
        (lambda run: write_parquet(run.judged_rows, {"window_id": np.arange(3)}), "rows.parquet is damaged"),
        (lambda run: changed(run.path, "format.json", schema_version=0), "layout 0"),
        (lambda run: changed(run.path, "summary.json", schema_version=0), "layout 0"),
        (lambda run: changed(run.path, "summary.json", latencies_ms={}), "latencies_ms"),
        (
            lambda run: changed(run.path, "summary.json", latencies_ms=THREE_ROWS),
            "disagree about excess",
        ),
        (lambda run: changed(run.path, "config.json", unheard_of=1), "unheard_of"),
    ],
)
def test_a_damaged_or_older_run_is_named_and_no_exception(run, damage, words):
    damage(run)
    read = read_run(str(run.path))
    assert words in read.reason
    assert (read.run_id, read.status, read.exit_code, read.samples) == ("r1", "damaged", ExitCode.ENVIRONMENT, {})


def test_a_configuration_that_lacks_a_setting_of_today_is_named(run):
    values = json.loads(run.config.read_text())
    del values["linger_ms"]
    run.config.write_text(json.dumps(values))
    assert "lacks the settings linger_ms" in read_run(str(run.path)).reason
