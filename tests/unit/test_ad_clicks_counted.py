"""Rows of device types whose users were counted approximately, where the generator owes events."""

import json

import numpy as np
import pytest

from windowbench.judge.truth.closing import ClosingTimes
from windowbench.judge.truth.windows import WindowAssigner
from windowbench.workloads.ad_clicks import model
from windowbench.workloads.ad_clicks.counted import CountedTruth
from windowbench.workloads.kit.cells import Cells
from windowbench.workloads.kit.tally import Approximated, Bounds, Tallied
from windowbench.workloads.kit.typed_rows import KEY_COLUMN, text_codes


def one_device(*, excused, approximate):
    """Return the truth of a window with 4 impressions of 3 users, of which the generator owes some."""
    closing = ClosingTimes(
        assigner=WindowAssigner(size_ms=10, slide_ms=10),
        first_id=0,
        closing_ns=np.zeros(1, dtype=np.int64),
        by_end=np.zeros(1, dtype=bool),
        partition_wait_ns=np.zeros(1, dtype=np.int64),
    )

    def just(value):
        return np.array([value], dtype=np.int64)

    users = Bounds(low=just(3), high=just(3))
    return CountedTruth(
        cells=Cells(closing=closing, keys=1, column=KEY_COLUMN, names=text_codes(["tv"])),
        tallied=Tallied(
            must=np.array([[4], [0]], dtype=np.int32),
            maybe=np.zeros((2, 1), dtype=np.int32),
            excused=np.array([[excused], [0]], dtype=np.int32),
            produce_ms=Bounds(low=just(7), high=just(7)),
            last_due_ns=just(0),
            last_sent_ns=just(0),
        ),
        total=users,
        total_name="users",
        approximated={"users": Approximated.within(0.25, users)} if approximate else {},
    )


def judged(truth, impressions, users):
    row = {"run_id": "r", "metric": "device", "window_start": 0, "window_end": 10, "max_produce_time": 7}
    row |= {"device_type": "tv", "impressions": impressions, "clicks": 0, "users": users, "ctr": 0.0}
    parsed = model.MODEL.parse([json.dumps(row).encode()], "r")
    found = truth.judge(parsed, np.array([0]), np.array([0]))
    return bool(found.right[0]), bool(found.explained[0])


@pytest.mark.parametrize(
    ("impressions", "users", "exactly", "approximately"),
    [
        # right or not, and whether an event that the generator withheld explains it
        (4, 3, (True, False), (True, False)),
        (4, 4, (False, False), (True, False)),
        (4, 5, (False, False), (False, False)),
        (4, 0, (False, True), (False, False)),
        (3, 2, (False, True), (False, True)),
        (3, 4, (False, False), (False, True)),
        (3, 5, (False, False), (False, False)),
        (3, 0, (False, True), (False, False)),
        (2, 2, (False, False), (False, False)),
    ],
)
def test_a_row_that_lacks_what_was_withheld_is_explained_whatever_users_are_approximated(
    impressions, users, exactly, approximately
):
    assert judged(one_device(excused=1, approximate=False), impressions, users) == exactly
    assert judged(one_device(excused=1, approximate=True), impressions, users) == approximately
    right, _ = approximately
    assert judged(one_device(excused=0, approximate=True), impressions, users) == (right, False)
