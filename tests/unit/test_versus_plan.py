"""Arms out of words, the order of runs, and the plan that is kept."""

import argparse
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import SETTINGS, Config, ConfigError, Loaded, config_parser, load
from windowbench.campaigns.versus_plan import (
    PLAN_NAME,
    SALTS_NAME,
    configured,
    make_plan,
    parse_arm,
    read_plan,
    write_plan,
)
from windowbench.compare.arms import unused_label
from windowbench.errors import EnvironmentProblem


def loaded(text, *arguments, environ=None, beside=()):
    def parse(add):
        return load(config_parser("versus", ""), list(arguments), environ or {}, prepare=add, beside=beside)

    return configured(parse_arm(text), parse)


def settings_of(text, *arguments, **how):
    return loaded(text, *arguments, **how).config.flat()


@pytest.mark.parametrize("engine", [name for name in SETTINGS["engine"].choices if name != "command"])
def test_an_arm_is_an_engine(engine):
    assert settings_of(engine)["engine"] == engine


def test_an_arm_adds_settings_to_those_of_all():
    found = settings_of("spark,trigger_interval_ms=500,spark_conf=a=1,spark_conf=b=2", "--spark-conf=c=3", "--seed=5")
    assert (found["trigger_interval_ms"], found["seed"]) == (500, 5)
    assert found["spark_conf"] == {"c": "3", "a": "1", "b": "2"}


@pytest.mark.parametrize(("name", "word"), [(n, w) for n in ("preset", "spark_mode") for w in SETTINGS[n].choices])
def test_a_variant_is_a_choice_of_the_setting_that_has_it(name, word):
    assert settings_of(f"spark:{word}")[name] == word


def test_variants_may_be_several():
    found = settings_of("spark:stock:update")
    assert (found["preset"], found["spark_mode"]) == ("stock", "update")


def test_a_command_for_all_is_for_the_arms_that_run_it():
    beside = {"reference", "command"}
    assert "engine_command" not in settings_of("reference", "--engine-command=my-engine", beside=beside)
    assert settings_of("command", "--engine-command=my-engine", beside=beside)["engine_command"] == "my-engine"


def test_an_arm_takes_of_what_all_are_given_the_settings_of_its_own_engine_and_those_of_every_run(tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"flink_delivery": "exactly-once", "seed": 5, "preset": "stock"}))
    arguments = ("--spark-mode=update", "--partitions=4", f"--config={path}")
    arms = ("spark", "flink", "reference")
    found = {arm: settings_of(arm, *arguments, environ={"WINDOWBENCH_NUM_CONSUMERS": "3"}, beside=arms) for arm in arms}
    own = {"spark_mode": "update", "flink_delivery": "exactly-once", "num_consumers": 3, "preset": "stock"}
    assert {arm: {name: of[name] for name in own if name in of} for arm, of in found.items()} == {
        "spark": {"spark_mode": "update", "preset": "stock"},
        "flink": {"flink_delivery": "exactly-once", "preset": "stock"},
        "reference": {"num_consumers": 3},
    }
    assert {(of["seed"], of["partitions"]) for of in found.values()} == {(5, 4)}


def test_what_belongs_to_no_arm_is_refused_and_so_is_what_an_arm_itself_is_given_of_another():
    with pytest.raises(ConfigError, match=r"num_consumers \(from command line\) is a setting of the engine reference"):
        loaded("spark", "--num-consumers=3", beside={"spark", "flink"})
    with pytest.raises(ConfigError, match=r"spark_mode \(from arm 'flink,spark_mode=update'\) .* not of flink"):
        loaded("flink,spark_mode=update", beside={"spark", "flink"})
    with pytest.raises(ConfigError, match=r"settings of reference are: num_consumers, idle_timeout_ms, watermarks"):
        loaded("none,preset=stock", beside={"spark", "reference"})


def test_none_is_an_older_name_of_an_arm_too_and_stays_in_its_label():
    assert loaded("none,num_consumers=3").config == loaded("reference,num_consumers=3").config
    plan = plan_of("none", "spark", repeats=1)
    assert list(plan.arms) == ["none", "spark"]
    assert {run.label: plan.loaded(run).config.engine.engine for run in plan.runs} == {
        "none": "reference",
        "spark": "spark",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sparc", "no engine 'sparc'; did you mean spark?"),
        ("", "no engine ''"),
        ("spark:fast", "no variant 'fast'"),
        ("reference:append", "no variant 'append'"),
        ("flink:realtime", "no variant 'realtime'"),
        ("spark,partitons=3", "did you mean partitions?"),
        ("spark,partitions", "is no setting"),
        ("spark,partitions=many", "partitions must be a whole number"),
        ("spark,seed=1", "seed is not for an arm to set"),
        ("spark,engine=reference", "engine is not for an arm to set"),
        ("command", "engine=command needs engine_command"),
    ],
)
def test_wrong_words_are_refused_and_named(text, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        loaded(text)


def test_a_flag_for_the_engine_contradicts_the_arms():
    with pytest.raises(ConfigError, match="contradicts the arms"):
        loaded("spark", "--engine=reference")


def plan_of(*arms, repeats=4, seed=7):
    return make_plan("v", [(arm, loaded(arm, f"--seed={seed}")) for arm in arms], repeats)


def test_each_arm_runs_once_in_every_repeat_under_the_seed_of_the_repeat():
    plan = plan_of("spark", "reference", "flink")
    assert Counter((run.repeat, run.label) for run in plan.runs) == Counter(
        (repeat, label) for repeat in (1, 2, 3, 4) for label in ("spark", "reference", "flink")
    )
    assert [run.repeat for run in plan.runs] == sorted(run.repeat for run in plan.runs)
    assert {(run.repeat, run.seed) for run in plan.runs} == {(1, 7), (2, 8), (3, 9), (4, 10)}
    assert len({run.run_id for run in plan.runs}) == len(plan.runs)


def test_the_order_is_drawn_anew_for_each_repeat_from_the_seed():
    def orders(seed):
        plan = plan_of("spark", "reference", "flink", repeats=20, seed=seed)
        return [tuple(run.label for run in plan.runs if run.repeat == k) for k in range(1, 21)]

    assert orders(7) == orders(7)
    assert orders(7) != orders(8)
    assert len(set(orders(7))) >= 4


def test_a_run_has_the_configuration_of_its_arm_under_its_own_name_and_seed():
    plan = plan_of("spark", "reference,partitions=3")
    run = next(run for run in plan.runs if run.label == "reference,partitions=3" and run.repeat == 2)
    config = plan.loaded(run).config
    assert (config.run.run_id, config.run.seed, config.kafka.partitions) == ("v-2-reference", 8, 3)
    assert plan.loaded(run).origins["partitions"] == "command line"


def test_an_arm_given_three_times_is_three_arms():
    plan = plan_of("spark", "spark", "spark", repeats=1)
    assert list(plan.arms) == ["spark", "spark#2", "spark#3"]
    assert sorted(run.run_id for run in plan.runs) == ["v-1-spark", "v-1-spark-2", "v-1-spark-3"]


@given(
    st.lists(st.sampled_from(["spark", "spark-2", "spark:tuned", "spark,rate=9", "reference"]), min_size=2, max_size=9)
)
def test_no_two_runs_share_a_directory_whatever_the_arms(labels):
    arms = [(label, loaded("reference")) for label in labels]
    runs = make_plan("v", arms, 3).runs
    assert len({run.run_id for run in runs}) == len(runs) == 3 * len(labels)


def test_a_run_made_again_and_again_gets_a_directory_of_its_own_each_time():
    taken = []
    for _ in range(4):
        taken.append(unused_label("v-1-spark", taken, "-again"))
    assert taken == ["v-1-spark", "v-1-spark-again2", "v-1-spark-again3", "v-1-spark-again4"]


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    plan = plan_of("spark,trigger_interval_ms=500", "reference")
    write_plan(tmp_path / "v", plan)
    back = read_plan(tmp_path / "v")
    assert (back.name, back.repeats, back.runs) == ("v", 4, plan.runs)
    assert [(label, arm.config, arm.origins) for label, arm in back.arms.items()] == [
        (label, arm.config, arm.origins) for label, arm in plan.arms.items()
    ]


def blind_plan():
    arms = [(arm, loaded(arm, "--blind")) for arm in ("spark", "reference")]
    return make_plan("v", arms, 3, iter(("5a171", "5a172", "5a173")).__next__)


def test_the_runs_of_a_repeat_have_one_salt_and_no_other_repeat_has_it():
    plan = blind_plan()
    assert {(run.repeat, plan.salt(run)) for run in plan.runs} == {(1, "5a171"), (2, "5a172"), (3, "5a173")}
    assert {plan_of("spark", "reference").salt(run) for run in plan.runs} == {None}
    assert [number for number in range(6) if plan.is_last_of_repeat(number)] == [1, 3, 5]


def test_salts_are_kept_apart_from_the_plan_where_nobody_but_the_user_reads_them(tmp_path):
    write_plan(tmp_path / "v", blind_plan())
    holding = [path for path in (tmp_path / "v").iterdir() if "5a17" in path.read_text()]
    assert [path.name for path in holding] == [SALTS_NAME]
    assert holding[0].stat().st_mode & 0o777 == 0o600
    assert read_plan(tmp_path / "v").salts == ("5a171", "5a172", "5a173")


def test_a_blind_versus_without_its_salts_is_not_gone_on_with(tmp_path):
    write_plan(tmp_path / "v", blind_plan())
    (tmp_path / "v" / SALTS_NAME).unlink()
    with pytest.raises(EnvironmentProblem, match=r"cannot read salts\.json"):
        read_plan(tmp_path / "v")


def test_whether_runs_are_blind_is_not_for_an_arm_to_say():
    with pytest.raises(ConfigError, match="blind is not for an arm to set"):
        parse_arm("spark,blind=true")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "no directory of a versus"),
        (lambda path: path.write_text("{"), "damaged"),
        (lambda path: path.write_text("{}"), "layout None"),
        (lambda path: path.write_text(json.dumps({"schema_version": 1, "arms": [], "runs": 3})), "damaged"),
        (lambda path: (path.parent / "arm-1.json").unlink(), "damaged"),
    ],
)
def test_a_damaged_plan_is_named(tmp_path, damage, words):
    write_plan(tmp_path / "v", plan_of("spark", "reference"))
    damage(tmp_path / "v" / PLAN_NAME)
    with pytest.raises(EnvironmentProblem, match=words):
        read_plan(tmp_path / "v")


def test_a_label_shows_no_secret_of_its_arm():
    loaded = Loaded(config=Config(), origins={}, arguments=argparse.Namespace())
    (label,) = make_plan("v", [("spark,spark_conf=a.token=hunter2", loaded)], 1).arms
    assert label == "spark,spark_conf=a.token=******"
