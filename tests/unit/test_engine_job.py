import contextlib
import dataclasses
import json
import signal
from pathlib import Path

import pytest

from config import Config, ConfigError, config_json, config_parser, job_config, load, load_job
from windowbench.engines import ENGINES
from windowbench.engines.job import announce, job_of, read_job, until_stopped
from windowbench.errors import BrokerFailed, EngineFailed, Terminated, run_program


def loaded(*flags):
    return load_job(config_parser("SparkJob.py", "test"), list(flags), {}, engine="spark")


@pytest.mark.parametrize("engine", ["spark", "flink", "reference"])
def test_a_job_alone_has_the_settings_of_its_engine(engine):
    job = read_job([], program="x.py", description="x", engine=engine)
    assert type(job.config.engine) is ENGINES[engine]


def test_a_job_that_is_given_another_engine_says_whose_it_is():
    with pytest.raises(ConfigError, match="the job of the engine flink, not of spark"):
        read_job(["--engine=spark"], program="FlinkJob.py", description="x", engine="flink")


def test_a_job_of_a_run_uses_the_directory_of_its_configuration(tmp_path, monkeypatch):
    run = tmp_path / "somewhere" / "run-7"
    run.mkdir(parents=True)
    (run / "config.json").write_text(config_json(Config().replace(run_id="run-7", runs_dir="elsewhere")))
    monkeypatch.chdir(tmp_path)
    job = job_of(loaded("--config", "somewhere/run-7/config.json"), "spark")
    assert (job.run_id, job.directory, job.alone) == ("run-7", run, False)
    assert job.checkpoint == str(run / "checkpoint")


def test_a_run_id_with_another_file_means_the_directory_of_that_run(tmp_path):
    (tmp_path / "mine.json").write_text('{"run_id": "run-8", "runs_dir": "/runs"}')
    job = job_of(loaded("--config", str(tmp_path / "mine.json")), "spark")
    assert (job.directory, job.alone) == (Path("/runs/run-8"), False)


@pytest.mark.parametrize(
    ("engine", "flag"),
    [("spark", "--spark-mode=update"), ("flink", "--flink-parallelism=3"), ("reference", "--num-consumers=3")],
)
def test_a_program_started_alone_has_the_settings_of_its_own_engine(engine, flag, monkeypatch):
    monkeypatch.delenv("WINDOWBENCH_ENGINE", raising=False)
    job = read_job([flag], program="Job.py", description="A job.", engine=engine)
    assert job.config == dataclasses.replace(
        job_config(load(config_parser("x", ""), [f"--engine={engine}", flag], {}).config), run=job.config.run
    )


def test_a_job_alone_makes_a_run_id_and_a_directory_of_its_own(tmp_path):
    job = job_of(loaded("--runs-dir", str(tmp_path)), "spark")
    assert job.alone
    assert job.config.run.run_id == job.run_id
    assert job.directory == tmp_path / job.run_id
    assert job.log.is_relative_to(job.directory)


def test_a_named_checkpoint_wins():
    assert job_of(loaded("--checkpoint-dir", "hdfs://host/c"), "spark").checkpoint == "hdfs://host/c"


def test_what_somebody_chose_is_known_from_its_origin():
    assert job_of(loaded("--spark-master=local[3]"), "spark").chosen == {"engine", "spark_master"}


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


@pytest.fixture
def _handlers_as_before():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def lost_interrupt():
    """Let an interrupt come where somebody else's code takes it for a failure of its own."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    raise EngineFailed("the JVM is gone")


def interrupt_after_failure():
    """Let an interrupt come when the end of the engine has been seen and is about to be told."""
    try:
        raise EngineFailed("the JVM is gone")
    finally:
        signal.raise_signal(signal.SIGINT)


def interrupt_at_the_end(number=signal.SIGINT):
    """Let a signal come first, and the clean-up fail because the engine is gone as well."""
    try:
        signal.raise_signal(number)
    finally:
        raise EngineFailed("the JVM is gone")


@pytest.mark.usefixtures("_handlers_as_before")
@pytest.mark.parametrize("work", [lost_interrupt, interrupt_after_failure, interrupt_at_the_end])
def test_ctrl_c_ends_a_job_with_130_whether_it_or_the_end_of_the_engine_is_seen_first(work, capsys):
    def body(_argv):
        with until_stopped():
            work()
        return 0

    assert run_program(body, []) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


@pytest.mark.usefixtures("_handlers_as_before")
def test_sigterm_is_the_normal_end_of_a_job_even_if_its_engine_goes_with_it(capsys):
    def body(_argv):
        with until_stopped():
            interrupt_at_the_end(signal.SIGTERM)
        return 0

    assert run_program(body, []) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("_handlers_as_before")
def test_an_engine_that_fails_by_itself_after_an_interrupted_program_still_is_code_10():
    def body(_argv):
        with until_stopped():
            raise EngineFailed("the JVM is gone")

    def interrupted(_argv):
        with until_stopped():
            signal.raise_signal(signal.SIGINT)

    assert [run_program(interrupted, []), run_program(body, [])] == [130, 10]


def test_a_job_started_by_hand_says_what_it_reads_and_writes_and_keeps_its_protocol_clean(capsys):
    announce(job_of(loaded("--events-topic=ads", "--result-topic=rows"), "spark"), "broker:9092", log="a/spark.log")
    out, err = capsys.readouterr()
    assert out == ""
    assert "broker:9092: ads -> rows\nlog a/spark.log\n" in err
