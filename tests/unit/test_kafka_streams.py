"""What Kafka Streams is given, with which settings, and how its program is compiled; nothing is started."""

import json
import stat

import pytest

from config import Config
from windowbench.engines.contract import OK, WARNING, Machine, Term
from windowbench.engines.kafka_streams.classes import (
    JARS,
    SOURCES,
    check_kafka_streams,
    classes_dir,
    compile_command,
    ensure_classes,
    run_time_jars,
    sources_of,
)
from windowbench.engines.kafka_streams.engine import ENGINE
from windowbench.engines.kafka_streams.given import Given, given
from windowbench.engines.kafka_streams.tuning import PARTS, heap_of, jvm_flags, properties
from windowbench.errors import EnvironmentProblem
from windowbench.settings.knobs import ConfigError
from windowbench.toolchain.jars import jar_paths
from windowbench.toolchain.java import JavaHome


def config_of(**changes):
    return Config().replace(engine="kafka_streams", run_id="a-run", bootstrap_servers="here:1", **changes)


def properties_of(preset, **settings):
    return properties(config_of(preset=preset, **settings))


@pytest.fixture
def jars(tmp_path):
    return [tmp_path / "jars" / "kafka_streams-0" / name for name in ("ecj-3.jar", "kafka-streams-4.jar")]


@pytest.fixture
def java(tmp_path):
    return JavaHome(path=tmp_path / "java", version="17.0.1", source="PATH")


def test_tuning_adds_one_part_to_the_default_and_nothing_else():
    default = config_of(preset="default")
    for part in PARTS:
        added = default.replace(tuning=part.name)
        assert properties(added) == properties(default) | dict(part.settings)
        assert heap_of(added) == part.heap
        heap = [] if part.heap is None else [f"-Xms{part.heap}", f"-Xmx{part.heap}"]
        assert jvm_flags(added) == [*heap, *part.jvm_flags, *jvm_flags(default)]


def test_tuned_is_all_parts_and_stock_none_and_no_threads():
    tuned, default, stock = (properties_of(preset) for preset in ("tuned", "default", "stock"))
    assert tuned == default | {name: value for part in PARTS for name, value in part.settings.items()}
    assert {name for name in default if name not in stock} == {"num.stream.threads"}


def test_a_part_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=f"no-lingr.*{PARTS[0].name}"):
        properties_of("default", tuning="no-lingr")


def test_the_users_settings_win_over_any_preset():
    assert properties_of("tuned", kafka_streams_conf=(("producer.linger.ms", "7"),))["producer.linger.ms"] == "7"
    assert properties_of("stock", kafka_streams_threads=3)["num.stream.threads"] == "3"
    assert properties_of("stock", kafka_streams_commit_interval_ms=50)["commit.interval.ms"] == "50"
    assert properties_of("stock", kafka_streams_delivery="exactly-once")["processing.guarantee"] == "exactly_once_v2"


def test_what_the_program_is_given_is_what_it_reads_and_only_this_user_may(tmp_path):
    own = given(config_of(slide_sec=2.5), {"poll.ms": "10"}, tmp_path / "state")
    file = tmp_path / "deep" / "settings.json"
    own.write(file)
    read = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (read["sizeMs"], read["slideMs"], read["delayMs"], read["latenessMs"]) == (10_000, 2_500, 3_000, 0)
    assert read["properties"]["application.id"] == "windowbench-a-run"
    assert read["properties"]["poll.ms"] == "10"
    java_fields = (SOURCES / "windowbench" / "Settings.java").read_text()
    for name in Given.__dataclass_fields__:
        assert f" {name}" in java_fields


def test_product_ctr_reads_two_topics_and_has_its_lateness(tmp_path):
    own = given(config_of(workload="product_ctr", allowed_lateness_sec=7.0, revising_share=0.0), {}, tmp_path)
    assert (own.inputs, own.latenessMs) == (("impressions", "clicks"), 7_000)


def test_a_workload_without_a_query_is_refused_with_the_reason(tmp_path):
    for refuse in (ENGINE.check, lambda config: given(config, {}, tmp_path)):
        with pytest.raises(ConfigError, match="ad_clicks: a click finds its impression"):
            refuse(config_of(workload="ad_clicks"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kafka_streams_threads": 0}, "kafka_streams_threads must be 1 to 1000"),
        ({"kafka_streams_commit_interval_ms": 0}, "kafka_streams_commit_interval_ms must be 1 to 600000"),
        ({"kafka_streams_memory": "much"}, "kafka_streams_memory must be a number"),
        ({"idle_timeout_ms": -1}, "idle_timeout_ms must not be negative"),
        ({"kafka_streams_conf": (("processing.guarantee", "exactly_once_v2"),)}, "is set by kafka_streams_delivery"),
    ],
)
def test_settings_have_bounds(settings, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**settings)


def test_in_transactions_a_commit_comes_before_the_broker_or_the_judge_gives_up():
    patient = {"kafka_streams_delivery": "exactly-once", "drain_timeout_seconds": 60.0}
    assert config_of(**patient, kafka_streams_commit_interval_ms=10_000).observes_visible_time
    assert not config_of(kafka_streams_commit_interval_ms=10_001).observes_visible_time
    with pytest.raises(ConfigError, match="must be at most 10000 with exactly-once"):
        config_of(**patient, kafka_streams_commit_interval_ms=10_001)
    with pytest.raises(ConfigError, match="must be below drain_timeout_seconds"):
        config_of(**{**patient, "drain_timeout_seconds": 5.0}, kafka_streams_commit_interval_ms=5_000)


def test_other_sources_or_other_jars_have_classes_of_their_own(tmp_path, jars):
    source = tmp_path / "A.java"
    source.write_text("class A {}")
    before = classes_dir([source], jars, tmp_path)
    assert classes_dir([source], jars, tmp_path) == before
    moved = [tmp_path / "jars" / "kafka_streams-1" / jar.name for jar in jars]
    assert classes_dir([source], moved, tmp_path) != before
    source.write_text("class A { }")
    assert classes_dir([source], jars, tmp_path) != before


def test_the_compiler_of_the_jdk_comes_first_and_that_among_the_jars_needs_none(tmp_path, java, jars):
    source = sources_of(SOURCES)
    assert compile_command(java, jars, source, tmp_path)[:3] == [str(java.executable), "-jar", str(jars[0])]
    javac = java.path / "bin" / "javac"
    javac.parent.mkdir(parents=True)
    javac.touch()
    assert compile_command(java, jars, source, tmp_path)[0] == str(javac)
    assert run_time_jars(jars) == jars[1:]


def a_java(java, script):
    java.executable.parent.mkdir(parents=True)
    java.executable.write_text(f"#!/bin/sh\n{script}\n")
    java.executable.chmod(0o755)


def test_classes_are_made_once_and_a_failure_leaves_nothing_and_says_why(tmp_path, java, jars):
    a_java(java, "echo the compiler says no; exit 1")
    with pytest.raises(EnvironmentProblem) as caught:
        ensure_classes(java, jars, tmp_path / "cache")
    assert caught.value.log_tail == ("the compiler says no",)
    assert list((tmp_path / "cache" / "classes").iterdir()) == []
    java.executable.write_text(f"#!/bin/sh\necho once >> {tmp_path}/calls\n")
    first = ensure_classes(java, jars, tmp_path / "cache")
    assert ensure_classes(java, jars, tmp_path / "cache") == first
    assert first.is_dir()
    assert (tmp_path / "calls").read_text() == "once\n"


def test_a_program_that_is_not_compiled_yet_is_a_warning_and_no_problem(tmp_path, java):
    machine = Machine(config=config_of(), cache_dir=tmp_path, java=java, say=print)
    assert check_kafka_streams(machine).status == WARNING
    classes_dir(sources_of(SOURCES), jar_paths(JARS, tmp_path), tmp_path).mkdir(parents=True)
    assert check_kafka_streams(machine).status == OK


def test_the_table_of_terms_says_where_counts_are_kept():
    store = ENGINE.terms[Term.STATE_STORE].configured
    assert [store(config_of(preset=preset)) for preset in ("stock", "tuned")] == [
        "RocksDB",
        "InMemoryDslStoreSuppliers",
    ]
