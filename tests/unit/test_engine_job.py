import argparse
import json
from pathlib import Path

import pytest

from config import Config, ConfigError, Loaded, config_json, config_parser, load
from windowbench.engines.job import announce, job_of, read_job, until_stopped
from windowbench.errors import BrokerFailed, EngineFailed, Terminated


def loaded(*flags):
    return load(config_parser("SparkJob.py", "test"), list(flags), environ={})


def test_a_job_of_a_run_uses_the_directory_of_its_configuration(tmp_path, monkeypatch):
    run = tmp_path / "somewhere" / "run-7"
    run.mkdir(parents=True)
    (run / "config.json").write_text(config_json(Config().replace(run_id="run-7", runs_dir="elsewhere")))
    monkeypatch.chdir(tmp_path)
    job = job_of(loaded("--config", "somewhere/run-7/config.json"), "spark")
    assert (job.run_id, job.run_dir, job.alone) == ("run-7", run, False)
    assert job.checkpoint == str(run / "checkpoint")


def test_a_run_id_with_another_file_means_the_directory_of_that_run(tmp_path):
    (tmp_path / "mine.json").write_text('{"run_id": "run-8", "runs_dir": "/runs"}')
    job = job_of(loaded("--config", str(tmp_path / "mine.json")), "spark")
    assert (job.run_dir, job.alone) == (Path("/runs/run-8"), False)


@pytest.mark.parametrize(
    ("engine", "flag"),
    [("spark", "--spark-mode=update"), ("flink", "--flink-parallelism=3"), ("reference", "--num-consumers=3")],
)
def test_a_program_started_alone_has_the_settings_of_its_own_engine(engine, flag, monkeypatch):
    monkeypatch.delenv("WINDOWBENCH_ENGINE", raising=False)
    job = read_job([flag], program="Job.py", description="A job.", engine=engine)
    assert job.config.engine == load(config_parser("x", ""), [f"--engine={engine}", flag], {}).config.engine


def test_a_program_refuses_to_be_another_engine():
    with pytest.raises(ConfigError, match=r"Job\.py is the program of the engine flink, not of spark"):
        read_job(["--engine=spark"], program="Job.py", description="A job.", engine="flink")


def test_a_job_alone_makes_a_run_id_and_a_directory_of_its_own(tmp_path):
    job = job_of(loaded("--runs-dir", str(tmp_path)), "spark")
    assert job.alone
    assert job.config.run.run_id == job.run_id
    assert job.run_dir == tmp_path / job.run_id
    assert job.log.is_relative_to(job.run_dir)


def test_a_named_checkpoint_wins():
    assert job_of(loaded("--checkpoint-dir", "hdfs://host/c"), "spark").checkpoint == "hdfs://host/c"


def test_what_somebody_chose_is_known_from_its_origin():
    origins = {"spark_master": "command line", "seed": "default"}
    job = job_of(Loaded(config=Config(), origins=origins, arguments=argparse.Namespace(config=None)), "spark")
    assert job.chosen == {"spark_master"}


def test_the_failure_of_an_engine_is_one_message_and_goes_on_to_the_exit_code(capsys):
    with pytest.raises(EngineFailed), until_stopped():
        raise EngineFailed("out of memory")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"type": "error", "message": "out of memory"}


def test_a_signal_is_the_normal_end_of_a_job(capsys):
    with until_stopped():
        raise Terminated
    assert capsys.readouterr() == ("", "")


def test_a_failure_of_something_else_is_not_said_to_be_the_engines(capsys):
    with pytest.raises(BrokerFailed), until_stopped():
        raise BrokerFailed("gone")
    assert capsys.readouterr().out == ""


def test_a_job_started_by_hand_says_what_it_reads_and_writes_and_keeps_its_protocol_clean(capsys):
    announce(job_of(loaded("--events-topic=ads", "--result-topic=rows"), "spark"), "broker:9092", log="a/spark.log")
    out, err = capsys.readouterr()
    assert out == ""
    assert "broker:9092: ads -> rows\nlog a/spark.log\n" in err
