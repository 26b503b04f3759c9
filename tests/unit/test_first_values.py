"""When first values came that late events revise, and how often each was revised."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.first_values import find_first_values
from windowbench.judge.measured import Phase
from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.rows import ParsedRows, ResultRows
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.judge.updates import Updates
from windowbench.judge.verdict.host import ClockOffset
from windowbench.workloads.kit.cells import Cells

MS = 1_000_000
WINDOWS, KEYS, SIZE_MS, CLOSES_AFTER_MS = 3, 2, 1_000, 300


def truth():
    """Return what is asked of a truth: windows of a second from 0 on that close 300 ms after their end."""
    closing = ClosingTimes(
        assigner=WindowAssigner(size_ms=SIZE_MS, slide_ms=SIZE_MS, base_ms=0),
        first_id=0,
        closing_ns=(np.arange(1, WINDOWS + 1) * SIZE_MS + CLOSES_AFTER_MS) * MS,
        by_end=np.zeros(WINDOWS, dtype=np.bool_),
        partition_wait_ns=np.zeros(WINDOWS, dtype=np.int64),
    )
    earliest = closing.closing_ns[np.arange(WINDOWS * KEYS) // KEYS]
    return SimpleNamespace(cells=Cells(closing=closing, keys=KEYS, column="key"), first_earliest_ns=earliest)


def found(placed):
    """Return the first values among rows of (cell, ms since its window closes, whether it brings something new)."""
    cells = np.array([cell for cell, _, _ in placed], dtype=np.int64)
    appended = (cells // KEYS + 1) * SIZE_MS + CLOSES_AFTER_MS + np.array([after for _, after, _ in placed], dtype=int)
    new = np.flatnonzero([new for _, _, new in placed]).astype(np.int64)
    rows = ResultRows(
        parsed=ParsedRows.concatenated([], (), ()),
        partition=np.zeros(len(placed), dtype=np.int32),
        offset=np.arange(len(placed), dtype=np.int64),
        append_ms=appended.astype(np.int64),
        timestamp_type=np.ones(len(placed), dtype=np.int8),
    )
    phases = np.array([Phase.WARM_UP, Phase.MEASURED, Phase.MEASURED], dtype=np.int8)
    window = cells[new] // KEYS
    nothing = np.zeros(len(new), dtype=np.int64)
    updates = Updates(row=new, window=window, phase=phases[window], append_ns=nothing, newest_produce_ns=nothing)
    return find_first_values(rows, truth(), SimpleNamespace(cells=cells), updates, ClockOffset())


def test_the_first_row_of_each_result_counts_and_the_others_are_revisions():
    first = found([(2, 50, True), (3, 20, True), (2, 700, True), (2, 900, True), (0, 5, True)])
    assert first.row.tolist() == [4, 0, 1]
    assert first.excess.tolist() == [5 * MS, 50 * MS, 20 * MS]
    assert first.since_window_end.tolist() == [305 * MS, 350 * MS, 320 * MS]
    assert first.revisions.tolist() == [0, 2, 0]
    assert first.figures() == {"results": 2, "revised": 1, "revisions": 2, "most": 2}, "the warm-up takes no part"


def test_a_row_that_brought_nothing_new_is_neither_a_first_value_nor_a_revision():
    first = found([(2, 10, False), (2, 50, True), (2, 60, False)])
    assert (first.row.tolist(), first.revisions.tolist()) == ([1], [0])


def test_a_first_value_that_was_revised_and_came_before_its_window_can_close_is_impossible():
    assert found([(2, -3, True), (2, 100, True)]).too_early(0) == 1
    assert found([(2, -2, True), (2, 100, True)]).too_early(0) == 0, "that much is rounding"
    assert found([(2, -3, True)]).too_early(0) == 0
    assert found([]).too_early(0) == 0


@given(st.lists(st.tuples(st.integers(0, WINDOWS * KEYS - 1), st.integers(-50, 500), st.booleans()), max_size=30))
def test_first_values_equal_those_found_row_by_row(placed):
    earliest, counts = {}, {}
    for number, (cell, after, new) in enumerate(placed):
        if new:
            earliest[cell] = min(earliest.get(cell, (10**9, 0)), (after, number))
            counts[cell] = counts.get(cell, -1) + 1
    first = found(placed)
    assert first.row.tolist() == [earliest[cell][1] for cell in sorted(earliest)]
    assert first.excess.tolist() == [earliest[cell][0] * MS for cell in sorted(earliest)]
    assert first.revisions.tolist() == [counts[cell] for cell in sorted(earliest)]
