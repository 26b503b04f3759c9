"""Row classes where late events revise a result."""

import dataclasses

import numpy as np
import pytest

from tests.unit.test_comparison import fields, rows_of, truth_of
from windowbench.judge.truth.comparison import NO_ROW, RowClass, compare
from windowbench.judge.truth.revisions import revised_rows
from windowbench.judge.truth.rows import ResultRows

EXACT, INTERMEDIATE, WRONG = RowClass.EXACT, RowClass.INTERMEDIATE, RowClass.WRONG_VALUE
DUPLICATE, CONFLICTING, BACKWARDS = RowClass.DUPLICATE, RowClass.CONFLICTING, RowClass.BACKWARDS
LEAST_IN_TIME = 2
"""Of the five events of cell 0, so many had to be in time; the others revise."""


class Truth:
    """Four views and a click in cell 0 and one view in cell 1; three events of cell 0 may come as revisions."""

    def __init__(self):
        self._whole = truth_of([[4, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0] * 6])

    def __getattr__(self, name):
        return getattr(self._whole, name)

    def judge(self, rows, index, cells):
        judged = self._whole.judge(rows, index, cells)
        first = (judged.events >= LEAST_IN_TIME) | (cells != 0)
        return dataclasses.replace(judged, first=first)


def row(views, clicks, revision, cell=0, time=None):
    final = (views, clicks) == (4, 1) or cell == 1
    return fields(cell, views, clicks, 0, time=time if time is not None else cell if final else -1), revision


def compared(*rows):
    found = rows_of([values for values, _ in rows])
    numbers = np.array([number for _, number in rows], dtype=np.int64)
    parsed = dataclasses.replace(found.parsed, integers={**found.parsed.integers, "revision": numbers})
    columns = {name: getattr(found, name) for name in ("partition", "offset", "append_ms", "timestamp_type")}
    return compare(ResultRows(parsed=parsed, **columns), Truth(), revised_rows("revision"))


def classes(*rows):
    return [RowClass(c) for c in compared(*rows).classes]


def test_a_first_value_and_revisions_that_grow_to_the_final_value():
    found = compared(row(2, 0, 0), row(3, 0, 1), row(4, 1, 2), row(1, 0, 0, cell=1))
    assert [RowClass(c) for c in found.classes] == [INTERMEDIATE, INTERMEDIATE, EXACT, EXACT]
    assert found.row_of_cell[:2].tolist() == [2, 3]
    assert len(found.missing) == 0


@pytest.mark.parametrize("steps", [[(4, 1)], [(2, 0), (4, 1)], [(1, 1), (2, 1), (3, 1), (4, 1)]])
def test_the_number_of_revisions_is_the_engines_affair(steps):
    *before, last = classes(*(row(*counts, number) for number, counts in enumerate(steps)))
    assert set(before) <= {INTERMEDIATE}
    assert last == EXACT


def test_a_first_value_that_lacks_an_event_that_was_in_time_is_wrong():
    found = compared(row(1, 0, 0), row(4, 1, 1))
    assert [RowClass(c) for c in found.classes] == [WRONG, EXACT]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1, 2), id="from one"),
        pytest.param((0, 0), id="the same again"),
        pytest.param((0, 2), id="one left out"),
    ],
)
def test_a_revision_whose_number_is_not_the_next_one_is_wrong_and_does_not_answer(numbers):
    found = compared(row(2, 0, numbers[0]), row(4, 1, numbers[1]))
    assert RowClass(found.classes[1]) == WRONG
    assert found.row_of_cell[0] == NO_ROW
    assert 0 in found.missing


def test_a_row_written_twice_is_a_duplicate_and_moves_no_number():
    assert classes(row(2, 0, 0), row(2, 0, 0), row(4, 1, 1)) == [INTERMEDIATE, DUPLICATE, EXACT]


def test_equal_counts_under_another_number_conflict():
    assert classes(row(2, 0, 0), row(2, 0, 1), row(4, 1, 1)) == [INTERMEDIATE, CONFLICTING, EXACT]


def test_a_revision_that_counts_fewer_events_goes_backwards():
    assert classes(row(3, 0, 0), row(2, 0, 1), row(4, 1, 1)) == [INTERMEDIATE, BACKWARDS, EXACT]


def test_a_key_whose_revisions_stop_short_of_the_final_value_is_missing():
    found = compared(row(2, 0, 0), row(3, 1, 1))
    assert [RowClass(c) for c in found.classes] == [INTERMEDIATE, INTERMEDIATE]
    assert 0 in found.missing
