import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.windows import WindowAssigner

MS = 1_000_000
TUMBLING = WindowAssigner(size_ms=10, slide_ms=10, base_ms=1000)
SLIDING = WindowAssigner(size_ms=10, slide_ms=5, base_ms=1000)


def ids_at(windows, instant_ns):
    """Return the ids of the windows that hold an instant, lowest first."""
    last = int(windows.last_ids(np.array([instant_ns]))[0])
    return range(last - windows.windows_per_instant + 1, last + 1)


@pytest.mark.parametrize(
    ("instant_ns", "ids"),
    [
        pytest.param(1000 * MS, [0], id="exactly at the start"),
        pytest.param(1000 * MS - 1, [-1], id="one ns before the start"),
        pytest.param(1010 * MS - 1, [0], id="one ns before the end"),
        pytest.param(1010 * MS, [1], id="exactly at the end"),
        pytest.param(0, [-100], id="long before the base"),
    ],
)
def test_tumbling_window_holds_its_start_and_not_its_end(instant_ns, ids):
    assert list(ids_at(TUMBLING, instant_ns)) == ids


@pytest.mark.parametrize(
    ("instant_ns", "ids"),
    [
        pytest.param(1000 * MS, [-1, 0], id="exactly at a start"),
        pytest.param(1005 * MS - 1, [-1, 0], id="one ns before the next start"),
        pytest.param(1005 * MS, [0, 1], id="exactly at the next start"),
        pytest.param(1010 * MS, [1, 2], id="exactly at the end of window 0"),
    ],
)
def test_sliding_instant_is_in_as_many_windows_as_slides_fit_into_a_window(instant_ns, ids):
    assert list(ids_at(SLIDING, instant_ns)) == ids


@given(
    base=st.integers(0, 10**6),
    slide=st.integers(1, 500),
    slides=st.integers(1, 8),
    instants=st.lists(st.integers(0, 10**13), min_size=1, max_size=20),
)
def test_every_window_of_an_instant_holds_it_and_its_neighbours_do_not(base, slide, slides, instants):
    windows = WindowAssigner(size_ms=slide * slides, slide_ms=slide, base_ms=base)
    assert windows.windows_per_instant == slides
    for instant in instants:
        ids = ids_at(windows, instant)
        around = np.arange(ids[0] - 1, ids[-1] + 2)
        for window, start_ms in zip(around.tolist(), windows.starts_ms(around).tolist(), strict=True):
            holds = start_ms * MS <= instant < (start_ms + windows.size_ms) * MS
            assert holds == (window in ids)


def test_a_size_that_is_no_multiple_of_the_slide_is_refused():
    with pytest.raises(ValueError, match="multiple of its slide"):
        WindowAssigner(size_ms=10, slide_ms=3)
