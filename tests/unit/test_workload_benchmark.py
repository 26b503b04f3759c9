"""The benchmark of all workloads: which runs it makes, what it reads out of them, and what it keeps."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from benchmarks import workloads
from benchmarks.engine_runs import Seen
from benchmarks.stored import keep, stored
from benchmarks.table import Figure
from benchmarks.workloads import Load, figures_of, is_kept, table
from windowbench.errors import HarnessError
from windowbench.workloads import WORKLOADS

LOAD = Load(workload="ad_ctr", engine="spark", rate=5_000.0, warmup=120.0, duration=120.0)
SUMMARY = {
    "verdict": {"verdict": "valid", "reasons": []},
    "headline": {"name": "visible_excess_ms"},
    "latencies_ms": {"excess": {"p50": 1.0, "p90": 2.0}, "visible_excess": {"p50": 512.4, "p90": 690.6}},
    "rows": {"exact": 1_210, "expected": 1_200},
    "resources": {"cpu_seconds_per_million_events": {"engine": 123.4, "broker": 7.0}},
    "engine": {
        "output_mode": "append",
        "state_rows": 20,
        "state_bytes": 5_600_000,
        "checkpoints": 9,
        "checkpoint_p50_ms": 30.4,
        "checkpoint_max_ms": 99.5,
    },
}


def figures(**changes):
    summary = copy.deepcopy(SUMMARY) | changes
    return {f.name: f for f in figures_of(LOAD, Seen(summary=summary, seconds=1.0, until_load=1.0))}


def reason(code):
    return {"code": code, "party": "engine", "text": "why"}


def test_a_run_gives_what_ranks_it_its_state_its_checkpoints_and_what_it_cost():
    found = figures()
    assert {name: figure.value for name, figure in found.items()} == {
        "events/s": 5_000,
        "warm-up, s": 120,
        "measured, s": 120,
        "verdict": "valid",
        "rows exact": "1,210 of 1,200",
        "sustained": "yes",
        "latency": "visible_excess_ms",
        "P50, ms": 512,
        "P90, ms": 691,
        "state": "20 rows, 6 MB",
        "checkpoint P50, ms": 30,
        "checkpoint max, ms": 100,
        "CPU-s per million events": 123,
    }
    assert all(figure.met for figure in found.values())


@pytest.mark.parametrize("code", ["results_lag", "excess_too_great", "excess_grows", "freshness_grows"])
def test_an_engine_that_fell_behind_is_shown_with_its_latency_and_misses_its_target(code):
    found = figures(verdict={"verdict": "unsustainable", "reasons": [reason(code)]}, headline=None)
    assert {name for name, figure in found.items() if not figure.met} == {"verdict", "sustained"}
    assert (found["latency"].value, found["P90, ms"].value) == ("excess_ms", 2)


def test_a_row_that_is_not_exact_misses_the_target():
    rows = {"exact": 1_199, "expected": 1_200}
    found = figures(rows=rows, verdict={"verdict": "invalid", "reasons": [reason("rows_missing")]}, headline=None)
    assert {name for name, figure in found.items() if not figure.met} == {"verdict", "rows exact"}


def test_a_run_without_any_expected_row_misses_the_target():
    assert not figures(rows={"exact": 0, "expected": 0})["rows exact"].met


def test_a_run_that_was_never_judged_is_failed_and_made_again_on_resume():
    found = figures_of(LOAD, Seen(summary={"status": "failed"}, seconds=1.0, until_load=1.0))
    assert [figure.value for figure in found if not figure.met] == ["failed"]
    assert not is_kept(LOAD, {LOAD.name: found})


def test_what_an_engine_does_not_say_has_a_dash():
    unsaid = ("state_rows", "state_bytes", "checkpoint_p50_ms", "checkpoint_max_ms")
    found = figures(engine=SUMMARY["engine"] | dict.fromkeys(unsaid) | {"checkpoints": 0}, resources=None)
    for name in ("state", "checkpoint P50, ms", "checkpoint max, ms", "CPU-s per million events"):
        assert (found[name].value, found[name].met) == ("-", True)


def test_what_is_kept_comes_back_and_another_machine_begins_anew(tmp_path, monkeypatch):
    path, found = tmp_path / "artifacts" / "kept.json", list(figures().values())
    assert stored(path) == {}
    keep({"one": found}, path)
    keep({LOAD.name: found}, path)
    assert stored(path) == {"one": found, LOAD.name: found}
    assert is_kept(LOAD, stored(path))
    for change in ({"rate": 4_999.0}, {"warmup": 60.0}, {"duration": 60.0}, {"engine": "flink"}):
        assert not is_kept(dataclasses.replace(LOAD, **change), stored(path))
    here = workloads.describe_environment(tmp_path, java=None, broker={})
    monkeypatch.setattr("benchmarks.stored.describe_environment", lambda *_, **__: here | {"cpu_count": 999})
    assert stored(path) == {}


def test_the_table_has_a_line_for_each_run_beside_the_targets_and_marks_what_was_missed():
    slow = figures(verdict={"verdict": "unsustainable", "reasons": [reason("results_lag")]}, headline=None)
    made = [Figure("events made, 1/s per core", 2_000_000, ">= 100,000")]
    kept = {"ad_ctr generator": made, LOAD.name: list(figures().values()), "ad_ctr flink": list(slow.values())}
    head, _, targets, spark, flink = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table(kept).split("\n")
    )
    assert len(head) == len(targets) == len(spark) == len(flink)
    assert dict(zip(head, targets, strict=True))["verdict"] == "valid"
    assert dict(zip(head, spark, strict=True))["events made, 1/s per core"] == "2,000,000"
    assert dict(zip(head, flink, strict=True))["verdict"] == "unsustainable (missed)"


def test_the_documentation_says_how_long_runs_were_measured_and_hides_no_shorter_one():
    short = [Figure("warm-up, s", 20), Figure("measured, s", 30)]
    text = workloads.document({LOAD.name: list(figures().values()), "ad_ctr flink": short})
    assert "20 or 120 s of warm-up and 30 or 120 s measured" in text


def test_every_workload_of_the_registry_runs_on_both_engines_and_rates_are_given_by_name():
    parsed = workloads.parser().parse_args(["--rate", "product_ctr=2000", "--duration=60"])
    runs = list(workloads.loads(parsed))
    assert [(run.workload, run.engine) for run in runs] == [(w, e) for w in WORKLOADS for e in ("spark", "flink")]
    assert {run.workload: run.rate for run in runs} == dict.fromkeys(WORKLOADS, 5_000) | {"product_ctr": 2_000}
    assert {(run.warmup, run.duration) for run in runs} == {(120.0, 60.0)}
    assert "--rate=2000" in next(run for run in runs if run.workload == "product_ctr").flags


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rate", "nothing=1"], "there is no workload 'nothing'; there are ad_ctr"),
        (["--rate", "ad_ctr"], "give a number of events per second"),
        (["--rate", "ad_ctr=fast"], "give a number of events per second"),
        (["--rate", "ad_ctr=0"], "give a number of events per second"),
        (["--rate", "ad_ctr=nan"], "give a number of events per second"),
        (["--engines", "spark,storm"], "there is no engine 'storm' here; there are spark, flink"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        workloads.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("workload", WORKLOADS)
def test_events_of_every_workload_are_made_and_counted(workload, monkeypatch):
    monkeypatch.setattr(workloads, "MADE_EVENTS", 1_000)
    monkeypatch.setattr(workloads, "MADE_ROUNDS", 1)
    (figure,) = workloads.made(workload)
    assert figure.value > 0
    assert figure.target == ">= 100,000"


def test_a_run_that_leaves_nothing_is_kept_as_failed_and_ends_no_other(monkeypatch):
    def leave_nothing(*_):
        message = "no summary"
        raise HarnessError(message)

    monkeypatch.setattr(workloads, "run", leave_nothing)
    assert workloads.measured(LOAD) == workloads.failed(LOAD)
