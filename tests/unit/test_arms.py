"""Which runs are repeats of each other."""

import pytest

from config import SETTINGS, ConfigError
from tests.unit.finished_run import configuration
from windowbench.compare.arms import IDENTITY, arm_settings, differing, group
from windowbench.compare.finished import ReadRun
from windowbench.workloads import WORKLOADS


def run(run_id, *, fit=True, **settings):
    config = configuration(run_id, **settings)
    reason = None if fit else "invalid: a row"
    return ReadRun(
        run_id=run_id,
        directory=f"runs/{run_id}",
        status="completed",
        verdict="valid",
        reason=reason,
        exit_code=0,
        config=config,
    )


def unreadable(run_id):
    return ReadRun(
        run_id=run_id, directory=run_id, status="damaged", verdict="unknown", reason="damaged", exit_code=3, config=None
    )


def grouped(*runs, **how):
    return {arm.label: [r.run_id for r in arm.runs] for arm in group(runs, **how)}


def test_runs_of_one_configuration_are_an_arm_whatever_their_name_seed_place_and_port():
    a, b = run("a", seed=1), run("b", seed=2, runs_dir="elsewhere", bootstrap_servers="127.0.0.1:5")
    assert grouped(a, b, run("c", engine="reference")) == {"spark": ["a", "b"], "reference": ["c"]}


@pytest.mark.parametrize(
    ("setting", "value"), [("rate", 5.0), ("spark_conf", (("a", "1"),)), ("max_steal", 0.5), ("partitions", 3)]
)
def test_any_other_setting_makes_another_arm(setting, value):
    extra = {"events_per_producer": None} if setting == "rate" else {}
    found = grouped(run("a"), run("b", **{setting: value}, **extra), run("c", engine="reference"))
    assert len(found) == 3


def test_the_address_of_an_external_broker_is_part_of_an_arm():
    runs = [run(name, broker=None, bootstrap_servers=f"{name}:9092") for name in ("a", "b")]
    assert list(grouped(*runs).values()) == [["a"], ["b"]]


def test_arms_of_one_engine_are_told_apart_by_what_differs():
    labels = list(grouped(run("a"), run("b", trigger_interval_ms=500), run("c", engine="flink")))
    assert labels == ["spark,trigger_interval_ms=0", "spark,trigger_interval_ms=500", "flink"]


def test_variants_stand_behind_a_colon():
    found = grouped(run("a", preset="stock"), run("b", spark_mode="update"), run("c", engine="flink"))
    assert list(found) == ["spark:stock:append", "spark:tuned:update", "flink"]


def test_many_differences_are_counted_in_a_label():
    other = run("b", partitions=4, linger_ms=1.0, num_producers=3, compression="lz4", num_campaigns=3)
    label = list(grouped(run("a"), other))[1]
    assert label.endswith(",2 more")
    assert label.count("=") == 3


def test_the_arm_of_the_first_run_is_the_base():
    assert next(iter(grouped(run("a", engine="reference"), run("b")))) == "reference"


def test_runs_named_as_base_are_an_arm_of_their_own_though_others_have_the_same_configuration():
    runs = [run(name) for name in ("new-1", "old-1", "new-2", "old-2")]
    found = group(runs, base=["runs/old-1", "runs/old-2"])
    assert [[r.run_id for r in arm.runs] for arm in found] == [["old-1", "old-2"], ["new-1", "new-2"]]
    assert len({arm.label for arm in found}) == 2


def test_runs_named_as_base_must_be_repeats():
    with pytest.raises(ConfigError, match="different configurations"):
        group([run("a"), run("b", partitions=3), run("c")], base=["runs/a", "runs/b"])


def test_runs_that_all_have_one_configuration_are_each_compared_with_the_first():
    assert grouped(run("a"), run("b"), run("c")) == {"a": ["a"], "b": ["b"], "c": ["c"]}


def test_labels_of_who_made_the_runs_decide_and_give_the_order():
    labels = {"b": "second", "a": "first", "c": "second"}
    assert grouped(run("a"), run("b"), run("c"), labels=labels) == {"second": ["b", "c"], "first": ["a"]}


def test_a_run_that_cannot_be_read_is_in_no_arm_and_one_that_is_not_fit_is():
    arms = group([unreadable("x"), run("a", fit=False), run("b", engine="reference")])
    assert [[r.run_id for r in arm.runs] for arm in arms] == [["a"], ["b"]]
    assert arms[0].fit == ()
    assert group([unreadable("x")]) == []


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"engine": "reference"}, ["engine"]),
        ({"engine": "reference", "num_consumers": 3}, ["engine", "num_consumers"]),
        ({"engine": "flink", "preset": "stock"}, ["engine", "preset"]),
        ({"engine": "flink", "flink_conf": (("a", "1"),)}, ["engine", "flink_conf"]),
        ({"engine": "command", "engine_command": "x"}, ["engine", "engine_command"]),
        ({"workload": "product_ctr", "num_products": 9}, ["workload", "num_products"]),
    ],
)
def test_what_an_arm_lacks_counts_as_at_its_default(settings, found):
    spark, other = group([run("a"), run("b", **settings)])
    names = [name for name in differing([spark, other]) if name not in WORKLOADS["product_ctr"].DEFAULTS]
    assert sorted(names) == sorted(found)
    assert set(differing([other, spark])) == set(differing([spark, other]))


def test_what_identifies_a_run_are_settings():
    assert SETTINGS.keys() >= IDENTITY
    assert not arm_settings(configuration("a")).keys() & IDENTITY
