import json
import threading
from pathlib import Path

import pytest

from config import Config, config_json
from tests.patience import PATIENCE
from windowbench.engines.job import Job, next_job, read_job, shall_end
from windowbench.engines.succession import FLAG, ask_to_rest, await_successor, name_successor, shall_rest
from windowbench.errors import EngineFailed


def run_directory(tmp_path, name):
    run = tmp_path / name
    run.mkdir()
    (run / "config.json").write_text(config_json(Config().replace(run_id=name, runs_dir=str(tmp_path))))
    return run


def job_in(run, **fields):
    config = Config().replace(run_id=run.name)
    values = {"chosen": frozenset({"spark_master"}), "alone": False, "engine": "spark", "succession": True}
    return Job(config=config, run_id=run.name, run_dir=run, **{**values, **fields})


def test_an_engine_rests_only_in_succession_and_when_it_was_asked(tmp_path):
    run = run_directory(tmp_path, "a")
    assert not shall_end(job_in(run))
    ask_to_rest(run)
    assert shall_end(job_in(run))
    assert not shall_end(job_in(run, succession=False))
    assert not shall_rest(run_directory(tmp_path, "b"))


def test_the_next_job_has_the_settings_of_its_run_and_the_process_of_the_last(tmp_path, capsys):
    first, second = run_directory(tmp_path, "a"), run_directory(tmp_path, "b")
    name_successor(first, second / "config.json")
    job = next_job(job_in(first))
    assert (job.run_id, job.run_dir, job.config.run.run_id) == ("b", second, "b")
    assert (job.chosen, job.succession) == ({"spark_master"}, True)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == [{"type": "resting"}, {"type": "next", "run_id": "b"}]


def test_a_successor_is_waited_for(tmp_path):
    first, second = run_directory(tmp_path, "a"), run_directory(tmp_path, "b")
    found: list[Path] = []
    waiting = threading.Thread(target=lambda: found.append(await_successor(first)))
    waiting.start()
    name_successor(first, second / "config.json")
    waiting.join(PATIENCE)
    assert found == [second / "config.json"]


def test_a_successor_without_a_configuration_is_a_failure_of_the_engine(tmp_path):
    run = run_directory(tmp_path, "a")
    name_successor(run, tmp_path / "nowhere" / "config.json")
    with pytest.raises(EngineFailed, match="nowhere"):
        await_successor(run)


def test_the_flag_is_one_of_every_job_and_off_unless_given(tmp_path):
    run = run_directory(tmp_path, "a")
    given = ["--config", str(run / "config.json")]
    assert not read_job(given, program="x.py", description="x", engine="spark").succession
    assert read_job([*given, FLAG], program="x.py", description="x", engine="spark").succession
