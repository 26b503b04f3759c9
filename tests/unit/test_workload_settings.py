"""Settings of workloads: which a run has, whose they are, and what is said of those of another one."""

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from config import SETTINGS, Config, ConfigError, config_json, config_parser, load, read_run_config
from windowbench.compare.arms import IDENTITY
from windowbench.configuration.known import USUAL, Chosen, known_settings
from windowbench.kafka.admin import planned_topics
from windowbench.settings.knobs import knob
from windowbench.settings.workload import COUNTINGS, WorkloadSettings
from windowbench.workloads import WORKLOADS
from windowbench.workloads.ad_ctr.settings import AdCtrSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class TeaSettings(WorkloadSettings):
    """A workload about tea, with two input topics."""

    FURTHER_TOPICS: ClassVar = ("cups_topic",)
    DEFAULTS: ClassVar = {"partitions": 12, "events_topic": "leaves"}
    PROFILES: ClassVar = {"smoke": {"steeped_sec": 1.0}}
    VARIABLES: ClassVar = {"TEA_RATE": "rate", "TEA_LEAVES": "events_topic"}
    TOPIC_SETTINGS: ClassVar = {"result_topic": {"cleanup.policy": "compact"}}
    APPEND_ONLY: ClassVar = True

    num_campaigns: int = knob(3, "pots of tea, of another number")
    cups_topic: str = knob("cups", "topic of the cups of tea")
    steeped_sec: float = knob(180.0, "how long the tea is steeped")


@pytest.fixture(autouse=True)
def tea(monkeypatch):
    choices = (*SETTINGS["workload"].choices, "tea")
    monkeypatch.setitem(WORKLOADS, "tea", TeaSettings)
    monkeypatch.setitem(SETTINGS, "workload", dataclasses.replace(SETTINGS["workload"], choices=choices))
    known_settings.cache_clear()
    for name, setting in known_settings(run_of("tea")).items():
        if setting.owners and name not in SETTINGS:
            monkeypatch.setitem(SETTINGS, name, setting)
    yield
    known_settings.cache_clear()


def run_of(workload):
    return Chosen(workload=workload, engine=USUAL.engine)


def loaded(*argv, environ=None):
    return load(config_parser("test", "A test."), list(argv), environ or {})


def test_a_run_has_the_settings_of_its_own_workload_and_the_defaults_that_hold_for_it():
    config = loaded("--workload", "tea", "--steeped-sec", "20").config
    assert config.workload == TeaSettings(steeped_sec=20.0)
    assert (config.kafka.partitions, config.input_topics) == (12, ("leaves", "cups"))
    assert config.topic_settings == ("events_topic", "result_topic", "cups_topic")
    with_reference = config.replace(engine="reference")
    assert with_reference.topic_settings == ("events_topic", "result_topic", "watermarks_topic", "cups_topic")
    assert "ads_per_campaign" not in config.flat()
    assert Config().input_topics == ("events_spark",)
    assert "steeped_sec" not in Config().flat()


def test_a_default_of_the_workload_is_a_default_like_any_other():
    way = loaded("--workload", "tea")
    assert {way.origins[name] for name in ("partitions", "events_topic", "steeped_sec")} == {"default"}
    assert loaded("--workload", "tea", "--partitions", "2").config.kafka.partitions == 2


@pytest.mark.parametrize("profile", ["smoke", "bench"])
def test_a_workload_adds_to_the_profiles_what_is_its_own(profile):
    config = loaded("--workload", "tea", "--profile", profile).config
    assert AdCtrSettings.of(loaded("--profile", profile).config.workload)
    assert TeaSettings.of(config.workload).steeped_sec == (1.0 if profile == "smoke" else 180.0)
    assert config.windows.window_size_sec == 2.0


@pytest.mark.parametrize(
    ("argv", "environ", "where"),
    [
        (["--workload", "tea", "--ads-per-campaign", "3"], {}, "command line"),
        (["--workload", "tea"], {"WINDOWBENCH_ADS_PER_CAMPAIGN": "3"}, "environment"),
    ],
)
def test_a_setting_of_another_workload_is_refused_and_the_valid_ones_named(argv, environ, where):
    with pytest.raises(ConfigError) as raised:
        loaded(*argv, environ=environ)
    assert str(raised.value) == (
        f"ads_per_campaign (from {where}) is a setting of the workload ad_ctr, not of tea;"
        " settings of tea are: num_campaigns, cups_topic, steeped_sec"
    )


def test_an_unknown_workload_is_refused_and_the_valid_ones_named():
    with pytest.raises(ConfigError, match=r"workload must be one of ad_ctr.*tea, not 'te'.*did you mean tea\?"):
        loaded("--workload", "te")
    with pytest.raises(ConfigError, match=r"workload must be one of ad_ctr.*tea, not 'te'"):
        Config().replace(workload="te")


def test_a_setting_that_two_workloads_have_is_that_of_the_one_in_use():
    assert loaded("--num-campaigns", "7").config.workload == AdCtrSettings(num_campaigns=7)
    assert loaded("--num-campaigns", "7", "--workload", "tea").config.workload == TeaSettings(num_campaigns=7)
    assert loaded("--workload", "tea").config.workload == TeaSettings(num_campaigns=3)


def test_config_json_gives_a_configuration_of_any_workload_back(tmp_path):
    config = loaded("--workload", "tea", "--seed", "7").config
    (tmp_path / "config.json").write_text(config_json(config))
    assert read_run_config(tmp_path / "config.json") == config
    values = {**json.loads(config_json(config)), "ads_per_campaign": 1}
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"ads_per_campaign .* is a setting of the workload ad_ctr, not of tea"):
        read_run_config(tmp_path / "config.json")


def test_replacing_the_workload_keeps_what_was_chosen_of_the_settings_that_all_have():
    config = Config().replace(seed=7, num_campaigns=4).replace(workload="tea")
    assert (config.run.seed, config.kafka.partitions, config.workload) == (7, 12, TeaSettings())
    assert config.replace(workload="ad_ctr") == Config().replace(seed=7)


def test_topics_of_a_workload_must_differ_from_all_others():
    with pytest.raises(ConfigError, match="events_topic and cups_topic must differ"):
        loaded("--workload", "tea", "--cups-topic", "leaves")


def test_settings_of_one_workload_are_not_taken_for_those_of_another():
    with pytest.raises(TypeError, match="AdCtrSettings are not TeaSettings"):
        TeaSettings.of(Config().workload)
    with pytest.raises(ConfigError, match="are AdCtrSettings"):
        dataclasses.replace(Config(), workload=TeaSettings())


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_setting_of_several_workloads_is_of_one_type_and_no_workload_takes_a_name_that_all_have(workload):
    for name, setting in known_settings(run_of(workload)).items():
        shared = SETTINGS[name]
        assert (setting.type, setting.optional, setting.flag) == (shared.type, shared.optional, shared.flag)
        assert bool(setting.owners) == bool(shared.owners)
        assert setting.group == shared.group


@pytest.mark.parametrize("workload", WORKLOADS)
def test_names_of_topics_identify_a_run_and_are_no_part_of_an_arm(workload):
    settings = WORKLOADS[workload]
    assert {*settings.FURTHER_TOPICS, *settings.FURTHER_RESULTS} <= IDENTITY


def test_a_variable_of_the_workload_sets_what_the_usual_one_sets_and_that_one_wins():
    way = loaded("--workload", "tea", environ={"TEA_RATE": "70", "TEA_LEAVES": "green"})
    assert (way.config.load.rate, way.config.kafka.events_topic) == (70, "green")
    assert way.origins["rate"] == "environment"
    both = loaded("--workload", "tea", environ={"TEA_LEAVES": "green", "WINDOWBENCH_EVENTS_TOPIC": "black"})
    assert both.config.kafka.events_topic == "black"
    assert loaded(environ={"TEA_LEAVES": "green"}).config.kafka.events_topic == "events_spark"
    with pytest.raises(ConfigError, match="environment variable TEA_RATE"):
        loaded("--workload", "tea", environ={"TEA_RATE": "many"})


def test_topics_of_the_workload_are_created_with_the_settings_it_asks_for():
    plans = {plan.name: plan.settings for plan in planned_topics(Config().replace(workload="tea"))}
    assert plans["results_spark"]["cleanup.policy"] == "compact"
    assert plans["results_spark"]["message.timestamp.type"] == "LogAppendTime"
    assert plans["leaves"]["cleanup.policy"] == "delete"


@pytest.mark.parametrize("mode", ["update", "realtime"])
def test_a_workload_whose_rows_are_final_has_no_updates(mode):
    with pytest.raises(ConfigError, match="rows of the workload tea are final when they are written: spark_mode must"):
        Config().replace(workload="tea", spark_mode=mode)


COUNTING = [name for name, settings in WORKLOADS.items() if settings.APPROXIMATIONS]


def test_workloads_that_count_distinct_users_may_have_them_approximated():
    assert COUNTING == ["ad_clicks", "web_analytics"]


@pytest.mark.parametrize("workload", COUNTING)
def test_counts_are_exact_unless_an_approximation_is_asked_for(workload):
    for name in WORKLOADS[workload].APPROXIMATIONS:
        setting = known_settings(run_of(workload))[name]
        assert (setting.default, setting.choices) == ("exact", COUNTINGS)
    assert loaded("--workload", workload).config.workload.approximate == ()
    asked = ["--workload", workload, "--distinct-users", "approximate"]
    assert loaded(*asked).config.workload.approximate == ("distinct_users",)
    of_a_command = loaded(*asked, "--engine", "command", "--engine-command", "mine").config
    assert of_a_command.workload.approximate == ("distinct_users",)


@pytest.mark.parametrize("workload", COUNTING)
@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        ("flink", "Flink's SQL counts approximately in batch jobs alone"),
        ("reference", "the reference engine keeps every value"),
    ],
)
def test_an_engine_without_such_a_count_is_not_asked_for_an_approximation(workload, engine, reason):
    assert loaded("--workload", workload, "--engine", engine, "--distinct-users", "exact")
    with pytest.raises(ConfigError) as raised:
        loaded("--workload", workload, "--engine", engine, "--distinct-users", "approximate")
    assert str(raised.value) == (f"distinct_users must be exact with engine {engine}: {reason}")


@pytest.mark.parametrize("workload", COUNTING)
def test_another_word_for_it_is_refused_and_the_nearest_named(workload):
    with pytest.raises(ConfigError) as raised:
        loaded("--workload", workload, "--distinct-users", "approx")
    assert str(raised.value) == (
        "distinct_users must be one of exact, approximate, not 'approx' (from flag --distinct-users);"
        " did you mean approximate?"
    )


def test_a_workload_without_distinct_counts_has_none_to_approximate():
    with pytest.raises(ConfigError, match=r"distinct_users .* of the workload ad_clicks and web_analytics"):
        loaded("--distinct-users", "approximate")
