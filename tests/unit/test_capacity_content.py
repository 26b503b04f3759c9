import json

import jsonschema
import pytest

from benchmarks import capacity as bench
from tests.unit.test_capacity_outcome import LATE, summary
from windowbench.capacity.content import exit_code_of, figures_of
from windowbench.errors import ExitCode
from windowbench.report.capacity_document import answer, capacity_document, probe_line
from windowbench.report.capacity_plot import latency_against_load
from windowbench.report.markdown import markdown_text
from windowbench.report.terminal import WIDTH, plain, terminal_text
from windowbench.runs.files.capacity import Capacity, Found, Outcome, Plan, ProbeRecord
from windowbench.runs.files.codec import as_json, from_json
from windowbench.runs.files.summary import NotJudged
from windowbench.runs.files.verdict import Status, Verdict
from windowbench.runs.schemas import schema_of


def found(**fields):
    values = {
        "rate": 47_300.0,
        "confirmed": True,
        "bound": 48_700.0,
        "limited_by": Outcome.UNSUSTAINABLE,
        "converged": True,
    }
    return Found.of(**{**values, **fields})


def record(number=1, rate=47_300.0, outcome=Outcome.SUSTAINABLE, words="", full=False, **figures):
    return ProbeRecord(
        number=number,
        rate=rate,
        full=full,
        why="bisect",
        outcome=outcome,
        words=words,
        throughput=None,
        seconds=44.0,
        run=f"probes/x-{number:02d}",
        **(figures or figures_of(summary())),
    )


def content(*records, result=None, objectives=(), headline="excess"):
    capacity = Capacity(
        name="x",
        status="completed",
        error=None,
        engine="spark",
        headline=headline,
        objectives=tuple(objectives),
        plan=Plan(start=10_000.0),
        time_limit_s=600.0,
        seconds=500.0,
        environment={},
        config={},
        origins={},
        found=result or found(),
        probes=records or (record(),),
    )
    return json.loads(json.dumps(as_json(capacity)))


@pytest.mark.parametrize(
    ("result", "code"),
    [
        pytest.param(found(), ExitCode.OK, id="confirmed"),
        pytest.param(found(limited_by=Outcome.GENERATOR_SATURATED), ExitCode.OK, id="confirmed, by the generator"),
        pytest.param(found(confirmed=False), ExitCode.VERDICT_UNKNOWN, id="not confirmed"),
        pytest.param(found(rate=None, confirmed=False), ExitCode.UNSUSTAINABLE, id="nothing sustainable"),
        pytest.param(
            found(rate=None, confirmed=False, limited_by=Outcome.OBJECTIVE_MISSED),
            ExitCode.THRESHOLD_MISSED,
            id="nothing within the objectives",
        ),
        pytest.param(
            found(rate=None, confirmed=False, limited_by=Outcome.INCONCLUSIVE), ExitCode.VERDICT_UNKNOWN, id="disturbed"
        ),
        *(
            pytest.param(found(rate=None, confirmed=False, limited_by=o), ExitCode.RUN_INVALID, id=str(o))
            for o in (Outcome.GENERATOR_SATURATED, Outcome.BROKER_SATURATED, Outcome.INEXACT)
        ),
        pytest.param(
            found(rate=None, confirmed=False, bound=None, limited_by=None), ExitCode.VERDICT_UNKNOWN, id="no time"
        ),
    ],
)
def test_exit_codes(result, code):
    assert exit_code_of(result) is code


@pytest.mark.parametrize(
    ("result", "text"),
    [
        pytest.param(
            found(),
            "spark: 47,300 events/s sustained (a full run confirmed it); 48,700 events/s, 3.0 % more, was not:"
            " unsustainable.",
            id="the engine's limit with its bracket",
        ),
        pytest.param(
            found(limited_by=Outcome.GENERATOR_SATURATED),
            "spark: at least 47,300 events/s sustained (a full run confirmed it); at 48,700 events/s the load generator"
            " saturates first; the engine's own limit was not reached.",
            id="the generator's limit is not the engine's",
        ),
        pytest.param(
            found(limited_by=Outcome.BROKER_SATURATED, confirmed=False),
            "spark: at least 47,300 events/s sustained (short probes only; no full run confirmed it); at 48,700"
            " events/s the broker saturates first; the engine's own limit was not reached.",
            id="nor is the broker's",
        ),
        pytest.param(
            found(bound=None, limited_by=None),
            "spark: at least 47,300 events/s sustained (a full run confirmed it); no higher rate was tried.",
            id="the highest rate allowed",
        ),
        pytest.param(
            found(rate=None, confirmed=False, bound=100.0),
            "spark: no rate was sustained; the lowest tried, 100 events/s, was not: unsustainable.",
            id="nothing",
        ),
        pytest.param(
            found(rate=None, confirmed=False, bound=None, limited_by=None),
            "spark: no rate was tried to its end.",
            id="no time for a single probe",
        ),
    ],
)
def test_the_answer_in_words(result, text):
    assert answer(content(result=result)) == text


LOWER = {"bound": None, "limited_by": None}


@pytest.mark.parametrize(
    ("fields", "rate"),
    [
        pytest.param({}, "47,300 events/s", id="the engine's own limit"),
        pytest.param({"limited_by": Outcome.GENERATOR_SATURATED}, "at least 47,300 events/s", id="generator"),
        pytest.param({"limited_by": Outcome.BROKER_SATURATED}, "at least 47,300 events/s", id="broker"),
        pytest.param({"limited_by": Outcome.INCONCLUSIVE}, "at least 47,300 events/s", id="disturbed"),
        pytest.param(LOWER, "at least 47,300 events/s", id="nothing above it was tried"),
    ],
)
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_lower_bound_is_called_that_wherever_it_is_printed(fields, rate, confirmed):
    kept = content(result=found(confirmed=confirmed, **fields))
    document = capacity_document(kept)
    assert kept["found"]["lower_bound"] is rate.startswith("at least")
    assert f"spark: {rate} sustained" in answer(kept)
    sure = "" if confirmed else ", not confirmed"
    assert (document.opening.headline.label, document.opening.headline.value) == (f"sustained{sure}", rate)
    assert f"sustained{sure}: {rate}" in {key.label for key in latency_against_load(kept).legend}
    for text in (terminal_text(document), markdown_text(document)):
        assert text.count("47,300 events/s") == text.count(rate)
    figure = bench.figures_of("spark", kept)[0]
    assert figure.value == rate.removesuffix(" events/s") + sure


def test_where_the_generator_gave_out_first_the_answer_says_who_had_the_cores():
    probe = record(2, 48_700.0, Outcome.GENERATOR_SATURATED, cores={"engine": 1.4, "broker": 0.3, "producers": 0.2})
    kept = content(record(), probe, result=found(limited_by=Outcome.GENERATOR_SATURATED))
    assert "the load generator saturates first (engine 1.40, broker 0.30, producers 0.20 cores)" in answer(kept)


def test_what_is_kept_is_json_and_comes_back_equal():
    kept = content(record(), record(2, full=True, outcome=Outcome.GENERATOR_SATURATED, words="late"))
    jsonschema.validate(kept, schema_of("capacity.json"))
    assert as_json(from_json(kept, Capacity)) == kept
    assert [probe["outcome"] for probe in kept["probes"]] == ["sustainable", "generator saturated"]
    assert kept["found"]["limited_by"] == "unsustainable"


def test_figures_of_a_run_that_could_not_be_judged_are_unknown_and_shown_as_such():
    unknown = NotJudged(schema_version=3, run_id="x", verdict=Verdict(verdict=Status.UNKNOWN))
    kept = record(**figures_of(unknown))
    assert kept.lateness_p99_ms is None
    assert "P90 - ms" in plain(probe_line(content(kept), 1))


def test_figures_are_those_of_the_run():
    figures = figures_of(summary(LATE))
    assert figures["verdict"] == "invalid"
    assert figures["latencies_ms"]["excess"].p90 == 1_500.0
    assert figures["ack_p99_ms"] == 20.0
    assert figures["growth_ms_per_s"] == 250.0
    assert figures["cores"]["broker"] == 0.4


def test_the_text_names_every_probe_its_reason_and_the_conditions_within_80_columns():
    kept = content(
        record(1, 1_000_000.0, Outcome.GENERATOR_SATURATED, "P99 of send lateness is 80 ms, above 50 ms"),
        record(2, full=True),
        objectives=["excess_p90_ms<=1500"],
        result=found(converged=False),
    )
    text = terminal_text(capacity_document(kept, directory="runs/x"))
    said = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "1: P99 of send lateness is 80 ms, above 50 ms" in said
    assert "results in time, excess_p90_ms<=1500" in said
    assert "the bracket is wider than asked for" in said
    assert "2 47,300 sustainable 1,500" in said
    assert "(full run)" in said
    assert text.splitlines()[-2:] == ["files in runs/x:", "  capacity.json, capacity.md, capacity.html"]


def test_the_markdown_is_one_table_with_as_many_cells_in_every_row():
    text = markdown_text(capacity_document(content(record(), record(2, full=True))))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert len({row.count("|") for row in rows}) == 1
    assert "sustainable (full run)" in rows[3]


def test_an_engine_that_updates_is_shown_by_the_latency_that_stands_for_it():
    figures = figures_of(summary(latencies_ms={"freshness": {"p90": 31.4}}))
    kept = content(record(**figures), headline="freshness")
    assert "P90 31 ms" in plain(probe_line(kept, 1))
    assert "Latency: freshness_ms" in terminal_text(capacity_document(kept))


def test_words_of_an_engine_stay_on_the_line_of_their_probe():
    assert "no \\x1b[2J\\x0aroom" in plain(probe_line(content(record(words="no \x1b[2J\nroom")), 1))
