"""What tests of whole runs forgive: that a machine was slow, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from config import Config
from tests.e2e.started import OF_SPEED, reasons_but_speed
from windowbench.judge.measures.steady_state import Slope
from windowbench.judge.verdict.generator import GeneratorFigures, TopicFigures
from windowbench.judge.verdict.host import ClockOffset, HostFigures
from windowbench.judge.verdict.verdict import (
    RowFigures,
    SustainFigures,
    decide,
    generator_reasons,
    host_reasons,
    row_reasons,
    sustain_reasons,
)

CONFIG = Config()
EXPLAINED = RowFigures(
    wrong=1, wrong_explained=1, missing=1, missing_explained=1, conflicting=1, conflicting_explained=1
)
GROWS = Slope(estimate=50.0, low=40.0, high=60.0, points=30)


def zero(figures, **fields):
    """Return figures of which all but those given are 0."""
    return figures(**({field.name: 0 for field in dataclasses.fields(figures)} | fields))


def of_a_slow_machine():
    """Return every reason that there is for a run in which all was right and late."""
    late = {"lateness_p99_ms": 60_000.0, "lateness_max_ms": 60_000.0}
    generator = zero(GeneratorFigures, scheduled=100, sent=100, scheduled_measured=100, sent_measured=50, **late)
    host = zero(HostFigures, steal=0.9, throttled=0.9, cpu_harness=2.0)
    return [
        *row_reasons(EXPLAINED, sent_early=False),
        *generator_reasons(generator, TopicFigures(acknowledged=100), CONFIG),
        *host_reasons(host, ClockOffset(bound_ns=10**9), CONFIG),
        *sustain_reasons(SustainFigures(slope=GROWS, results_lag_s=600.0)),
        *sustain_reasons(SustainFigures(slope=GROWS, slope_of="freshness")),
    ]


def test_the_reasons_of_a_slow_machine_are_the_ones_that_are_forgiven():
    reasons = of_a_slow_machine()
    assert {reason.code for reason in reasons} == OF_SPEED
    assert reasons_but_speed(decide(reasons, [], []).as_dict()) == []


@pytest.mark.parametrize(
    "count",
    [
        field.name
        for field in dataclasses.fields(RowFigures)
        if field.type == "int" and not field.name.endswith("_explained")
    ],
)
def test_no_row_that_counts_against_a_run_is_forgiven(count):
    told = row_reasons(RowFigures(**{count: 1}), sent_early=False)
    harmless = {"duplicate", "undecidable", "foreign"}
    assert [reason.code for reason in told if reason.code in OF_SPEED] == []
    assert len(reasons_but_speed(decide([*told, *of_a_slow_machine()], [], []).as_dict())) == len(told)
    assert told or count in harmless


@pytest.mark.parametrize("count", ["missing", "duplicated", "time_mismatch"])
def test_no_event_that_got_lost_or_came_twice_is_forgiven(count):
    told = generator_reasons(zero(GeneratorFigures), TopicFigures(**{count: 1}), CONFIG)
    assert reasons_but_speed(decide(told, [], []).as_dict())


def test_a_load_that_was_sent_early_is_not_forgiven():
    told = generator_reasons(zero(GeneratorFigures, early=1), TopicFigures(), CONFIG)
    assert reasons_but_speed(decide(told, [], []).as_dict())
