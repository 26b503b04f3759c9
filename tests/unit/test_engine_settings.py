"""Settings of engines: which a run has, what is said of those of another one, and the older name of the reference."""

import json
import re
from pathlib import Path

import pytest

from config import PROFILES, SETTINGS, Config, ConfigError, config_json, config_parser, load, read_run_config
from tests.unit.finished_run import configuration, finished_run
from windowbench.__main__ import main
from windowbench.compare.arms import IDENTITY, group
from windowbench.compare.recorded import read_run
from windowbench.configuration.known import USUAL, Chosen, known_settings
from windowbench.engines import ENGINES
from windowbench.engines.flink.settings import FlinkSettings
from windowbench.engines.reference.settings import ReferenceSettings
from windowbench.engines.spark.settings import SparkSettings
from windowbench.orchestrate.prepare import usual_name
from windowbench.settings.knobs import Pairs

OF_FLINK = (
    "preset, tuning, checkpoint_dir, engine_ui, idle_timeout_ms, flink_parallelism, flink_delivery,"
    " flink_checkpoint_interval_ms, flink_python, flink_conf, flink_memory"
)


def loaded(*argv, environ=None):
    return load(config_parser("test", "A test."), list(argv), environ or {})


def written(path, values):
    path.write_text(json.dumps(values))
    return str(path)


def of_an_earlier_version(config):
    """Return what earlier versions wrote: the settings of all engines, and the reference engine by its older name."""
    others = {
        name: dict(setting.default) if setting.type == Pairs else setting.default
        for name, setting in SETTINGS.items()
        if setting.group == "engine"
    }
    values = {**others, **config.flat()}
    return {**values, "engine": "none"} if values["engine"] == "reference" else values


# --- a setting of another engine --------------------------------------------------------------------------------------


@pytest.fixture
def layers(monkeypatch, tmp_path):
    """Return arguments and environment that set spark_mode in a run with Flink, by the layer that does."""
    monkeypatch.setitem(PROFILES, "wrong", {"spark_mode": "update"})
    flink = ("--engine", "flink")
    return {
        "command line": ([*flink, "--spark-mode", "update"], {}),
        "environment": ([*flink], {"WINDOWBENCH_SPARK_MODE": "update"}),
        "file mine.json": ([*flink, "--config", written(tmp_path / "mine.json", {"spark_mode": "update"})], {}),
        "profile wrong": ([*flink, "--profile", "wrong"], {}),
    }


@pytest.mark.parametrize("layer", ["command line", "environment", "file mine.json", "profile wrong"])
def test_a_setting_of_another_engine_is_refused_and_the_valid_ones_named(layer, layers, monkeypatch, capsys):
    argv, environ = layers[layer]
    said = (
        f"spark_mode (from {layer}) is a setting of the engine spark, not of flink; settings of flink are: {OF_FLINK}"
    )
    with pytest.raises(ConfigError) as raised:
        loaded(*argv, environ=environ)
    assert str(raised.value) == said
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", *argv]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_names_an_engine_and_a_setting_of_another_is_refused(tmp_path):
    path = written(tmp_path / "mine.json", {"engine": "flink", "spark_mode": "update", "seed": 7})
    with pytest.raises(ConfigError, match=r"spark_mode .* is a setting of the engine spark, not of flink"):
        loaded("--config", path)


@pytest.mark.parametrize(
    ("engine", "setting", "owners"),
    [
        ("spark", "idle_timeout_ms", "flink and kafka_streams and reference"),
        ("spark", "engine_command", "command"),
        ("reference", "checkpoint_dir", "spark and flink"),
        ("flink", "watermarks_topic", "reference"),
    ],
)
def test_whoever_has_a_setting_is_named(engine, setting, owners):
    values = {"idle_timeout_ms": "5", "engine_command": "x", "checkpoint_dir": "c", "watermarks_topic": "w"}
    with pytest.raises(ConfigError, match=f"{setting} .* is a setting of the engine {owners}, not of {engine};"):
        loaded(f"--engine={engine}", f"{SETTINGS[setting].flag}={values[setting]}")


def test_replace_refuses_a_setting_of_another_engine():
    with pytest.raises(ConfigError, match="flink_delivery is a setting of the engine flink, not of spark"):
        Config().replace(flink_delivery="exactly-once")


def test_the_valid_settings_are_those_of_the_engine_alone():
    with pytest.raises(ConfigError, match=r"settings of command are: engine_command$"):
        loaded("--engine=command", "--engine-command=x", "--preset=stock")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_has_the_settings_of_its_own_engine_alone(engine):
    command = {"engine_command": "x"} if engine == "command" else {}
    config = Config().replace(engine=engine, **command)
    assert type(config.engine) is ENGINES[engine]
    own = {name for name, setting in SETTINGS.items() if setting.group == "engine"} & config.flat().keys()
    assert own == {name for name in own if not SETTINGS[name].owners or engine in SETTINGS[name].owners}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_setting_of_several_engines_is_of_one_type_and_no_engine_takes_a_name_that_all_have(engine):
    for name, setting in known_settings(Chosen(workload=USUAL.workload, engine=engine)).items():
        shared = SETTINGS[name]
        assert (setting.type, setting.optional, setting.flag) == (shared.type, shared.optional, shared.flag)
        assert (setting.choices, bool(setting.owners)) == (shared.choices, bool(shared.owners))
        assert setting.group == shared.group


@pytest.mark.parametrize("engine", ENGINES.values())
def test_names_of_topics_and_places_of_an_engine_are_settings_of_it_and_no_part_of_an_arm(engine):
    assert {*engine.OWN_TOPICS, *engine.PLACES} <= IDENTITY
    own = engine.__dataclass_fields__
    assert {*engine.OWN_TOPICS, *engine.PLACES, *engine.VARIANTS} <= own.keys()
    assert not engine.MODE_SETTING or engine.MODE_SETTING in own


def test_replacing_the_engine_keeps_what_all_have_and_what_the_workload_has_and_none_of_the_old_engines_own():
    config = Config().replace(seed=7, num_campaigns=4, preset="stock", spark_mode="update").replace(engine="flink")
    assert (config.run.seed, config.flat()["num_campaigns"]) == (7, 4)
    assert config.engine == FlinkSettings()
    assert config.replace(engine="spark") == Config().replace(seed=7, num_campaigns=4)


def test_settings_of_one_engine_are_not_taken_for_those_of_another():
    with pytest.raises(TypeError, match="SparkSettings are not FlinkSettings"):
        FlinkSettings.of(Config().engine)
    assert isinstance(SparkSettings.of(Config().engine), SparkSettings)


# --- arms -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("spark", "flink", "--num-consumers=3"), "num_consumers .* is a setting of the engine reference"),
        (
            ("spark", "flink,spark_mode=update"),
            "spark_mode .*flink,spark_mode=update.* is a setting of the engine spark",
        ),
        (("spark", "none,engine_ui=true"), "engine_ui .* is a setting of the engine spark and flink, not of reference"),
        (("spark", "flink", "--engine-command=x"), "engine_command .* is a setting of the engine command"),
    ],
)
def test_what_no_arm_has_and_what_an_arm_is_given_of_another_is_refused_before_anything_runs(
    arguments, words, tmp_path, capsys
):
    assert main(["versus", *arguments, "--runs-dir", str(tmp_path / "runs")]) == 2
    assert re.search(words, capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


# --- none, the older name of the reference engine ---------------------------------------------------------------------


@pytest.fixture
def ways(tmp_path):
    return {
        "flag": (["--engine=none"], {}),
        "environment": ([], {"WINDOWBENCH_ENGINE": "none"}),
        "file": (["--config", written(tmp_path / "mine.json", {"engine": "none"})], {}),
        "toml": (["--config", str(tmp_path / "mine.toml")], {}),
    }


@pytest.mark.parametrize("way", ["flag", "environment", "file", "toml"])
def test_none_is_an_older_name_of_the_reference_engine_in_every_layer(way, ways, tmp_path):
    (tmp_path / "mine.toml").write_text('engine = "none"\n')
    argv, environ = ways[way]
    config = loaded(*argv, "--num-consumers=3", environ=environ).config
    assert config == loaded("--engine=reference", "--num-consumers=3").config
    assert config.engine == ReferenceSettings(num_consumers=3)
    assert json.loads(config_json(config))["engine"] == "reference"


def test_the_older_name_gives_way_to_a_later_layer_and_wins_over_an_earlier_one():
    assert loaded("--engine=flink", environ={"WINDOWBENCH_ENGINE": "none"}).config.engine == FlinkSettings()
    assert loaded("--engine=none", environ={"WINDOWBENCH_ENGINE": "flink"}).config.engine == ReferenceSettings()


def test_replace_takes_the_older_name():
    assert Config().replace(engine="none") == Config().replace(engine="reference")


def test_a_run_that_is_asked_for_by_the_older_name_is_named_by_the_new_one():
    assert "-reference-" in usual_name(loaded("--engine=none").config)


def test_messages_name_the_engine_by_its_name_alone():
    with pytest.raises(ConfigError, match=f"one of {', '.join(ENGINES)}, not 'non'"):
        loaded("--engine=non")


# --- what earlier versions wrote --------------------------------------------------------------------------------------

CHOSEN = {
    "spark": {"spark_mode": "update", "spark_conf": (("a", "1"),)},
    "flink": {"flink_delivery": "exactly-once", "idle_timeout_ms": 5},
    "kafka_streams": {"kafka_streams_delivery": "exactly-once", "tuning": "no-linger", "preset": "default"},
    "reference": {"num_consumers": 3, "watermarks_topic": "clocks"},
    "command": {"engine_command": "my-engine --fast"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_config_json_of_an_earlier_version_gives_the_configuration_of_its_engine(engine, tmp_path):
    config = Config().replace(engine=engine, seed=7, **CHOSEN[engine])
    path = written(tmp_path / "config.json", of_an_earlier_version(config))
    assert read_run_config(Path(path)) == config
    assert loaded("--config", path).config == config


def test_a_run_directory_of_an_earlier_version_is_an_arm_with_its_repeats_of_today(tmp_path):
    directories = [finished_run(tmp_path, name, engine="reference") for name in ("old", "new")]
    old = configuration("old", engine="reference")
    written(tmp_path / "old" / "config.json", of_an_earlier_version(old))
    runs = [read_run(str(directory)) for directory in (*directories, finished_run(tmp_path, "other"))]
    assert [run.reason for run in runs] == [None, None, None]
    assert {arm.label: [run.run_id for run in arm.runs] for arm in group(runs)} == {
        "reference": ["old", "new"],
        "spark": ["other"],
    }


def test_a_file_that_lacks_a_setting_of_its_run_is_no_file_of_an_earlier_version(tmp_path):
    values = of_an_earlier_version(Config())
    del values["seed"]
    with pytest.raises(ConfigError, match="is a setting of the engine"):
        loaded("--config", written(tmp_path / "config.json", values))
