import pytest

from windowbench.engine_job import MASK, masked
from windowbench.process import hide_values
from windowbench.spark.tuning import JVM_FLAGS, SPARK_SETTINGS, driver_settings


def test_the_heap_of_the_driver_is_fixed():
    settings = driver_settings("3g")
    assert settings["spark.driver.memory"] == "3g"
    assert settings["spark.driver.extraJavaOptions"].split() == ["-Xms3g", *JVM_FLAGS]


def test_windows_can_close_without_data():
    assert SPARK_SETTINGS["spark.sql.streaming.noDataMicroBatches.enabled"] == "true"


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
