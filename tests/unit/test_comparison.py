from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.comparison import NO_ROW, RowClass, compare, within_one_ulp
from windowbench.judge.truth.rows import ParsedRows, ResultRows, RowKind
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.workloads.ad_ctr.oracle import AdCtrTruth
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.tally import Bounds, Tallied

SIZE, CAMPAIGNS, WINDOWS = 10, 2, 3


def truth_of(by_type, maybe=None, excused=None):
    """Return the truth of 3 windows of 10 ms from 0 on and 2 campaigns; produce and event times are the cell number."""
    count = WINDOWS * CAMPAIGNS
    closing = ClosingTimes(
        assigner=WindowAssigner(size_ms=SIZE, slide_ms=SIZE, base_ms=0),
        first_id=0,
        closing_ns=np.zeros(WINDOWS, dtype=np.int64),
        by_end=np.zeros(WINDOWS, dtype=np.bool_),
        partition_wait_ns=np.zeros(WINDOWS, dtype=np.int64),
    )

    def counted(columns):
        return np.array([[0] * count] * 3 if columns is None else columns, dtype=np.int32).reshape(3, count)

    low = np.arange(count, dtype=np.int64)
    times = Bounds(low=low, high=low if maybe is None else low + 100)
    tallied = Tallied(
        must=counted(by_type),
        maybe=counted(maybe),
        excused=counted(excused),
        produce_ms=times,
        last_due_ns=np.zeros(count, dtype=np.int64),
        last_sent_ns=np.zeros(count, dtype=np.int64),
    )
    cells = Cells(closing=closing, keys=CAMPAIGNS, column="campaign_id")
    return AdCtrTruth(cells=cells, tallied=tallied, event_time_ns=times)


def fields(cell, views, clicks, purchases, *, time=None):
    time = cell if time is None else time
    start = cell // CAMPAIGNS * SIZE
    return {
        "campaign_id": cell % CAMPAIGNS,
        "window_start": start,
        "window_end": start + SIZE,
        "views": views,
        "clicks": clicks,
        "purchases": purchases,
        "events": views + clicks + purchases,
        "max_produce_time": time,
        "max_event_time_ns": time,
        "ctr": clicks / views if views else np.nan,
        "ctr_smoothed": clicks / (views + 1),
    }


def rows_of(rows, kinds=None, append=None):
    n = len(rows)
    doubles = ("ctr", "ctr_smoothed")
    names = fields(0, 0, 0, 0).keys()
    parsed = ParsedRows(
        kind=np.array(kinds if kinds is not None else [RowKind.SOUND] * n, dtype=np.uint8),
        integers={m: np.array([r[m] for r in rows], dtype=np.int64) for m in names if m not in doubles},
        doubles={m: np.array([r[m] for r in rows], dtype=np.float64) for m in doubles},
    )
    return ResultRows(
        parsed=parsed,
        partition=np.zeros(n, dtype=np.int32),
        offset=np.arange(n, dtype=np.int64),
        append_ms=np.array(append if append is not None else [0] * n, dtype=np.int64),
        timestamp_type=np.ones(n, dtype=np.int8),
    )


ONE_EACH = [[1] * 6, [1] * 6, [0] * 6]
"""One view and one click in every cell."""


def classes(rows, truth, **how):
    return [RowClass(c) for c in compare(rows_of(rows, **how), truth).classes]


def all_right():
    return [fields(cell, 1, 1, 0) for cell in range(6)]


def test_right_rows_are_exact_and_nothing_is_missing():
    found = compare(rows_of(all_right()), truth_of(ONE_EACH))
    assert set(found.classes) == {RowClass.EXACT}
    assert len(found.missing) == 0
    assert found.row_of_cell.tolist() == list(range(6))


def test_each_field_alone_off_by_one_is_a_wrong_value():
    for name in fields(0, 0, 0, 0):
        if name in ("campaign_id", "window_start"):
            continue
        rows = all_right()
        rows[2][name] += 1
        found = classes(rows, truth_of(ONE_EACH))
        assert found == [RowClass.EXACT] * 2 + [RowClass.WRONG_VALUE] + [RowClass.EXACT] * 3, name


def test_a_rate_one_ulp_off_is_exact_and_two_ulps_off_is_wrong():
    rows = [fields(0, 3, 1, 0)]
    truth = truth_of([[3, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0] * 6])
    exact = rows[0]["ctr"]
    rows[0]["ctr"] = np.nextafter(exact, 1)
    assert classes(rows, truth) == [RowClass.EXACT]
    rows[0]["ctr"] = np.nextafter(np.nextafter(exact, 1), 1)
    assert classes(rows, truth) == [RowClass.WRONG_VALUE]


def test_ctr_must_be_null_exactly_where_there_are_no_views():
    truth = truth_of([[0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0] * 6])
    without_views, with_views = fields(0, 0, 1, 0), fields(1, 1, 0, 0)
    assert classes([without_views, with_views], truth) == [RowClass.EXACT] * 2
    assert classes([{**without_views, "ctr": 0.0}, {**with_views, "ctr": np.nan}], truth) == [RowClass.WRONG_VALUE] * 2


def test_a_dropped_row_is_missing():
    rows = all_right()
    del rows[3]
    found = compare(rows_of(rows), truth_of(ONE_EACH))
    assert found.missing.tolist() == [3]
    assert found.row_of_cell[3] == NO_ROW


def test_a_repeated_row_is_a_duplicate_and_one_with_another_value_conflicts():
    rows = [fields(0, 1, 1, 0), fields(0, 1, 1, 0), fields(0, 2, 1, 0)]
    assert classes(rows, truth_of(ONE_EACH)) == [RowClass.EXACT, RowClass.DUPLICATE, RowClass.CONFLICTING]


def test_the_first_right_row_counts_even_when_a_wrong_one_was_appended_before():
    rows = [fields(0, 2, 1, 0), fields(0, 1, 1, 0)]
    found = compare(rows_of(rows), truth_of(ONE_EACH))
    assert [RowClass(c) for c in found.classes] == [RowClass.CONFLICTING, RowClass.EXACT]
    assert found.row_of_cell[0] == 1


def test_append_time_decides_which_row_came_first_not_the_order_of_reading():
    rows = [fields(0, 1, 1, 0), fields(0, 1, 1, 0)]
    assert classes(rows, truth_of(ONE_EACH), append=[9, 5]) == [RowClass.DUPLICATE, RowClass.EXACT]


def test_of_rows_that_are_all_wrong_the_first_is_wrong_and_nothing_is_missing():
    found = compare(rows_of([fields(0, 2, 1, 0), fields(0, 2, 1, 0), fields(0, 3, 1, 0)]), truth_of(ONE_EACH))
    assert [RowClass(c) for c in found.classes] == [RowClass.WRONG_VALUE, RowClass.DUPLICATE, RowClass.CONFLICTING]
    assert 0 not in found.missing


def test_rows_of_unknown_windows_and_campaigns_are_unexpected():
    unknown = [
        {**fields(0, 1, 1, 0), "campaign_id": CAMPAIGNS},
        {**fields(0, 1, 1, 0), "campaign_id": -1},
        {**fields(0, 1, 1, 0), "window_start": SIZE * WINDOWS},
        {**fields(0, 1, 1, 0), "window_start": -SIZE},
        {**fields(0, 1, 1, 0), "window_start": 1},
        {**fields(0, 1, 1, 0), "window_start": np.iinfo(np.int64).min},
    ]
    assert classes(unknown, truth_of(ONE_EACH)) == [RowClass.UNEXPECTED] * 6


def test_a_row_of_a_cell_without_events_is_unexpected():
    truth = truth_of([[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1], [0] * 6])
    assert classes([fields(0, 0, 0, 0)], truth) == [RowClass.UNEXPECTED]


def test_malformed_is_wrong_and_foreign_stays_foreign_whatever_its_columns_hold():
    rows = [fields(0, 1, 1, 0), fields(1, 1, 1, 0)]
    kinds = [RowKind.MALFORMED, RowKind.FOREIGN]
    found = compare(rows_of(rows, kinds=kinds), truth_of(ONE_EACH))
    assert [RowClass(c) for c in found.classes] == [RowClass.WRONG_VALUE, RowClass.FOREIGN]
    assert found.missing.tolist() == [1, 2, 3, 4, 5]


def test_with_late_events_in_between_every_value_of_the_set_is_undecidable_and_others_are_wrong():
    maybe = [[2, 0, 0, 0, 0, 0], [0] * 6, [0] * 6]
    truth = truth_of(ONE_EACH, maybe=maybe)
    inside = [fields(0, 1, 1, 0), fields(0, 2, 1, 0, time=50), fields(0, 3, 1, 0, time=100)]
    outside = [
        fields(0, 0, 1, 0),
        fields(0, 4, 1, 0, time=100),
        fields(0, 1, 2, 0),
        fields(0, 1, 1, 0, time=50),
        fields(0, 3, 1, 0, time=50),
    ]
    assert [classes([row], truth) for row in inside] == [[RowClass.UNDECIDABLE]] * 3
    assert [classes([row], truth) for row in outside] == [[RowClass.WRONG_VALUE]] * 5
    assert classes([fields(1, 1, 1, 0)], truth) == [RowClass.EXACT]


def test_a_cell_of_late_events_alone_may_have_a_row_or_none():
    nothing = [[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1], [0] * 6]
    truth = truth_of(nothing, maybe=[[1, 0, 0, 0, 0, 0], [0] * 6, [0] * 6])
    found = compare(rows_of([fields(0, 1, 0, 0, time=100)]), truth)
    assert RowClass(found.classes[0]) == RowClass.UNDECIDABLE
    assert 0 not in compare(rows_of([]), truth).missing


def test_errors_that_withheld_events_explain_are_marked():
    excused = [[1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0] * 6]
    truth = truth_of(ONE_EACH, excused=excused)
    rows = [fields(0, 0, 1, 0, time=-5), fields(1, 0, 1, 0)]
    found = compare(rows_of(rows), truth)
    assert [RowClass(c) for c in found.classes] == [RowClass.WRONG_VALUE] * 2
    assert found.explained.tolist() == [True, False]
    assert found.missing.tolist() == [2, 3, 4, 5]
    assert found.missing_explained.tolist() == [True, False, False, False]


def test_withheld_events_do_not_explain_a_row_that_counts_too_much_or_a_later_time():
    truth = truth_of(ONE_EACH, excused=[[1] * 6, [0] * 6, [0] * 6])
    rows = [fields(0, 2, 1, 0), fields(1, 0, 1, 0, time=99)]
    assert compare(rows_of(rows), truth).explained.tolist() == [False, False]


@given(st.floats(-1e300, 1e300) | st.just(np.nan), st.integers(-3, 3))
def test_within_one_ulp_counts_steps_between_doubles(value, steps):
    other = value
    for _ in range(abs(steps)):
        other = np.nextafter(other, np.inf if steps > 0 else -np.inf)
    found = within_one_ulp(np.array([value]), np.array([other]))[0]
    if np.isnan(value) or abs(steps) <= 1:
        assert found
    elif abs(value) > 1e-300 and np.frexp(value)[1] == np.frexp(other)[1]:
        assert not found


def test_an_infinite_rate_equals_itself_only_and_makes_no_noise():
    inf = np.inf
    assert within_one_ulp(np.array([inf, inf, 1e308]), np.array([inf, -inf, inf])).tolist() == [True, False, False]


def test_null_equals_null_only():
    nan = np.nan
    assert within_one_ulp(np.array([nan, nan, 0.0]), np.array([nan, 0.0, nan])).tolist() == [True, False, False]


mutations = st.lists(
    st.tuples(st.integers(-1, 6), st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=14
)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=6, max_size=6), mutations)
def test_comparison_equals_one_made_row_by_row_with_dictionaries(expected, made):
    truth = truth_of([[v for v, _ in expected], [c for _, c in expected], [0] * 6])
    rows = [fields(cell, views, clicks, 0) for cell, views, clicks, _ in made]
    append = [when for *_, when in made]
    found = compare(rows_of(rows, append=append), truth)

    groups = defaultdict(list)
    for i in sorted(range(len(made)), key=lambda i: (append[i], i)):
        groups[made[i][0]].append(i)
    wanted = {}
    counting = {}
    for cell, members in groups.items():
        values = [made[i][1:3] for i in members]
        if not 0 <= cell < 6 or expected[cell] == (0, 0):
            wanted.update(dict.fromkeys(members, RowClass.UNEXPECTED))
            continue
        right = expected[cell] in values
        at = values.index(expected[cell]) if right else 0
        for i, value in zip(members, values, strict=True):
            wanted[i] = RowClass.DUPLICATE if value == values[at] else RowClass.CONFLICTING
        wanted[members[at]] = RowClass.EXACT if right else RowClass.WRONG_VALUE
        if right:
            counting[cell] = members[at]
    assert [RowClass(c) for c in found.classes] == [wanted[i] for i in range(len(made))]
    assert {c: r for c, r in enumerate(found.row_of_cell.tolist()) if r != NO_ROW} == counting
    assert found.missing.tolist() == [c for c in range(6) if expected[c] != (0, 0) and c not in groups]
