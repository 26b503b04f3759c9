"""What a run's configuration means for its topics and the engine's command line."""

import sys
from pathlib import Path

import pytest

from config import Config
from windowbench.engines.contract import engine_command
from windowbench.engines.reference.settings import ReferenceSettings
from windowbench.kafka.admin import planned_topics
from windowbench.orchestrate.prepare import with_run_topics


@pytest.mark.parametrize(
    ("engine", "program"), [("spark", "SparkJob.py"), ("reference", "ReferenceJob.py"), ("flink", "FlinkJob.py")]
)
def test_an_engine_of_ours_is_its_root_program(engine, program, tmp_path):
    command = engine_command(Config().replace(engine=engine), tmp_path)
    assert command[0] == sys.executable
    assert Path(command[1]).name == program
    assert Path(command[1]).is_file()
    assert command[2:] == ["--config", str(tmp_path / "engine.json")]


def test_a_command_is_split_as_a_shell_would(tmp_path):
    config = Config().replace(engine="command", engine_command="my-engine --name 'two words'")
    file = str(tmp_path / "engine.json")
    assert engine_command(config, tmp_path) == ["my-engine", "--name", "two words", "--config", file]


def test_the_watermarks_topic_is_planned_for_the_reference_engine_alone_and_has_one_partition():
    assert [plan.name for plan in planned_topics(Config())] == ["events_spark", "results_spark"]
    plans = planned_topics(Config().replace(engine="reference", partitions=7))
    assert [(plan.name, plan.partitions) for plan in plans] == [
        ("events_spark", 7),
        ("results_spark", 1),
        ("local-watermarks", 1),
    ]


def test_on_an_external_broker_names_carry_the_run_id_unless_the_user_chose_them():
    config = Config().replace(engine="reference", run_id="r1", bootstrap_servers="b:1", events_topic="mine")
    origins = {"events_topic": "command line", "result_topic": "default", "watermarks_topic": "default"}
    named = with_run_topics(config, origins)
    assert (named.kafka.events_topic, named.kafka.result_topic) == ("mine", "results_spark-r1")
    assert ReferenceSettings.of(named.engine).watermarks_topic == "local-watermarks-r1"


def test_on_an_embedded_broker_names_are_used_as_they_are():
    config = Config().replace(run_id="r1")
    assert with_run_topics(config, {"events_topic": "default"}) == config
