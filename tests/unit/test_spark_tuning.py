import pytest

from config import Config
from windowbench.engine_job import masked
from windowbench.masking import MASK
from windowbench.process import hide_values
from windowbench.spark.tuning import (
    JVM_FLAGS,
    QUICK_COMPILER_FLAG,
    REALTIME_SETTINGS,
    SINK_OPTIONS,
    SPARK_SETTINGS,
    heap_of,
    jvm_settings,
    master_of,
    optimises,
    session_settings,
    shuffle_partitions_of,
    sink_options,
)

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
    assert session_settings(tuned, partitions=2) == {"spark.master": "local[2]", **SPARK_SETTINGS}
    assert sink_options(tuned) == SINK_OPTIONS


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
    assert set(JVM_FLAGS) <= set(settings["spark.driver.extraJavaOptions"].split())


@pytest.mark.parametrize("mode", ["append", "update", "realtime"])
def test_the_quick_compiler_is_left_alone_exactly_where_the_preset_optimises(mode):
    config = spark(spark_mode=mode)
    assert (QUICK_COMPILER_FLAG in jvm_settings(config)["spark.driver.extraJavaOptions"].split()) != optimises(config)


def test_windows_can_close_without_data():
    assert SPARK_SETTINGS["spark.sql.streaming.noDataMicroBatches.enabled"] == "true"


# --- Real-Time Mode ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("preset", "shuffle"), [("default", 2), ("tuned", 1)])
def test_in_real_time_mode_there_is_a_thread_for_each_task(preset, shuffle):
    config = spark(spark_mode="realtime", preset=preset)
    assert master_of(config, partitions=3) == f"local[{3 + shuffle}]"
    more = config.replace(spark_conf=((SHUFFLE, "4"),))
    assert master_of(more, partitions=3) == "local[7]"


def test_tuned_does_not_let_rows_wait_for_a_full_buffer_in_real_time_mode_alone():
    assert REALTIME_SETTINGS.items() <= session_settings(spark(spark_mode="realtime"), partitions=2).items()
    assert not REALTIME_SETTINGS.keys() & session_settings(spark(spark_mode="update"), partitions=2).keys()
    assert (
        not REALTIME_SETTINGS.keys()
        & session_settings(spark(spark_mode="realtime", preset="default"), partitions=2).keys()
    )


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
