"""What surrounds the Flink job: its SQL as text, its settings, what its REST interface says, its environment."""

from urllib.error import HTTPError

import pytest

import FlinkJob
from config import Config, config_parser, load, load_job
from windowbench.engines.flink import environment, progress
from windowbench.engines.flink.environment import choose_interpreter, ensure_environment, missing_locks
from windowbench.engines.flink.rest import (
    cause_of,
    counted_early,
    has_restarted,
    is_running,
    least_watermark,
    offset_metrics,
    passed_on,
    positions,
    rejected_records,
    root_cause,
    taken,
    total,
    what_is_missing,
)
from windowbench.engines.flink.sql import interval
from windowbench.engines.flink.tuning import (
    PARTS,
    job_settings,
    jvm_flags,
    parallelism_of,
    sink_options,
    source_options,
)
from windowbench.engines.job import job_of
from windowbench.errors import EngineFailed, EnvironmentProblem
from windowbench.load.numbering import Numbering
from windowbench.workloads.ad_ctr.flink import EVENTS, result_query

OFFSET = "0.Source__events.KafkaSourceReader.topic.{topic}.partition.{partition}.currentOffset"


def job(*flags):
    return job_of(load_job(config_parser("FlinkJob.py", ""), ["--run-id=r1", *flags], {}, engine="flink"), "flink")


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
    assert "run_id = 'it''s'" in EVENTS.columns("it's", 0)


def test_a_quote_in_an_option_cannot_end_its_text():
    assert FlinkJob.with_clause({"a": "x' OR 'y"}) == "'a' = 'x'' OR ''y'"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_delivery_is_at_least_once_unless_asked_and_then_transactions_are_named_like_the_run():
    assert sink_options(job().config)["sink.delivery-guarantee"] == "at-least-once"
    options = sink_options(job("--flink-delivery=exactly-once").config)
    assert options["sink.delivery-guarantee"] == "exactly-once"
    assert options["sink.transactional-id-prefix"] == "r1"
    further = sink_options(job("--flink-delivery=exactly-once").config, "alarms")
    assert further["sink.transactional-id-prefix"] == "r1-alarms"
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


@pytest.mark.parametrize("preset", ["stock", "default", "tuned"])
def test_a_preset_other_than_tuned_leaves_flink_as_it_comes_but_for_what_a_run_needs(preset):
    one = job(f"--preset={preset}")
    tuned = preset == "tuned"
    settings = job_settings(one, rest_port=5, jars=[])
    for part in PARTS:
        for ours, all_of_them in (
            (part.settings, settings),
            (part.source, source_options(one.config)),
            (part.sink, sink_options(one.config)),
        ):
            assert (ours.items() <= all_of_them.items()) is (tuned or not ours)
            assert tuned or not ours.keys() & all_of_them.keys()
        assert set(part.jvm_flags) <= set(jvm_flags(one.config)) if tuned else jvm_flags(one.config) == []
    assert ("table.exec.source.idle-timeout" in settings) is tuned
    assert ("parallelism.default" in settings) is (preset != "stock")
    assert settings["restart-strategy.type"] == "disable"
    assert settings["table.local-time-zone"] == "UTC"
    assert settings["rest.bind-address"] == "127.0.0.1"


@pytest.mark.parametrize("part", PARTS, ids=[part.name for part in PARTS])
def test_tuning_adds_one_part_to_the_default_and_nothing_else(part):
    plain, one = job("--preset=default"), job("--preset=default", f"--tuning={part.name}")
    assert job_settings(one, rest_port=5, jars=[]) == job_settings(plain, rest_port=5, jars=[]) | part.settings
    assert source_options(one.config) == source_options(plain.config) | part.source
    assert sink_options(one.config) == sink_options(plain.config) | part.sink
    heap = [] if part.heap is None else [f"-Xms{part.heap}", f"-Xmx{part.heap}"]
    assert jvm_flags(one.config) == [*heap, *part.jvm_flags]


def test_what_somebody_asks_for_is_in_force_in_any_preset():
    one = job("--preset=stock", "--flink-parallelism=3", "--flink-memory=700m")
    assert job_settings(one, rest_port=5, jars=[])["parallelism.default"] == "3"
    assert jvm_flags(one.config) == ["-Xms700m", "-Xmx700m"]
    assert (
        job_settings(job("--idle-timeout-ms=250"), rest_port=5, jars=[])["table.exec.source.idle-timeout"] == "250 ms"
    )


def test_what_needs_an_idle_time_out_counts_in_one_phase():
    """Counts that wait before the exchange are lost when their partition falls idle."""
    settings = job_settings(job(), rest_port=5, jars=[])
    assert settings["table.exec.source.idle-timeout"] == "1000 ms"
    assert settings["table.optimizer.agg-phase-strategy"] == "ONE_PHASE"


@pytest.mark.parametrize(("partitions", "cores", "wanted"), [(2, 8, 2), (8, 2, 2), (1, 2, 1)])
def test_parallelism_is_that_of_the_partitions_and_at_most_one_a_core(partitions, cores, wanted):
    assert parallelism_of(Config().replace(engine="flink", partitions=partitions), cores) == wanted


def test_a_given_parallelism_is_taken_as_it_is():
    assert parallelism_of(Config().replace(engine="flink", flink_parallelism=7), 2) == 7


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


def test_what_operators_are_given_before_the_exchange_is_told_from_what_vertices_pass_on_and_are_given():
    early = [f"{task}.LocalWindowAggregate[{branch}].numRecordsIn" for branch in (4, 7) for task in (0, 1)]
    out, given = ["0.numRecordsOut", "1.numRecordsOut"], ["0.numRecordsIn", "1.numRecordsIn"]
    others = ["0.Calc[2].numRecordsOut", "0.numRecordsOutPerSecond", f"{early[0]}PerSecond"]
    names = [*others, *out, *early]
    assert counted_early(iter(names)) == [early[:2], early[2:]]
    assert (counted_early(out), passed_on(iter(names)), taken(2)) == ([], out, given)
    assert total({"0.numRecordsIn": "3", "1.numRecordsIn": "4", "other": "9"}, given) == 7


def test_a_job_runs_only_with_all_its_subtasks():
    def state(name, running):
        vertices = [{"parallelism": 2, "tasks": {"RUNNING": 2}}, {"parallelism": 2, "tasks": {"RUNNING": running}}]
        return {"state": name, "vertices": vertices}

    assert is_running(state("RUNNING", 2))
    assert not is_running(state("RUNNING", 1))
    assert not is_running(state("RESTARTING", 2))


def test_a_job_that_does_not_run_says_what_it_waits_for():
    def told(state, *running):
        vertices = [{"name": f"v{n}", "parallelism": 2, "tasks": {"RUNNING": r}} for n, r in enumerate(running)]
        return what_is_missing({"state": state, "vertices": vertices})

    assert told("RUNNING", 2, 0) == "it is RUNNING; v1: 0 of 2 tasks run"
    assert told("INITIALIZING") == "it is INITIALIZING"
    assert told("RUNNING", 2, 2) == "it runs, but its sources have no partitions yet"
    assert what_is_missing({}) == "it is not there"


class FakeRest:
    """Answers like the REST interface of a job that restarted, once it has been asked often enough."""

    def __init__(self, restarts="0", restarting="0", entries=(), unknown_for=0):
        self.metrics = {"numRestarts": restarts, "restartingTime": restarting}
        self.entries = [{"stacktrace": text} for text in entries]
        self.unknown_for = unknown_for

    def job_metrics(self, names):
        return {name: self.metrics[name] for name in names}

    def ask(self, path=""):
        if path:
            self.unknown_for -= 1
            return {"exceptionHistory": {"entries": [] if self.unknown_for >= 0 else self.entries}}
        return {"state": "CREATED", "vertices": []}


INPUTS = Numbering(topics=("e",), each=2)
STACK = "a.B: outer\n\tat x.y(Z)\nCaused by: e.F: inner\n\t... 3 more\n"


@pytest.mark.parametrize(("restarts", "restarting", "found"), [("0", "0", False), ("1", "0", True), ("0", "7", True)])
def test_a_job_has_restarted_when_it_did_or_is_about_to(restarts, restarting, found):
    assert has_restarted({"numRestarts": restarts, "restartingTime": restarting}) is found
    if not found:
        progress.Progress(FakeRest(), INPUTS, {}).check_restarts()


def test_a_restart_is_a_failure_with_the_innermost_cause_which_flink_may_know_only_later(monkeypatch):
    monkeypatch.setattr(progress.time, "sleep", lambda _: None)
    with pytest.raises(EngineFailed, match=r"restarted: e\.F: inner$"):
        progress.Progress(FakeRest("1", entries=[STACK], unknown_for=3), INPUTS, {}).check_restarts()


def test_the_last_failure_is_the_one_that_is_told():
    entries = [{"stacktrace": STACK}, {"stacktrace": "an older one"}]
    assert root_cause({"exceptionHistory": {"entries": entries}}) == "e.F: inner"
    assert root_cause({"exceptionHistory": {"entries": []}}) is None


def test_a_job_that_did_not_run_in_time_is_a_failure_with_its_state_and_its_exception():
    with pytest.raises(EngineFailed, match=r"in time: it is CREATED$"):
        progress.Progress(FakeRest(), INPUTS, {}).give_up()
    with pytest.raises(EngineFailed, match=r"in time: it is CREATED: e\.F: inner$"):
        progress.Progress(FakeRest(entries=[STACK]), INPUTS, {}).give_up()


def test_a_flink_that_does_not_answer_is_a_failure_too(monkeypatch):
    def silent(path=""):
        raise ConnectionRefusedError("nobody there")

    rest = FakeRest()
    monkeypatch.setattr(rest, "ask", silent)
    with pytest.raises(EngineFailed, match="does not answer"):
        progress.Progress(rest, INPUTS, {}).give_up()


class RunningRest:
    """Answers like the REST interface of a running job with one source of one partition."""

    offset = OFFSET.format(topic=INPUTS.topics[0], partition=0)
    position = accepted = 0

    checkpoints: tuple = ()

    def ask(self, path=""):
        if path == "/checkpoints":
            return {"history": list(self.checkpoints)}
        return {"state": "RUNNING", "vertices": [{"id": "v", "parallelism": 1, "tasks": {"RUNNING": 1}}]}

    def metric_names(self, _vertex):
        return [self.offset, "0.numRecordsOut"]

    def metrics(self, _vertex, _names):
        return {self.offset: str(self.position - 1), "0.numRecordsOut": str(self.accepted)}

    def watermark_ms(self, _vertex):
        return 5


def test_records_are_rejected_once_the_job_is_at_rest_not_while_answers_are_of_several_instants():
    rest = RunningRest()
    seen = progress.Progress(rest, INPUTS, {0: 0})
    assert seen.ready()

    def rejected(position, accepted, times):
        rest.position, rest.accepted = position, accepted
        return [seen.message()["rejected"] for _ in range(times)]

    assert rejected(100, 60, progress.REST_ANSWERS - 1) == [0] * (progress.REST_ANSWERS - 1)
    assert rejected(120, 117, progress.REST_ANSWERS)[-1] == 3
    assert rejected(140, 121, 1) == [3], "what was found at rest stands"


def checkpoint(number, took_ms, state_bytes, status="COMPLETED", *, savepoint=False):
    """Return an entry of the history as Flink writes it, with the fields that matter."""
    figures = {"state_size": state_bytes, "checkpointed_size": 1, "end_to_end_duration": took_ms}
    return {"id": number, "status": status, "is_savepoint": savepoint, **figures}


def test_each_checkpoint_is_told_of_once_and_the_state_of_the_last_one_stands(monkeypatch):
    monkeypatch.setattr(progress, "CHECKPOINTS_EVERY", 1)
    rest = RunningRest()
    seen = progress.Progress(rest, INPUTS, {0: 0})

    def told(*checkpoints):
        rest.checkpoints = checkpoints
        message = seen.message()
        return message["checkpoint_ms"], message["state_bytes"], message["state_rows"]

    first, second, third = checkpoint(1, 30, 1_000), checkpoint(2, 50, 2_000), checkpoint(3, 20, 1_500)
    under_way = checkpoint(4, 0, 0, "IN_PROGRESS")
    failed, asked_for = checkpoint(5, 9_000, 1, "FAILED"), checkpoint(6, 1, 1, savepoint=True)
    assert told() == (None, None, None)
    assert told(under_way, first) == (30, 1_000, None)
    assert told(under_way, first) == (None, 1_000, None)
    assert told(asked_for, failed, under_way, third, second, first) == (50, 2_000, None), "one by one, oldest first"
    assert told(asked_for, failed, under_way, third, second, first) == (20, 1_500, None)
    assert told(asked_for, failed, under_way, third, second, first) == (None, 1_500, None)
    assert told() == (None, 1_500, None)
    assert told(checkpoint(4, 40, 1_700)) == (40, 1_700, None), "completed after others had been told of"


def test_flink_is_asked_for_its_checkpoints_now_and_then_only():
    rest = RunningRest()
    rest.checkpoints = (checkpoint(1, 30, 1_000),)
    seen = progress.Progress(rest, INPUTS, {0: 0})
    seen.message()
    rest.checkpoints = (checkpoint(2, 50, 2_000),)
    times = [seen.message()["checkpoint_ms"] for _ in range(progress.CHECKPOINTS_EVERY)]
    assert times == [None] * (progress.CHECKPOINTS_EVERY - 1) + [50]


def test_a_job_without_checkpoints_tells_of_none(monkeypatch):
    rest = RunningRest()
    answers = rest.ask

    def without(path=""):
        if path:
            raise HTTPError(path, 404, "checkpointing has not been enabled", {}, None)
        return answers()

    monkeypatch.setattr(rest, "ask", without)
    message = progress.Progress(rest, INPUTS, {0: 0}).message()
    assert (message["state_rows"], message["state_bytes"], message["checkpoint_ms"]) == (None, None, None)


class BranchingRest(RunningRest):
    """One whose source passes events to three vertices, all of them to two."""

    def ask(self, path=""):
        vertices = [{"id": name, "parallelism": 1, "tasks": {"RUNNING": 1}} for name in "vabcd"]
        edges = [{"id": "v", "inputs": []}, *({"id": name, "inputs": [{"id": "v"}]} for name in "abc")]
        plan = {"plan": {"nodes": [*edges, {"id": "d", "inputs": [{"id": "a"}]}]}}
        return super().ask(path) | ({} if path else {**plan, "vertices": vertices})

    def metrics(self, vertex, names):
        if vertex == "v":
            return super().metrics(vertex, names) | {"0.numRecordsOut": "999"}
        assert list(names) == ["0.numRecordsIn"]
        return {"0.numRecordsIn": str(self.accepted // 2 if vertex == "b" else self.accepted)}


def test_where_a_query_branches_the_branch_that_is_given_most_says_how_many_events_were_accepted():
    rest = BranchingRest()
    seen = progress.Progress(rest, INPUTS, {0: 0})
    assert seen.ready()
    rest.position, rest.accepted = 100, 96
    assert [seen.message()["rejected"] for _ in range(progress.LAST_QUESTIONS)][-1] == 4


class MeetingRest(RunningRest):
    """One whose source passes all events to three vertices, at each of which others come in."""

    def metric_names(self, vertex):
        filters = [f"0.Calc[{number}].numRecords{way}" for number in (2, 3) for way in ("In", "Out")]
        return [*super().metric_names(vertex), *(filters if vertex == "v" else ())]

    def ask(self, path=""):
        vertices = [{"id": name, "parallelism": 1, "tasks": {"RUNNING": 1}} for name in "vwabc"]
        edges = [{"id": name, "inputs": [{"id": "v"}, {"id": "w"}]} for name in "abc"]
        plan = {"plan": {"nodes": [{"id": "v"}, {"id": "w", "inputs": []}, *edges]}}
        return super().ask(path) | ({} if path else {**plan, "vertices": vertices})

    def metrics(self, vertex, names):
        assert vertex == "v"
        return super().metrics(vertex, names) | {
            "0.Calc[2].numRecordsOut": "7",
            "0.Calc[3].numRecordsOut": str(self.accepted),
        }


def test_where_all_branches_meet_others_what_the_filters_of_the_source_let_through_was_accepted():
    rest = MeetingRest()
    seen = progress.Progress(rest, INPUTS, {0: 0})
    assert seen.ready()
    rest.position, rest.accepted = 100, 96
    assert [seen.message()["rejected"] for _ in range(progress.LAST_QUESTIONS)][-1] == 4


def test_the_web_page_is_told_of_only_when_it_is_asked_for(capsys):
    progress.Progress(FakeRest(), INPUTS, {}).announce()
    assert capsys.readouterr().out == '{"type": "ready"}\n'
    progress.Progress(FakeRest(), INPUTS, {}, "http://127.0.0.1:1").announce()
    assert capsys.readouterr().out == '{"type": "ui", "address": "http://127.0.0.1:1"}\n{"type": "ready"}\n'


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
    for name in environment.LOCKS:
        (requirements / f"{name}.txt").write_text(name)
    return {"directory": tmp_path / "venv", "requirements": requirements}


def test_an_environment_is_made_once_and_brought_in_line_when_a_lock_changes(places, monkeypatch):
    ran = []

    def run(command, failure, seconds=0.0):
        ran.append(command)
        if "venv" in command:
            python = environment.python_of(places["directory"])
            python.parent.mkdir(parents=True)
            python.touch()
        return "3 11"

    monkeypatch.setattr(environment, "_run", run)
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

    environment.python_of(places["directory"]).parent.mkdir(parents=True)
    environment.python_of(places["directory"]).touch()
    monkeypatch.setattr(environment, "_run", fail)
    with pytest.raises(EnvironmentProblem):
        ensure_environment(None, print, **places)
    assert missing_locks(**places) == ["build", "flink"]


def test_the_engine_that_a_programs_name_stands_for_gives_way_to_any_other():
    parser = config_parser("x", "")
    assert load(parser, [], {}, engine="flink").config.engine.engine == "flink"
    assert load(parser, ["--engine=spark"], {}, engine="flink").config.engine.engine == "spark"
    assert load(parser, [], {"WINDOWBENCH_ENGINE": "spark"}, engine="flink").config.engine.engine == "spark"
