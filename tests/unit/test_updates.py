"""Row classes in update mode, and what is measured of updates."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_comparison import ONE_EACH, fields, rows_of, truth_of
from windowbench.judge.measured import Phase
from windowbench.judge.truth.comparison import NO_ROW, RowClass, compare, single_rows
from windowbench.judge.truth.rows import RowKind
from windowbench.judge.truth.updates import rules_of, update_rows
from windowbench.judge.updates import Updates, course_of_freshness

EXACT, INTERMEDIATE, BACKWARDS = RowClass.EXACT, RowClass.INTERMEDIATE, RowClass.BACKWARDS
WRONG, DUPLICATE, CONFLICTING = RowClass.WRONG_VALUE, RowClass.DUPLICATE, RowClass.CONFLICTING
FOUR_VIEWS = [[4, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0] * 6]
"""Four views and a click in cell 0; nothing elsewhere."""


def update(views, clicks=0, *, time=-1, cell=0):
    """Return an update that has not seen the newest event."""
    return fields(cell, views, clicks, 0, time=time)


FINAL = fields(0, 4, 1, 0)


def classes(rows, truth=None, **how):
    return [RowClass(c) for c in compare(rows_of(rows, **how), truth or truth_of(FOUR_VIEWS), update_rows).classes]


def test_the_rules_follow_the_output_mode():
    assert rules_of("append") is single_rows
    assert rules_of("update") is update_rows


def test_updates_that_grow_until_the_final_value():
    assert classes([update(1), update(1, 1), update(3, 1), FINAL]) == [INTERMEDIATE] * 3 + [EXACT]


def test_a_single_row_with_the_final_value_is_final():
    found = compare(rows_of([FINAL]), truth_of(FOUR_VIEWS), update_rows)
    assert [RowClass(c) for c in found.classes] == [EXACT]
    assert found.row_of_cell[0] == 0
    assert len(found.missing) == 0


def test_one_event_fewer_than_before_is_backwards_and_the_next_that_grows_is_fine_again():
    assert classes([update(3), update(2), update(3, 1), FINAL]) == [INTERMEDIATE, BACKWARDS, INTERMEDIATE, EXACT]


def test_what_is_backwards_is_measured_against_the_greatest_before_not_the_row_before():
    assert classes([update(3), update(1), update(2), FINAL]) == [INTERMEDIATE, BACKWARDS, BACKWARDS, EXACT]


def test_an_update_repeated_is_a_duplicate_and_one_with_as_many_but_other_events_conflicts():
    assert classes([update(2), update(2), update(1, 1)]) == [INTERMEDIATE, DUPLICATE, CONFLICTING]


def test_a_row_that_conflicts_is_no_update_that_later_rows_could_repeat():
    assert classes([update(1, 1), update(2), update(1, 1)]) == [INTERMEDIATE, CONFLICTING, DUPLICATE]


def test_the_final_row_repeated_is_a_duplicate_however_often():
    assert classes([update(1), FINAL, FINAL, FINAL]) == [INTERMEDIATE, EXACT, DUPLICATE, DUPLICATE]


def test_after_the_final_row_an_earlier_update_is_backwards():
    assert classes([update(1), FINAL, update(1)]) == [INTERMEDIATE, EXACT, BACKWARDS]


@pytest.mark.parametrize("row", [update(5), update(1, 2), fields(0, 4, 2, 0), update(1, time=1), update(0, 0)])
def test_what_no_update_can_hold_is_wrong_wherever_it_stands(row):
    assert classes([update(1), row, FINAL]) == [INTERMEDIATE, WRONG, EXACT]
    assert classes([FINAL, row]) == [EXACT, WRONG]


def test_every_event_counted_but_not_the_newest_time_is_wrong():
    assert classes([fields(0, 4, 1, 0, time=-1)]) == [WRONG]


def test_a_wrong_row_does_not_make_the_ones_after_it_backwards():
    assert classes([update(1), update(5), update(2), FINAL]) == [INTERMEDIATE, WRONG, INTERMEDIATE, EXACT]


def test_updates_that_stop_short_leave_their_cell_missing():
    found = compare(rows_of([update(1), update(3, 1)]), truth_of(FOUR_VIEWS), update_rows)
    assert [RowClass(c) for c in found.classes] == [INTERMEDIATE] * 2
    assert found.missing.tolist() == [0]
    assert found.row_of_cell[0] == NO_ROW


def test_append_time_decides_the_order_and_keys_do_not_mix():
    rows = [FINAL, update(1), fields(1, 1, 1, 0), fields(1, 1, 0, 0, time=0)]
    truth = truth_of([[4, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0] * 6])
    assert classes(rows, truth, append=[9, 5, 7, 3]) == [EXACT, INTERMEDIATE, EXACT, INTERMEDIATE]


def test_malformed_rows_are_wrong_and_foreign_ones_and_unknown_keys_stay_what_they_are():
    rows = [update(1), update(2), {**update(1), "campaign_id": 7}, FINAL]
    kinds = [RowKind.MALFORMED, RowKind.FOREIGN, RowKind.SOUND, RowKind.SOUND]
    assert classes(rows, kinds=kinds) == [WRONG, RowClass.FOREIGN, RowClass.UNEXPECTED, EXACT]


def test_of_late_events_the_final_value_is_the_one_in_the_set_that_counts_most():
    truth = truth_of(ONE_EACH, maybe=[[2, 0, 0, 0, 0, 0], [0] * 6, [0] * 6])
    must, one, both = fields(0, 1, 1, 0), fields(0, 2, 1, 0, time=50), fields(0, 3, 1, 0, time=100)
    undecidable = RowClass.UNDECIDABLE
    assert classes([must], truth) == [undecidable]
    assert classes([must, one], truth) == [INTERMEDIATE, undecidable]
    assert classes([must, one, both, both], truth) == [INTERMEDIATE, INTERMEDIATE, undecidable, DUPLICATE]
    assert classes([one, must], truth) == [undecidable, BACKWARDS]
    found = compare(rows_of([update(1, time=0)]), truth, update_rows)
    assert 0 in found.missing, "an event that must count was never counted"


def test_what_goes_on_after_the_final_row_without_an_event_that_must_count_conflicts():
    truth = truth_of(ONE_EACH, maybe=[[2, 0, 0, 0, 0, 0], [0] * 6, [0] * 6])
    assert classes([fields(0, 1, 1, 0), fields(0, 3, 0, 0, time=50)], truth) == [RowClass.UNDECIDABLE, CONFLICTING]


def test_a_final_value_that_lacks_withheld_events_alone_is_explained():
    truth = truth_of(ONE_EACH, excused=[[1, 0, 0, 0, 0, 0], [0] * 6, [0] * 6])
    found = compare(rows_of([fields(0, 0, 1, 0, time=-1), fields(1, 0, 1, 0, time=-1)]), truth, update_rows)
    assert found.missing.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.missing_explained.tolist() == [True, False, False, False, False, False]
    assert not found.explained.any()


made_rows = st.lists(
    st.tuples(st.integers(-1, 6), st.integers(0, 4), st.integers(0, 3), st.integers(0, 3)), max_size=24
)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=6, max_size=6), made_rows)
def test_classes_equal_those_found_row_by_row(expected, made):
    truth = truth_of([[v for v, _ in expected], [c for _, c in expected], [0] * 6])
    rows = [
        fields(cell, v, c, 0, time=cell if 0 <= cell < 6 and (v, c) == expected[cell] else cell - 1)
        for cell, v, c, _ in made
    ]
    append = [when for *_, when in made]
    found = compare(rows_of(rows, append=append), truth, update_rows)

    groups = defaultdict(list)
    for i in sorted(range(len(made)), key=lambda i: (append[i], i)):
        groups[made[i][0]].append(i)
    wanted, finals = {}, {}
    for cell, members in groups.items():
        if not 0 <= cell < 6 or expected[cell] == (0, 0):
            wanted.update(dict.fromkeys(members, RowClass.UNEXPECTED))
            continue
        most, best = expected[cell], (0, 0)
        for i in members:
            value = made[i][1:3]
            if sum(value) == 0 or value[0] > most[0] or value[1] > most[1]:
                wanted[i] = WRONG
            elif sum(value) < sum(best):
                wanted[i] = BACKWARDS
            elif sum(value) == sum(best):
                wanted[i] = DUPLICATE if value == best else CONFLICTING
            else:
                wanted[i] = EXACT if value == most else INTERMEDIATE
                best = value
                if value == most:
                    finals[cell] = i
    assert [RowClass(c) for c in found.classes] == [wanted[i] for i in range(len(made))]
    assert {c: r for c, r in enumerate(found.row_of_cell.tolist()) if r != NO_ROW} == finals
    assert found.missing.tolist() == [c for c in range(6) if expected[c] != (0, 0) and c not in finals]


def updates_at(append_s, fresh_ms, phase=Phase.MEASURED):
    append = np.array(append_s) * 1_000_000_000
    count = len(append)
    return Updates(
        row=np.arange(count),
        window=np.zeros(count, dtype=np.int64),
        phase=np.full(count, phase, dtype=np.int8),
        append_ns=append.astype(np.int64),
        newest_produce_ns=(append - np.array(fresh_ms) * 1_000_000).astype(np.int64),
    )


def test_the_slope_of_freshness_is_that_of_the_median_of_each_second():
    seconds = np.repeat(np.arange(12), 3) + np.tile([0.0, 0.5, 0.9], 12)
    fresh = np.repeat(20.0 * np.arange(12), 3) + np.tile([-5.0, 0.0, 9_000.0], 12)
    slope = course_of_freshness(updates_at(seconds, fresh), 0).slope
    assert slope.points == 12
    assert slope.estimate == pytest.approx(20)


def test_the_slope_needs_five_seconds_of_updates_of_measured_windows():
    assert course_of_freshness(updates_at(np.arange(4), np.zeros(4)), 0).slope is None
    assert course_of_freshness(updates_at(np.arange(5), np.zeros(5)), 0).slope is not None
    assert course_of_freshness(updates_at(np.arange(5), np.zeros(5), Phase.WARM_UP), 0).slope is None
