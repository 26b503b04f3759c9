import copy
import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded.document import Document, hour_of_samples, page_of
from tests.unit.synthetic_run import synthetic_run
from windowbench.judge.judgement import evaluate
from windowbench.judge.measures.resources import Span
from windowbench.report import latency_plots, time_plots
from windowbench.report import page as pages
from windowbench.report.content import RunContent
from windowbench.report.drawing import draw
from windowbench.runs.files.codec import as_json

SECTIONS = [
    "verdict",
    "latency",
    "windows",
    "decomposition",
    "load",
    "producers",
    "engine",
    "resources",
    "phases",
    "configuration",
    "environment",
    "engine-settings",
]
PLOTS = [
    "cdf",
    "spectrum",
    "cdf-others",
    "spectrum-others",
    "windows",
    "decomposition",
    "load",
    "lateness",
    "batches",
    "lag",
    "cpu",
    "rss",
    "phases",
]


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    run = synthetic_run(
        data_generator="mmpp", mmpp_sojourn_seconds=(2.0, 1.0), rate=60.0, duration_seconds=62.0, num_campaigns=2
    )
    run.progress = [{"type": "settings", "effective": {"spark.x": "1", "ssl.key.password": "hunter2"}}]
    return as_json(evaluate(run.write(tmp_path_factory.mktemp("run"))).summary)


@pytest.fixture(scope="module")
def content(summary):
    return hour_of_samples(summary)


@pytest.fixture(scope="module")
def short(summary):
    return hour_of_samples(summary, rows=500)


@pytest.fixture(scope="module")
def html(content):
    return page_of(content)


@pytest.fixture(scope="module")
def page(html):
    return Document(html)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave drawing out, which takes most of the time, where it is not what a test is about."""
    monkeypatch.setattr(pages, "draw", lambda plot: f'<svg aria-label="{plot.name}"></svg>')


def drawing(plot):
    return draw(plot)


# --- a run of an hour -------------------------------------------------------------------------------------------------


def test_sections_come_in_their_order_with_the_verdict_first(page):
    assert page.sections == SECTIONS
    assert [a.attributes["href"] for a in page.all("a")] == [f"#{name}" for name in SECTIONS[1:]]


def test_every_plot_is_there(page):
    assert [figure.attributes["id"] for figure in page.all("figure")] == [f"plot-{name}" for name in PLOTS]


def test_a_page_of_a_million_rows_has_at_most_a_megabyte_and_a_half(html):
    assert len(html.encode()) <= 1_500_000


def test_a_page_needs_nothing_from_anywhere_and_runs_nothing(page, html):
    assert not page.all("script")
    assert not [e for e in page.elements if {"src", "srcset", "action", "data"} & e.attributes.keys()]
    references = [e.attributes[n] for e in page.elements for n in ("href", "xlink:href") if n in e.attributes]
    assert {reference[0] for reference in references if reference != "data:,"} == {"#"}
    assert "@import" not in html
    assert set(re.findall(r"url\(([^)]*)", html)) <= set(re.findall(r"url\((#[^)]*)", html))
    (policy,) = [e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none';")


def test_what_drawings_refer_to_is_there_once(page):
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    wanted = {e.attributes["xlink:href"][1:] for e in page.all("use")}
    wanted |= {e.attributes["clip-path"][5:-1] for e in page.elements if "clip-path" in e.attributes}
    assert wanted
    assert wanted <= set(ids)


def test_drawings_are_in_the_colours_of_the_page_alone(page):
    styles = " ".join(e.attributes["style"] for e in page.elements if "style" in e.attributes)
    assert re.findall(r"#[0-9a-f]{3,8}\b", styles) == []
    assert {"var(--c1)", "var(--muted)", "var(--line)"} <= set(re.findall(r"var\(--\w+\)", styles))


def test_each_plot_has_a_text_that_states_its_figures(page):
    drawings = page.all("svg")
    assert len(drawings) == len(PLOTS)
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        assert len(re.findall(r"\d", drawing.attributes["aria-label"])) >= 3, drawing.attributes["aria-label"]


def test_the_text_of_a_distribution_has_its_percentiles(content, page):
    (label,) = [e.attributes["aria-label"] for e in page.all("svg") if "Share of rows" in e.attributes["aria-label"]][
        :1
    ]
    values = content.latencies_ms["excess"]
    assert f"P90 {np.partition(values, 900_000 - 1)[900_000 - 1]:,.1f} ms" in label
    assert f"greatest {values.max():,.1f} ms" in label


def test_equal_runs_give_equal_bytes(short):
    plot = latency_plots.distributions(dict(short.latencies_ms), ["e2e", "excess"])[0]
    once, again = (drawing(plot) for _ in range(2))
    assert once == again
    less = dataclasses.replace(short, latencies_ms={}, windows={}, load={}, host={}, progress=None)
    assert page_of(less) == page_of(copy.deepcopy(less))


def test_headline_with_definition_interval_and_count(page, summary):
    text = " ".join(page.one("headline").text.split())
    headline = summary["headline"]
    low, high = headline["interval_ms"]
    assert f"{headline['name']} P90 {headline['value_ms']:,.1f} ms" in text
    assert f"95 % interval {low:,.1f} to {high:,.1f} ms" in text
    assert "earliest possible emission of its window" in text
    assert f"{headline['rows']} rows of {headline['windows']} windows" in text


def test_settings_say_where_they_come_from_and_secrets_are_masked(page, html):
    rows = {e.text.split()[0]: e for e in page.all("tr") if e.text.split()}
    assert rows["duration_seconds"].text.split() == ["duration_seconds", "3600.0", "command", "line"]
    assert "strong" in rows["duration_seconds"].attributes["class"]
    assert "strong" not in rows["linger_ms"].attributes["class"]
    assert "hunter2" not in html


def test_fields_of_the_environment_that_nobody_placed_are_shown_as_well(page):
    assert "Other" in page.one("environment").text


def test_cpu_seconds_per_million_events_are_those_of_the_summary(page, summary):
    each = summary["resources"]["cpu_seconds_per_million_events"]["engine"]
    (row,) = [e for e in page.all("tr") if "per million events" in e.text]
    assert row.text.split()[-5] == f"{each:,.1f}"


# --- what a run does not have -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(RunContent) if field.name != "run_id"])
def test_any_part_may_be_missing(undrawn, short, part):
    empty = getattr(RunContent(run_id="x"), part)
    page = Document(page_of(dataclasses.replace(short, **{part: empty})))
    assert page.sections[0] == "verdict"


@pytest.mark.parametrize("key", ["headline", "load", "latencies_ms", "decomposition_ms", "rows", "generator", "host"])
def test_any_part_of_the_summary_may_be_missing(undrawn, short, key):
    cut = {name: value for name, value in short.summary.items() if name != key}
    assert Document(page_of(dataclasses.replace(short, summary=cut))).sections[0] == "verdict"


def test_a_run_of_which_nothing_is_left_has_a_page_that_says_so():
    page = Document(page_of(RunContent(run_id="gone", problems=["config.json is damaged"])))
    assert page.sections == ["verdict"]
    assert "config.json is damaged" in page.one("verdict").text


def test_a_failed_run_says_in_which_phase_why_what_to_do_and_what_the_log_said():
    status = {
        "status": "failed",
        "phase": "ready",
        "error": "engine ended with exit code 1",
        "remedy": "look at its log",
        "log_tail": ["first line", "last line"],
    }
    page = Document(page_of(RunContent(run_id="x", status=status)))
    verdict = " ".join(page.one("verdict").text.split())
    assert "failed" in verdict
    assert "in phase ready: engine ended with exit code 1" in verdict
    assert "look at its log" in verdict
    assert page.all("pre")[0].text == "first line\nlast line\n"


def test_an_invalid_run_names_every_reason_and_warning_and_has_no_headline(summary, undrawn):
    verdict = {
        "verdict": "invalid",
        "reasons": [
            {"code": "rows_wrong", "party": "engine", "text": "3 rows hold a wrong value"},
            {"code": "sent_early", "party": "generator", "text": "2 events were sent before they were due"},
        ],
        "warnings": ["2.5% of CPU time was stolen", "7 rows are repeated"],
    }
    page = Document(page_of(RunContent(run_id="x", summary={**summary, "verdict": verdict, "headline": None})))
    text = page.one("verdict").text
    for words in ("invalid", "3 rows hold", "rows_wrong", "sent before they were due", "was stolen", "are repeated"):
        assert words in text
    assert "excess_ms P90" not in page.one("headline").text


def test_of_a_run_in_transactions_visible_time_is_drawn_and_strong_with_the_interval_that_belongs_to_it(short):
    summary = copy.deepcopy(dict(short.summary))
    summary["headline"] |= {"name": "visible_excess_ms"}
    summary["latencies_ms"]["visible_excess"] = summary["latencies_ms"]["excess"]
    latencies = {**short.latencies_ms, "visible_excess": short.latencies_ms["excess"] + 5_000}
    bare = dataclasses.replace(
        short, load={}, host={}, progress=None, phases=(), summary=summary, latencies_ms=latencies
    )
    page = Document(page_of(bare))
    (label,) = [e.attributes["aria-label"] for e in page.all("svg") if "Share of rows" in e.attributes["aria-label"]][
        :1
    ]
    assert "visible_excess_ms of 500 rows" in label
    strong = [
        e.text.split()[0] for e in page.all("tr") if "strong" in e.attributes.get("class", "") and "_ms" in e.text
    ]
    assert strong == ["visible_excess_ms"]
    assert "plot-windows" in [e.attributes["id"] for e in page.all("figure")]


# --- text from outside ------------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</style></title></svg><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}{0}$ & &lt;",
    "]]><!-- --><!DOCTYPE x>",
    "\x00\x1b[2J\u202e\ud800\r\n",
]


def words_of_others(summary, text):
    """Return a run in which every text that may come from outside is `text`."""
    changed = copy.deepcopy(summary)
    changed["verdict"]["reasons"] = [{"code": text, "party": text, "text": text}]
    changed["verdict"]["warnings"] = [text]
    changed["load"]["arrivals"] = text
    changed["engine"] |= {"name": text, "settings": {f"a{text}": text}}
    changed["arrivals"]["reasons"] = {"dispersion": text}
    changed["steady_state"]["note"] = text
    return RunContent(
        run_id=text,
        summary=changed,
        status={"status": "failed", "phase": text, "error": text, "remedy": text, "log_tail": [text]},
        config={"engine": text, "spark_conf": {text: text}, "run_id": text},
        origins={"engine": text},
        environment={"cpu_model": text, text: {text: [text, [text]]}},
        problems=[text],
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_shown_as_text_and_cannot_break_out(summary, undrawn, text):
    page = Document(page_of(words_of_others(summary, text)))
    assert page.tags == Document(page_of(words_of_others(summary, "harmless"))).tags
    assert not any(name.startswith("on") for e in page.elements for name in e.attributes)
    if text.isprintable():
        assert page.all("h1")[0].text == text


@given(text=st.text(min_size=1))
def test_no_text_at_all_changes_the_structure_of_a_page(summary, text):
    found = Document(page_of(dataclasses.replace(words_of_others(summary, text), summary={})))
    harmless = Document(page_of(dataclasses.replace(words_of_others(summary, "x"), summary={})))
    assert found.tags == harmless.tags
    assert not any("\x00" <= c < " " and c != "\n" for e in found.elements for c in e.text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_drawing_with_a_hostile_label_is_a_drawing_like_any_other(text):
    def drawn(name):
        found = RunContent(run_id="x", phases=[Span(name=name, start_ns=0, end_ns=10**9)])
        return Document(drawing(time_plots.phase_bars(found)))

    assert drawn(text).tags == drawn("harmless").tags
