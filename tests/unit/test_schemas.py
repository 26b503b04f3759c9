"""The JSON Schemas kept in ``schemas/``, and what is written and read against them."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from tests.unit.summaries import content, typed
from tests.unit.synthetic_run import synthetic_run
from windowbench.errors import EngineFailed
from windowbench.judge.judgement import judge_run
from windowbench.orchestrate.status import status_of
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.status import RunStatus
from windowbench.runs.files.summary import Ended, NotJudged, Summary
from windowbench.runs.schemas import FILES, schema_of, schema_text
from windowbench.runs.store import RunDirectory, RunDirectoryProblem

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def check(name, value):
    jsonschema.validate(value, schema_of(name))


# --- the schemas ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_the_schema_that_is_kept_is_what_the_types_give(name):
    kept = SCHEMAS / name.replace(".json", ".schema.json")
    assert kept.read_text(encoding="utf-8") == schema_text(name), "run make schemas"


def test_every_kept_schema_is_one_of_a_file():
    assert {path.name for path in SCHEMAS.iterdir()} == {name.replace(".json", ".schema.json") for name in FILES}


@pytest.mark.parametrize("spoil", [{"surprise": 1}, {"status": "happy"}, {"rows": {"exact": "many"}}, {"load": None}])
def test_a_summary_with_a_field_that_is_not_its_own_is_refused(spoil):
    check("summary.json", content())
    with pytest.raises(jsonschema.ValidationError):
        check("summary.json", {**content(), **spoil})


# --- every way a run can end ------------------------------------------------------------------------------------------

FAILURE = EngineFailed("the engine ended", log_tail=["java.lang.Error"])


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (RunStatus.COMPLETED, None),
        (RunStatus.FAILED, None),
        (RunStatus.FAILED, FAILURE),
        (RunStatus.ABORTED, None),
        (RunStatus.UNKNOWN, None),
    ],
)
def test_the_files_of_a_run_are_valid_however_it_ended(tmp_path, status, failure):
    run = synthetic_run().write(tmp_path)
    ended = status_of("measure", status=status, exit_code=None, failure=failure)
    run.write_json("status.json", ended)
    run.write_json("summary.json", Ended.of(run.run_id, ended))
    check("summary.json", run.read_json("summary.json"))
    assert run.read_summary() == Ended.of(run.run_id, ended)
    judge_run(run)
    for name in ("status.json", "summary.json", "verdict.json"):
        check(name, run.read_json(name))
    assert run.read_status() == ended
    summary = run.read_summary()
    assert isinstance(summary, Summary)
    assert summary.status is status
    assert as_json(summary) == run.read_json("summary.json")


def test_the_files_of_a_run_that_cannot_be_judged_are_valid(tmp_path):
    run = synthetic_run().write(tmp_path)
    run.schedule.unlink()
    judge_run(run)
    check("summary.json", run.read_json("summary.json"))
    check("verdict.json", run.read_json("verdict.json"))
    assert isinstance(run.read_summary(), NotJudged)


# --- the version before -----------------------------------------------------------------------------------------------


def of_version_2(found):
    """Return a summary as the version before wrote it, without what came later within that version."""
    load, steady = dict(found["load"]), dict(found["steady_state"])
    scope = load.pop("scope")
    del steady["freshness_slope_ms_per_s"]
    engine = {name: value for name, value in found["engine"].items() if not name.startswith("checkpoint")}
    old = {**found, "schema_version": 2, "load": {**load, **scope, "scope": list(scope)}, "steady_state": steady}
    del old["remarks"]
    return {**old, "engine": engine}


def test_a_summary_of_the_version_before_still_loads(tmp_path):
    found = as_json(typed(schema_version=3))
    run = RunDirectory(tmp_path)
    run.write_json("summary.json", of_version_2(found))
    summary = run.read_summary()
    assert isinstance(summary, Summary)
    assert summary.load.scope == found["load"]["scope"] == {"campaigns": 2}
    assert as_json(dataclasses.replace(summary, schema_version=3)) == found


def test_a_status_of_the_version_before_still_loads(tmp_path):
    run = RunDirectory(tmp_path)
    run.write_json("status.json", {"status": "failed", "phase": "start", "exit_code": 10, "error": "no engine"})
    ended = run.read_status()
    assert (ended.status, ended.phase, ended.exit_code, ended.log_tail) == (RunStatus.FAILED, "start", 10, ())


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("summary.json", {"schema_version": 1}, "layout 1"),
        ("summary.json", {"rows": {}}, r"summary.json is damaged.*rows"),
        ("status.json", {"schema_version": 9}, "version 9"),
        ("status.json", {"status": "happy"}, "status.json is damaged.*happy"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, spoil, words):
    run = RunDirectory(tmp_path)
    (tmp_path / name).write_text(json.dumps({**(content() if name == "summary.json" else {}), **spoil}))
    with pytest.raises(RunDirectoryProblem, match=words):
        run.read_summary() if name == "summary.json" else run.read_status()
