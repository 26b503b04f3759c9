import xml.etree.ElementTree as ET

import pytest

from tests.unit.test_capacity_content import content, found, record
from windowbench.capacity.outcome import Outcome
from windowbench.reports.capacity_plot import alternative, draw_capacity

ALL = [record(n, 10_000.0 * (n + 1), outcome, full=n == 0) for n, outcome in enumerate(Outcome)]


def texts(svg):
    return {"".join(node.itertext()).strip() for node in ET.fromstring(svg).iter() if node.tag.endswith("}text")}


def test_the_plot_is_a_document_with_the_rate_its_bound_and_every_outcome_named():
    shown = texts(draw_capacity(content(*ALL, objectives=["excess_p90_ms<=1500", "e2e_max_ms<9000"])))
    assert {str(outcome) for outcome in Outcome if outcome is not Outcome.SUSTAINABLE} <= shown
    assert {"sustained: 47,300 events/s", "uncertainty", "sustainable (full run)", "SLO: P90 1,500 ms"} <= shown
    assert "offered load, events/s" in shown


def test_equal_contents_give_equal_bytes():
    assert draw_capacity(content(*ALL)) == draw_capacity(content(*ALL))


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(found(rate=None, confirmed=False, bound=100.0), id="no rate passed"),
        pytest.param(found(bound=None, limited_by=None), id="no rate failed"),
        pytest.param(found(rate=None, confirmed=False, bound=None, limited_by=None), id="nothing was tried"),
    ],
)
def test_there_is_a_plot_whatever_was_found(result):
    assert "excess P90, ms" in texts(draw_capacity(content(record(verdict="unknown"), result=result)))


def test_who_cannot_see_the_plot_hears_every_probe():
    said = alternative(content(record(1), record(2, 50_000.0, Outcome.UNSUSTAINABLE, verdict="invalid")))
    assert said.startswith("spark: 47,300 events/s sustained")
    assert "probe at 47,300 events/s: sustainable, excess P90 1,500 ms" in said
    assert "probe at 50,000 events/s: unsustainable, excess P90 unknown" in said
    assert said in ET.fromstring(
        draw_capacity(content(record(1), record(2, 50_000.0, Outcome.UNSUSTAINABLE, verdict="invalid")))
    ).get("aria-label")
