import xml.etree.ElementTree as ET

import pytest

from tests.unit.test_capacity_content import content, found, record
from windowbench.capacity.outcome import Outcome
from windowbench.report.capacity_plot import alternative, latency_against_load
from windowbench.report.drawing import draw

ALL = [record(n, 10_000.0 * (n + 1), outcome, full=n == 0) for n, outcome in enumerate(Outcome)]


def drawn(plot):
    return draw(plot)


def texts(plot):
    return {
        "".join(node.itertext()).strip() for node in ET.fromstring(drawn(plot)).iter() if node.tag.endswith("}text")
    }


def legend(plot):
    return {key.label for key in plot.legend}


def test_the_legend_names_the_rate_its_bound_the_objective_and_every_outcome():
    plot = latency_against_load(content(*ALL, objectives=["excess_p90_ms<=1500", "e2e_max_ms<9000"]))
    own = {"sustained: 47,300 events/s", "uncertainty", "SLO: P90 1,500.0 ms"}
    assert legend(plot) == {*map(str, Outcome), *own}
    assert {"offered load, events/s", "excess_ms P90, ms", "20,000"} <= texts(plot)
    assert plot.note == "Each mark is a run; a large one is a full run."


def test_every_outcome_has_a_colour_and_a_mark_of_its_own():
    plot = latency_against_load(content(*ALL))
    dots = [key.colour for key in plot.legend if key.mark == "dot"]
    assert len(set(dots)) == len(dots) == len(Outcome)


def test_only_outcomes_that_occurred_are_in_the_legend():
    plot = latency_against_load(content(record(1), record(2, 50_000.0, verdict="unknown")))
    assert legend(plot) == {"sustainable", "sustained: 47,300 events/s", "uncertainty"}


def test_equal_contents_give_equal_bytes():
    assert drawn(latency_against_load(content(*ALL))) == drawn(latency_against_load(content(*ALL)))


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        pytest.param(found(rate=None, confirmed=False, bound=100.0), set(), id="no rate passed"),
        pytest.param(found(bound=None, limited_by=None), {"sustained: at least 47,300 events/s"}, id="no rate failed"),
        pytest.param(
            found(rate=None, confirmed=False, bound=None, limited_by=None), set(), id="nothing was tried to its end"
        ),
    ],
)
def test_there_is_a_plot_whatever_was_found(result, shown):
    plot = latency_against_load(content(record(verdict="unknown"), result=result))
    assert "excess_ms P90, ms" in texts(plot)
    assert legend(plot) == shown


def test_who_cannot_see_the_plot_hears_every_probe():
    kept = content(record(1), record(2, 50_000.0, Outcome.UNSUSTAINABLE, verdict="invalid"))
    said = alternative(kept)
    assert "probe at 47,300 events/s: sustainable, P90 1,500.0 ms" in said
    assert "probe at 50,000 events/s: unsustainable, P90 –" in said
    assert ET.fromstring(drawn(latency_against_load(kept))).get("aria-label") == said
