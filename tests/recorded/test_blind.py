"""Blind runs: who knows their settings alone does not know their load, and their judge takes the salt beside them."""

import dataclasses
import os
from pathlib import Path

import pytest

import producer
from config import ConfigError, config_parser, load
from tests.unit.finished_run import finished_run
from tests.unit.synthetic_run import small_config, synthetic_run
from windowbench.campaigns import capacity, versus
from windowbench.campaigns.capacity_command import body as capacity_command
from windowbench.campaigns.salts import tell_salts
from windowbench.compare.content import compare_runs
from windowbench.compare.recorded import read_run
from windowbench.errors import EngineFailed, ExitCode
from windowbench.judge.judgement import evaluate, judge_run
from windowbench.load.arrivals import modulating_path
from windowbench.load.salt import SALT as SALT_VARIABLE
from windowbench.load.salt import salted
from windowbench.orchestrate.salt import salt_of
from windowbench.report.comparison_document import comparison_document
from windowbench.report.markdown import markdown_text
from windowbench.report.run_files import read_content, run_text, write_report
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.verdict import Status
from windowbench.runs.store import RunDirectory, SaltMissing

SALT, OTHER = "5a17", "5a18"


def blind_run(**settings):
    """Return a run whose load was made with the salt, and whose settings do not say so."""
    config = small_config(blind=True, **settings)
    return dataclasses.replace(synthetic_run(seed=salted(config, SALT).run.seed, **settings), config=config)


def recorded(run, tmp_path, salt=SALT):
    directory = run.write(tmp_path)
    if salt is not None:
        directory.write_salt(salt)
    return directory


@pytest.mark.parametrize(
    "settings", [{}, {"data_generator": "mmpp"}, {"out_of_order_share": 0.4, "out_of_order_extent_ms": 450}]
)
def test_a_blind_run_is_judged_with_the_salt_beside_its_settings(tmp_path, settings):
    evaluation = evaluate(recorded(blind_run(rate=60.0, **settings), tmp_path))
    assert evaluation.verdict.status is Status.VALID, evaluation.verdict
    load = as_json(evaluation.summary)["load"]
    assert (load["seed"], load["blind"]) == (42, True)


def test_counts_made_from_the_seed_of_the_settings_are_right_unless_the_run_is_blind(tmp_path):
    seen = synthetic_run(rate=60.0)
    assert evaluate(seen.write(tmp_path / "seen")).verdict.status is Status.VALID
    run = blind_run(rate=60.0)
    run.results = seen.results
    verdict = evaluate(recorded(run, tmp_path)).verdict
    assert verdict.status is Status.INVALID
    assert "rows_wrong" in {reason.code for reason in verdict.reasons}


def test_a_blind_run_without_its_salt_is_unknown_and_says_what_to_do(tmp_path):
    verdict = evaluate(recorded(blind_run(rate=60.0), tmp_path, salt=None)).verdict
    (reason,) = verdict.reasons
    assert (verdict.status, reason.code, reason.party) == (Status.UNKNOWN, "salt_missing", "judge")
    assert "put its salt.json back" in reason.text


def test_with_another_salt_nothing_is_right(tmp_path):
    assert evaluate(recorded(blind_run(rate=60.0), tmp_path, OTHER)).verdict.status is Status.INVALID


def test_a_salt_beside_a_run_that_is_not_blind_changes_nothing(tmp_path):
    assert evaluate(recorded(synthetic_run(rate=60.0), tmp_path)).verdict.status is Status.VALID


def test_a_damaged_salt_is_an_unknown_verdict_that_names_it(tmp_path):
    directory = recorded(blind_run(rate=60.0), tmp_path)
    directory.file("salt.json").write_bytes(b'{"salt": 3}')
    verdict = evaluate(directory).verdict
    assert verdict.status is Status.UNKNOWN
    assert "salt.json" in verdict.reasons[0].text


def test_a_run_that_is_judged_before_its_salt_is_told_gives_the_same_and_leaves_no_salt(tmp_path):
    run = blind_run(rate=60.0)
    before = recorded(run, tmp_path / "before", salt=None)
    judged = judge_run(before, salt=SALT)
    assert as_json(judged.summary) == as_json(judge_run(recorded(run, tmp_path)).summary)
    assert not before.file("salt.json").exists()


def test_nobody_but_the_user_can_read_a_salt(tmp_path):
    assert recorded(blind_run(rate=60.0), tmp_path).file("salt.json").stat().st_mode & 0o777 == 0o600


def test_a_report_says_that_the_run_was_blind_and_shows_its_bursts_once_the_salt_is_told(tmp_path):
    run = blind_run(rate=60.0, data_generator="mmpp")
    directory = recorded(run, tmp_path, salt=None)
    judge_run(directory, salt=SALT)
    assert "seed 42 and a salt: a blind run" in run_text(directory, long=True)
    content = read_content(directory)
    assert content.path is None
    assert any("salt.json" in problem for problem in content.problems)
    directory.write_salt(SALT)
    told = read_content(directory)
    assert told.problems == []
    assert told.path.starts_ns[1] == salted_path(run).starts_ns[1]


def salted_path(run):
    return modulating_path(salted(run.config, SALT), run.schedule.load_length_ns)


def test_a_load_on_its_own_is_blind_only_where_somebody_knows_its_salt(tmp_path, monkeypatch):
    directory = recorded(blind_run(), tmp_path)
    parser = config_parser("producer.py", "")
    again, alone, plain = (load(parser, flags, {}) for flags in ([f"--config={directory.config}"], ["--blind"], []))
    assert producer.salt_of_load(again) == SALT
    assert producer.salt_of_load(plain) is None
    with pytest.raises(ConfigError, match="a load on its own cannot be blind"):
        producer.salt_of_load(alone)
    monkeypatch.setenv(SALT_VARIABLE, OTHER)
    assert producer.salt_of_load(again) == OTHER
    assert SALT_VARIABLE not in os.environ


def compared(*directories):
    return as_json(compare_runs([read_run(path) for path in directories]))


def made(tmp_path, run_id, *, salt=None, **how):
    """Return the directory of a finished run, blind if it has a salt."""
    path = finished_run(tmp_path, run_id, data_generator="mmpp", blind=salt is not None, **how)
    if salt is not None:
        RunDirectory(tmp_path / run_id).write_salt(salt)
    return path


@pytest.mark.parametrize(
    ("salts", "paired"), [((SALT, SALT), True), ((SALT, OTHER), False), ((None, None), True), ((SALT, None), False)]
)
def test_under_bursts_runs_are_pairs_where_seed_and_salt_are_equal(tmp_path, salts, paired):
    runs = [
        made(tmp_path, f"{engine}{seed}", engine=engine, seed=seed, draw=seed, salt=salt and f"{salt}{seed}")
        for engine, salt in zip(("spark", "reference"), salts, strict=True)
        for seed in (1, 2, 3)
    ]
    content = compared(*runs)
    assert {entry["paired"] for entry in content["differences"]} == {paired}
    assert [entry["field"] for entry in content["load_differences"]] == ([] if paired else ["salt"])


def test_a_comparison_says_which_runs_were_blind(tmp_path):
    content = compared(made(tmp_path, "a", salt=SALT), made(tmp_path, "b", engine="reference"))
    assert {run["run_id"]: run["blind"] for run in content["runs"]} == {"a": True, "b": False}
    assert "42, blind" in markdown_text(comparison_document(content))


def test_a_run_whose_salt_is_not_told_yet_is_the_pair_of_no_other(tmp_path):
    paths = [made(tmp_path, name, engine=name, salt=SALT) for name in ("spark", "reference")]
    RunDirectory(tmp_path / "spark").file("salt.json").unlink()
    content = compared(*paths)
    assert not any(entry["paired"] for entry in content["differences"])


# --- campaigns --------------------------------------------------------------------------------------------------------


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """Run a versus of two repeats whose runs take no time; note what was there when each of them began."""
    runs, began = tmp_path / "runs", []

    def benchmark(loaded, *, salt, **_):
        run = loaded.config.run
        began.append((run.run_id, salt, sorted(path.parent.name for path in runs.glob("*/salt.json"))))
        if len(began) == 2:
            raise KeyboardInterrupt
        finished_run(runs, run.run_id, engine=loaded.config.engine.engine, seed=run.seed, blind=run.blind)
        return 0

    monkeypatch.setattr(versus, "benchmark", benchmark)
    return runs, began


def test_a_versus_tells_the_salt_of_a_repeat_after_its_last_arm_and_keeps_it_when_it_is_resumed(campaign):
    runs, began = campaign
    with pytest.raises(KeyboardInterrupt):
        versus.body(["reference", "spark", "--repeats=2", "--blind", "--run-id=v", f"--runs-dir={runs}"])
    assert list(runs.glob("*/salt.json")) == []
    versus.body([f"--resume={runs / 'v'}"])
    names, salts, told = zip(*began, strict=True)
    assert len(names) == 5  # the second one was interrupted, and made again
    assert salts[0] == salts[1] == salts[2] != salts[3] == salts[4]
    assert told[:3] == ([], [], [])
    first = sorted((names[0], names[2]))
    assert told[3:] == (first, first)
    assert {RunDirectory(runs / name).read_salt() for name in names[3:]} == {salts[3]}
    content = RunDirectory(runs / "v").read_json("comparison.json")
    assert [run["blind"] for run in content["runs"]] == [True] * 4
    assert content["load_differences"] == []


def test_the_probes_of_a_blind_search_keep_one_salt_until_their_engine_has_ended(tmp_path, monkeypatch):
    began = []

    def judged_run(run):
        path = Path(run.config.run.runs_dir)
        began.append((run.salt, list(path.glob("*/salt.json"))))
        RunDirectory.create(path / run.config.run.run_id).write_config(run.config)
        run.timeline.enter("warm-up")
        raise EngineFailed("it gave up")

    monkeypatch.setattr(capacity, "judged_run", judged_run)
    flags = ["--engine=reference", "--blind", "--lowest-rate=5000", "--run-id=c", "--quiet"]
    assert capacity_command([*flags, f"--runs-dir={tmp_path}"]) == ExitCode.UNSUSTAINABLE
    assert len(began) >= 2
    ((salt,), (told,)) = ({salt for salt, _ in began}, {len(told) for _, told in began})
    assert (len(salt), told) == (32, 0)
    assert [RunDirectory(path).read_salt() for path in (tmp_path / "c" / "probes").iterdir()] == [salt] * len(began)


def test_the_bursts_of_a_run_are_told_with_its_salt_and_its_page_shows_them(tmp_path):
    run = blind_run(rate=60.0, data_generator="mmpp")
    directory = recorded(run, tmp_path, salt=None)
    judge_run(directory, salt=SALT)
    page = write_report(directory)
    before = page.read_bytes()
    tell_salts([directory], SALT)
    assert directory.read_json("mmpp_path.json")["starts_ns"] == salted_path(run).starts_ns.tolist()
    assert page.read_bytes() != before


def test_who_takes_the_settings_of_a_blind_run_takes_its_salt_and_any_other_run_gets_one_of_its_own(tmp_path):
    directory = recorded(blind_run(), tmp_path)
    again = load(config_parser("run", ""), [f"--config={directory.config}", "--run-id=again"], {})
    assert salt_of(again) == SALT
    assert salted(again.config, salt_of(again)).run.seed == directory.read_load_config().run.seed
    directory.file("salt.json").unlink()
    with pytest.raises(SaltMissing, match="run synthetic is blind and has no salt"):
        salt_of(again)  # another load would be no repeat
    fresh = load(config_parser("run", ""), ["--blind"], {})
    assert len({salt_of(fresh), salt_of(fresh), SALT}) == 3
    assert salt_of(load(config_parser("run", ""), [f"--config={directory.config}", "--no-blind"], {})) is None
