import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_generation_mmpp import MmppPath
from windowbench.judge.measures.backlog import implied_wait_s

S = 1_000_000_000
STEP_MS = 10


def path_of(segments):
    """Return the path of segments, each (seconds, events/s)."""
    lengths = np.array([round(seconds * S) for seconds, _ in segments], dtype=np.int64)
    return MmppPath(
        starts_ns=np.concatenate(([0], np.cumsum(lengths)[:-1])),
        states=np.arange(len(segments)),
        rates=np.array([rate for _, rate in segments], dtype=float),
        until_ns=int(lengths.sum()),
    )


def walked(segments, rate):
    """Walk through a path in steps, with a backlog that is never below 0; return the wait after each step, in s."""
    backlog, waits = 0.0, []
    for seconds, coming in segments:
        for _ in range(round(seconds * 1000 / STEP_MS)):
            backlog = max(0.0, backlog + (coming - rate) * STEP_MS / 1000)
            waits.append(backlog / rate)
    return waits


def test_a_burst_builds_up_a_wait_that_the_calm_after_it_takes_away():
    path = path_of([(10, 50), (5, 200), (20, 50)])
    at = np.array([0, 9, 10, 12, 15, 20, 25, 30]) * S
    assert implied_wait_s(path, 100.0, at).tolist() == pytest.approx([0, 0, 0, 2, 5, 2.5, 0, 0])


def test_what_is_due_outside_of_the_path_is_taken_to_be_at_its_ends():
    path = path_of([(2, 300)])
    assert implied_wait_s(path, 100.0, np.array([-5, 7]) * S).tolist() == pytest.approx([0, 4])


@given(
    st.lists(st.tuples(st.integers(1, 30).map(lambda n: n / 10), st.floats(0, 500)), min_size=1, max_size=12),
    st.floats(1, 400),
)
def test_the_wait_equals_one_found_step_by_step(segments, rate):
    waits = walked(segments, rate)
    at = (np.arange(len(waits)) + 1) * STEP_MS * 1_000_000
    assert implied_wait_s(path_of(segments), rate, at) == pytest.approx(np.array(waits), abs=1e-6)
