import pytest

from config import Config
from tests.recorded.document import Document
from tests.unit.test_capacity_content import content, found, record
from windowbench.capacity.outcome import Outcome
from windowbench.report.capacity_document import capacity_document
from windowbench.report.page import html_page


def rendered(*records, result=None, **fields):
    circumstances = {"seconds": 600.0, "environment": {"cpu_model": "A CPU"}, "config": Config().flat(), "origins": {}}
    return html_page(capacity_document({**content(*records, result=result), **circumstances, **fields}))


def page(*records, **fields):
    return Document(rendered(*records, **fields))


def test_the_page_holds_the_answer_every_probe_and_what_it_was_found_with():
    shown = page(record(1), record(2, 50_000.0, Outcome.UNSUSTAINABLE, "the excess grows"), record(3, full=True))
    assert shown.sections == ["verdict", "probes", "configuration", "environment"]
    top = shown.one("verdict").text
    assert "confirmed" in top
    assert "spark: 47,300 events/s sustained (a full run confirmed it)" in top
    assert "2 probes and 1 full run in 10.0 minutes" in top
    assert len(shown.one("probes").text.split("sustainable (full run)")) == 2
    assert "2: the excess grows" in shown.one("probes").text
    assert "A CPU" in shown.one("environment").text


@pytest.mark.parametrize(
    ("result", "tone", "word"),
    [
        pytest.param(found(), "good", "confirmed", id="confirmed"),
        pytest.param(found(confirmed=False), "warn", "not confirmed", id="by probes alone"),
        pytest.param(found(rate=None, confirmed=False, bound=100.0), "bad", "no rate", id="nothing passed"),
    ],
)
def test_the_verdict_says_whether_there_is_a_rate_and_how_sure_it_is(result, tone, word):
    shown = page(result=result)
    (verdict,) = [e for e in shown.elements if e.attributes.get("class") == f"verdict {tone}"]
    assert word in [element.text for element in shown.all("strong")]
    assert verdict.text.strip()


def test_a_bracket_wider_than_asked_for_is_a_warning():
    assert "wider than asked for" in page(result=found(converged=False)).one("verdict").text
    assert "wider than asked for" not in page().one("verdict").text


def test_words_of_an_engine_are_shown_and_never_obeyed():
    shown = page(record(1, outcome=Outcome.UNSUSTAINABLE, words="<script>alert(1)</script>"))
    assert shown.all("script") == []
    assert "<script>alert(1)</script>" in shown.one("probes").text
