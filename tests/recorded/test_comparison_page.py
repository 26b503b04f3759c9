import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded.comparison_content import compared_runs, comparison_content
from tests.recorded.document import Document
from tests.recorded.test_run_page import HOSTILE
from tests.unit.synthetic_run import synthetic_run
from windowbench.judge.judgement import evaluate
from windowbench.report import comparison_plots
from windowbench.report import page as pages
from windowbench.report.comparison_document import comparison_document
from windowbench.report.drawing import draw
from windowbench.runs.files.codec import as_json

SECTIONS = [
    "verdict",
    "ranking",
    "differences",
    "latency",
    "windows",
    "decomposition",
    "resources",
    "parity",
    "circumstances",
    "runs",
]
PLOTS = [
    "forest",
    "cdf-excess",
    "spectrum-excess",
    "cdf-since-window-end",
    "spectrum-since-window-end",
    "windows",
    "decomposition",
    "cpu",
]


def render_comparison(content, runs):
    return pages.html_page(comparison_document(content, runs))


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return as_json(
        evaluate(synthetic_run(rate=60.0, duration_seconds=8.0).write(tmp_path_factory.mktemp("run"))).summary
    )


@pytest.fixture(scope="module")
def content():
    return comparison_content()


@pytest.fixture(scope="module")
def html(content, summary):
    return render_comparison(content, compared_runs(content, summary))


@pytest.fixture(scope="module")
def page(html):
    return Document(html)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave drawing out, which takes most of the time, where it is not what a test is about."""
    monkeypatch.setattr(pages, "draw", lambda plot: f'<svg aria-label="{plot.name}"></svg>')


def words_of(element):
    return " ".join(element.text.split())


def row_of(page, section, name):
    """Return the cells of the row of a section that begins with a name."""
    tables = page.one(section).text
    assert name in tables
    (row,) = [e for e in page.all("tr") if words_of(e).startswith(name)][:1]
    return row


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_ranking_comes_first_and_every_section_follows_in_its_order(page):
    assert page.sections == SECTIONS
    assert [figure.attributes["id"] for figure in page.all("figure")] == [f"plot-{name}" for name in PLOTS]


def test_arms_stand_in_the_order_of_their_ranks_with_value_interval_and_change(page):
    rows = [words_of(e) for e in page.all("tr") if re.match(r"[123]\. ", words_of(e))]
    assert [row.split()[1] for row in rows] == ["reference", "flink", "spark"]
    assert "16.0 14.4 to 17.6 8.0 −99.1 % 2 of 2 60 faster" in rows[0]
    assert " base " in rows[2]


def test_the_best_arm_is_the_headline_and_the_others_stand_beside_it(page):
    headline = words_of(page.one("headline"))
    assert headline.startswith("reference 16.0 ms Least excess_ms P90: reference.")
    assert "flink 50.0 ms −97.2 % against spark: faster" in headline
    assert "spark 1,800.0 ms the base" in headline


def test_a_failed_run_is_named_with_its_reason_at_the_top_and_in_the_table_of_runs(page):
    assert "flink-3 the engine ended" in words_of(page.one("verdict"))
    assert "failed: the engine ended" in words_of(row_of(page, "runs", "flink-3"))
    assert "compared in part" in page.one("verdict").text


def test_what_a_latency_cannot_rank_is_marked(page):
    section = words_of(page.one("differences"))
    assert "freshness_ms P90 *" in section
    assert "excess_ms P90 *" not in section
    assert "* means something else in one of the arms" in section


def test_the_forest_states_every_difference_with_its_interval(page):
    (label,) = [e.attributes["aria-label"] for e in page.all("svg") if "Differences of" in e.attributes["aria-label"]]
    assert "reference P90 −892.0 ms, 95 % interval −981.2 to −802.8 ms" in label
    assert "flink P50 −875.0 ms" in label


def test_asymmetries_of_parity_are_marked_and_say_why(page):
    assert "warn" in row_of(page, "parity", "state store").attributes["class"].split()
    assert "differs: of some only" in words_of(row_of(page, "parity", "state store"))
    assert "warn" not in row_of(page, "parity", "acks").attributes["class"].split()


def test_every_difference_of_configuration_load_and_environment_is_named(page):
    section = words_of(page.one("circumstances"))
    for words in (
        "engine spark flink reference",
        "seed 1 spark-1, flink-1 2 spark-2, flink-2",
        "kernel 6.1 spark-1 6.2 spark-2",
    ):
        assert words in section


def test_more_arms_than_there_is_room_for_share_lines_by_their_settings(content, undrawn):
    changed = copy.deepcopy(content)
    changed["arms"] += [{**changed["arms"][0], "label": label, "rank": None} for label in ("fourth", "fifth")]
    changed["parity"][0]["values"]["flink"]["value"] = "1"
    section = words_of(Document(render_comparison(changed, {})).one("parity"))
    assert "acks all (reported) spark, reference equal 1 (reported) flink – fourth, fifth" in section


def test_cost_is_the_mean_over_the_runs_of_an_arm(page, summary):
    each = summary["resources"]["cpu_seconds_per_million_events"]["engine"]
    row = words_of(row_of(page, "resources", "engine, CPU-seconds"))
    assert row.endswith(" ".join([f"{each:,.1f}"] * 3))


def test_a_page_needs_nothing_from_anywhere_and_is_small(page, html):
    assert not page.all("script")
    assert not [e for e in page.elements if {"src", "srcset", "action"} & e.attributes.keys()]
    assert len(html.encode()) <= 1_500_000


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "word", "tone"),
    [
        ("kept", "compared in part", "warn"),
        ("missed", "threshold missed", "bad"),
        ("inconclusive", "inconclusive", "warn"),
        ("undecided", "inconclusive", "warn"),
    ],
)
def test_a_threshold_decides_the_verdict(content, undrawn, outcome, word, tone):
    changed = copy.deepcopy(content)
    changed["thresholds"][0]["results"][1]["outcome"] = outcome
    page = Document(render_comparison(changed, {}))
    (box,) = [e for e in page.elements if e.attributes.get("class") == f"verdict {tone}"]
    assert word in box.text
    assert ("excess_p90_ms>+5%" in box.text) == (outcome != "kept")


def test_without_a_run_that_can_be_compared_the_reasons_are_what_there_is(content):
    nothing = {
        **content,
        "base": None,
        "arms": [],
        "differences": [],
        "thresholds": [],
        "parity": [],
        "configuration_differences": [],
        "load_differences": [],
        "environment_differences": [],
        "runs": content["runs"][-1:],
    }
    page = Document(render_comparison(nothing, {}))
    assert page.sections == ["verdict", "circumstances", "runs"]
    assert "nothing to compare" in page.one("verdict").text
    assert "the engine ended" in page.one("verdict").text


# --- what may be missing ----------------------------------------------------------------------------------------------


def test_runs_that_cannot_be_read_leave_out_what_only_they_know(content):
    page = Document(render_comparison(content, {}))
    assert {"windows", "decomposition", "resources"}.isdisjoint(page.sections)
    assert {"ranking", "latency", "parity", "runs"} <= set(page.sections)


def test_an_arm_without_a_valid_run_stays_in_the_ranking_without_a_figure(content, undrawn):
    changed = copy.deepcopy(content)
    changed["arms"][1] |= {"rank": None, "latencies_ms": {}, "repeats": 0, "windows": 0}
    changed["differences"] = [entry for entry in changed["differences"] if entry["arm"] != "flink"]
    page = Document(render_comparison(changed, {}))
    assert words_of(row_of(page, "ranking", "flink")) == "flink – – – – 0 of 3 0"


def test_figures_without_an_interval_say_why(content, undrawn):
    changed = copy.deepcopy(content)
    for entry in changed["differences"]:
        entry["difference_ms"] |= {"interval": None, "note": "12 windows, too few for an interval"}
        entry["change_percent"] = {"value": None, "interval": None, "note": "the base is not above 0"}
        entry["conclusion"] = "undecided"
    for arm in changed["arms"]:
        arm["latencies_ms"]["excess_ms"]["p90"] |= {"interval": None, "note": "12 windows, too few for an interval"}
    page = Document(render_comparison(changed, {}))
    assert "No interval: 12 windows, too few for an interval." in words_of(page.one("differences"))
    assert "No interval: 12 windows, too few for an interval." in words_of(page.one("ranking"))


def test_the_bars_of_updates_are_left_out_and_the_page_is_not(content, summary, undrawn):
    updates = {**summary, "engine": {**summary["engine"], "output_mode": "update"}}
    page = Document(render_comparison(content, compared_runs(content, updates)))
    assert "decomposition" not in page.sections
    assert "resources" in page.sections


@pytest.mark.parametrize(
    ("values", "apart"),
    [([[1, 2, 3], [20, 30, 40]], True), ([[1, 2, 3], [4, 5, 6]], False), ([[-1, 2, 3], [200, 300, 400]], False)],
)
def test_curves_far_apart_get_a_logarithmic_axis_where_all_is_above_zero(values, apart):
    assert comparison_plots.far_apart(values) is apart


# --- text from outside ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_shown_as_text_and_cannot_break_out(summary, undrawn, text):
    def tags(words):
        content = comparison_content(words)
        return Document(render_comparison(content, compared_runs(content, summary)))

    page = tags(text)
    assert page.tags == tags("harmless ").tags
    assert not any(name.startswith("on") for e in page.elements for name in e.attributes)


@given(text=st.text(min_size=1, max_size=20))
def test_no_name_at_all_changes_the_structure_of_a_page(text):
    def tags(words):
        content = comparison_content(words) | {"base": None}
        for arm in content["arms"]:
            arm["latencies_ms"] = {}  # nothing to draw, which takes most of the time
        return Document(render_comparison(content, {})).tags

    assert tags(text) == tags("x")


@pytest.mark.parametrize("text", HOSTILE)
def test_arms_of_hostile_names_are_drawn_as_any_other(text):
    def tags(words):
        plot = comparison_plots.forest(comparison_content(words))
        return Document(draw(plot)).tags

    assert tags(text) == tags("harmless ")
