"""What surrounds the Flink job: its SQL as text, its settings, what its REST interface says, its environment."""

import pytest

import FlinkJob
from config import Config, config_parser, load
from windowbench.engine_job import job_of
from windowbench.errors import EnvironmentProblem
from windowbench.flink.rest import (
    accepted_metrics,
    cause_of,
    is_running,
    least_watermark,
    offset_metrics,
    positions,
    rejected_records,
)
from windowbench.flink.tuning import job_settings, parallelism_of, sink_options
from windowbench.orchestration import flink_environment
from windowbench.orchestration.flink_environment import choose_interpreter, ensure_environment, missing_locks
from windowbench.workloads.ad_ctr.flink import event_columns, interval, result_query

OFFSET = "0.Source__events.KafkaSourceReader.topic.{topic}.partition.{partition}.currentOffset"


def job(*flags):
    return job_of(load(config_parser("FlinkJob.py", ""), ["--run-id=r1", *flags], {}), "flink")


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 00:00:00.000"), (1, "0 00:00:00.001"), (99_999, "0 00:01:39.999"), (90_061_500, "1 01:01:01.500")],
)
def test_an_interval_is_exact_to_the_ms(ms, text):
    assert interval(ms) == f"INTERVAL '{text}' DAY TO SECOND(3)"


def test_tumbling_windows_are_tumbled_and_sliding_ones_hopped_with_the_slide_first():
    tumbling, sliding = Config().windows, Config().replace(window_size_sec=2.0, slide_sec=0.5).windows
    assert "TUMBLE(" in result_query("events", tumbling, "r")
    assert f"HOP(TABLE accepted, DESCRIPTOR(ts), {interval(500)}, {interval(2000)})" in result_query("e", sliding, "r")


def test_a_quote_in_a_run_id_cannot_end_its_text():
    assert "run_id = 'it''s'" in event_columns("it's", 0)


def test_a_quote_in_an_option_cannot_end_its_text():
    assert FlinkJob.with_clause({"a": "x' OR 'y"}) == "'a' = 'x'' OR ''y'"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_delivery_is_at_least_once_unless_asked_and_then_transactions_are_named_like_the_run():
    assert sink_options(job().config)["sink.delivery-guarantee"] == "at-least-once"
    options = sink_options(job("--flink-delivery=exactly-once").config)
    assert options["sink.delivery-guarantee"] == "exactly-once"
    assert options["sink.transactional-id-prefix"] == "r1"
    assert int(options["properties.transaction.timeout.ms"]) <= 900_000, "what a broker allows"


def test_what_the_user_sets_wins():
    settings = job_settings(job("--flink-conf=pipeline.object-reuse=false"), rest_port=5, jars=[])
    assert settings["pipeline.object-reuse"] == "false"
    assert settings["rest.port"] == "5"
    assert settings["rest.bind-address"] == "127.0.0.1"


def test_the_web_interface_of_somebody_elses_cluster_is_left_alone(tmp_path):
    settings = job_settings(job(), rest_port=None, jars=[tmp_path / "a.jar"])
    assert not [name for name in settings if name.startswith(("rest.", "web."))]
    assert settings["pipeline.jars"] == f"file://{tmp_path}/a.jar"


@pytest.mark.parametrize(("partitions", "cores", "wanted"), [(2, 8, 2), (8, 2, 2), (1, 2, 1)])
def test_parallelism_is_that_of_the_partitions_and_at_most_one_a_core(partitions, cores, wanted):
    assert parallelism_of(Config().replace(partitions=partitions), cores) == wanted


def test_a_given_parallelism_is_taken_as_it_is():
    assert parallelism_of(Config().replace(flink_parallelism=7), 2) == 7


# --- what Flink says --------------------------------------------------------------------------------------------------


def test_positions_are_the_next_offsets_and_a_partition_without_records_stands_where_its_log_begins():
    names = [OFFSET.format(topic="e.v", partition=n) for n in (0, 1, 10)]
    others = [OFFSET.format(topic="other", partition=0), "0.numRecordsIn", names[0].replace("current", "committed")]
    found = offset_metrics([*names, *others], "e.v")
    assert found == dict(zip(names, (0, 1, 10), strict=True))
    values = {names[0]: "41", names[1]: "-1"}
    assert positions(values, found, {1: 7}) == {"0": 42, "1": 7, "10": 0}


def test_rejected_is_what_was_read_and_neither_accepted_nor_end():
    assert rejected_records({"0": 60, "1": 50}, {0: 10, 1: 0}, 95, ended=False) == 5
    assert rejected_records({"0": 61, "1": 51}, {0: 10, 1: 0}, 95, ended=True) == 5
    assert rejected_records({}, {}, 3, ended=False) == 0


def test_accepted_events_are_those_that_reach_the_first_aggregation():
    names = ["0.LocalWindowAggregate_3_.numRecordsIn", "1.LocalWindowAggregate_3_.numRecordsIn"]
    assert accepted_metrics([*names, "0.LocalWindowAggregate_3_.numRecordsInPerSecond", "0.numRecordsIn"]) == names


def test_a_job_runs_only_with_all_its_subtasks():
    def state(name, running):
        vertices = [{"parallelism": 2, "tasks": {"RUNNING": 2}}, {"parallelism": 2, "tasks": {"RUNNING": running}}]
        return {"state": name, "vertices": vertices}

    assert is_running(state("RUNNING", 2))
    assert not is_running(state("RUNNING", 1))
    assert not is_running(state("RESTARTING", 2))


def test_the_watermark_is_the_least_of_the_subtasks_and_none_before_each_has_one():
    assert least_watermark(["5", "3"]) == 3
    assert least_watermark(["5", str(-(2**63))]) is None
    assert least_watermark([]) is None


def test_the_cause_of_a_failure_is_the_innermost_one():
    text = "a.B: outer\n\tat x.y(Z)\nCaused by: c.D: middle\n\tat q\nCaused by: e.F: inner\n\t... 3 more\n"
    assert cause_of(text) == "e.F: inner"
    assert cause_of("only this") == "only this"
    assert cause_of("") == "unknown cause"


# --- Python and the environment ---------------------------------------------------------------------------------------


def test_a_python_that_pyflink_does_not_support_is_told_with_a_remedy():
    with pytest.raises(EnvironmentProblem, match=r"Python 3\.14") as caught:
        FlinkJob.check_python((3, 14))
    assert caught.value.remedy


def test_without_pyflink_the_remedy_names_the_environment(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyflink", None)
    with pytest.raises(EnvironmentProblem) as caught:
        FlinkJob.check_python((3, 11))
    assert "make flink-environment" in caught.value.remedy


def test_the_interpreter_is_the_one_asked_for_then_this_one_then_one_on_path():
    assert choose_interpreter("mine", own=(3, 14)) == "mine"
    assert choose_interpreter(None, own=(3, 12)) == __import__("sys").executable
    assert choose_interpreter(None, own=(3, 13), which={"python3.11": "/p"}.get) == "/p"
    with pytest.raises(EnvironmentProblem, match=r"Python 3\.13"):
        choose_interpreter(None, own=(3, 13), which=lambda _: None)


@pytest.fixture
def places(tmp_path):
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    for name in flink_environment.LOCKS:
        (requirements / f"{name}.txt").write_text(name)
    return {"directory": tmp_path / "venv", "requirements": requirements}


def test_an_environment_is_made_once_and_brought_in_line_when_a_lock_changes(places, monkeypatch):
    ran = []

    def run(command, failure, seconds=0.0):
        ran.append(command)
        if "venv" in command:
            python = flink_environment.python_of(places["directory"])
            python.parent.mkdir(parents=True)
            python.touch()
        return "3 11"

    monkeypatch.setattr(flink_environment, "_run", run)
    said = []
    ensure_environment("python3.11", said.append, **places)
    assert len(ran) == 4, "asked for its version, made, two locks installed"
    assert len(said) == 3
    ensure_environment("python3.11", said.append, **places)
    assert len(ran) == 4
    (places["requirements"] / "flink.txt").write_text("newer")
    assert missing_locks(**places) == ["flink"]
    ensure_environment("python3.11", said.append, **places)
    assert len(ran) == 5


def test_a_failed_installation_is_tried_again(places, monkeypatch):
    def fail(command, failure, seconds=0.0):
        raise EnvironmentProblem("no network")

    flink_environment.python_of(places["directory"]).parent.mkdir(parents=True)
    flink_environment.python_of(places["directory"]).touch()
    monkeypatch.setattr(flink_environment, "_run", fail)
    with pytest.raises(EnvironmentProblem):
        ensure_environment(None, print, **places)
    assert missing_locks(**places) == ["build", "flink"]


def test_the_engine_that_a_programs_name_stands_for_gives_way_to_any_other():
    parser = config_parser("x", "")
    assert load(parser, [], {}, engine="flink").config.engine.engine == "flink"
    assert load(parser, ["--engine=spark"], {}, engine="flink").config.engine.engine == "spark"
    assert load(parser, [], {"WINDOWBENCH_ENGINE": "spark"}, engine="flink").config.engine.engine == "spark"
