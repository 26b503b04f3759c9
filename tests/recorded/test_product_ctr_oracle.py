"""The truth of product_ctr against SQL over the same events, and the reference engine's rows against the truth."""

import duckdb
import numpy as np
import pytest

from tests.unit.any_load import MS, NOW_NS, events_of, judged, truth_of
from tests.unit.product_load import small_config
from windowbench.engines.reference.counts import PartialCounts
from windowbench.judge.truth.comparison import RowClass
from windowbench.load.schedule import END_EVENT_TIME_NS, plan
from windowbench.workloads.product_ctr import reference

SQL = """
with instants as (
    select *, event_time // 1000000 as ms from events
), members as (
    select e.*, ms // $size * $size as window_start from instants e
), windows as (
    select window_start,
           (select min(due) from instants where ms >= window_start + $size + $delay - 1) as closes,
           (select min(due) from instants where ms >= window_start + $size + $delay + $lateness - 1) as final
    from (select distinct window_start from members)
), judged as (
    select m.*, closes, (closes is null or due + 500 * 1000000 < closes) as in_first,
           (final is null or due + 500 * 1000000 < final) as must
    from members m join windows using (window_start)
)
select window_start, product_id,
       count(*) filter (in_first and event_kind = 0), count(*) filter (in_first and event_kind = 1),
       count(*) filter (must and event_kind = 0), count(*) filter (must and event_kind = 1), count(*) filter (not must),
       max(sent // 1000000) filter (must), min(due) filter (must), max(due) filter (must)
from judged group by window_start, product_id order by window_start, product_id
"""
LATE = {"too_late_share": 0.05, "late_guard_seconds": 2.0}
DISORDERED = {"out_of_order_share": 0.3, "out_of_order_extent_ms": 400}


CASES = [{}, LATE, {**LATE, **DISORDERED, "num_producers": 3}, {"revising_share": 0.0}]


@pytest.mark.parametrize("seed", [21, 22, 23, 24, 25])
@pytest.mark.parametrize("settings", CASES, ids=["revising", "too late", "disordered", "on time"])
def test_truth_equals_a_database_query_over_the_same_events(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS)
    truth = truth_of(config, schedule)
    connection = duckdb.connect()
    connection.register("coded", events_of(config, schedule))
    connection.execute("create table events as select * from coded")
    windows = config.windows
    parameters = {"size": windows.size_ms, "delay": windows.delay_ms, "lateness": config.workload.lateness_ms}
    expected = connection.execute(SQL, parameters).fetchall()
    starts = truth.cells.closing.starts_ms.tolist()
    assert len(expected) > 20
    for start, product, *first_and_must, late, produce, first_due, due in expected:
        cell = starts.index(start) * truth.cells.keys + product
        assert [*truth.first[:, cell].tolist(), *truth.tallied.must[:, cell].tolist()] == first_and_must
        assert truth.tallied.maybe[:, cell].sum() == late
        if produce is not None:
            assert (truth.greatest_produce_ms[cell], truth.last_due_ns[cell]) == (produce, due)
            assert truth.first_due_ns[cell] == first_due
    seen = {(start, product) for start, product, *_ in expected}
    cells = np.flatnonzero(truth.possible)
    assert set(truth.cells.live_keys(cells)) == seen


def reference_rows(config, schedule):
    """Return the rows of the reference engine that reads events one by one as they are sent, and when each came."""
    windows, counts = reference.QUERY.windows(config), PartialCounts(config.windows, 2)
    events = events_of(config, schedule)
    watermark, rows = -(2**63), []
    for i in np.argsort(events["sent"], kind="stable").tolist():
        sent_ms, time_ns = int(events["sent"][i]) // MS, int(events["event_time"][i])
        counts.add((int(events["event_kind"][i]), int(events["product_id"][i]), time_ns, sent_ms))
        watermark = max(watermark, time_ns // MS * MS - config.windows.delay_ms * MS)
        windows.add(counts.take())
        rows += [(sent_ms + 1, row) for row in windows.close(watermark)]
    rows += [(schedule.load_end_ns // MS + 5, row) for row in windows.close(END_EVENT_TIME_NS)]
    assert len(windows) == 0
    return rows


@pytest.mark.parametrize("seed", [31, 32, 33, 34, 35])
@pytest.mark.parametrize("settings", CASES, ids=["revising", "too late", "disordered", "on time"])
def test_the_reference_engine_agrees_on_a_mixed_load(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS)
    rows = reference_rows(config, schedule)
    truth, found = judged(config, rows, schedule)
    assert {RowClass(c) for c in found.classes} <= {RowClass.EXACT, RowClass.INTERMEDIATE}
    assert len(found.missing) == 0
    assert (found.row_of_cell[truth.required] >= 0).all()
    revised = max(row["revision"] for _, row in rows)
    assert (revised > 0) == (config.workload.revising_share > 0)


def test_a_revision_that_is_left_out_a_number_that_is_repeated_and_a_first_value_too_early_are_found():
    config = small_config(seed=41)
    schedule = plan(config, NOW_NS)
    rows = reference_rows(config, schedule)
    last = {(row["window_start"], row["product_id"]): i for i, (_, row) in enumerate(rows)}
    revised = [i for i in last.values() if rows[i][1]["revision"] > 0]
    without_last = [row for i, row in enumerate(rows) if i != revised[0]]
    _, found = judged(config, without_last, schedule)
    assert len(found.missing) == 1
    renumbered = [(at, {**row, "revision": 0} if i == revised[0] else row) for i, (at, row) in enumerate(rows)]
    _, found = judged(config, renumbered, schedule)
    assert found.count(RowClass.WRONG_VALUE) == 1
