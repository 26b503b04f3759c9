"""The settings that decide latency, engine by engine."""

import pytest

from tests.unit.finished_run import configuration
from windowbench.compare.arms import Arm
from windowbench.compare.finished import ReadRun
from windowbench.compare.parity import parity
from windowbench.engines import ENGINES
from windowbench.engines.contract import Term, engine_named


def arm(engine, effective=None, **settings):
    config = configuration("r", engine=engine, **settings)
    summary = {"engine": {"settings": effective}} if effective else {}
    run = ReadRun(
        run_id="r",
        directory="r",
        status="completed",
        verdict="valid",
        reason=None,
        exit_code=0,
        config=config,
        summary=summary,
    )
    return Arm(label=engine, config=config, runs=(run,))


def line(name, *arms):
    return next(entry for entry in parity(arms) if entry["name"] == name)


def test_what_an_engine_reports_counts_before_its_default():
    spark = arm("spark", {"spark.sql.shuffle.partitions": "4", "spark.master": "local[2]"})
    found = line("parallelism of the aggregation", spark)["values"]["spark"]
    assert found == {"value": "4", "source": "reported"}
    assert line("state store", spark)["values"]["spark"]["source"] == "default"


def test_an_asymmetry_is_marked_and_equal_values_are_not():
    spark, flink = arm("spark", {"writeStream.kafka.linger.ms": "0"}), arm("flink", {"sink.properties.linger.ms": "5"})
    assert not line("results: linger, ms", spark, flink)["equal"]
    assert line("results: acknowledgements", spark, flink)["equal"]


@pytest.mark.parametrize(("idle", "equal"), [("1 s", True), ("1000 ms", True), ("1 min", False)])
def test_equal_durations_are_equal_whatever_their_unit(idle, equal):
    flink = arm("flink", {"table.exec.source.idle-timeout": idle})
    assert line("idle partitions", arm("reference"), flink)["equal"] == equal


def test_what_nobody_knows_is_marked():
    command = arm("command", engine_command="my-engine")
    found = line("state store", arm("reference"), command)
    assert found["values"]["command"] == {"value": None, "source": "unknown"}
    assert (found["equal"], found["note"]) == (False, "not known of command")


def test_an_engine_that_never_said_its_settings_is_not_taken_to_run_with_defaults():
    assert line("results: linger, ms", arm("spark"))["values"]["spark"]["source"] == "unknown"


def test_our_own_settings_are_those_configured():
    found = line("trigger or watermark interval", arm("spark", trigger_interval_ms=500))
    assert found["values"]["spark"]["value"] == "a batch every 500 ms"
    assert line("producers: linger", arm("reference", linger_ms=2.5))["values"]["reference"]["value"] == "2.5 ms"


def test_in_real_time_mode_rows_wait_for_no_batch():
    realtime = arm("spark", spark_mode="realtime", realtime_batch_seconds=30.0)
    assert line("trigger or watermark interval", realtime)["values"]["spark"]["value"].startswith("rows as they come")
    assert line("checkpoint interval", realtime)["values"]["spark"]["value"] == "30 s"


def test_the_table_has_a_line_of_every_term_that_engines_are_asked_for_and_no_line_twice():
    names = [entry["name"] for entry in parity([arm("spark"), arm("flink")])]
    assert {term.value for term in Term} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "command"])
def test_every_engine_but_any_command_has_a_value_in_every_line(engine):
    reported = {name: "said" for source in engine_named(engine).terms.values() for name in source.reported}
    found = parity([arm(engine, reported or {"anything": "said"})])
    assert [entry["name"] for entry in found if entry["values"][engine]["source"] == "unknown"] == []


@pytest.mark.parametrize("workload", ["ad_clicks", "web_analytics"])
def test_an_approximate_count_beside_an_exact_one_is_an_asymmetry(workload):
    exact = arm("flink", workload=workload)
    assert line("counts of distinct values", exact, arm("spark", workload=workload))["equal"]
    found = line("counts of distinct values", exact, arm("spark", workload=workload, distinct_users="approximate"))
    assert [value["value"] for value in found["values"].values()] == ["exact", "approximate"]
    assert not found["equal"]


def test_where_nothing_distinct_is_counted_the_table_does_not_speak_of_it():
    assert "counts of distinct values" not in [entry["name"] for entry in parity([arm("spark"), arm("flink")])]


def test_a_python_worker_on_the_way_of_rows_is_an_asymmetry():
    worker = {"spark.master": "local[2]", "windowbench.python_worker": "on the measured path"}
    flink = arm("flink", {"parallelism.default": "2"})
    assert not line("Python worker", arm("spark", worker), flink)["equal"]
    assert line("Python worker", arm("spark", {"spark.master": "local[2]"}), flink)["equal"]
