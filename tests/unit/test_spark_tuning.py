import pytest

from config import Config
from windowbench.engines.job import masked
from windowbench.engines.spark.tuning import (
    COMPILER_PART,
    HOUSEKEEPING,
    PARTS,
    REALTIME_PART,
    heap_of,
    jvm_settings,
    master_of,
    parts_of,
    session_settings,
    shuffle_partitions_of,
    sink_options,
    source_options,
)
from windowbench.settings.knobs import ConfigError
from windowbench.settings.masking import MASK, hide_values

SHUFFLE = "spark.sql.shuffle.partitions"


def spark(**settings):
    return Config().replace(engine="spark", **settings)


# --- presets ----------------------------------------------------------------------------------------------------------


def test_stock_sets_nothing_but_the_master_that_sparks_own_scripts_take():
    stock = spark(preset="stock")
    assert session_settings(stock, partitions=2) == {"spark.master": "local[*]"}
    assert jvm_settings(stock) == {}
    assert sink_options(stock) == {}
    assert shuffle_partitions_of(stock) == 200


def test_default_sets_master_and_shuffle_partitions_and_nothing_else():
    default = spark(preset="default")
    assert session_settings(default, partitions=2) == {"spark.master": "local[2]", SHUFFLE: "2"}
    assert jvm_settings(default) == {}
    assert sink_options(default) == {}


def test_tuned_sets_all_that_has_a_reason():
    tuned = spark()
    settings = {name: value for part in PARTS for name, value in part.settings.items()}
    assert session_settings(tuned, partitions=2) == {"spark.master": "local[2]", **HOUSEKEEPING, **settings}
    assert sink_options(tuned) == {name: value for part in PARTS for name, value in part.sink.items()}
    assert all(part.reason and part.words for part in parts_of(tuned))


@pytest.mark.parametrize("part", parts_of(spark(spark_mode="realtime")), ids=lambda part: part.name)
def test_tuning_adds_one_part_to_the_default_and_nothing_else(part):
    plain = spark(preset="default", spark_mode="realtime")
    one = plain.replace(tuning=part.name)
    without_master = {**session_settings(one, partitions=2), "spark.master": "local[4]"}
    assert without_master == session_settings(plain, partitions=2) | part.settings
    assert sink_options(one) == part.sink
    words = jvm_settings(one).get("spark.driver.extraJavaOptions", "").split()
    assert words == ([] if part.heap is None else [f"-Xms{part.heap}"]) + list(part.jvm_flags)


def test_a_tuning_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"no tuning 'no-web-pages'; did you mean no-web-page\?"):
        session_settings(spark(preset="default", tuning="no-web-pages"), partitions=2)


@pytest.mark.parametrize("preset", ["stock", "default", "tuned"])
def test_what_a_query_adds_is_in_force_in_the_preset_tuned_alone(preset):
    added = session_settings(spark(preset=preset), partitions=2, of_query={"spark.sql.codegen.wholeStage": "false"})
    assert ("spark.sql.codegen.wholeStage" in added) == (preset == "tuned")


@pytest.mark.parametrize("preset", ["stock", "default", "tuned"])
def test_a_topic_is_read_from_its_beginning_and_questions_at_its_end_are_short_in_the_preset_tuned_alone(preset):
    options = source_options(spark(preset=preset))
    assert options["startingOffsets"] == "earliest"
    assert ("kafka.fetch.max.wait.ms" in options) == (preset == "tuned")


@pytest.mark.parametrize("preset", ["stock", "tuned"])
def test_tuning_goes_with_the_default_alone(preset):
    with pytest.raises(ConfigError, match="preset=default"):
        spark(preset=preset, tuning="no-web-page")


@pytest.mark.parametrize("preset", ["stock", "default", "tuned"])
def test_the_users_master_and_heap_win_over_any_preset(preset):
    chosen = spark(preset=preset, spark_master="local[7]", spark_driver_memory="3g")
    assert session_settings(chosen, partitions=2)["spark.master"] == "local[7]"
    assert jvm_settings(chosen)["spark.driver.memory"] == heap_of(chosen) == "3g"


@pytest.mark.parametrize(("preset", "heap"), [("stock", "1g"), ("default", "1g"), ("tuned", "2g")])
def test_the_heap_that_nobody_chose(preset, heap):
    assert heap_of(spark(preset=preset)) == heap


@pytest.mark.parametrize("preset", ["stock", "default", "tuned"])
def test_the_users_shuffle_partitions_are_the_ones_in_force(preset):
    assert shuffle_partitions_of(spark(preset=preset, spark_conf=((SHUFFLE, "5"),))) == 5
    assert shuffle_partitions_of(spark(preset=preset, spark_conf=((SHUFFLE, "many"),))) is None


def test_the_heap_of_the_tuned_driver_is_fixed():
    settings = jvm_settings(spark(spark_driver_memory="3g"))
    assert settings["spark.driver.memory"] == "3g"
    assert settings["spark.driver.extraJavaOptions"].split()[0] == "-Xms3g"
    assert "-XX:+UseSerialGC" in settings["spark.driver.extraJavaOptions"].split()


@pytest.mark.parametrize(
    ("warmup", "lasting", "optimising"), [(29.0, False, False), (30.0, False, True), (6.0, True, True)]
)
def test_the_optimising_compiler_is_left_alone_where_there_is_time_enough_for_it(warmup, lasting, optimising):
    settings = jvm_settings(spark(warmup_seconds=warmup), lasting=lasting)
    quick = set(COMPILER_PART.jvm_flags) <= set(settings["spark.driver.extraJavaOptions"].split())
    assert quick is not optimising


def test_windows_can_close_without_data():
    assert HOUSEKEEPING["spark.sql.streaming.noDataMicroBatches.enabled"] == "true"


# --- Real-Time Mode ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("preset", "shuffle"), [("default", 2), ("tuned", 1)])
def test_in_real_time_mode_there_is_a_thread_for_each_task(preset, shuffle):
    config = spark(spark_mode="realtime", preset=preset)
    assert master_of(config, partitions=3) == f"local[{3 + shuffle}]"
    more = config.replace(spark_conf=((SHUFFLE, "4"),))
    assert master_of(more, partitions=3) == "local[7]"


def test_tuned_does_not_let_rows_wait_for_a_full_buffer_in_real_time_mode_alone():
    ours = REALTIME_PART.settings
    assert ours.items() <= session_settings(spark(spark_mode="realtime"), partitions=2).items()
    assert not ours.keys() & session_settings(spark(spark_mode="update"), partitions=2).keys()
    assert not ours.keys() & session_settings(spark(spark_mode="realtime", preset="default"), partitions=2).keys()


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "readStream.kafka.sasl.jaas.config",
        "kafka.ssl.key.password",
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.some.Token",
    ],
)
def test_a_setting_that_sounds_secret_is_masked_whole(name):
    assert masked({name: "abc"}, lambda text: text) == {name: MASK}


def test_a_known_secret_is_masked_wherever_it_stands():
    shown = masked({"spark.b": "x=hunter2;y", "spark.a": "plain"}, hide_values(["hunter2"]))
    assert list(shown.items()) == [("spark.a", "plain"), ("spark.b", f"x={MASK};y")]
