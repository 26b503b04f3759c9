"""Truths of several types of rows as one: numbers of cells and windows, and rows judged by the truth of their type."""

import dataclasses
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.comparison import NO_CELL, RowClass, ValueJudgement, compare
from windowbench.judge.truth.rows import ResultRows
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.joined import ListedCells, ListedWindows, joined_truth, joined_windows
from windowbench.workloads.kit.row_types import RowType
from windowbench.workloads.kit.typed_rows import TypedRows, text_codes

ROWS = TypedRows(
    (
        RowType(name="all", integers=("count",)),
        RowType(name="of_town", key="town", integers=("count",), texts=("town",)),
        RowType(name="visit", key="user", integers=("user", "count")),
    )
)
OWN = WindowAssigner(size_ms=100, slide_ms=100, base_ms=1000)
TOWNS = ("Bath", "Ely", "Rye")
VISITS = ((1005, 1061, 7), (1005, 1100, 8), (1111, 1201, 7))


def fixed(assigner, first_id, count):
    return ClosingTimes(
        assigner=assigner,
        first_id=first_id,
        closing_ns=np.arange(count, dtype=np.int64),
        by_end=np.zeros(count, dtype=np.bool_),
        partition_wait_ns=np.zeros(count, dtype=np.int64),
    )


def listed():
    starts, ends, users = np.array(VISITS, dtype=np.int64).T
    none = np.zeros(len(VISITS), dtype=np.int64)
    windows = ListedWindows(
        ids=none, starts_ms=starts, ends_ms=ends, closing_ns=none, by_end=none > 0, partition_wait_ns=none
    )
    return ListedCells(closing=windows, keys=users)


@dataclasses.dataclass(frozen=True)
class Counted:
    """A truth of counts: each cell has its number, and 100 for each part before it."""

    cells: object
    part: int

    settled = True

    @property
    def _all(self):
        return np.arange(self.cells.count, dtype=np.int64) + 100 * self.part

    greatest_produce_ms = earliest_ns = last_due_ns = last_sent_ns = _all

    @property
    def required(self):
        return np.ones(self.cells.count, dtype=np.bool_)

    possible = required

    @property
    def absence_explained(self):
        return np.zeros(self.cells.count, dtype=np.bool_)

    def judge(self, rows, index, cells):
        right = rows.integers["count"][index] == self._all[cells]
        no = np.zeros(len(cells), dtype=np.bool_)
        return ValueJudgement(
            right=right, partial=no, events=rows.integers["count"][index], undecidable=no, explained=no
        )


def truth():
    wide = WindowAssigner(size_ms=200, slide_ms=100, base_ms=1000)
    names = text_codes(TOWNS)
    return joined_truth(
        OWN,
        [
            Counted(Cells(closing=fixed(OWN, 0, 2), keys=1, column="key"), 0),
            Counted(Cells(closing=fixed(wide, -1, 3), keys=3, column="key", names=names), 1),
            Counted(listed(), 2),
        ],
    )


def row(metric, start, count, **key):
    common = {"run_id": "r", "window_end": start + 100, "max_produce_time": 0}
    return {**common, "metric": metric, "window_start": start, "count": count, **key}


RIGHT = [
    *(row("all", 1000 + 100 * n, n) for n in range(2)),
    *(
        row("of_town", 900 + 100 * (n // 3), 100 + n, town=TOWNS[n % 3])
        for n in range(9)
    ),
    *(row("visit", start, 200 + n, user=user) for n, (start, _, user) in enumerate(VISITS)),
]  # fmt: skip


def compared(rows):
    n = len(rows)
    results = ResultRows(
        parsed=ROWS.parse([json.dumps(row).encode() for row in rows], "r"),
        partition=np.zeros(n, dtype=np.int32),
        offset=np.arange(n, dtype=np.int64),
        append_ms=np.arange(n, dtype=np.int64),
        timestamp_type=np.ones(n, dtype=np.int8),
    )
    return compare(results, truth())


@given(st.permutations(range(len(RIGHT))))
def test_every_row_belongs_to_a_cell_of_its_own_in_whatever_order_they_come(order):
    found = compared([RIGHT[place] for place in order])
    assert found.cells.tolist() == list(order)
    assert set(found.classes.tolist()) == {RowClass.EXACT}
    assert len(found.missing) == 0


def test_a_row_is_judged_by_the_truth_of_its_type():
    rows = [*RIGHT]
    rows[0] = {**rows[0], "count": 100}  # right for the first cell of the second type
    found = compared(rows)
    assert found.classes.tolist() == [RowClass.WRONG_VALUE, *[RowClass.EXACT] * (len(rows) - 1)]


def test_what_is_not_there_is_missing_and_what_should_not_be_is_unexpected():
    strangers = [
        row("all", 1200, 0),
        row("of_town", 900, 0, town="Deal"),
        row("visit", 1005, 0, user=9),
        row("visit", 1006, 0, user=7),
        row("else", 1000, 0),
    ]
    found = compared([*RIGHT[1:], *strangers])
    assert found.missing.tolist() == [0]
    assert found.classes[-5:].tolist() == [*[RowClass.UNEXPECTED] * 4, RowClass.MALFORMED]


def test_windows_and_keys_are_those_of_the_parts():
    cells = truth().cells
    every = np.arange(cells.count)
    assert cells.count == len(RIGHT)
    assert cells.window_index(every).tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 7]
    assert cells.closing.starts_ms[cells.window_index(every)].tolist() == [row["window_start"] for row in RIGHT]
    assert cells.keys_of(np.array([NO_CELL, 1, 2, 11])).tolist() == [NO_CELL, 0, text_codes(TOWNS)[0], 7]
    assert cells.live_keys(every) == [ROWS.live_row(row).key for row in RIGHT]
    assert cells.window_metrics(ROWS.metrics) == ["all"] * 2 + ["of_town"] * 3 + ["visit"] * 3
    assert [part.tolist() for part in cells.split(every)] == [[0, 1], list(range(2, 11)), [11, 12, 13]]
    assert cells.part_of(np.array([NO_CELL, 0, 2, 13])).tolist() == [-1, 0, 1, 2]


def test_a_window_goes_by_the_own_window_in_whose_last_slide_it_ends():
    sliding = WindowAssigner(size_ms=200, slide_ms=50, base_ms=1000)
    ends = np.array([1150, 1151, 1200, 1201, 1249, 1250, 1251, 900], dtype=np.int64)
    windows = dataclasses.replace(listed().closing, ends_ms=ends)
    joined = joined_windows(sliding, (windows, fixed(sliding, -2, 4)))
    assert joined.ids[:8].tolist() == [-1, 0, 0, 1, 1, 1, 2, -6]
    assert joined.ids[8:].tolist() == [-2, -1, 0, 1]  # own windows keep their ids


def test_parts_without_any_cell_take_no_part():
    nothing = np.empty(0, dtype=np.int64)
    windows = ListedWindows(
        ids=nothing, starts_ms=nothing, ends_ms=nothing, closing_ns=nothing, by_end=nothing > 0,
        partition_wait_ns=nothing,
    )  # fmt: skip
    empty = Counted(ListedCells(closing=windows, keys=nothing), 0)
    alone = joined_truth(OWN, [empty, Counted(listed(), 1)])
    assert alone.cells.count == 3
    assert alone.cells.window_index(np.arange(3)).tolist() == [0, 1, 2]
    assert alone.least_events(np.arange(3)).tolist() == [1, 1, 1]
