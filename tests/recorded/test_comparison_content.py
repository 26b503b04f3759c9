"""From finished runs to the content of a comparison."""

import jsonschema
import pytest

from config import ConfigError
from tests.unit.finished_run import ENVIRONMENT, finished_run
from windowbench.compare.content import compare_runs
from windowbench.compare.recorded import read_run
from windowbench.compare.thresholds import parse_threshold
from windowbench.errors import EnvironmentProblem, ExitCode
from windowbench.judge.measures.bootstrap import too_few
from windowbench.report import comparison_facts
from windowbench.runs.files.codec import as_json, from_json
from windowbench.runs.files.comparison import Comparison
from windowbench.runs.schemas import schema_of

REPEATS = 3


@pytest.fixture
def make(tmp_path):
    """Make `repeats` runs of an engine under seeds 1, 2, ...; return their directories."""

    def runs(name, repeats=REPEATS, **how):
        return [
            finished_run(tmp_path, f"{name}-{k}", seed=k, draw=hash_of(name) + k, **how) for k in range(1, repeats + 1)
        ]

    return runs


def hash_of(name):
    return sum(map(ord, name)) * 1000


def compared(*directories, **how):
    return as_json(compare_runs([read_run(directory) for directory in directories], **how))


def entry(content, metric="excess_ms", percent=90, arm=None):
    return next(
        e
        for e in content["differences"]
        if (e["metric"], e["percent"]) == (metric, percent) and arm in (None, e["arm"])
    )


def test_a_slower_arm_is_found_to_be_slower_by_what_it_is(make):
    content = compared(*make("base"), *make("slow", engine="reference", typical_ms=130.0))
    found = entry(content)
    assert found["conclusion"] == "slower"
    assert found["level"] == "between runs"
    assert found["change_percent"]["interval"][0] < 30 < found["change_percent"]["interval"][1]
    assert found["difference_ms"]["value"] == pytest.approx(found["value_ms"] - found["base_value_ms"])
    assert (found["repeats"], found["windows"]) == ([3, 3], [120, 120])
    assert found["mann_whitney"] is None
    described = entry(content, percent=50)["mann_whitney"]
    assert described["probability_slower"] > 0.9
    assert described["note"].startswith("descriptive")


def test_the_same_again_is_not_found_to_differ_and_the_base_is_named_by_its_directory(make):
    old, new = make("old"), make("new")
    content = compared(*new, *old, base=old)
    assert [arm["runs"][0] for arm in content["arms"]] == ["old-1", "new-1"]
    assert {e["conclusion"] for e in content["differences"]} == {"no difference shown"}
    assert content["configuration_differences"] == []


def test_arms_are_ranked_and_their_figures_are_means_of_their_runs(make):
    content = compared(*make("b"), *make("a", engine="reference", typical_ms=50.0))
    assert content["ranked_by"]["metric"] == "excess_ms"
    assert {arm["label"]: arm["rank"] for arm in content["arms"]} == {"spark": 2, "reference": 1}
    arm = content["arms"][0]
    p90 = [run["latencies_ms"]["excess_ms"]["p90"] for run in content["runs"] if run["arm"] == "spark"]
    assert arm["latencies_ms"]["excess_ms"]["p90"]["value"] == pytest.approx(sum(p90) / len(p90))
    low, high = arm["latencies_ms"]["excess_ms"]["p90"]["interval"]
    assert low < sum(p90) / len(p90) < high


def test_the_curve_of_an_arm_is_that_of_all_its_rows(make):
    content = compared(*make("a"), *make("b", engine="reference"))
    curve = content["arms"][0]["latencies_ms"]["excess_ms"]["quantiles"]
    assert [percent for percent, _ in curve] == sorted(percent for percent, _ in curve)
    assert [ms for _, ms in curve] == sorted(ms for _, ms in curve)
    greatest = max(run["latencies_ms"]["excess_ms"]["max"] for run in content["runs"][:REPEATS])
    assert curve[-1] == [100, greatest]


def test_runs_that_are_not_eligible_stay_with_their_reason_and_take_no_part(make, tmp_path):
    bad = finished_run(tmp_path, "bad", typical_ms=1e6, verdict="invalid", reasons=["3 rows are wrong"], seed=9)
    damaged = finished_run(tmp_path, "damaged", seed=10)
    (tmp_path / "damaged" / "summary.json").write_text("{")
    content = compared(*make("a"), bad, damaged, *make("b", engine="reference"))
    runs = {run["run_id"]: run for run in content["runs"]}
    assert runs["bad"]["reason"] == "invalid: 3 rows are wrong"
    assert (runs["bad"]["arm"], runs["bad"]["ranked"]) == ("spark", False)
    assert "summary.json is damaged" in runs["damaged"]["reason"]
    assert content["arms"][0]["repeats"] == REPEATS
    assert content["arms"][0]["latencies_ms"]["excess_ms"]["p90"]["value"] < 200
    assert content["exit_code"] == ExitCode.RUN_INVALID


def test_an_arm_without_a_valid_run_does_not_rank_and_is_not_compared(make):
    content = compared(*make("a"), *make("b", engine="reference", verdict="unsustainable", reasons=["too slow"]))
    assert [arm["rank"] for arm in content["arms"]] == [1, None]
    assert content["differences"] == []
    assert "fewer than two arms have a valid run: there is nothing to compare" in content["warnings"]
    assert content["exit_code"] == ExitCode.UNSUSTAINABLE


def test_an_arm_of_which_a_run_measured_too_little_has_its_figures_but_no_rank(make, tmp_path):
    why = "not ranked: 4 micro-batches measured, fewer than 10"
    few = finished_run(tmp_path, "few", seed=9, caveats=[why])
    content = compared(*make("a"), few, *make("b", engine="reference"))
    assert {arm["label"]: arm["rank"] for arm in content["arms"]} == {"spark": None, "reference": 1}
    assert content["arms"][0]["repeats"] == REPEATS + 1
    assert f"spark: {why}" in content["warnings"]


def test_the_ranking_shows_how_far_approximate_counts_are_off_beside_the_latency(make):
    errors = {"users": {"rows": 40, "p50": 3.0}, "others": {"rows": 40, "p50": 4.5}}
    content = compared(*make("a", approximation=errors), *make("b", engine="reference"))
    assert [arm["count_error"] for arm in content["arms"]] == [4.5, None]
    table = comparison_facts.ranking(content)
    assert [row.cells[table.head.index("counts off by")] for row in table.rows] == ["4.5 %", "exact"]
    assert "off by so much" in table.note
    assert all(len(row.cells) == len(table.head) for row in table.rows)
    plain = comparison_facts.ranking(compared(*make("c"), *make("d", engine="reference")))
    assert "counts off by" not in plain.head


def test_with_nothing_that_can_be_read_there_is_no_arm(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    content = compared(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (content["base"], content["arms"], content["exit_code"]) == (None, [], ExitCode.ENVIRONMENT)


def test_fewer_than_three_repeats_are_called_within_run_only(make):
    content = compared(*make("a", 2), *make("b", engine="reference"))
    assert entry(content)["level"] == "within runs only"
    assert [arm["level"] for arm in content["arms"]] == ["within runs only", "between runs"]
    assert any("fewer than 3 valid runs of spark" in warning for warning in content["warnings"])


def test_of_few_windows_there_is_no_interval_and_no_conclusion(make):
    content = compared(*make("a", 1, windows=29), *make("b", 1, engine="reference", windows=29, typical_ms=900.0))
    found = entry(content)
    assert found["difference_ms"]["interval"] is None
    assert found["difference_ms"]["note"] == too_few(29)
    assert found["conclusion"] == "undecided"


@pytest.mark.parametrize(
    ("generator", "seeds", "paired"),
    [("mmpp", (1, 2, 3), True), ("poisson", (1, 2, 3), False), ("mmpp", (1, 2, 4), False)],
)
def test_under_bursts_runs_of_equal_seeds_are_pairs(make, tmp_path, generator, seeds, paired):
    others = [
        finished_run(tmp_path, f"o{seed}", engine="reference", seed=seed, draw=seed, data_generator=generator)
        for seed in seeds
    ]
    assert entry(compared(*make("a", data_generator=generator), *others))["paired"] == paired


def test_pairs_are_matched_by_their_seeds_and_not_by_their_order(make, tmp_path):
    """Bursts of seed k cost 50 k ms in both arms; the arm adds 10 ms: only pairs show that."""
    made = {
        (arm, seed): finished_run(
            tmp_path, f"{arm}{seed}", engine=arm, seed=seed, draw=seed, data_generator="mmpp", cv=0.001,
            typical_ms=100.0 * seed + (10 if arm == "reference" else 0),
        )
        for arm in ("spark", "reference")
        for seed in (1, 2, 3)
    }  # fmt: skip
    order = [("spark", 1), ("spark", 2), ("spark", 3), ("reference", 3), ("reference", 1), ("reference", 2)]
    found = entry(compared(*(made[key] for key in order)))
    assert found["conclusion"] == "slower"
    assert found["difference_ms"]["interval"] == pytest.approx([10, 10], abs=2)


def test_different_environments_are_refused_or_named(make, tmp_path):
    other = {**ENVIRONMENT, "kernel": "6.2", "packages": {"numpy": "2.1"}}
    directories = [*make("a"), finished_run(tmp_path, "b", engine="reference", environment=other)]
    with pytest.raises(EnvironmentProblem, match=r"kernel \(6.1 in a-1, 6.2 in b\); packages.numpy") as refused:
        compared(*directories)
    assert "--allow-different-environment" in refused.value.remedy
    content = compared(*directories, allow_different_environment=True)
    named = {d["field"]: d["refused"] for d in content["environment_differences"]}
    assert named == {"kernel": True, "packages.numpy": True}
    assert "the runs were made in different environments" in content["warnings"]


def test_another_state_of_windowbench_is_named_and_no_other_machine(make, tmp_path):
    ours, theirs = (
        {**ENVIRONMENT, "windowbench": {"commit": c, "clean": clean}} for c, clean in (("one", True), ("two", False))
    )
    content = compared(
        *make("a", environment=ours), finished_run(tmp_path, "b", engine="reference", environment=theirs)
    )
    named = {d["field"]: (set(d["values"].values()), d["refused"]) for d in content["environment_differences"]}
    assert named == {"windowbench.commit": ({"one", "two"}, False), "windowbench.clean": ({True, False}, False)}


def test_the_state_of_the_machine_and_the_ports_of_a_run_are_no_other_environment(make, tmp_path):
    other = {
        **ENVIRONMENT,
        "load_average_at_start": [9.0, 9.0, 9.0],
        "broker": {"embedded": True, "brokers": ["127.0.0.1:5"]},
        "java": "17",
    }
    content = compared(*make("a"), finished_run(tmp_path, "b", engine="reference", environment=other))
    assert content["environment_differences"] == [
        {"field": "java", "values": {"a-1": None, "a-2": None, "a-3": None, "b": "17"}, "refused": False}
    ]


def test_settings_and_seeds_that_differ_are_named(make, tmp_path):
    content = compared(*make("a"), finished_run(tmp_path, "b", partitions=4, seed=7))
    (setting,) = content["configuration_differences"]
    assert setting["setting"] == "partitions"
    assert list(setting["values"].values()) == [2, 4]
    (seeds,) = content["load_differences"]
    assert seeds == {"field": "seed", "values": {"a-1": 1, "a-2": 2, "a-3": 3, "b": 7}}


def test_thresholds_decide_the_exit_code(make):
    directories = [*make("a"), *make("b", engine="reference", typical_ms=150.0)]
    content = compared(*directories, thresholds=[parse_threshold("excess_p90_ms>+5%")])
    assert content["exit_code"] == ExitCode.THRESHOLD_MISSED
    kept = compared(*directories, thresholds=[parse_threshold("excess_p90_ms>+500%")])
    assert kept["exit_code"] == ExitCode.OK
    with pytest.raises(ConfigError, match="no_such_ms"):
        compared(*directories, thresholds=[parse_threshold("no_such_p90_ms>+5%")])


def test_where_an_arm_writes_in_transactions_rows_count_when_they_are_visible(make):
    content = compared(
        *make("a", visible_time=True), *make("b", engine="flink", flink_delivery="exactly-once", typical_ms=300.0)
    )
    assert content["ranked_by"]["metric"] == "visible_excess_ms"
    assert [arm["rank"] for arm in content["arms"]] == [1, 2]
    assert {e["metric"] for e in content["differences"] if e["ranks"]} == {"visible_excess_ms"}


def test_an_arm_whose_rows_nobody_saw_become_visible_has_no_rank_beside_one_that_writes_in_transactions(make):
    content = compared(*make("a"), *make("b", engine="flink", flink_delivery="exactly-once"))
    assert [arm["rank"] for arm in content["arms"]] == [None, 1]
    assert not any(e["ranks"] for e in content["differences"])
    (warning,) = (text for text in content["warnings"] if "visible" in text)
    assert warning == "spark: no visible_excess_ms was recorded, so it does not rank; --visible-time records it"


def test_a_comparison_is_valid_by_its_schema_and_comes_back_equal(make):
    content = compared(*make("a"), *make("b", engine="reference"), thresholds=[parse_threshold("excess_p90_ms>+5%")])
    jsonschema.validate(content, schema_of("comparison.json"))
    assert as_json(from_json(content, Comparison)) == content
