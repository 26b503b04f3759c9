"""What tests of whole runs forgive: that a machine was slow, and nothing else."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from config import Config
from tests.e2e.started import OF_SPEED, reasons_but_speed
from windowbench.judge.truth.comparison import RowClass
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.verdict import (
    RowFigures,
    SustainFigures,
    decide,
    generator_reasons,
    host_reasons,
    level_reasons,
    row_reasons,
    sustain_reasons,
)
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.figures import HostFigures, Slope
from windowbench.runs.files.load import GeneratorFigures

CONFIG = Config()
IN_ERROR = Counter([RowClass.WRONG_VALUE, RowClass.CONFLICTING])
EXPLAINED = RowFigures(counts=IN_ERROR, explained=IN_ERROR, missing=1, missing_explained=1)
GROWS = Slope(estimate=50.0, low=40.0, high=60.0, points=30)


def zero(figures, **fields):
    """Return figures of which all but those given are 0."""
    return figures(**({field.name: 0 for field in dataclasses.fields(figures)} | fields))


def of_a_slow_machine():
    """Return every reason that there is for a run in which all was right and late."""
    late = {"lateness_p99_ms": 60_000.0, "lateness_max_ms": 60_000.0}
    generator = zero(GeneratorFigures, scheduled=100, sent=100, scheduled_measured=100, sent_measured=50, **late)
    host = zero(HostFigures, steal=0.9, throttled=0.9, cpu_harness=2.0, longest_gap_s=60.0)
    return [
        *row_reasons(EXPLAINED, sent_early=False),
        *generator_reasons(generator, CONFIG),
        *host_reasons(host, ClockOffset(bound_ns=10**9), CONFIG),
        *level_reasons("excess", 5_001.0, 5_000.0),
        *sustain_reasons(SustainFigures(slope=GROWS, results_lag_s=600.0, limit_ms=5_000.0)),
        *sustain_reasons(SustainFigures(slope=GROWS, slope_of="freshness", limit_ms=5_000.0)),
    ]


def test_the_reasons_of_a_slow_machine_are_the_ones_that_are_forgiven():
    reasons = of_a_slow_machine()
    assert {reason.code for reason in reasons} == OF_SPEED
    assert reasons_but_speed(as_json(decide(reasons, [], []))) == []


@pytest.mark.parametrize("count", [*RowClass, "missing", "not_log_append_time"])
def test_no_row_that_counts_against_a_run_is_forgiven(count):
    figures = {"counts": Counter([count])} if isinstance(count, RowClass) else {count: 1}
    told = row_reasons(RowFigures(**figures), sent_early=False)
    on_the_way = {RowClass.EXACT, RowClass.INTERMEDIATE}
    harmless = on_the_way | {RowClass.DUPLICATE, RowClass.UNDECIDABLE, RowClass.FOREIGN}
    assert [reason.code for reason in told if reason.code in OF_SPEED] == []
    assert len(reasons_but_speed(as_json(decide([*told, *of_a_slow_machine()], [], [])))) == len(told)
    assert told or count in harmless


@pytest.mark.parametrize("count", ["missing", "duplicated", "time_mismatch"])
def test_no_event_that_got_lost_or_came_twice_is_forgiven(count):
    told = generator_reasons(zero(GeneratorFigures, **{count: 1}), CONFIG)
    assert reasons_but_speed(as_json(decide(told, [], [])))


def test_a_load_that_was_sent_early_is_not_forgiven():
    told = generator_reasons(zero(GeneratorFigures, early=1), CONFIG)
    assert reasons_but_speed(as_json(decide(told, [], [])))
