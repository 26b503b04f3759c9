"""What Real-Time Mode cannot do is said before anything starts."""

import pytest

from config import Config, ConfigError
from windowbench.engines.spark import realtime
from windowbench.engines.spark.realtime import check_realtime, slots_of
from windowbench.orchestrate.prepare import check_judgeable

SHUFFLE = "spark.sql.shuffle.partitions"
STATE = "spark.sql.streaming.stateStore"


def real_time(*conf, **settings):
    return Config().replace(engine="spark", spark_mode="realtime", spark_conf=conf, **settings)


@pytest.mark.parametrize(
    ("master", "slots"),
    [
        ("local", 1),
        ("local[4]", 4),
        ("local[4,3]", 4),
        ("local[*]", 6),
        ("local[*, 2]", 6),
        ("local-cluster[2,1,1024]", None),
        ("spark://host:7077", None),
        ("yarn", None),
    ],
)
def test_slots_of_a_master(master, slots, monkeypatch):
    monkeypatch.setattr(realtime.os, "cpu_count", lambda: 6)
    assert slots_of(master) == slots


@pytest.mark.parametrize("preset", ["default", "tuned"])
@pytest.mark.parametrize("partitions", [1, 2, 16])
def test_what_nobody_chose_fits(preset, partitions):
    check_realtime(real_time(preset=preset), partitions=partitions)


def test_as_many_slots_as_tasks_are_enough_and_one_fewer_is_refused_with_the_number():
    check_realtime(real_time((SHUFFLE, "2"), spark_master="local[4]"), partitions=2)
    with pytest.raises(ConfigError, match=r"4 tasks .* 2 partitions .* 2 shuffle partitions.* has 3 slots.*local\[4\]"):
        check_realtime(real_time((SHUFFLE, "2"), spark_master="local[3]"), partitions=2)


def test_stock_spark_has_too_many_shuffle_partitions_unless_the_user_helps(monkeypatch):
    monkeypatch.setattr(realtime.os, "cpu_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"202 tasks"):
        check_realtime(real_time(preset="stock"), partitions=2)
    check_realtime(real_time(preset="stock", spark_master="local[202]"), partitions=2)
    check_realtime(real_time((SHUFFLE, "1"), preset="stock", spark_master="local[3]"), partitions=2)


def test_the_slots_of_a_cluster_are_its_own_affair():
    check_realtime(real_time(spark_master="spark://host:7077"), partitions=500)


@pytest.mark.parametrize("count", ["0", "many", ""])
def test_shuffle_partitions_that_are_no_number_are_refused(count):
    with pytest.raises(ConfigError, match="must be a positive number"):
        check_realtime(real_time((SHUFFLE, count)), partitions=2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (f"{STATE}.providerClass", "org.example.HeapStore", "state in RocksDB"),
        (f"{STATE}.checkpointFormatVersion", "1", "checkpointFormatVersion 2, not 1"),
        (f"{STATE}.checkpointFormatVersion", "latest", "not latest"),
        ("spark.sql.execution.sortBeforeRepartition", "TRUE", "must be false"),
    ],
)
def test_settings_that_the_mode_rules_out_are_refused(name, value, words):
    with pytest.raises(ConfigError, match=words):
        check_realtime(real_time((name, value)), partitions=2)


def test_the_settings_that_spark_chooses_by_itself_may_be_given():
    chosen = (
        (f"{STATE}.providerClass", "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"),
        (f"{STATE}.checkpointFormatVersion", "2"),
        ("spark.sql.execution.sortBeforeRepartition", "false"),
    )
    check_realtime(real_time(*chosen), partitions=2)


@pytest.mark.parametrize("as_uri", [False, True])
def test_a_checkpoint_that_was_used_is_refused_and_a_fresh_one_is_not(tmp_path, as_uri):
    checkpoint = tmp_path.as_uri() if as_uri else str(tmp_path)
    check_realtime(real_time(checkpoint_dir=checkpoint), partitions=2)
    (tmp_path / "offsets").mkdir()
    with pytest.raises(ConfigError, match=r"fresh checkpoint.*--checkpoint-dir"):
        check_realtime(real_time(checkpoint_dir=checkpoint), partitions=2)
    with pytest.raises(ConfigError, match="fresh checkpoint"):
        check_realtime(real_time(), partitions=2, checkpoint=checkpoint)


@pytest.mark.parametrize("settings", [{"spark_mode": "append"}, {"spark_mode": "update"}, {"engine": "flink"}])
def test_other_modes_and_engines_may_do_all_of_it(settings, tmp_path):
    (tmp_path / "offsets").mkdir()
    config = real_time(
        (SHUFFLE, "200"), (f"{STATE}.providerClass", "other"), spark_master="local", checkpoint_dir=str(tmp_path)
    )
    check_realtime(config.replace(**settings), partitions=500)


def test_a_run_is_refused_before_it_has_a_directory():
    with pytest.raises(ConfigError, match="slots"):
        check_judgeable(real_time(spark_master="local[2]"))
