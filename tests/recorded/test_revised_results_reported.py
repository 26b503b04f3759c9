"""What text and page of a run say whose results late events revise."""

import copy

import pytest

from tests.recorded.document import hour_of_samples, page_of, text_of
from tests.unit.synthetic_run import synthetic_run
from windowbench.judge.judgement import evaluate
from windowbench.report.terminal import WIDTH
from windowbench.runs.files.codec import as_json


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    run = synthetic_run(duration_seconds=70.0, rate=40.0)
    return as_json(evaluate(run.write(tmp_path_factory.mktemp("run"))).summary)


@pytest.fixture(scope="module")
def revised(plain):
    """Return the summary with what a run has beside it whose results are revised."""
    summary = copy.deepcopy(plain)
    for name, of in (("first_excess", "excess"), ("first_since_window_end", "since_window_end")):
        for part in ("latencies_ms", "window_maxima_ms"):
            summary[part][name] = copy.deepcopy(summary[part][of])
        summary["latencies_ms"][name]["p90"] = 77.0
    summary["revisions"] = {"results": 105, "revised": 12, "revisions": 17, "most": 3}
    summary["rows"]["intermediate"] = 31
    return summary


def test_the_text_has_the_latencies_of_first_values_and_says_how_much_was_revised(plain, revised):
    text = text_of(revised, long=True)
    said = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "first_excess_ms append time of the first value - earliest possible emission of its window" in said
    assert "excess_ms append time of the final value - earliest possible emission of its window or" in said
    assert "late events revised 12 of 105 results in 17 rows, one of them 3 times" in said
    assert "31 values before the final one" in said
    assert "105 final values and 105 values in all of 35 measured windows" in said
    for words in ("first_excess_ms", "revised", "final value"):
        assert words not in text_of(plain, long=True)


def test_the_page_names_the_workload_and_shows_the_latency_of_first_values(plain, revised):
    page = page_of(hour_of_samples(revised))
    assert "workload ad_ctr" in page
    assert "first_excess_ms P90" in page
    assert "12 of 105 results in 17 rows, one of them 3 times" in " ".join(page.split())
    assert "first_excess_ms" not in page_of(hour_of_samples(plain))
