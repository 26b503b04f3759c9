"""Reports in a real browser: drawn, silent, without a request, in both colour schemes, on a phone and on paper."""

import pytest

from tests.integration.browser import Browser, contrast
from tests.recorded.comparison_content import compared_runs, comparison_content
from tests.recorded.document import hour_of_samples
from tests.recorded.test_capacity_page import rendered as capacity_page
from tests.unit.synthetic_run import synthetic_run
from tests.unit.test_capacity_content import record
from windowbench.capacity.outcome import Outcome
from windowbench.judge.judgement import evaluate
from windowbench.report.comparison_document import comparison_document
from windowbench.report.content import RunContent
from windowbench.report.page import html_page
from windowbench.report.run_document import run_document
from windowbench.runs.files.codec import as_json

pytestmark = pytest.mark.all

DRAWINGS = """
return [...document.querySelectorAll("figure")].map(figure => {
  const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const shapes = [...svg.querySelectorAll("path, use")].filter(e => !e.closest("defs"));
  const drawn = shapes.filter(e => { const b = e.getBBox(); return b.width > 0 || b.height > 0; });
  return {name: figure.id, width: box.width, height: box.height, drawn: drawn.length,
          words: svg.querySelectorAll("text").length};
});
"""
WIDEST = """
return Math.max(...[...document.querySelectorAll("body *")]
  .filter(e => !e.closest(".scroll") && !e.closest("svg")).map(e => e.getBoundingClientRect().right));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write a run of an hour, one that failed, a comparison and a search for a capacity."""
    directory = tmp_path_factory.mktemp("pages")
    run = synthetic_run(data_generator="mmpp", mmpp_sojourn_seconds=(2.0, 1.0), duration_seconds=62.0)
    summary = as_json(evaluate(run.write(directory)).summary)
    words = "<script>document.title = 'broken'</script>" * 3
    failed = RunContent(
        run_id="x" * 300,
        status={"status": "failed", "phase": "ready", "error": words, "log_tail": [words, "y" * 2_000]},
        environment={"cpu_model": "z" * 500},
    )
    content = comparison_content("a rather long name of an arm," + "x" * 80)
    made = {
        "run": html_page(run_document(hour_of_samples(summary, rows=20_000))),
        "failed": html_page(run_document(failed)),
        "comparison": html_page(comparison_document(content, compared_runs(content, summary))),
        "capacity": capacity_page(record(1), record(2, 50_000.0, Outcome.UNSUSTAINABLE, words), record(3, full=True)),
    }
    for name, html in made.items():
        (directory / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: directory / f"{name}.html" for name in made}


@pytest.fixture(params=["run", "failed", "comparison", "capacity"])
def page(request, pages):
    return pages[request.param]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_a_word_on_the_console_and_asks_nobody_for_anything(browser, page, scheme):
    browser.console()
    browser.requests()
    browser.open(page, scheme=scheme)
    assert browser.console() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.ask("return document.title").endswith("windowbench")


@pytest.mark.parametrize(("page", "plots"), [("run", 13), ("comparison", 8), ("capacity", 1)])
def test_every_plot_is_drawn(browser, pages, page, plots):
    browser.open(pages[page])
    drawings = browser.ask(DRAWINGS)
    assert len(drawings) == plots
    for drawing in drawings:
        assert drawing["width"] > 200, drawing
        assert drawing["height"] > 80, drawing
        assert drawing["drawn"] > 5, drawing
        assert drawing["words"] > 3, drawing


@pytest.mark.parametrize(
    ("page", "some"),
    [
        ("run", {"latency", "windows", "load", "engine", "resources", "configuration", "environment"}),
        ("comparison", {"ranking", "differences", "latency", "windows", "resources", "parity", "runs"}),
        ("capacity", {"probes", "configuration", "environment"}),
    ],
)
def test_every_section_is_there_and_can_be_reached_from_the_top(browser, pages, page, some):
    browser.open(pages[page])
    tops = browser.ask(
        "return [...document.querySelectorAll('main > section')].map(e => e.getBoundingClientRect().top)"
    )
    names = browser.ask("return [...document.querySelectorAll('main > section')].map(e => e.id)")
    linked = browser.ask("return [...document.querySelectorAll('nav a')].map(e => e.hash.slice(1))")
    assert tops == sorted(tops)
    assert names == ["verdict", *linked]
    assert some <= set(linked)


@pytest.mark.parametrize(("page", "plot"), [("run", "plot-cdf"), ("comparison", "plot-cdf-excess")])
def test_both_colour_schemes_can_be_read_and_plots_follow_them(browser, pages, page, plot):
    seen = {}
    for scheme in ("light", "dark"):
        browser.open(pages[page], scheme=scheme)
        paper = browser.colour("body", "backgroundColor")
        for selector in ("h1", ".subtitle", ".note", "td", ".word strong", ".legend"):
            assert contrast(browser.colour(selector, "color"), paper) >= 4.5, (scheme, selector)
        assert contrast(browser.colour(f"#{plot} svg text", "fill"), paper) >= 4.5
        line = browser.colour(f"#{plot} svg path[style*='stroke: var(--c1)']", "stroke")
        assert contrast(line, paper) >= 3
        seen[scheme] = (paper, line)
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] != seen["dark"][1]
    assert contrast(seen["light"][0], seen["dark"][0]) > 10


def test_a_phone_shows_a_page_without_scrolling_it_sideways(browser, page):
    browser.open(page, width=375)
    assert browser.ask("return document.documentElement.scrollWidth") <= 375
    assert browser.ask(WIDEST) <= 375


def test_paper_is_white_whatever_the_screen_is_and_nothing_on_it_needs_scrolling(browser, pages):
    browser.open(pages["run"], scheme="dark", media="print")
    assert browser.colour("body", "backgroundColor") == (255, 255, 255)
    assert browser.colour("h1", "color") == (0, 0, 0)
    assert browser.ask("return getComputedStyle(document.querySelector('nav')).display") == "none"
    overflows = browser.ask("return [...document.querySelectorAll('.scroll')].map(e => getComputedStyle(e).overflowX)")
    assert set(overflows) == {"visible"}
