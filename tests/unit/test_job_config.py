"""What an engine is given: enough to compute the rows, and nothing to make them up from."""

import dataclasses
import json

import pytest

from config import Config, ConfigError, config_json, config_parser, job_config, load_job, read_job_config
from windowbench.configuration.known import GROUPS
from windowbench.engines import ENGINES
from windowbench.workloads import WORKLOADS

PAIRS = [(workload, "spark") for workload in WORKLOADS] + [("ad_ctr", engine) for engine in ENGINES]


def config_of(workload, engine):
    own = {"engine_command": "x"} if engine == "command" else {}
    return Config().replace(workload=workload, engine=engine, run_id="r1", bootstrap_servers="b:9092", **own)


@pytest.mark.parametrize(("workload", "engine"), PAIRS)
def test_an_engine_is_given_no_setting_of_load_events_or_judge_no_seed_and_no_directory_of_runs(workload, engine):
    given = job_config(config_of(workload, engine)).flat()
    withheld = {field.name for group in ("load", "events", "judge", "consumers") for field in fields_of(group)}
    load_of_workload = {field.name for field in dataclasses.fields(WORKLOADS[workload])} - {
        field.name for field in dataclasses.fields(WORKLOADS[workload].QUERY)
    }
    assert not given.keys() & (withheld | load_of_workload | {"seed", "runs_dir"})
    assert {"run_id", "bootstrap_servers", "events_topic", "window_size_sec", "watermark_delay_sec"} <= given.keys()


def fields_of(group):
    return dataclasses.fields(GROUPS[group])


@pytest.mark.parametrize(("workload", "engine"), PAIRS)
def test_what_an_engine_is_given_comes_back_equal_from_its_file_and_from_its_command_line(workload, engine, tmp_path):
    given = job_config(config_of(workload, engine))
    file = tmp_path / "engine.json"
    file.write_text(config_json(given))
    assert read_job_config(file) == given
    parser = config_parser("job.py", "a job")
    assert load_job(parser, ["--config", str(file)], {}, engine=engine).config == given


def test_the_topics_of_a_job_are_those_of_its_run():
    config = config_of("web_analytics", "flink")
    job = job_config(config)
    assert (job.input_topics, job.result_topics) == (config.input_topics, config.result_topics)
    assert job.output_mode == config.output_mode


def test_an_engine_is_told_what_load_to_expect_unless_it_is_to_expect_another():
    config = config_of("ad_ctr", "spark").replace(rate=250.0, events_per_producer=None, warmup_seconds=7.0)
    assert (job_config(config).expected_rate, job_config(config).expected_warmup_seconds) == (250.0, 7.0)
    told = config.replace(expected_rate=9.0, expected_warmup_seconds=0.0)
    assert (job_config(told).expected_rate, told.expected_warmup_seconds) == (9.0, 0.0)


def test_a_job_started_by_hand_expects_the_load_that_its_settings_name():
    parser = config_parser("job.py", "a job")
    job = load_job(parser, ["--rate=40", "--warmup=3"], {}, engine="spark").config
    assert (job.expected_rate, job.expected_warmup_seconds) == (40.0, 3.0)


@pytest.mark.parametrize("name", ["window_size_sec", "events_topic", "preset"])
def test_a_file_that_lacks_a_setting_is_refused_by_name(name, tmp_path):
    values = job_config(config_of("ad_ctr", "spark")).flat()
    del values[name]
    file = tmp_path / "engine.json"
    file.write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=name):
        read_job_config(file)


def test_a_file_with_a_setting_of_another_engine_is_refused(tmp_path):
    file = tmp_path / "engine.json"
    file.write_text(json.dumps({**job_config(config_of("ad_ctr", "spark")).flat(), "num_consumers": 3}))
    with pytest.raises(ConfigError, match="num_consumers"):
        load_job(config_parser("job.py", "a job"), ["--config", str(file)], {}, engine="spark")
