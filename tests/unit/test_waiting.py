"""The waiting primitive, with time as a number we move."""

from __future__ import annotations

import pytest

from windowbench.errors import BrokerFailed, EnvironmentProblem
from windowbench.processes.waiting import wait_until


class FakeTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self):
        self.now = 100.0
        self.sleeps = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return FakeTime()


def test_the_value_of_the_condition_is_returned(time):
    answers = iter([None, "", "here"])
    assert wait_until(lambda: next(answers), 10, "it", clock=time, sleep=time.sleep) == "here"
    assert len(time.sleeps) == 2


def test_a_condition_that_holds_at_once_is_not_waited_for(time):
    assert wait_until(lambda: True, 0, "it", clock=time, sleep=time.sleep)
    assert time.sleeps == []


def test_the_error_says_what_was_waited_for_and_what_was_last_seen(time):
    with pytest.raises(EnvironmentProblem, match=r"waited 3 s for the answer; last seen: 41 of 42"):
        wait_until(lambda: False, 3, "the answer", last_seen=lambda: "41 of 42", clock=time, sleep=time.sleep)


def test_without_a_description_the_last_value_is_shown(time):
    with pytest.raises(EnvironmentProblem, match=r"last seen: \[\]"):
        wait_until(list, 1, "rows", clock=time, sleep=time.sleep)


def test_the_failure_decides_the_exit_code_and_carries_remedy_and_log(time):
    with pytest.raises(BrokerFailed) as caught:
        wait_until(
            lambda: False,
            1,
            "it",
            failure=BrokerFailed,
            remedy="look",
            log_tail=lambda: ("a", "b"),
            clock=time,
            sleep=time.sleep,
        )
    assert (caught.value.exit_code, caught.value.remedy, caught.value.log_tail) == (11, "look", ("a", "b"))


def test_exactly_at_the_end_the_condition_is_asked_once_more(time):
    assert wait_until(lambda: time.now >= 101.0, 1.0, "it", poll=0.4, clock=time, sleep=time.sleep)
    assert time.now == pytest.approx(101.0)


def test_it_never_sleeps_past_the_end(time):
    with pytest.raises(EnvironmentProblem):
        wait_until(lambda: False, 1.0, "it", poll=0.4, clock=time, sleep=time.sleep)
    assert sum(time.sleeps) == pytest.approx(1.0)


def test_an_abort_ends_the_wait_before_the_condition_is_asked_again(time):
    asked = []

    def abort():
        if len(asked) == 2:
            message = "the engine died"
            raise BrokerFailed(message)

    with pytest.raises(BrokerFailed, match="the engine died"):
        wait_until(lambda: asked.append(1), 10, "it", abort=abort, clock=time, sleep=time.sleep)
    assert len(asked) == 2


def test_what_the_condition_raises_goes_through(time):
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0, 10, "it", clock=time, sleep=time.sleep)
